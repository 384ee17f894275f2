//! The body of a page, which is compressed while the page waits to be emitted.
//!
//! It must not interpret the bytes. Compression is lossless: [`Body::decompress`] restores every byte, or fails.

use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};

/// The bytes of a response.
pub struct Body {
    bytes: Vec<u8>,
    is_compressed: bool,
}

/// The compressed bytes do not decompress. Since they never leave the memory, this is a defect.
#[derive(Debug, PartialEq, Eq)]
pub struct Damaged;

impl Body {
    /// Takes the bytes as they were received.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, is_compressed: false }
    }

    /// Returns the received bytes. The body must not be compressed.
    pub fn bytes(&self) -> &[u8] {
        debug_assert!(!self.is_compressed, "the ranges of records are those of the received bytes");
        &self.bytes
    }

    /// Compresses the bytes, unless that does not save memory.
    pub fn compress(&mut self) {
        if self.is_compressed {
            return;
        }
        let compressed = compress_prepend_size(&self.bytes);
        if compressed.len() < self.bytes.len() {
            // The vector has room for the worst case. If it shrank in place, the heap would have a gap behind it that is
            // too small for the next body.
            *self = Self { bytes: compressed.as_slice().to_vec(), is_compressed: true };
        }
    }

    /// Restores the received bytes.
    ///
    /// # Errors
    /// If the compressed bytes are damaged.
    pub fn decompress(&mut self) -> Result<(), Damaged> {
        if self.is_compressed {
            *self = Self::new(decompress_size_prepended(&self.bytes).map_err(|_| Damaged)?);
        }
        Ok(())
    }

    /// Returns the memory of the bytes.
    pub fn size(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn repeated_text_takes_a_fraction_of_its_memory() {
        let text = r#"{"id":1,"created_at":"2026-01-01T00:00:00Z"}"#.repeat(1_000).into_bytes();
        let mut body = Body::new(text.clone());
        body.compress();
        assert!(body.size() < text.len() / 10, "{} of {}", body.size(), text.len());
        body.compress();
        assert_eq!(body.decompress(), Ok(()));
        assert_eq!(body.bytes(), text);
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let mut body = Body { bytes: vec![9, 0, 0, 0, 0xff, 0xff], is_compressed: true };
        assert_eq!(body.decompress(), Err(Damaged));
    }

    proptest! {
        #[test]
        fn every_byte_is_restored(bytes in proptest::collection::vec(any::<u8>(), 0..3_000), times in 1_usize..4) {
            let bytes = bytes.repeat(times);
            let mut body = Body::new(bytes.clone());
            body.compress();
            prop_assert!(body.size() <= bytes.capacity());
            prop_assert_eq!(body.decompress(), Ok(()));
            prop_assert_eq!(body.bytes(), bytes);
        }
    }
}
