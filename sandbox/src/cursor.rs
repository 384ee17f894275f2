//! Opaque cursors: a key, the sort order, and the number of pages before it. A cursor holds
//! a key instead of an offset, so new events do not shift a walk. Must not access the
//! store: a cursor can hold a key without an event.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    rng::mix,
    store::{Direction, Key},
};

/// Encodes to `+Pv7////`, so every cursor needs percent-encoding.
const HEAD: [u8; 6] = [0xf8, 0xfb, 0xfb, 0xff, 0xff, 0xff];
const MAX_PAGES: u32 = (1 << 24) - 1;
const LENGTH: usize = 6 + 1 + 16 + 3 + 2;

/// A position in a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) key: Key,
    /// Number of pages before this position, at most 2^24 - 1.
    pub(crate) pages: u32,
}

/// Encodes a cursor for this sort order. The result contains `+`, `/` and `=`.
pub(crate) fn encode(cursor: Cursor, sort: Direction) -> String {
    let mut bytes = [0; LENGTH];
    bytes[..6].copy_from_slice(&HEAD);
    bytes[6] = match sort {
        Direction::Ascending => b'u',
        Direction::Descending => b'd',
    };
    bytes[7..23].copy_from_slice(&cursor.key.to_bytes());
    bytes[23..26].copy_from_slice(&cursor.pages.min(MAX_PAGES).to_be_bytes()[1..]);
    let check = check(&bytes);
    bytes[26..].copy_from_slice(&check);
    BASE64_STANDARD.encode(bytes)
}

/// Decodes a cursor of this sort order. Returns `None` for anything else.
pub(crate) fn decode(text: &str, sort: Direction) -> Option<Cursor> {
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
    fn a_cursor_needs_percent_encoding_and_decodes() {
        for n in [0, 1, u128::MAX, 0x1234_5678_9abc_def0] {
            let cursor = Cursor { key: Key::from_bytes(n.to_be_bytes()), pages: 7 };
            let text = encode(cursor, Direction::Ascending);
            assert!(['+', '/', '='].iter().all(|&c| text.contains(c)), "{text}");
            assert_eq!(decode(&text, Direction::Ascending), Some(cursor));
        }
    }

    #[test]
    fn a_cursor_of_another_sort_or_a_damaged_one_is_rejected() {
        let text = encode(Cursor { key: Key::from_bytes([7; 16]), pages: 0 }, Direction::Ascending);
        assert_eq!(decode(&text, Direction::Descending), None);
        for damaged in [
            String::new(),
            "é".to_owned(),
            text.replace('+', " "),
            text[1..].to_owned(),
            text.replacen("Bw", "Bx", 1),
            format!("{text}{text}"),
        ] {
            assert_eq!(decode(&damaged, Direction::Ascending), None, "{damaged}");
        }
    }
}
