//! A string that must never be printed, and the redactor that removes such strings from other texts.
//!
//! [`Secret::expose`] must remain the only way to read a secret. Only `zendesk/auth`, which sends it, and the
//! CONTROL message, which must contain it, call that.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use crate::decoding::{compact, layers};
use crate::masking::{MASKED, is_request_id, mask_tokens, mask_unknown};

/// The replacement for a secret.
pub const REDACTED: &str = "(redacted)";

/// A secret of the configuration. Its `Debug` form is `(redacted)`, it has no `Display`, and its
/// memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a string.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// Returns the string itself, to send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Removes known secrets from text from outside (response bodies, error messages), and masks text that may be
/// a secret in an unknown encoding. Clones share the known secrets.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// The forms that are replaced wherever they occur, longest first.
    forms: Vec<Secret>,
    /// The forms of which no part may be shown: in lower case, also without separators.
    fragments: Vec<Secret>,
}

/// Shorter strings are not searched for: replacing every "a" in a message would reveal the secret, and no
/// token is that short.
const SHORTEST: usize = 4;

/// The length from which a part of a secret is hidden, in characters.
const PIECE: usize = 8;

impl Redactor {
    /// Adds a secret in the forms in which a response may repeat it: unchanged, percent-encoded, escaped for
    /// JSON, and as part of a base64 string.
    pub fn add(&self, secret: &str) {
        let json = json_escaped(secret);
        let percent_encoded = utf8_percent_encode(secret, ENCODED).to_string();
        let mut known = self.known();
        for form in [
            secret.to_owned(),
            with_lower_case_digits(&percent_encoded),
            percent_encoded,
            // Some writers escape slashes, which JSON allows.
            json.replace('/', "\\/"),
            json,
        ]
        .into_iter()
        .chain(base64_forms(secret))
        {
            if form.len() >= SHORTEST && !known.forms.iter().any(|known| known.expose() == form) {
                known.forms.push(Secret::new(form));
            }
        }
        // Longest first, so that a shorter form never cuts a longer one.
        known.forms.sort_by_key(|form| std::cmp::Reverse(form.expose().len()));
        for fragment in fragments(secret) {
            if !known.fragments.iter().any(|known| known.expose() == fragment) {
                known.fragments.push(Secret::new(fragment));
            }
        }
    }

    /// Returns the string with each known secret replaced by [`REDACTED`].
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        for form in &self.known().forms {
            if clean.contains(form.expose()) {
                clean = Cow::Owned(clean.replace(form.expose(), REDACTED));
            }
        }
        clean
    }

    /// Redacts a string in which secrets may be truncated, as in a panic's message: parts of secrets are
    /// replaced too.
    #[must_use]
    pub fn redact_parts(&self, text: &str) -> String {
        let mut clean = self.redact(text).into_owned();
        for form in &self.known().forms {
            let form: Vec<char> = form.expose().chars().collect();
            for part in form.windows(PIECE) {
                let part: String = part.iter().collect();
                clean = clean.replace(&part, REDACTED);
            }
        }
        if self.knows(&clean) { REDACTED.to_owned() } else { clean }
    }

    /// Returns the part of a server's sentence that may be shown: known words, and nothing that may be a
    /// secret in any encoding.
    #[must_use]
    pub fn sentence(&self, text: &str) -> String {
        let clean = self.redact(text);
        if self.knows(&clean) {
            return REDACTED.to_owned();
        }
        mask_unknown(&mask_tokens(&clean)).into_owned()
    }

    /// Returns the part of a library's error message that may be shown. The message may quote the server.
    #[must_use]
    pub fn library_message(&self, text: &str) -> String {
        let clean = self.redact(text);
        if self.knows(&clean) {
            return REDACTED.to_owned();
        }
        mask_tokens(&clean).into_owned()
    }

    /// Returns the part of a request's identifier that may be shown. A UUID or a hexadecimal number is shown
    /// unchanged, because the vendor's support asks for it, unless it encodes a string or holds part of a
    /// secret.
    #[must_use]
    pub fn request_id<'t>(&self, id: &'t str) -> &'t str {
        if is_request_id(id) && !self.knows(id) { id } else { REDACTED }
    }

    /// Returns the part that may be shown of the name of a host in a server's response, or `None`.
    #[must_use]
    pub fn host(&self, host: &str) -> Option<String> {
        if host.parse::<Ipv4Addr>().is_ok() {
            return Some(host.to_owned());
        }
        let shown = if self.knows(host) { MASKED.to_owned() } else { self.sentence(host) };
        (shown != MASKED).then_some(shown)
    }

    /// Returns `true` if part of a secret occurs in this string: in any case, in either direction, with any
    /// separators, and below the escapes of [`layers`].
    #[must_use]
    pub fn knows(&self, text: &str) -> bool {
        let lowered: Vec<String> = layers(text)
            .iter()
            .flat_map(|layer| [layer.to_lowercase(), compact(layer)])
            .flat_map(|text| [text.chars().rev().collect(), text])
            .collect();
        let pieces: HashSet<&[u8]> = lowered.iter().flat_map(|text| text.as_bytes().windows(PIECE)).collect();
        self.known().fragments.iter().any(|fragment| match fragment.expose() {
            short if short.len() < PIECE => lowered.iter().any(|text| text.contains(short)),
            long => long.as_bytes().windows(PIECE).any(|piece| pieces.contains(piece)),
        })
    }

    /// A poisoned lock still guards a valid list.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the forms of a secret of which no part may be shown. Short derived forms are omitted, because they
/// could be ordinary words.
fn fragments(secret: &str) -> Vec<String> {
    let each = |form: fn(u8) -> String| secret.bytes().map(form).collect::<String>();
    let hexadecimal = each(|byte| format!("{byte:02x}"));
    let decimal = each(|byte| byte.to_string());
    let derived = [compact(secret), hexadecimal, decimal].into_iter();
    let derived = derived.chain(base64_forms(secret).map(|form| compact(&form))).filter(|form| form.len() >= PIECE);
    let plain = Some(secret.to_lowercase()).filter(|form| form.len() >= SHORTEST);
    plain.into_iter().chain(derived).collect()
}

/// Returns what the base64 form of every string with this secret contains: three forms, one for each position
/// of its first byte in a group of three bytes. Characters that depend on neighboring bytes are omitted.
fn base64_forms(secret: &str) -> impl Iterator<Item = String> {
    // A form of less than a group and two neighbors could occur in any string.
    let long_enough = secret.len() >= PIECE;
    let standard = (0..3).filter(move |_| long_enough).map(move |before| {
        let padded = [&b"\0\0\0"[..before], secret.as_bytes()].concat();
        let whole = padded.len() / 3 * 3;
        let first = if before == 0 { 0 } else { 4 };
        BASE64_STANDARD.encode(&padded[..whole])[first..].to_owned()
    });
    // The alphabet for URLs has other characters for two of the 64.
    standard.flat_map(|form| [form.replace('+', "-").replace('/', "_"), form])
}

/// All characters except those that a URL never encodes.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Some programs use lower-case digits for percent-encoding, which URLs allow.
fn with_lower_case_digits(encoded: &str) -> String {
    let mut lower = encoded.to_owned();
    for (at, _) in encoded.match_indices('%') {
        let digits = &encoded[at + 1..at + 3];
        lower.replace_range(at + 1..at + 3, &digits.to_ascii_lowercase());
    }
    lower
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new("hunter22");
        assert_eq!(format!("{secret:?}"), "(redacted)");
        let redactor = Redactor::default();
        redactor.add("hunter22");
        assert!(!format!("{redactor:?}").contains("hunter22"));
    }

    #[test]
    fn every_form_of_a_secret_is_redacted() {
        let redactor = Redactor::default();
        redactor.add("a\"b/c+d");
        for echo in ["x a\"b/c+d y", "x a%22b%2Fc%2Bd y", "x a%22b%2fc%2bd y", "x a\\\"b\\/c+d y", "x a\\\"b/c+d y"] {
            assert_eq!(redactor.redact(echo), "x (redacted) y", "{echo}");
        }
        assert!(matches!(redactor.redact("nothing here"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_secret_that_contains_another_is_redacted_completely() {
        let redactor = Redactor::default();
        redactor.add("token");
        redactor.add("token-and-more");
        assert_eq!(redactor.redact("token-and-more token"), "(redacted) (redacted)");
    }

    #[test]
    fn a_secret_in_a_base64_string_is_redacted_at_any_offset() {
        let secret = "s3cr3t-of-12";
        let redactor = Redactor::default();
        redactor.add(secret);
        for before in ["", "j", "ja", "jane@acme.com/token:", "client:"] {
            for after in ["", "x", "xy", ":secret"] {
                let text = BASE64_STANDARD.encode(format!("{before}{secret}{after}"));
                let clean = redactor.redact(&text).into_owned();
                assert!(clean.contains(REDACTED), "{before}{after}: {text}");
                // The rest reveals at most the two characters at either end.
                for middle in ["cr3t-o", "r3t-of", "3t-of-"].map(|part| BASE64_STANDARD.encode(part)) {
                    assert!(!clean.contains(&middle), "{clean}");
                }
            }
        }
    }

    #[test]
    fn a_truncated_secret_is_redacted() {
        let redactor = Redactor::default();
        redactor.add("s3cr3t-0123456789-abcdef");
        let clean = redactor.redact_parts("byte 5 of `s3cr3t-01234567`[...]");
        assert!(!clean.contains("s3cr3t") && clean.starts_with("byte 5 of `(redacted)"), "{clean}");
        assert_eq!(redactor.redact_parts("nothing here"), "nothing here");
    }

    #[test]
    fn part_of_a_secret_is_found_in_any_encoding() {
        let secret = "S3cr3t/Token=of+7";
        let redactor = Redactor::default();
        redactor.add(secret);
        let each = |form: fn(u8) -> String| secret.bytes().map(form).collect::<Vec<_>>();
        let base64 = BASE64_STANDARD.encode(secret);
        for disguise in [
            "xS3cr3t/Ty".to_owned(),
            "s3cr3t/tok".to_owned(),
            "nekot/t3rc3s".to_owned(),
            "S-3-c-r-3-t-T-o".to_owned(),
            "S3cr3t%2FT".to_owned(),
            "S3cr3t%252FT".to_owned(),
            "Token\\u003dof\\u002b7".to_owned(),
            "Token&#61;of&#43;7".to_owned(),
            "Token&amp;#x3d;of+7".to_owned(),
            "Token=3Dof=2B7".to_owned(),
            each(|byte| format!("%{byte:02x}")).concat(),
            each(|byte| format!("&#{byte};")).concat(),
            each(|byte| format!("\\{byte:03o}")).concat(),
            each(|byte| format!("{byte:02X}")).join(" "),
            each(|byte| byte.to_string()).join(","),
            format!("{}\n{}", &base64[..6], &base64[6..]),
            base64.to_lowercase(),
            base64.chars().rev().collect(),
        ] {
            assert!(redactor.knows(&disguise), "{disguise}");
            assert_eq!(redactor.sentence(&disguise), REDACTED);
        }
        assert!(!redactor.knows("Invalid filter[created_at] specified"));
    }

    #[test]
    fn the_rest_of_a_sentence_is_unchanged() {
        let redactor = Redactor::default();
        redactor.add("s3cr3t-0123456789");
        assert_eq!(redactor.sentence("invalid token s3cr3t-0123456789!"), "invalid token (redacted)!");
        assert_eq!(redactor.sentence("invalid token zXcvbnm8642097531, qwertzui"), "invalid token (masked), (masked)");
        assert_eq!(redactor.library_message("dns error: qwertzui, zXcvbnm8642097531"), "dns error: qwertzui, (masked)");
    }

    #[test]
    fn an_identifier_is_shown_unless_it_holds_a_secret() {
        let redactor = Redactor::default();
        redactor.add("8f3c2a1b9d4e5f60a1b2c3d4e5f60718");
        for (id, shown) in [
            ("62b4731474451a563f17262d97a4f082", "62b4731474451a563f17262d97a4f082"),
            ("8f3c2a1b-9d4e-5f60-a1b2-c3d4e5f60718", REDACTED),
            ("0000000000000000000000009d4e5f60", REDACTED),
            ("not an id at all", REDACTED),
        ] {
            assert_eq!(redactor.request_id(id), shown);
        }
    }

    #[test]
    fn a_host_name_that_contains_a_secret_is_hidden() {
        let redactor = Redactor::default();
        redactor.add("S3cr3tToken");
        for host in ["s3cr3ttoken.evil.example", "s3cr3tto", "x.s3cr3ttok.example"] {
            assert!(redactor.knows(host), "{host}");
        }
        assert!(!redactor.knows("evil.example"));
    }
}
