//! A text that must never be printed, and the eraser that cuts such texts out of others.
//!
//! This file must not offer any way to show a secret but [`Secret::expose`], and nothing outside
//! `zendesk/auth` (which puts it on the wire) and the CONTROL message (which must carry it) calls that.

use std::borrow::Cow;
use std::fmt;

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

/// Cuts known secrets out of texts that came from outside (bodies of answers, error messages).
#[derive(Clone, Debug, Default)]
pub struct Eraser {
    forms: Vec<Secret>,
}

/// Shorter texts are not looked for: cutting every "a" out of a message would say what the secret
/// is, and nobody has a token of so few characters.
const SHORTEST: usize = 4;

impl Eraser {
    /// Adds a secret in the forms in which an answer may echo it: as it is, percent-encoded, and
    /// escaped for JSON.
    pub fn add(&mut self, secret: &str) {
        let json = json_escaped(secret);
        for form in [
            secret.to_owned(),
            percent_encoded(secret, |byte| format!("%{byte:02X}")),
            percent_encoded(secret, |byte| format!("%{byte:02x}")),
            // Some writers escape slashes, which JSON allows.
            json.replace('/', "\\/"),
            json,
        ] {
            if form.len() >= SHORTEST && !self.forms.iter().any(|known| known.expose() == form) {
                self.forms.push(Secret::new(form));
            }
        }
        // The longest first, so that no form is cut in the middle by a shorter one.
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.expose().len()));
    }

    /// The text with each known secret replaced by [`REDACTED`].
    #[must_use]
    pub fn erase<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        for form in &self.forms {
            if clean.contains(form.expose()) {
                clean = Cow::Owned(clean.replace(form.expose(), REDACTED));
            }
        }
        clean
    }
}

fn percent_encoded(text: &str, escaped: fn(u8) -> String) -> String {
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
            byte => escaped(byte),
        })
        .collect()
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
        let mut eraser = Eraser::default();
        eraser.add("hunter22");
        assert!(!format!("{eraser:?}").contains("hunter22"));
    }

    #[test]
    fn every_form_of_a_secret_is_cut() {
        let mut eraser = Eraser::default();
        eraser.add("a\"b/c+d");
        for echo in ["x a\"b/c+d y", "x a%22b%2Fc%2Bd y", "x a%22b%2fc%2bd y", "x a\\\"b\\/c+d y", "x a\\\"b/c+d y"] {
            assert_eq!(eraser.erase(echo), "x (redacted) y", "{echo}");
        }
        assert!(matches!(eraser.erase("nothing here"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_secret_that_contains_another_is_cut_whole() {
        let mut eraser = Eraser::default();
        eraser.add("token");
        eraser.add("token-and-more");
        assert_eq!(eraser.erase("token-and-more token"), "(redacted) (redacted)");
    }
}
