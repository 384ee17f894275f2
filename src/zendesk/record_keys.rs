//! The fields of a record that the connector reads, with any values.
//!
//! A record of an unusual form must not invalidate its page: an invalid field counts as missing.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::lenient::{Lenient, Scalar};
use super::record::Identity;
use super::ulid::Ulid;
use crate::second::Second;
use crate::stream::Stream;

/// The fields of a record that the connector reads.
#[derive(Default)]
pub struct Keys {
    id: Id,
    /// The time of the event, if it is a date.
    pub created_at: Option<Second>,
    /// The user's id, if it is an integer or a string of one.
    pub user: Option<i64>,
}

/// Deserializes the keys of a record, which have the names of the stream.
pub struct ReadKeys<'s>(pub &'s Stream);

/// Deserializes the name of a field.
struct ReadKey<'s>(&'s Stream);

/// A field of a record.
enum Key {
    Id,
    CreatedAt,
    User,
    Other,
}

/// A record's `id`.
#[derive(Default)]
enum Id {
    #[default]
    None,
    Number(i64),
    Ulid(Ulid),
    /// Another value, which is identified by its JSON.
    Odd,
}

/// A record's `created_at`, if it is a date.
struct Date(Option<Second>);

/// A record's user, if it is an integer or a string of one.
struct User(Option<i64>);

/// The `id` as JSON.
#[derive(Deserialize)]
struct OddId<'t> {
    #[serde(borrow)]
    id: &'t RawValue,
}

impl Keys {
    /// Returns the identity of the record with these keys, from its JSON.
    pub fn identity(self, record: &str) -> Identity {
        match self.id {
            Id::Number(id) => Identity::Id(id),
            Id::Ulid(id) => Identity::Ulid(id),
            // The ids of all streams have the same name.
            Id::Odd => serde_json::from_str::<OddId<'_>>(record)
                .map_or_else(|_| Identity::of_record(record), |odd| Identity::of_odd_id(odd.id.get())),
            Id::None => Identity::of_record(record),
        }
    }
}

impl<'de> DeserializeSeed<'de> for ReadKeys<'_> {
    type Value = Keys;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Keys, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReadKeys<'_> {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut record: A) -> Result<Keys, A::Error> {
        let (mut id, mut created_at, mut user) = (None, None, None);
        while let Some(key) = record.next_key_seed(ReadKey(self.0))? {
            let repeated = match key {
                Key::Id => id.replace(record.next_value()?).is_some(),
                Key::CreatedAt => created_at.replace(record.next_value()?).is_some(),
                Key::User => user.replace(record.next_value()?).is_some(),
                Key::Other => {
                    record.next_value::<IgnoredAny>()?;
                    false
                }
            };
            if repeated {
                return Err(A::Error::custom("a repeated key"));
            }
        }
        Ok(Keys {
            id: id.unwrap_or_default(),
            created_at: created_at.and_then(|Date(date)| date),
            user: user.and_then(|User(user)| user),
        })
    }
}

impl<'de> DeserializeSeed<'de> for ReadKey<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for ReadKey<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        let stream = self.0;
        Ok(match name {
            name if name == stream.primary_key => Key::Id,
            name if name == stream.cursor_field => Key::CreatedAt,
            name if Some(name) == stream.user_field => Key::User,
            _ => Key::Other,
        })
    }
}

impl<'de> Deserialize<'de> for User {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(Self(None), |scalar: Scalar<'_>| match scalar {
            Scalar::Null => Self(None),
            Scalar::Integer(id) => Self(Some(id)),
            Scalar::Text(text) => Self(text.parse().ok()),
        }))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(Self::Odd, |scalar: Scalar<'_>| match scalar {
            Scalar::Null => Self::None,
            Scalar::Integer(id) => Self::Number(id),
            Scalar::Text(text) => Ulid::parse(text).map_or(Self::Odd, Self::Ulid),
        }))
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(Self(None), |scalar: Scalar<'_>| match scalar {
            Scalar::Text(text) => Self(text.parse().ok()),
            Scalar::Null | Scalar::Integer(_) => Self(None),
        }))
    }
}
