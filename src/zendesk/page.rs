//! A page: finds the records in the bytes of a response, without changing them.
//!
//! It must reject everything except a well-formed page, so that a broken response is never treated as the end
//! of the data. `record_keys.rs` reads the fields of a record.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use reqwest::Url;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::body::{Body, Damaged};
use super::body_room::Place;
use super::lenient::{Lenient, Scalar};
use super::record::Identity;
use super::record_keys::{Keys, ReadKeys};
use super::scan::{Fault, Scan};
use crate::second::Second;
use crate::stream::{NextPage, Stream};

/// The largest size of a cursor, in bytes. The API's cursors have some dozens of characters.
const LONGEST_CURSOR: usize = 8 << 10;

/// The largest number of records in a page. The connector requests far fewer. A response with more could
/// exhaust the memory, because an empty record takes three bytes in a response and many more here.
const MOST_RECORDS: usize = 10_000;

/// A page: the bytes of the response, and the positions of the records in them.
pub struct Page {
    body: Body,
    /// The records, in the order of the response.
    pub records: Vec<Record>,
    /// `true` if there are more pages.
    pub has_more: bool,
    /// The cursor of the next page.
    pub next: Option<PageCursor>,
    /// `true` if `links.next` exists. It is never followed, only compared with `has_more`.
    pub has_next_link: bool,
    /// The claim on the memory of the body, for the lifetime of the page.
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

/// Shows the number of records; their content can be personal data.
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

impl Page {
    /// Parses the body of a 200, and takes the bytes on success.
    ///
    /// # Errors
    /// A description of the body, which contains nothing of its content. The body is then unchanged.
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
        Ok(Self { records, has_more, next, has_next_link, place: None, body: Body::new(std::mem::take(body)) })
    }

    /// Counts the memory of the body until the page is dropped.
    pub(super) fn hold(&mut self, place: Arc<Place>) {
        self.place = Some(place);
    }

    /// Compresses the body, for a page that waits to be emitted.
    pub fn compress(&mut self) {
        self.body.compress();
        self.records.shrink_to_fit();
        if let Some(place) = &self.place {
            place.shrink_to(self.body.size());
        }
    }

    /// Restores the body.
    ///
    /// # Errors
    /// If the compressed bytes are damaged.
    pub fn decompress(&mut self) -> Result<(), Damaged> {
        self.body.decompress()
    }

    /// Returns the record's JSON, as the API sent it. The body must not be compressed.
    #[must_use]
    pub fn text(&self, record: &Record) -> &[u8] {
        &self.body.bytes()[record.range.clone()]
    }

    /// Returns the memory that the page uses, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.body.size() + self.records.capacity() * size_of::<Record>()
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
            // serde would also accept an array with the fields in order.
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

/// Returns the cursor of the next page, from the query of the link if the stream uses that.
fn cursor(link: &Link, after_cursor: Option<String>, stream: NextPage) -> Option<PageCursor> {
    let from_link = match link {
        Link::Url(link) => cursor_of_link(link, stream.from_link),
        _ => None,
    };
    from_link.or_else(|| Some(PageCursor { parameter: stream.parameter, value: after_cursor? }))
}

/// Returns the first of these parameters in the query of a link. The rest of the link is ignored.
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
            // A record with a repeated key or an invalid escape has no usable keys, but the page is valid. If
            // the record is not JSON, this fails too.
            scan.value::<IgnoredAny>().map(|_| Keys::default())
        })?;
        let range = start..scan.position();
        let Keys { created_at, user, .. } = keys;
        records.push(Record { identity: keys.identity(scan.text(range.clone())), created_at, user, range });
    }
    Ok(records)
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

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
