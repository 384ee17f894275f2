//! Decodes the escapes that servers apply to strings that they repeat: those of JSON, URLs, HTML and mail.
//!
//! It is used only to find secrets: its results must not be shown.

/// The largest number of nested encodings that are decoded.
const MOST_LAYERS: usize = 6;

/// Returns the string and its decoded forms, one for each layer of escapes, outermost first.
#[must_use]
pub fn layers(text: &str) -> Vec<String> {
    let mut layers = vec![text.to_owned()];
    while layers.len() <= MOST_LAYERS {
        let last = &layers[layers.len() - 1];
        let below = unescaped(last);
        if below == *last {
            break;
        }
        layers.push(below);
    }
    layers
}

/// Returns the letters and digits of a string in lower case, without separators.
#[must_use]
pub fn compact(text: &str) -> String {
    text.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Decodes one layer of escapes.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let escape = match rest[0] {
            b'%' | b'=' => hexadecimal(rest, 1, 2),
            b'\\' => backslash(rest),
            b'&' => entity(rest),
            _ => None,
        };
        let Some((char, length)) = escape else {
            plain.push(rest[0]);
            at += 1;
            continue;
        };
        if rest[0] != b'&' && char < '\u{100}' && !rest.starts_with(b"\\u") {
            // A single byte, which may be part of a character.
            plain.push(u8::try_from(u32::from(char)).unwrap_or(b'?'));
        } else {
            plain.extend(char.encode_utf8(&mut [0; 4]).bytes());
        }
        at += length;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// Parses hexadecimal digits after a prefix. Returns the character and the length of prefix and digits.
fn hexadecimal(text: &[u8], prefix: usize, digits: usize) -> Option<(char, usize)> {
    number(text.get(prefix..prefix + digits)?, 16).map(|char| (char, prefix + digits))
}

fn number(digits: &[u8], radix: u32) -> Option<char> {
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.starts_with(['+', '-']) {
        return None;
    }
    char::from_u32(u32::from_str_radix(digits, radix).ok()?)
}

fn backslash(text: &[u8]) -> Option<(char, usize)> {
    match text.get(1)? {
        b'u' if text.get(2) == Some(&b'{') => {
            let end = text.iter().take(10).position(|byte| *byte == b'}')?;
            number(&text[3..end], 16).map(|char| (char, end + 1))
        }
        b'u' => hexadecimal(text, 2, 4),
        b'x' => hexadecimal(text, 2, 2),
        b'0'..=b'7' => number(text.get(1..4)?, 8).map(|char| (char, 4)),
        b'n' | b'r' | b't' | b'b' | b'f' => Some((' ', 2)),
        sign if sign.is_ascii_punctuation() => Some((char::from(*sign), 2)),
        _ => None,
    }
}

fn entity(text: &[u8]) -> Option<(char, usize)> {
    let name_end =
        1 + text[1..].iter().take(10).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#').count();
    let length = name_end + usize::from(text.get(name_end) == Some(&b';'));
    let char = match &text[1..name_end] {
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
        [b'#', digits @ ..] => number(digits, 10)?,
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        b"sol" => '/',
        b"plus" => '+',
        b"equals" => '=',
        _ => return None,
    };
    Some((char, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_escape_is_decoded() {
        for (escaped, plain) in [
            ("a%2Fb%2fc", "a/b/c"),
            ("%61%62%C3%A9", "ab\u{e9}"),
            ("\\u0061\\u003d\\u{e9}", "a=\u{e9}"),
            ("\\x61\\142\\/\\\"", "ab/\""),
            ("&#97;&#x62;&#99&amp;&quot;&sol;", "abc&\"/"),
            ("=61=3D", "a="),
        ] {
            assert_eq!(layers(escaped)[1], plain, "{escaped}");
        }
        for text in ["plain", "100 %", "a & b", "a=b", "\\", "%", "&#;", "%+1", "\\u{zz}"] {
            assert_eq!(layers(text), [text], "{text}");
        }
    }

    #[test]
    fn nested_escapes_are_decoded() {
        assert_eq!(layers("&amp;#37;41%42").last().map(String::as_str), Some("AB"));
        assert_eq!(layers("%252561").last().map(String::as_str), Some("a"));
        assert_eq!(layers(&format!("%{}", "25".repeat(100))).len(), MOST_LAYERS + 1);
    }

    #[test]
    fn separators_and_case_are_ignored() {
        assert_eq!(compact("a B\n-7:c"), "ab7c");
    }
}
