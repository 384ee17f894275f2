//! ULIDs, the ids of access logs: 128 bits, written as 26 characters of Crockford's base 32.
//!
//! Only the usual form (upper case) is accepted as a ULID: two strings must not become one identity.

use std::fmt;

/// The digits of Crockford's base 32.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The number of digits of a ULID.
pub const DIGITS: usize = 26;

/// A ULID, as the bytes of a big-endian number: an array has no alignment, so an identity stays small.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ulid([u8; 16]);

impl Ulid {
    /// Parses the 26 characters; `None` for everything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The first digit has three bits: 26 digits have two bits more than a ULID.
        if text.len() != DIGITS || !matches!(text.as_bytes()[0], b'0'..=b'7') {
            return None;
        }
        let mut number: u128 = 0;
        for byte in text.bytes() {
            number = number << 5 | u128::from(value(byte)?);
        }
        Some(Self(number.to_be_bytes()))
    }
}

fn value(digit: u8) -> Option<u8> {
    Some(match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'H' => digit - b'A' + 10,
        b'J' | b'K' => digit - b'J' + 18,
        b'M' | b'N' => digit - b'M' + 20,
        b'P'..=b'T' => digit - b'P' + 22,
        b'V'..=b'Z' => digit - b'V' + 27,
        _ => return None,
    })
}

impl fmt::Display for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = u128::from_be_bytes(self.0);
        for place in (0..DIGITS).rev() {
            let digit = usize::try_from(number >> (5 * place) & 31).unwrap_or_default();
            write!(f, "{}", char::from(ALPHABET[digit]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ulid_is_formatted_as_it_was_parsed() {
        for text in ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "00000000000000000000000000", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"] {
            assert_eq!(Ulid::parse(text).map(|ulid| ulid.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn each_digit_has_its_value() {
        for (index, digit) in ALPHABET.iter().enumerate() {
            assert_eq!(value(*digit).map(usize::from), Some(index));
        }
    }

    #[test]
    fn everything_else_is_not_a_ulid() {
        for text in [
            "",
            "01ARZ3NDEKTSV4RRFFQ69G5FA",
            "01ARZ3NDEKTSV4RRFFQ69G5FAVX",
            "01arz3ndektsv4rrffq69g5fav",
            "81ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01ARZ3NDEKTSV4RRFFQ69G5FAI",
            "01ARZ3NDEKTSV4RRFFQ69G5FAL",
            "01ARZ3NDEKTSV4RRFFQ69G5FAO",
            "01ARZ3NDEKTSV4RRFFQ69G5FAU",
            "01ARZ3NDEKTSV4RRFFQ69G5F\u{c9}",
            "01ARZ3NDEK-SV4RRFFQ69G5FAV",
        ] {
            assert_eq!(Ulid::parse(text), None, "{text}");
        }
    }
}
