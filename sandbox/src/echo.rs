//! Error bodies that repeat the request's secrets, encoded by a small grammar. Must not
//! decide when an error occurs.

use std::{fmt::Write as _, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::ValueEnum;
use serde_json::Value;

use crate::{reply::quoted, response_hook::SeenRequest};

/// Characters of a line in [`Encoder::Base64Lines`].
const LINE: usize = 16;
/// Characters that the cutting encoders keep.
const KEPT: usize = 12;
/// Members of a token request that are secret.
const SECRETS: [&str; 4] = ["client_secret", "refresh_token", "code", "code_verifier"];

/// How an error repeats the secrets of its request: the kind of body, and the encoders that
/// are applied to each secret from left to right. Written `[PLACE:]ENCODER[+ENCODER…]`,
/// such as `percent` or `html:base64+percent-all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    /// The kind of body.
    pub place: EchoPlace,
    /// Applied from left to right.
    pub encoders: Vec<Encoder>,
}

/// The kind of body that repeats a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EchoPlace {
    /// The `description` of a JSON error
    Json,
    /// A member that no error of the API has, in JSON
    Unknown,
    /// Plain text
    Text,
    /// HTML
    Html,
}

/// One step of an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Encoder {
    /// Unchanged
    Plain,
    /// Percent-encoded, except letters, digits, `-._~` and `/`
    Percent,
    /// Every byte as %XX
    PercentAll,
    /// Characters other than letters and digits as \u003d
    Unicode,
    /// Every character as \u0061
    UnicodeAll,
    /// Characters other than letters and digits as &#61;
    Entities,
    /// Every character as &#x61;
    EntitiesAll,
    /// base64
    Base64,
    /// base64 in lines of 16 characters
    Base64Lines,
    /// Hexadecimal
    Hex,
    /// Upper case
    Upper,
    /// Lower case
    Lower,
    /// Reversed
    Reverse,
    /// The first 12 characters
    First12,
    /// The last 12 characters
    Last12,
}

impl Encoder {
    /// All encoders.
    #[must_use]
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Returns the text in this encoding.
    #[must_use]
    pub fn apply(self, text: &str) -> String {
        let each = |keep: &dyn Fn(char) -> bool, write: &dyn Fn(&mut String, char)| {
            text.chars().fold(String::new(), |mut out, c| {
                if keep(c) {
                    out.push(c);
                } else {
                    write(&mut out, c);
                }
                out
            })
        };
        let percent = |out: &mut String, c: char| {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        };
        let unicode = |out: &mut String, c: char| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Percent => each(&|c| c.is_ascii_alphanumeric() || "-._~/".contains(c), &percent),
            Self::PercentAll => each(&|_| false, &percent),
            Self::Unicode => each(&|c| c.is_ascii_alphanumeric(), &unicode),
            Self::UnicodeAll => each(&|_| false, &unicode),
            Self::Entities => each(&|c| c.is_ascii_alphanumeric(), &|out, c| {
                let _ = write!(out, "&#{};", u32::from(c));
            }),
            Self::EntitiesAll => each(&|_| false, &|out, c| {
                let _ = write!(out, "&#x{:x};", u32::from(c));
            }),
            Self::Base64 => BASE64_STANDARD.encode(text),
            Self::Base64Lines => {
                let whole: Vec<char> = BASE64_STANDARD.encode(text).chars().collect();
                whole.chunks(LINE).map(|line| line.iter().collect::<String>()).collect::<Vec<_>>().join("\r\n")
            }
            Self::Hex => text.bytes().fold(String::new(), |mut out, byte| {
                let _ = write!(out, "{byte:02x}");
                out
            }),
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
            Self::Reverse => text.chars().rev().collect(),
            Self::First12 => text.chars().take(KEPT).collect(),
            Self::Last12 => {
                let skipped = text.chars().count().saturating_sub(KEPT);
                text.chars().skip(skipped).collect()
            }
        }
    }
}

impl Echo {
    /// Returns the text after all encoders.
    #[must_use]
    pub fn encode(&self, text: &str) -> String {
        self.encoders.iter().fold(text.to_owned(), |text, encoder| encoder.apply(&text))
    }

    /// Returns the content type and the body of an error that repeats the secrets of this
    /// request; `None` if it has none.
    pub(crate) fn body(&self, request: &SeenRequest) -> Option<(&'static str, Vec<u8>)> {
        let secrets = secrets(request);
        if secrets.is_empty() {
            return None;
        }
        let encoded: Vec<String> = secrets.iter().map(|secret| self.encode(secret)).collect();
        let text = format!("The request was not accepted: {}", encoded.join(" "));
        // The backslash of an escape must not be escaped again.
        let escaped = matches!(self.encoders.last(), Some(Encoder::Unicode | Encoder::UnicodeAll));
        let string = if escaped { format!("\"{text}\"") } else { quoted(&text) };
        Some(match self.place {
            EchoPlace::Json => {
                ("application/json", format!(r#"{{"error":"RequestRefused","description":{string}}}"#).into_bytes())
            }
            EchoPlace::Unknown => ("application/json", format!(r#"{{"trace":{{"request":{string}}}}}"#).into_bytes()),
            EchoPlace::Text => ("text/plain", text.into_bytes()),
            EchoPlace::Html => ("text/html", format!("<html><body><p>{text}</p></body></html>").into_bytes()),
        })
    }
}

/// Returns the secrets of a request: the credentials of its `Authorization` header, decoded
/// too if they are e-mail and API token, and the secret members of a token request.
fn secrets(request: &SeenRequest) -> Vec<String> {
    let mut secrets = Vec::new();
    if let Some((scheme, value)) = request.authorization.as_deref().and_then(|header| header.split_once(' ')) {
        secrets.push(value.to_owned());
        let decoded = BASE64_STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if scheme.eq_ignore_ascii_case("basic")
            && let Some((_, token)) = decoded.as_deref().and_then(|pair| pair.split_once(':'))
        {
            secrets.push(token.to_owned());
        }
    }
    if let Ok(Value::Object(body)) = serde_json::from_slice(&request.body) {
        let found = SECRETS.iter().filter_map(|name| body.get(*name).and_then(Value::as_str));
        secrets.extend(found.map(str::to_owned));
    }
    secrets
}

impl FromStr for Echo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (place, encoders) = match text.split_once(':') {
            Some((place, encoders)) => (EchoPlace::from_str(place, false)?, encoders),
            None => (EchoPlace::Json, text),
        };
        let encoders = encoders.split('+').map(|name| Encoder::from_str(name, false)).collect::<Result<_, _>>()?;
        Ok(Self { place, encoders })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoder_produces_its_encoding() {
        let long = "abcdefghijklmnopqrstuvwxyz";
        for (encoders, text, expected) in [
            ("plain", "a/b=c", "a/b=c"),
            ("percent", "a/b=é", "a/b%3D%C3%A9"),
            ("percent-all", "a=", "%61%3D"),
            ("percent+percent", "=", "%253D"),
            ("unicode", "a=", "a\\u003d"),
            ("unicode-all", "a=", "\\u0061\\u003d"),
            ("entities", "a=", "a&#61;"),
            ("entities-all", "a=", "&#x61;&#x3d;"),
            ("base64", "a=", "YT0="),
            ("base64-lines", long, "YWJjZGVmZ2hpamts\r\nbW5vcHFyc3R1dnd4\r\neXo="),
            ("hex", "a=", "613d"),
            ("upper", "aB", "AB"),
            ("lower", "aB", "ab"),
            ("reverse", "abc", "cba"),
            ("first12", long, "abcdefghijkl"),
            ("last12", long, "opqrstuvwxyz"),
            ("text:last12+reverse+hex", "abc", "636261"),
        ] {
            let echo: Echo = encoders.parse().expect(encoders);
            assert_eq!(echo.encode(text), expected, "{encoders}");
        }
        for bad in ["", "rot13", "xml:plain", "plain+", ":"] {
            assert!(bad.parse::<Echo>().is_err(), "{bad}");
        }
    }
}
