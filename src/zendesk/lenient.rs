//! Deserializes a JSON value of any type to an expected type, or to a fixed value.
//!
//! It must not fail for valid JSON.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Accepts any JSON value: passes scalars to a function, and returns a fixed value for everything else.
pub struct Lenient<T, F>(pub T, pub F);

/// A scalar that may be accepted.
pub enum Scalar<'t> {
    /// `null`
    Null,
    /// A number that is a 64-bit integer.
    Integer(i64),
    /// A string.
    Text(&'t str),
}

impl<'de, T, F: FnOnce(Scalar<'_>) -> T> Visitor<'de> for Lenient<T, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(self.1(Scalar::Null))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(self.1(Scalar::Integer(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => self.1(Scalar::Integer(value)),
            Err(_) => self.0,
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(self.1(Scalar::Text(text)))
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(self.0)
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        IgnoredAny.visit_seq(list).map(|_| self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        IgnoredAny.visit_map(object).map(|_| self.0)
    }
}
