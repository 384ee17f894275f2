//! Masks text from outside that may contain a secret: messages of a server, a proxy or a panic.
//!
//! It does not know any secret, because a server may repeat one in an unexpected encoding. It must not be
//! used on text that the connector itself writes.

mod vocabulary;

use std::borrow::Cow;
use std::ops::Range;

use vocabulary::is_known;

/// The replacement for masked text.
pub const MASKED: &str = "(masked)";

/// The length from which a run of letters and digits may be a token, in characters.
const TOKEN: usize = 16;
/// The length from which a run without a known word may be part of a secret, in characters.
const PIECE: usize = 8;
/// The length from which a known word separates unknown text, in characters. Shorter words occur in a secret
/// by chance.
const SEPARATES: usize = 4;
/// The number of digits in the identifier of a request.
const ID_DIGITS: std::ops::RangeInclusive<usize> = 16..=64;

/// Masks every run of characters that may be a token: 16 or more letters, digits and `+/=_-.%~` with a
/// letter and a digit among them.
#[must_use]
pub fn mask_tokens(text: &str) -> Cow<'_, str> {
    let in_token = |char: char| char.is_ascii_alphanumeric() || "+/=_-.%~".contains(char);
    let mut masked = Vec::new();
    let mut rest = 0;
    while let Some(start) = text[rest..].find(in_token).map(|at| rest + at) {
        let end = text[start..].find(|char| !in_token(char)).map_or(text.len(), |at| start + at);
        let run = &text[start..end];
        let has = |of: fn(&u8) -> bool| run.as_bytes().iter().any(of);
        if run.len() >= TOKEN && has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit) {
            masked.push(start..end);
        }
        rest = end;
    }
    replaced(text, &masked)
}

/// Masks everything in a sentence from a server except known words, times, and unknown runs of up to 7
/// characters. The result is safe to show, whatever the server included in the sentence.
#[must_use]
pub fn mask_unknown(text: &str) -> Cow<'_, str> {
    let mut masked = Vec::new();
    let mut stretch: Option<Stretch> = None;
    // The number of signs in a row so far.
    let mut signs = 0;
    for part in parts(text) {
        let shown = &text[part.range.clone()];
        let weight = shown.chars().filter(|char| !char.is_whitespace()).count();
        let is_sign = part.kind == Kind::Neutral && weight == 1 && !shown.starts_with(char::is_alphanumeric);
        match part.kind {
            Kind::Separator => masked.extend(stretch.take().and_then(Stretch::masked)),
            Kind::Neutral => {
                if let Some(stretch) = &mut stretch {
                    stretch.is_open &= is_sign;
                    stretch.attached += usize::from(stretch.is_open);
                    stretch.between += weight;
                }
            }
            Kind::Unknown => {
                let start = part.range.start;
                let new = Stretch { range: start..start, weight: signs, between: 0, is_open: true, attached: 0 };
                let stretch = stretch.get_or_insert(new);
                stretch.weight += std::mem::take(&mut stretch.between) + weight;
                stretch.is_open = true;
                stretch.attached = 0;
                stretch.range.end = part.range.end;
            }
        }
        signs = if is_sign { signs + 1 } else { 0 };
    }
    masked.extend(stretch.and_then(Stretch::masked));
    replaced(text, &masked)
}

/// Returns `true` if the string can only be a request's identifier: hexadecimal digits, as in a UUID, that
/// are not the encoded form of a string. A string of fewer than 8 characters cannot hold part of a secret.
#[must_use]
pub fn is_request_id(text: &str) -> bool {
    if text.len() < PIECE {
        return text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    }
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|char| *char != '-')
        .map(|char| char.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let Some(mut digits) = digits.filter(|digits| ID_DIGITS.contains(&digits.len())) else {
        return false;
    };
    // Decimal digits only: they can be character codes.
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return false;
    }
    if spells_a_text(&digits) {
        return false;
    }
    digits.reverse();
    !spells_a_text(&digits)
}

/// Returns `true` if 10 bytes in a row, or all bytes of a shorter string, are characters that can be typed.
/// This holds for one random identifier in 500.
fn spells_a_text(digits: &[u8]) -> bool {
    let length = digits.len().min(20) & !1;
    digits.windows(length).any(|window| {
        window.chunks(2).all(|byte| matches!(byte[0] << 4 | byte[1], b'\0' | b'\t' | b'\n' | b'\r' | b' '..=b'~'))
    })
}

/// A range that may be masked: from one unknown character to another.
struct Stretch {
    range: Range<usize>,
    /// The number of characters in the range, and of the signs before it.
    weight: usize,
    /// The number of characters since the end of the range.
    between: usize,
    /// `true` if only signs have followed the range.
    is_open: bool,
    /// The number of these signs.
    attached: usize,
}

impl Stretch {
    /// Returns the range if it is long enough to be part of a secret.
    fn masked(self) -> Option<Range<usize>> {
        (self.weight + self.attached >= PIECE).then_some(self.range)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Ends a range of unknown characters.
    Separator,
    /// Counts only within a range of unknown characters.
    Neutral,
    Unknown,
}

struct Part {
    range: Range<usize>,
    kind: Kind,
}

/// Splits a string into words and the characters between them.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (length, kind) = if let Some(length) = time(rest).filter(|_| at == 0 || !ends_in_word(&text[..at])) {
            (length, Kind::Separator)
        } else if first.is_alphanumeric() {
            let length = rest.find(|char: char| !char.is_alphanumeric()).unwrap_or(rest.len());
            let kind = match is_known(&rest[..length]) {
                true if length >= SEPARATES => Kind::Separator,
                true => Kind::Neutral,
                false => Kind::Unknown,
            };
            (length, kind)
        } else {
            let plain = first.is_whitespace() || ".,;:!?'\"()[]-/_".contains(first);
            (first.len_utf8(), if plain { Kind::Neutral } else { Kind::Unknown })
        };
        parts.push(Part { range: at..at + length, kind });
        at += length;
    }
    parts
}

fn ends_in_word(text: &str) -> bool {
    text.ends_with(char::is_alphanumeric)
}

/// Returns the length of a time such as `2024-01-01T00:00:00Z` at the beginning of a string.
fn time(text: &str) -> Option<usize> {
    const TIME: &[u8; 20] = b"0000-00-00T00:00:00Z";
    let bytes = text.as_bytes().get(..TIME.len())?;
    let fits = bytes.iter().zip(TIME).all(|(byte, of)| if *of == b'0' { byte.is_ascii_digit() } else { byte == of });
    let time = fits.then(|| &text[..TIME.len()])?;
    time.parse::<jiff::Timestamp>().ok().map(|_| TIME.len())
}

fn replaced<'t>(text: &'t str, masked: &[Range<usize>]) -> Cow<'t, str> {
    if masked.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut at = 0;
    for range in masked {
        shown.push_str(&text[at..range.start]);
        shown.push_str(MASKED);
        at = range.end;
    }
    shown.push_str(&text[at..]);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_may_be_a_token_is_masked() {
        for (text, masked) in [
            ("token abcdefgh12345678 refused", "token (masked) refused"),
            ("a=ABCDEFGH/+1234567==; b", "(masked); b"),
            ("%61%62%63%64%65%6f", "(masked)"),
            ("abcdefgh1234567", "abcdefgh1234567"),
            ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz"),
            ("1234567890123456", "1234567890123456"),
            ("abcdefgh:12345678", "abcdefgh:12345678"),
            ("", ""),
        ] {
            assert_eq!(mask_tokens(text), masked);
        }
    }

    #[test]
    fn messages_of_the_api_are_shown() {
        for text in [
            "InvalidValue",
            "Invalid filter[created_at] specified; format is YYYY-MM-DDTHH:MM:SSZ",
            "Invalid filter[created_at]: 2024-01-01T00:00:00Z is after 2023-01-01T00:00:00Z",
            "InvalidPaginationParameter",
            "Couldn't authenticate you",
            "invalid_token",
            "The access token provided is expired, revoked, malformed or invalid for other reasons.",
            "You do not have access to this page. Please contact the account owner of this help desk for further help.",
            "You are missing the following required scopes: read, auditlogs:read",
            "No help desk at acme.zendesk.com",
            "InvalidEndpoint",
            "Not found",
            "APIRateLimitExceeded",
            "Number of allowed API requests per minute exceeded",
            "RecordInvalid",
            "Record validation errors",
            "user 7 of acme",
            "(redacted)",
        ] {
            assert_eq!(mask_unknown(&mask_tokens(text)), text);
        }
    }

    #[test]
    fn unknown_text_is_masked() {
        for (text, masked) in [
            ("token qwzxkvbp refused", "token (masked) refused"),
            ("token qwzx kvbp refused", "token (masked) refused"),
            ("token qwz xkv bp refused", "token (masked) refused"),
            ("token qw=&<>zx refused", "token (masked) refused"),
            ("token 1, 2, 3, 4, 5 refused", "token (masked) refused"),
            ("token qwz is the xkv refused", "token (masked) refused"),
            ("token qwzxkvb refused", "token qwzxkvb refused"),
            ("token -qwzx-kv refused", "token -(masked) refused"),
            ("token qwzx-kv- refused", "token (masked)- refused"),
            ("token qwzx-kv - refused", "token qwzx-kv - refused"),
            ("2024-01-01T00:00:0012345678", "(masked)"),
            ("2024-99-99T99:99:99Z", "(masked)"),
            ("\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}\u{44c}\u{44c}", "(masked)"),
        ] {
            assert_eq!(mask_unknown(text), masked);
        }
    }

    #[test]
    fn a_request_id_is_distinguished_from_a_hexadecimal_string() {
        for id in ["8f3c2a1b9d4e5f60a1b2c3d4e5f60718", "5c3b8a7f-90ab-4cde-8f01-23456789abcd", "r1", "req-7"] {
            assert!(is_request_id(id), "{id}");
        }
        let hexadecimal: String = b"s3cr3t-token".map(|byte| format!("{byte:02x}")).concat();
        let reversed: String = hexadecimal.chars().rev().collect();
        for id in [
            &hexadecimal,
            &reversed,
            &hexadecimal.to_uppercase(),
            &hexadecimal[1..],
            "s3cr3t-token",
            "abcdef12",
            "1234567890123456",
            "8f3c2a1b9d4e5f60a1b2c3d4e5f607188f3c2a1b9d4e5f60a1b2c3d4e5f607188f3c",
            "",
            "a b",
        ] {
            assert_eq!(is_request_id(id), id.is_empty(), "{id}");
        }
    }
}
