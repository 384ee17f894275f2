//! A walk over JSON text that knows where it stands: `serde_json` reads and checks every value, this
//! file only steps over the punctuation between them.
//!
//! `serde_json` alone can tell where a value begins and ends only by reading it twice. Nothing here
//! interprets a value.

use std::ops::Range;

use serde::Deserialize;

/// A place in a JSON text.
pub struct Scan<'t> {
    text: &'t str,
    at: usize,
}

/// What was found instead of what was looked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text is no JSON.
    Broken,
    /// The text is JSON so far, but of another shape.
    Shape,
    /// There is more of it than anybody asked for.
    TooMuch,
}

impl<'t> Scan<'t> {
    /// At the beginning of a text.
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// Where it stands, in bytes from the beginning.
    pub fn position(&self) -> usize {
        self.at
    }

    /// A part of the text.
    pub fn text(&self, range: Range<usize>) -> &'t str {
        &self.text[range]
    }

    /// The next byte that is no white space, if the text does not end here.
    pub fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let white = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
        self.at += white;
        rest.get(white).copied()
    }

    /// Steps over this byte.
    pub fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            _ => Err(Fault::Broken),
        }
    }

    /// Between the members of an object or a list: whether there is another one. Steps over the
    /// comma, or over `end`.
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

    /// Reads a value and steps over it.
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
