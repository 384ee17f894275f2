//! Opaque cursors: a place, the sort they belong to, and the number of pages before, as
//! text. They hold a place, not a position, so events that arrive do not shift a walk.
//! Never looks into the store: a cursor may name a place without an event.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    dice::mix,
    store::{Key, Way},
};

/// Encodes to `+Pv7////`, so that every cursor needs percent-encoding.
const HEAD: [u8; 6] = [0xf8, 0xfb, 0xfb, 0xff, 0xff, 0xff];
const MAX_PAGES: u32 = (1 << 24) - 1;
const LENGTH: usize = 6 + 1 + 16 + 3 + 2;

/// A place in a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) key: Key,
    /// Pages of the walk before this place, at most 2^24 - 1.
    pub(crate) pages: u32,
}

/// Returns the text of a cursor in a sort. It contains `+`, `/` and `=`.
pub(crate) fn encode(cursor: Cursor, sort: Way) -> String {
    let mut bytes = [0; LENGTH];
    bytes[..6].copy_from_slice(&HEAD);
    bytes[6] = match sort {
        Way::Up => b'u',
        Way::Down => b'd',
    };
    bytes[7..23].copy_from_slice(&cursor.key.to_bytes());
    bytes[23..26].copy_from_slice(&cursor.pages.min(MAX_PAGES).to_be_bytes()[1..]);
    let check = check(&bytes);
    bytes[26..].copy_from_slice(&check);
    BASE64_STANDARD.encode(bytes)
}

/// Parses a cursor of this sort; `None` for anything else.
pub(crate) fn decode(text: &str, sort: Way) -> Option<Cursor> {
    let bytes: [u8; LENGTH] = BASE64_STANDARD.decode(text).ok()?.try_into().ok()?;
    let key = Key::from_bytes(bytes[7..23].try_into().ok()?);
    let pages = u32::from_be_bytes([0, bytes[23], bytes[24], bytes[25]]);
    let cursor = Cursor { key, pages };
    (encode(cursor, sort) == text).then_some(cursor)
}

fn check(bytes: &[u8; LENGTH]) -> [u8; 2] {
    let sum = bytes[..26].iter().fold(0, |sum, &byte| mix(sum ^ u64::from(byte)));
    (sum as u16).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_needs_percent_encoding_and_comes_back() {
        for n in [0, 1, u128::MAX, 0x1234_5678_9abc_def0] {
            let cursor = Cursor { key: Key::from_bytes(n.to_be_bytes()), pages: 7 };
            let text = encode(cursor, Way::Up);
            assert!(['+', '/', '='].iter().all(|&c| text.contains(c)), "{text}");
            assert_eq!(decode(&text, Way::Up), Some(cursor));
        }
    }

    #[test]
    fn a_cursor_of_another_sort_or_a_spoilt_one_is_none() {
        let text = encode(Cursor { key: Key::from_bytes([7; 16]), pages: 0 }, Way::Up);
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
