//! A JSON scanner that reports its position. `serde_json` parses and validates every value; this file only
//! skips the punctuation between values.
//!
//! With `serde_json` alone, a value has to be parsed twice to find its byte range. This file must not
//! interpret a value.

use std::ops::Range;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny};

/// A position in JSON.
pub struct Scan<'t> {
    text: &'t str,
    at: usize,
}

/// The reason for a failure.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The input is not JSON.
    Broken,
    /// The input is valid JSON so far, but has another shape.
    Shape,
    /// There are more records than a page may have.
    TooMuch,
}

impl<'t> Scan<'t> {
    /// Starts at the beginning of the input.
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the position, in bytes from the beginning.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Returns a part of the input.
    pub fn text(&self, range: Range<usize>) -> &'t str {
        &self.text[range]
    }

    /// Returns the next byte that is not white space, or `None` at the end.
    pub fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let white = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
        self.at += white;
        rest.get(white).copied()
    }

    /// Skips this byte, or fails if the next byte is another one.
    pub fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            _ => Err(Fault::Broken),
        }
    }

    /// Returns `true` if the object or array has another member. Skips the comma or `end`.
    pub fn another(&mut self, first: bool, end: u8) -> Result<bool, Fault> {
        match self.peek() {
            Some(found) if found == end => {
                self.at += 1;
                Ok(false)
            }
            _ if first => Ok(true),
            _ => self.expect(b',').map(|()| true),
        }
    }

    /// Parses a value with a seed and skips it. Also fails for a value that is not of the seed's type.
    pub fn seeded<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]);
        let value = seed.deserialize(&mut values).map_err(|_| Fault::Broken)?;
        self.at += values.into_iter::<IgnoredAny>().byte_offset();
        Ok(value)
    }

    /// Parses a value and skips it.
    pub fn value<T: Deserialize<'t>>(&mut self) -> Result<T, Fault> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter();
        match values.next() {
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(value)
            }
            Some(Err(error)) if error.is_data() => Err(Fault::Shape),
            _ => Err(Fault::Broken),
        }
    }
}
