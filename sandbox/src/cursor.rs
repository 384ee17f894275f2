//! Opaque cursors: the place of an event and the sort they belong to, as text.
//! They hold a place, not a position, so events that arrive do not shift a walk.
//! Never looks into the store: a cursor may name a place where no event lies.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    dice::mix,
    store::{Key, Way},
};

/// Encodes to `+Pv7////`, so that every cursor needs percent-encoding.
const HEAD: [u8; 6] = [0xf8, 0xfb, 0xfb, 0xff, 0xff, 0xff];
const LENGTH: usize = 6 + 1 + 16 + 2;

/// The cursor of a place in a sort. Contains `+`, `/` and `=`.
pub(crate) fn encode(key: Key, sort: Way) -> String {
    let mut bytes = [0; LENGTH];
    bytes[..6].copy_from_slice(&HEAD);
    bytes[6] = match sort {
        Way::Up => b'u',
        Way::Down => b'd',
    };
    bytes[7..23].copy_from_slice(&key.to_bytes());
    let check = check(&bytes);
    bytes[23..].copy_from_slice(&check);
    BASE64_STANDARD.encode(bytes)
}

/// The place that a cursor of this sort names; `None` for anything else.
pub(crate) fn decode(text: &str, sort: Way) -> Option<Key> {
    let bytes: [u8; LENGTH] = BASE64_STANDARD.decode(text).ok()?.try_into().ok()?;
    let key = Key::from_bytes(bytes[7..23].try_into().ok()?);
    (encode(key, sort) == text).then_some(key)
}

fn check(bytes: &[u8; LENGTH]) -> [u8; 2] {
    let sum = bytes[..23].iter().fold(0, |sum, &byte| mix(sum ^ u64::from(byte)));
    (sum as u16).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_needs_percent_encoding_and_comes_back() {
        for n in [0, 1, u128::MAX, 0x1234_5678_9abc_def0] {
            let key = Key::from_bytes(n.to_be_bytes());
            let text = encode(key, Way::Up);
            assert!(['+', '/', '='].iter().all(|&c| text.contains(c)), "{text}");
            assert_eq!(decode(&text, Way::Up), Some(key));
        }
    }

    #[test]
    fn a_cursor_of_another_sort_or_a_spoilt_one_is_none() {
        let text = encode(Key::from_bytes([7; 16]), Way::Up);
        assert_eq!(decode(&text, Way::Down), None);
        for spoilt in [
            String::new(),
            "é".to_owned(),
            text.replace('+', " "),
            text[1..].to_owned(),
            text.replacen("Bw", "Bx", 1),
            format!("{text}{text}"),
        ] {
            assert_eq!(decode(&spoilt, Way::Up), None, "{spoilt}");
        }
    }
}
