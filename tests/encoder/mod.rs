//! Composes random transformations that servers may apply to a string that they repeat: encodings,
//! truncation, case and reversal.
//!
//! It must not know which forms the connector recognizes.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE};
use fastrand::Rng;

/// One step of a composition.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    PercentReserved,
    PercentAllButSlash,
    PercentAll,
    PercentAllLower,
    UnicodeEscapes,
    UnicodeEscapesOfSigns,
    HexEscapes,
    OctalEscapes,
    JsonString,
    HtmlDecimal,
    HtmlHex,
    HtmlSigns,
    QuotedPrintable,
    Base64,
    Base64Url,
    Base64WithoutPadding,
    Base64Within,
    Base64InLines,
    Base32,
    Hex,
    HexUpper,
    HexSeparated,
    DecimalBytes,
    Rot13,
    Reversed,
    Upper,
    Lower,
    SwappedCase,
    First,
    Last,
    Middle,
    Dashes,
    Spaces,
}

const STEPS: [Step; 33] = [
    Step::PercentReserved,
    Step::PercentAllButSlash,
    Step::PercentAll,
    Step::PercentAllLower,
    Step::UnicodeEscapes,
    Step::UnicodeEscapesOfSigns,
    Step::HexEscapes,
    Step::OctalEscapes,
    Step::JsonString,
    Step::HtmlDecimal,
    Step::HtmlHex,
    Step::HtmlSigns,
    Step::QuotedPrintable,
    Step::Base64,
    Step::Base64Url,
    Step::Base64WithoutPadding,
    Step::Base64Within,
    Step::Base64InLines,
    Step::Base32,
    Step::Hex,
    Step::HexUpper,
    Step::HexSeparated,
    Step::DecimalBytes,
    Step::Rot13,
    Step::Reversed,
    Step::Upper,
    Step::Lower,
    Step::SwappedCase,
    Step::First,
    Step::Last,
    Step::Middle,
    Step::Dashes,
    Step::Spaces,
];

/// Longer strings get no further step, in bytes.
const LONGEST: usize = 2_000;

/// Applies one to four steps and returns them with their result. The result is ASCII.
pub fn composition(text: &str, rng: &mut Rng) -> (Vec<Step>, String) {
    let mut steps = Vec::new();
    let mut text = text.to_owned();
    for _ in 0..rng.usize(1..=4) {
        if text.len() > LONGEST {
            break;
        }
        let step = STEPS[rng.usize(..STEPS.len())];
        text = apply(step, &text, rng);
        steps.push(step);
    }
    (steps, text)
}

fn apply(step: Step, text: &str, rng: &mut Rng) -> String {
    let each = |form: &dyn Fn(u8) -> String| text.bytes().map(form).collect::<Vec<_>>();
    let signs = |form: &dyn Fn(u8) -> String| {
        each(&|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { form(byte) }).concat()
    };
    // Usually longer than a piece, and often shorter than the whole.
    let length = rng.usize(8..=24).min(text.len());
    match step {
        Step::PercentReserved => signs(&|byte| format!("%{byte:02X}")),
        Step::PercentAllButSlash => signs(&|byte| if byte == b'/' { "/".to_owned() } else { format!("%{byte:02x}") }),
        Step::PercentAll => each(&|byte| format!("%{byte:02X}")).concat(),
        Step::PercentAllLower => each(&|byte| format!("%{byte:02x}")).concat(),
        Step::UnicodeEscapes => each(&|byte| format!("\\u{byte:04x}")).concat(),
        Step::UnicodeEscapesOfSigns => signs(&|byte| format!("\\u{byte:04x}")),
        Step::HexEscapes => each(&|byte| format!("\\x{byte:02x}")).concat(),
        Step::OctalEscapes => each(&|byte| format!("\\{byte:03o}")).concat(),
        Step::JsonString => serde_json::json!(text).to_string(),
        Step::HtmlDecimal => each(&|byte| format!("&#{byte};")).concat(),
        Step::HtmlHex => each(&|byte| format!("&#x{byte:x};")).concat(),
        Step::HtmlSigns => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
        Step::QuotedPrintable => each(&|byte| format!("={byte:02X}")).concat(),
        Step::Base64 => BASE64_STANDARD.encode(text),
        Step::Base64Url => BASE64_URL_SAFE.encode(text),
        Step::Base64WithoutPadding => BASE64_STANDARD_NO_PAD.encode(text),
        Step::Base64Within => {
            let before = &"jane@acme.example/token:"[rng.usize(0..3)..];
            BASE64_STANDARD.encode(format!("{before}{text}:x"))
        }
        Step::Base64InLines => {
            let width = rng.usize(4..=76);
            separated(&BASE64_STANDARD.encode(text), width, if rng.bool() { "\r\n" } else { "\n" })
        }
        Step::Base32 => base32(text.as_bytes()),
        Step::Hex => each(&|byte| format!("{byte:02x}")).concat(),
        Step::HexUpper => each(&|byte| format!("{byte:02X}")).concat(),
        Step::HexSeparated => each(&|byte| format!("{byte:02x}")).join(if rng.bool() { " " } else { ":" }),
        Step::DecimalBytes => each(&|byte| byte.to_string()).join(if rng.bool() { ", " } else { " " }),
        Step::Rot13 => text.chars().map(rot13).collect(),
        Step::Reversed => text.chars().rev().collect(),
        Step::Upper => text.to_ascii_uppercase(),
        Step::Lower => text.to_ascii_lowercase(),
        Step::SwappedCase => text.chars().map(swapped).collect(),
        Step::First => text[..length].to_owned(),
        Step::Last => text[text.len() - length..].to_owned(),
        Step::Middle => {
            let start = rng.usize(0..=text.len() - length);
            text[start..start + length].to_owned()
        }
        Step::Dashes => separated(text, rng.usize(2..=8), "-"),
        Step::Spaces => separated(text, rng.usize(2..=8), " "),
    }
}

fn separated(text: &str, width: usize, separator: &str) -> String {
    let chunks: Vec<_> = text.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
    chunks.join(separator)
}

fn rot13(char: char) -> char {
    let turned = |first: u8| char::from((char as u8 - first + 13) % 26 + first);
    match char {
        'a'..='z' => turned(b'a'),
        'A'..='Z' => turned(b'A'),
        other => other,
    }
}

fn swapped(char: char) -> char {
    if char.is_ascii_lowercase() { char.to_ascii_uppercase() } else { char.to_ascii_lowercase() }
}

fn base32(bytes: &[u8]) -> String {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let sign = |bits: &[u8]| {
        let value = bits.iter().chain([0; 5].iter()).take(5).fold(0, |value, bit| value << 1 | bit);
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(value)])
    };
    bits.chunks(5).map(sign).collect()
}
