//! A page: finds the records in the bytes of a response, without changing them.
//!
//! It must reject everything but a well-formed page, so that a broken response is never treated as the end of
//! the data.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use reqwest::Url;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::body_room::Place;
use super::record::Identity;
use super::scan::{Fault, Scan};
use super::ulid::Ulid;
use crate::second::Second;
use crate::stream::{NextPage, Stream};

/// The largest size of a cursor, in bytes. Cursors of the API have some dozens of characters.
const LONGEST_CURSOR: usize = 8 << 10;

/// The largest number of records in a page. The connector requests far fewer; a response with more could exhaust
/// the memory, because an empty record takes three bytes in a response and many more here.
const MOST_RECORDS: usize = 10_000;

/// A page: the bytes of the response, and the positions of the records in them.
pub struct Page {
    body: Vec<u8>,
    /// The records, in the order of the response.
    pub records: Vec<Record>,
    /// Whether there are more pages.
    pub has_more: bool,
    /// The cursor of the next page.
    pub next: Option<PageCursor>,
    /// `links.next` is there. It is never followed: it is only compared with `has_more`.
    pub has_next_link: bool,
    /// The memory that the body counts for as long as the page lives.
    place: Option<Arc<Place>>,
}

/// A cursor: the parameter that requests the page after another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageCursor {
    /// The name of the parameter.
    pub parameter: &'static str,
    /// Its value, not encoded.
    pub value: String,
}

/// Shows how many records there are; they can hold anything that a user entered.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("records", &self.records.len()).finish_non_exhaustive()
    }
}

/// A record of a page.
#[derive(Clone, Debug)]
pub struct Record {
    range: Range<usize>,
    /// The identity.
    pub identity: Identity,
    /// The time of the event, if it is a date.
    pub created_at: Option<Second>,
    /// The user's id, if the stream has a field for it and it is an integer.
    pub user: Option<i64>,
}

#[derive(Deserialize)]
struct Meta {
    has_more: bool,
    #[serde(default)]
    after_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Links {
    #[serde(default)]
    next: Link,
}

/// `links.next`. It is never followed.
#[derive(Default)]
enum Link {
    #[default]
    None,
    Url(String),
    /// Another value than a string.
    Odd,
}

/// The fields of a record that the connector reads.
#[derive(Default)]
struct Keys {
    id: Id,
    created_at: Date,
    user: User,
}

/// Reads the keys of a record, which have the names of the stream.
struct ReadKeys<'s>(&'s Stream);

/// Reads the name of a field.
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
#[derive(Default)]
struct Date(Option<Second>);

/// A record's user, if it is an integer or a string of one.
#[derive(Default)]
struct User(Option<i64>);

/// The `id` as JSON.
#[derive(Deserialize)]
struct OddId<'t> {
    #[serde(borrow)]
    id: &'t RawValue,
}

impl Page {
    /// Parses the body of a 200 and takes its bytes.
    ///
    /// # Errors
    /// A description of what the body is instead, which contains nothing of it. The body is then unchanged.
    pub fn parse(body: &mut Vec<u8>, stream: &Stream) -> Result<Self, String> {
        match body.trim_ascii_start().first() {
            None => return Err("an empty body".to_owned()),
            Some(b'<') => return Err("an HTML page".to_owned()),
            Some(_) => {}
        }
        let broken = || format!("broken JSON, {} bytes", body.len());
        let text = std::str::from_utf8(body).map_err(|_| broken())?;
        let (records, meta, link) = read(text, stream).map_err(|fault| match fault {
            Fault::Broken => broken(),
            Fault::Shape => "JSON of another shape".to_owned(),
            Fault::TooMuch => format!("more than {MOST_RECORDS} records"),
        })?;
        let Meta { has_more, after_cursor } = meta;
        let next = cursor(&link, after_cursor, stream.next_page);
        if let Some(cursor) = next.as_ref().filter(|cursor| cursor.value.len() > LONGEST_CURSOR) {
            return Err(format!("a cursor of {} bytes", cursor.value.len()));
        }
        let has_next_link = !matches!(link, Link::None);
        Ok(Self { records, has_more, next, has_next_link, place: None, body: std::mem::take(body) })
    }

    /// Counts the body until the page is dropped.
    pub(super) fn hold(&mut self, place: Arc<Place>) {
        self.place = Some(place);
    }

    /// Returns the record's JSON, as the API sent it.
    #[must_use]
    pub fn text(&self, record: &Record) -> &[u8] {
        &self.body[record.range.clone()]
    }

    /// Returns the memory that the page uses, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.body.capacity() + self.records.capacity() * size_of::<Record>()
    }
}

/// Parses a response: an object with an array of records and a `meta`, each once, and other fields.
fn read(text: &str, stream: &Stream) -> Result<(Vec<Record>, Meta, Link), Fault> {
    let mut scan = Scan::new(text);
    if scan.peek() != Some(b'{') {
        scan.value::<IgnoredAny>()?;
        return Err(Fault::Shape);
    }
    scan.expect(b'{')?;
    let (mut records, mut meta, mut link) = (None, None, Link::None);
    let mut first = true;
    while scan.another(first, b'}')? {
        first = false;
        let key = scan.value::<Cow<'_, str>>()?;
        scan.expect(b':')?;
        match &*key {
            field if field == stream.records_field && records.is_none() => {
                records = Some(read_records(&mut scan, stream)?);
            }
            // serde would accept an array as the fields in their order.
            "meta" if meta.is_none() && scan.peek() == Some(b'{') => meta = Some(scan.value::<Meta>()?),
            field if field == stream.records_field || field == "meta" => return Err(Fault::Shape),
            "links" if scan.peek() == Some(b'{') => link = scan.value::<Links>()?.next.or(link),
            _ => drop(scan.value::<IgnoredAny>()?),
        }
    }
    match (scan.peek(), records, meta) {
        (Some(_), ..) => Err(Fault::Broken),
        (None, Some(records), Some(meta)) => Ok((records, meta, link)),
        (None, ..) => Err(Fault::Shape),
    }
}

/// Returns the cursor of the next page: from the query of the link, if the stream takes it from there.
fn cursor(link: &Link, after_cursor: Option<String>, stream: NextPage) -> Option<PageCursor> {
    let from_link = match link {
        Link::Url(link) if !stream.from_link.is_empty() => cursor_of_link(link, stream.from_link),
        _ => None,
    };
    from_link.or_else(|| Some(PageCursor { parameter: stream.parameter, value: after_cursor? }))
}

/// Returns the first of these parameters that the query of a link has. The rest of the link is not looked at.
fn cursor_of_link(link: &str, parameters: &[&'static str]) -> Option<PageCursor> {
    let (_, query) = link.split_once('?')?;
    let mut url = Url::parse("http://unused.invalid/").ok()?;
    url.set_query(query.split('#').next());
    parameters.iter().find_map(|parameter| {
        let (_, value) = url.query_pairs().find(|(name, value)| name == parameter && !value.is_empty())?;
        Some(PageCursor { parameter, value: value.into_owned() })
    })
}

fn read_records(scan: &mut Scan<'_>, stream: &Stream) -> Result<Vec<Record>, Fault> {
    if scan.peek() != Some(b'[') {
        return Err(Fault::Shape);
    }
    scan.expect(b'[')?;
    let mut records = Vec::new();
    while scan.another(records.is_empty(), b']')? {
        if scan.peek() != Some(b'{') {
            return Err(Fault::Shape);
        }
        if records.len() == MOST_RECORDS {
            return Err(Fault::TooMuch);
        }
        let start = scan.position();
        let keys = scan.seeded(ReadKeys(stream)).or_else(|_| {
            // A record with a repeated key or an invalid escape has no usable keys, but the page is not
            // broken. If the record is not JSON, this fails too.
            scan.value::<IgnoredAny>().map(|_| Keys::default())
        })?;
        let range = start..scan.position();
        let text = scan.text(range.clone());
        let identity = match keys.id {
            Id::Number(id) => Identity::Id(id),
            Id::Ulid(id) => Identity::Ulid(id),
            // The ids of all streams have the same name.
            Id::Odd => serde_json::from_str::<OddId<'_>>(text)
                .map_or_else(|_| Identity::of_record(text), |odd| Identity::of_odd_id(odd.id.get())),
            Id::None => Identity::of_record(text),
        };
        records.push(Record { identity, created_at: keys.created_at.0, user: keys.user.0, range });
    }
    Ok(records)
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
            created_at: created_at.unwrap_or_default(),
            user: user.unwrap_or_default(),
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

impl Link {
    fn or(self, other: Self) -> Self {
        if matches!(self, Self::None) { other } else { self }
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(Self::Odd, |scalar: Scalar<'_>| match scalar {
            Scalar::Null => Self::None,
            Scalar::Text(text) => Self::Url(text.to_owned()),
            Scalar::Integer(_) => Self::Odd,
        }))
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

/// Accepts any JSON value: passes scalars to a function, and returns a fixed value for everything else.
struct Lenient<T, F>(T, F);

enum Scalar<'t> {
    Null,
    Integer(i64),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{ACCESS_LOGS, AUDIT_LOGS};

    fn parse(body: &str) -> Result<Page, String> {
        Page::parse(&mut body.as_bytes().to_vec(), &AUDIT_LOGS)
    }

    #[test]
    fn records_are_found_at_their_positions() {
        let page = parse(
            " {\"links\":{\"next\":null},\"audit_logs\":[ {\"id\":1,\"x\":1.10,\"created_at\":\"2024-01-01T00:00:00Z\"} ,\n{}],\"meta\":{\"has_more\":true,\"after_cursor\":\"a+b\"}}",
        )
        .expect("a page");
        let texts: Vec<_> = page.records.iter().map(|record| page.text(record)).collect();
        assert_eq!(texts, [&b"{\"id\":1,\"x\":1.10,\"created_at\":\"2024-01-01T00:00:00Z\"}"[..], b"{}"]);
        assert_eq!(page.records[0].identity, Identity::Id(1));
        assert_eq!(page.records[0].created_at.map(Second::as_unix), Some(1_704_067_200));
        assert_eq!(page.records[1].created_at, None);
        assert!(page.has_more);
        assert_eq!(page.next, Some(PageCursor { parameter: "page[after]", value: "a+b".to_owned() }));
    }

    #[test]
    fn a_record_of_the_access_log_has_a_ulid_a_timestamp_and_a_user() {
        let parse = |record: &str| {
            let body = format!(r#"{{"access_logs":[{record}],"meta":{{"has_more":false}}}}"#);
            Page::parse(&mut body.into_bytes(), &ACCESS_LOGS).expect("a page").records[0].clone()
        };
        let ulid = Ulid::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").map(Identity::Ulid);
        let record = parse(r#"{"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","timestamp":"2024-01-01T00:00:00.7Z","user_id":7}"#);
        assert_eq!(Some(record.identity), ulid);
        assert_eq!((record.created_at.map(Second::as_unix), record.user), (Some(1_704_067_200), Some(7)));
        for (record, user) in [
            (r#"{"user_id":"370000000001"}"#, Some(370_000_000_001)),
            (r#"{"user_id":null}"#, None),
            (r#"{"user_id":1.5}"#, None),
            (r#"{"user_id":{"id":1}}"#, None),
            (r#"{"created_at":"2024-01-01T00:00:00Z"}"#, None),
        ] {
            let record = parse(record);
            assert_eq!((record.user, record.created_at), (user, None));
        }
        let lower = parse(r#"{"id":"01arz3ndektsv4rrffq69g5fav"}"#).identity;
        assert_eq!(lower, Identity::Other("\"01arz3ndektsv4rrffq69g5fav\"".into()));
    }

    #[test]
    fn the_cursor_of_the_access_log_comes_from_the_query_of_the_link_whatever_its_host_is() {
        let next = |links: &str| {
            let body =
                format!(r#"{{"access_logs":[],"links":{links},"meta":{{"has_more":true,"after_cursor":"of+meta"}}}}"#);
            let next = Page::parse(&mut body.into_bytes(), &ACCESS_LOGS).expect("a page").next;
            next.map(|cursor| (cursor.parameter, cursor.value))
        };
        let found = |parameter, value: &str| Some((parameter, value.to_owned()));
        for (links, cursor) in [
            (r#"{"next":"https://evil.example/x?page[size]=5&page[after]=a%2Bb%3D"}"#, found("page[after]", "a+b=")),
            (r#"{"next":"/api/v2/access_logs?filter%5Bafter%5D=x#page[after]=y"}"#, found("filter[after]", "x")),
            (r#"{"next":"?filter[after]=x&page[after]=y"}"#, found("page[after]", "y")),
            (r#"{"next":"https://acme.zendesk.com/?other[after]=x&page[after]="}"#, found("filter[after]", "of+meta")),
            (r#"{"next":"page[after]=x"}"#, found("filter[after]", "of+meta")),
            (r#"{"next":7}"#, found("filter[after]", "of+meta")),
            (r#"{"next":null}"#, found("filter[after]", "of+meta")),
            ("{}", found("filter[after]", "of+meta")),
            ("[]", found("filter[after]", "of+meta")),
        ] {
            assert_eq!(next(links), cursor, "{links}");
        }
    }

    #[test]
    fn unusual_records_do_not_invalidate_a_page() {
        for (record, dated) in [
            (r#"{"created_at":"2024-01-01T00:00:00\u005a"}"#, true),
            (r#"{"created_at":"2024-01-01T01:00:00.5+01:00"}"#, true),
            (r#"{"\u0063reated_at":"2024-01-01T00:00:00Z"}"#, true),
            (r#"{"created_at":1704067200}"#, false),
            (r#"{"created_at":"\ud800"}"#, false),
            (r#"{"created_at":"soon"}"#, false),
            (r#"{"id":1,"id":2}"#, false),
            (r#"{"created_at":["2024-01-01T00:00:00Z"]}"#, false),
            (r#"{"created_at":null,"id":1e400}"#, false),
            (r#"{"x":1e400,"y":"\ud800","z":{"created_at":"2024-01-01T00:00:00Z"}}"#, false),
        ] {
            let page = parse(&format!(r#"{{"audit_logs":[{record}],"meta":{{"has_more":false}}}}"#)).expect(record);
            assert_eq!(page.text(&page.records[0]), record.as_bytes());
            assert_eq!(page.records[0].created_at.is_some(), dated, "{record}");
        }
    }

    #[test]
    fn ids_are_exact_and_unusual_ones_are_identified_by_their_json() {
        let identity = |id: &str| {
            let page = parse(&format!(r#"{{"audit_logs":[{{"id":{id}}}],"meta":{{"has_more":false}}}}"#)).expect(id);
            page.records[0].identity.clone()
        };
        for id in [0, -1, 9_007_199_254_740_993, i64::MAX, i64::MIN] {
            assert_eq!(identity(&id.to_string()), Identity::Id(id));
        }
        for id in ["1.0", "\"1\"", "18446744073709551615", "true", "[1]", "{\"a\":1}"] {
            assert_eq!(identity(id), Identity::Other(id.into()));
        }
        let long = format!("\"{}\"", "x".repeat(1000));
        assert!(matches!(identity(&long), Identity::Other(text) if text.starts_with("sha256:")));
        assert!(matches!(identity("null"), Identity::Other(text) if text.starts_with("sha256:")));
    }

    #[test]
    fn everything_but_a_page_is_rejected() {
        let long = format!(r#"{{"audit_logs":[],"meta":{{"has_more":true,"after_cursor":"{}"}}}}"#, "x".repeat(9000));
        let page_of = |records: usize| {
            let records = vec!["{}"; records].join(",");
            format!(r#"{{"audit_logs":[{records}],"meta":{{"has_more":false}}}}"#)
        };
        assert_eq!(parse(&page_of(10_000)).map(|page| page.records.len()), Ok(10_000));
        let deep = format!(r#"{{"audit_logs":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        for (body, what) in [
            ("", "an empty body"),
            (" \r\n", "an empty body"),
            ("\n<!DOCTYPE html><html></html>", "an HTML page"),
            ("{\"audit_logs\":[{\"id\":1", "broken JSON, 22 bytes"),
            ("ok", "broken JSON, 2 bytes"),
            ("{\"audit_logs\":[],\"meta\":{\"has_more\":false}}x", "broken JSON, 44 bytes"),
            ("null", "JSON of another shape"),
            ("[]", "JSON of another shape"),
            ("{}", "JSON of another shape"),
            ("{\"audit_logs\":[]}", "JSON of another shape"),
            ("{\"audit_logs\":[],\"meta\":{}}", "JSON of another shape"),
            ("{\"audit_logs\":null,\"meta\":{\"has_more\":false}}", "JSON of another shape"),
            ("{\"audit_logs\":[],\"meta\":{\"has_more\":\"false\"}}", "JSON of another shape"),
            ("{\"audit_logs\":[],\"meta\":[false]}", "JSON of another shape"),
            ("{\"audit_logs\":[],\"meta\":[true,\"x\"]}", "JSON of another shape"),
            ("{\"audit_logs\":[],\"audit_logs\":[],\"meta\":{\"has_more\":false}}", "JSON of another shape"),
            ("{\"error\":\"x\"}", "JSON of another shape"),
            ("{\"audit_logs\":[7],\"meta\":{\"has_more\":false}}", "JSON of another shape"),
            ("{\"audit_logs\":[null],\"meta\":{\"has_more\":false}}", "JSON of another shape"),
            (&long, "a cursor of 9000 bytes"),
            (&page_of(10_001), "more than 10000 records"),
        ] {
            assert_eq!(parse(body).map(|_| ()), Err(what.to_owned()), "{body}");
        }
        assert!(parse(&deep).is_err());
        let no_utf8 = b"{\"audit_logs\":[{\"x\":\"\xff\"}],\"meta\":{\"has_more\":false}}";
        assert!(Page::parse(&mut no_utf8.to_vec(), &AUDIT_LOGS).is_err());
    }
}
