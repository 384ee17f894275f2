//! The identity of a record: the value that distinguishes it from every other record.
//!
//! Records are passed through as the API sent them; these types must not be used to serialize one.

use ring::digest::{SHA256, digest};

use super::ulid::Ulid;

/// The value that distinguishes a record from every other record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// The `id`, a 64-bit integer.
    Id(i64),
    /// The `id`, a ULID.
    Ulid(Ulid),
    /// The JSON of another `id`; for a record without an `id`, `sha256:` and a digest of the whole record without
    /// white space.
    Other(Box<str>),
}

/// The largest id that is stored itself, in bytes; a longer one is identified by its digest.
const LONGEST_ID: usize = 64;

impl Identity {
    /// Returns the identity of a record from the JSON of an `id` that is neither a 64-bit integer nor a ULID.
    #[must_use]
    pub fn of_odd_id(id: &str) -> Self {
        if id.len() <= LONGEST_ID { Self::Other(id.into()) } else { Self::digest_of(id) }
    }

    /// Returns the identity of a record without an `id` from its JSON.
    #[must_use]
    pub fn of_record(record: &str) -> Self {
        Self::digest_of(record)
    }

    fn digest_of(json: &str) -> Self {
        use std::fmt::Write;
        let mut text = String::from("sha256:");
        for byte in &digest(&SHA256, &without_white_space(json)).as_ref()[..16] {
            let _ = write!(text, "{byte:02x}");
        }
        Self::Other(text.into())
    }
}

/// Removes white space between the tokens of JSON.
fn without_white_space(json: &str) -> Vec<u8> {
    let mut compact = Vec::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_text = byte == b'"';
        }
        compact.push(byte);
    }
    compact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_does_not_change_the_identity_of_a_record_without_an_id() {
        let digest = Identity::of_record;
        assert_eq!(digest("{\"a\": 1,\r\n\t\"b\": \"x  \\\" y\"}"), digest("{\"a\":1,\"b\":\"x  \\\" y\"}"));
        assert_ne!(digest("{\"a\":\"x y\"}"), digest("{\"a\":\"xy\"}"));
        assert_ne!(digest("{\"a\":\"\\\\\" }"), digest("{\"a\":\"\\\\ \"}"));
    }
}
