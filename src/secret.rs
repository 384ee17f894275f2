//! A text that must never be printed, and the redactor that cuts such texts out of others.
//!
//! This file must not offer any way to show a secret but [`Secret::expose`], and nothing outside
//! `zendesk/auth` (which puts it on the wire) and the CONTROL message (which must carry it) calls that.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

/// What stands in the place of a secret.
pub const REDACTED: &str = "(redacted)";

/// A secret of the configuration. Its `Debug` form is `(redacted)`, it has no `Display`, and its
/// memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself, for the wire.
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

/// Cuts known secrets out of texts that came from outside (bodies of answers, error messages). Clones
/// know the same secrets.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    forms: Arc<Mutex<Vec<Secret>>>,
}

/// Shorter texts are not looked for: cutting every "a" out of a message would say what the secret
/// is, and nobody has a token of so few characters.
const SHORTEST: usize = 4;

/// As much of a secret in a row is cut by [`Redactor::redact_parts`], in characters.
const PART: usize = 8;

impl Redactor {
    /// Adds a secret in the forms in which an answer may echo it: as it is, percent-encoded, escaped
    /// for JSON, and within something that is encoded as base64.
    pub fn add(&self, secret: &str) {
        let json = json_escaped(secret);
        let percent_encoded = utf8_percent_encode(secret, ENCODED).to_string();
        let mut forms = self.forms();
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
            if form.len() >= SHORTEST && !forms.iter().any(|known| known.expose() == form) {
                forms.push(Secret::new(form));
            }
        }
        // The longest first, so that no form is cut in the middle by a shorter one.
        forms.sort_by_key(|form| std::cmp::Reverse(form.expose().len()));
    }

    /// The text with each known secret replaced by [`REDACTED`].
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        for form in self.forms().iter() {
            if clean.contains(form.expose()) {
                clean = Cow::Owned(clean.replace(form.expose(), REDACTED));
            }
        }
        clean
    }

    /// The same for a text in which secrets may be cut off, as in a panic's message: also parts of
    /// them are replaced.
    #[must_use]
    pub fn redact_parts(&self, text: &str) -> String {
        let mut clean = self.redact(text).into_owned();
        for form in self.forms().iter() {
            let form: Vec<char> = form.expose().chars().collect();
            for part in form.windows(PART) {
                let part: String = part.iter().collect();
                clean = clean.replace(&part, REDACTED);
            }
        }
        clean
    }

    /// Whether a secret or a part of one stands in this text, in small or capital letters.
    #[must_use]
    pub fn knows(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        self.forms().iter().any(|form| {
            let form = form.expose().to_ascii_lowercase();
            form.as_bytes()
                .windows(PART.min(form.len()))
                .any(|part| text.as_bytes().windows(part.len()).any(|piece| piece == part))
        })
    }

    /// A lock whose holder panicked still guards a list.
    fn forms(&self) -> MutexGuard<'_, Vec<Secret>> {
        self.forms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands in the base64 form of any text with this secret in it: three forms, for where in a
/// group of three bytes it begins. The characters that its neighbours have a part in are left out.
fn base64_forms(secret: &str) -> impl Iterator<Item = String> {
    // What comes of less than a group and two neighbours could be in any text.
    let long_enough = secret.len() >= PART;
    let standard = (0..3).filter(move |_| long_enough).map(move |before| {
        let padded = [&b"\0\0\0"[..before], secret.as_bytes()].concat();
        let whole = padded.len() / 3 * 3;
        let first = if before == 0 { 0 } else { 4 };
        BASE64_STANDARD.encode(&padded[..whole])[first..].to_owned()
    });
    // The alphabet for URLs has other signs for two of the 64.
    standard.flat_map(|form| [form.replace('+', "-").replace('/', "_"), form])
}

/// All characters except those that a URL never encodes.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Some writers use lower-case digits in percent-encoded text, which a URL allows.
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
    fn a_secret_does_not_print_itself() {
        let secret = Secret::new("hunter22");
        assert_eq!(format!("{secret:?}"), "(redacted)");
        let redactor = Redactor::default();
        redactor.add("hunter22");
        assert!(!format!("{redactor:?}").contains("hunter22"));
    }

    #[test]
    fn every_form_of_a_secret_is_cut() {
        let redactor = Redactor::default();
        redactor.add("a\"b/c+d");
        for echo in ["x a\"b/c+d y", "x a%22b%2Fc%2Bd y", "x a%22b%2fc%2bd y", "x a\\\"b\\/c+d y", "x a\\\"b/c+d y"] {
            assert_eq!(redactor.redact(echo), "x (redacted) y", "{echo}");
        }
        assert!(matches!(redactor.redact("nothing here"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_secret_that_contains_another_is_cut_whole() {
        let redactor = Redactor::default();
        redactor.add("token");
        redactor.add("token-and-more");
        assert_eq!(redactor.redact("token-and-more token"), "(redacted) (redacted)");
    }

    #[test]
    fn a_secret_within_a_base64_text_is_cut_wherever_it_begins() {
        let secret = "s3cr3t-of-12";
        let redactor = Redactor::default();
        redactor.add(secret);
        for before in ["", "j", "ja", "jane@acme.com/token:", "client:"] {
            for after in ["", "x", "xy", ":secret"] {
                let text = BASE64_STANDARD.encode(format!("{before}{secret}{after}"));
                let clean = redactor.redact(&text).into_owned();
                assert!(clean.contains(REDACTED), "{before}{after}: {text}");
                // What is left says at most the two characters at either end.
                for middle in ["cr3t-o", "r3t-of", "3t-of-"].map(|part| BASE64_STANDARD.encode(part)) {
                    assert!(!clean.contains(&middle), "{clean}");
                }
            }
        }
    }

    #[test]
    fn what_a_message_cut_off_a_secret_is_cut_as_well() {
        let redactor = Redactor::default();
        redactor.add("s3cr3t-0123456789-abcdef");
        let clean = redactor.redact_parts("byte 5 of `s3cr3t-01234567`[...]");
        assert!(!clean.contains("s3cr3t") && clean.starts_with("byte 5 of `(redacted)"), "{clean}");
        assert_eq!(redactor.redact_parts("nothing here"), "nothing here");
    }

    #[test]
    fn a_host_name_that_holds_a_secret_is_known_by_it() {
        let redactor = Redactor::default();
        redactor.add("S3cr3tToken");
        for host in ["s3cr3ttoken.evil.example", "s3cr3tto", "x.s3cr3ttok.example"] {
            assert!(redactor.knows(host), "{host}");
        }
        assert!(!redactor.knows("evil.example"));
    }
}
