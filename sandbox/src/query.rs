//! Parses the parameters of an audit log request, or returns Zendesk's 400. Must not access
//! events.

use jiff::civil::DateTime;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::{
    cursor::{self, Cursor},
    reply::Reply,
    store::{Direction, Filter},
};

/// Maximum number of records in a page, for both kinds of pagination.
const MAX_SIZE: u64 = 100;
/// Last page of offset pagination, which ends at record 10,000.
const MAX_PAGE: u64 = 100;

/// Names and values, decoded.
pub(crate) type Params = [(String, String)];

/// Which bounds of a time filter are inclusive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) start_inclusive: bool,
    pub(crate) end_inclusive: bool,
}

/// The requested part of the matching events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Paging {
    /// With `page[size]`.
    Cursor { size: usize, sort: Direction, from: Start },
    /// Without `page[size]`. `page` starts at 1.
    Offset { page: u64, per_page: u64, sort: Direction },
}

/// Where a page starts in its walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the first event.
    First,
    /// After this position.
    After(Cursor),
    /// Before this position.
    Before(Cursor),
}

/// A parsed query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) filter: Filter,
    pub(crate) paging: Paging,
}

/// Splits and decodes a query string. A `+` is a space, as in forms.
pub(crate) fn params(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let blanks = text.replace('+', " ");
        percent_decode(blanks.as_bytes()).decode_utf8_lossy().into_owned()
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Encodes names and values as a query string. Only letters and digits are not encoded.
pub(crate) fn encode<'a>(params: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pair = |(name, value)| format!("{}={}", encode(name), encode(value));
    params.map(pair).collect::<Vec<_>>().join("&")
}

/// Parses the parameters. Unknown ones are ignored.
pub(crate) fn parse(params: &Params, bounds: Bounds) -> Result<Query, Reply> {
    let paging = if last(params, "page[size]").is_some() { cursor_paging(params)? } else { offset_paging(params)? };
    Ok(Query { filter: filter(params, bounds)?, paging })
}

fn cursor_paging(params: &Params) -> Result<Paging, Reply> {
    let size: usize = number(params, "page[size]", 0, Reply::invalid_pagination)?;
    if !(1..=MAX_SIZE as usize).contains(&size) {
        return Err(Reply::invalid_pagination("page[size]"));
    }
    let sort = match last(params, "sort") {
        None | Some("-created_at") => Direction::Descending,
        Some("created_at") => Direction::Ascending,
        Some(_) => return Err(Reply::invalid_pagination("sort")),
    };
    let place = |name, text| cursor::decode(text, sort).ok_or_else(|| Reply::invalid_pagination(name));
    let from = match (last(params, "page[after]"), last(params, "page[before]")) {
        (None, None) => Start::First,
        (Some(text), None) => Start::After(place("page[after]", text)?),
        (None, Some(text)) => Start::Before(place("page[before]", text)?),
        (Some(_), Some(_)) => return Err(Reply::invalid_pagination("page[before]")),
    };
    Ok(Paging::Cursor { size, sort, from })
}

fn offset_paging(params: &Params) -> Result<Paging, Reply> {
    let page: u64 = number(params, "page", 1, Reply::invalid_pagination)?;
    let per_page: u64 = number(params, "per_page", MAX_SIZE, Reply::invalid_pagination)?;
    if page == 0 || per_page == 0 {
        return Err(Reply::invalid_pagination("page"));
    }
    if page > MAX_PAGE {
        return Err(Reply::too_deep());
    }
    if !matches!(last(params, "sort_by"), None | Some("created_at")) {
        return Err(Reply::invalid_value("sort_by"));
    }
    let sort = match last(params, "sort_order") {
        None | Some("desc") => Direction::Descending,
        Some("asc") => Direction::Ascending,
        Some(_) => return Err(Reply::invalid_value("sort_order")),
    };
    Ok(Paging::Offset { page, per_page: per_page.min(MAX_SIZE), sort })
}

fn filter(params: &Params, bounds: Bounds) -> Result<Filter, Reply> {
    let filter = Filter {
        seconds: seconds(params, bounds)?,
        actions: several(params, "filter[action]").map(str::to_owned).collect(),
        actor_ids: numbers(params, "filter[actor_id]")?,
        ip_addresses: several(params, "filter[ip_address]").map(|t| t.parse().ok()).collect(),
        source_types: several(params, "filter[source_type]").map(str::to_owned).collect(),
        source_ids: numbers(params, "filter[source_id]")?,
    };
    if !filter.source_ids.is_empty() && filter.source_types.is_empty() {
        return Err(Reply::invalid_value("filter[source_id] without filter[source_type]"));
    }
    Ok(filter)
}

/// Parses the first and last matching second of `filter[created_at][]`. The name without
/// `[]` is rejected.
fn seconds(params: &Params, bounds: Bounds) -> Result<Option<(i64, i64)>, Reply> {
    let invalid = || Reply::invalid_value("filter[created_at]");
    let given: Vec<_> = params.iter().filter(|(n, _)| n.starts_with("filter[created_at]")).collect();
    if given.is_empty() {
        return Ok(None);
    }
    if given.iter().any(|(name, _)| name != "filter[created_at][]") {
        return Err(invalid());
    }
    let [(_, start), (_, end)] = given[..] else {
        return Err(invalid());
    };
    let (Some(start), Some(end)) = (instant(start), instant(end)) else {
        return Err(invalid());
    };
    if start > end {
        return Err(invalid());
    }
    let first = if bounds.start_inclusive { start } else { start + 1 };
    let last = if bounds.end_inclusive { end } else { end - 1 };
    Ok(Some((first, last)))
}

/// Parses `YYYY-MM-DDTHH:MM:SSZ` and nothing else into seconds since 1970.
pub(crate) fn instant(text: &str) -> Option<i64> {
    const FORM: &[u8; 20] = b"0000-00-00T00:00:00Z";
    let fits = text.len() == FORM.len()
        && text.bytes().zip(FORM).all(|(byte, &form)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte == form,
        });
    // A timestamp cannot hold the last day of the year 9999; a civil time can.
    let time: DateTime = text.get(..19).filter(|_| fits)?.parse().ok()?;
    Some(time.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs())
}

/// Returns the last value of a parameter.
pub(crate) fn last<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

fn number<T: std::str::FromStr>(params: &Params, name: &str, default: T, error: fn(&str) -> Reply) -> Result<T, Reply> {
    last(params, name).map_or(Ok(default), |text| text.parse().map_err(|_| error(name)))
}

/// Returns the values of a filter, which is given once or repeated with `[]` appended.
fn several<'a>(params: &'a Params, name: &'a str) -> impl Iterator<Item = &'a str> {
    params
        .iter()
        .filter(move |(n, _)| n.strip_prefix(name).is_some_and(|rest| matches!(rest, "" | "[]")))
        .map(|(_, value)| value.as_str())
}

fn numbers(params: &Params, name: &str) -> Result<Vec<i64>, Reply> {
    several(params, name).map(|t| t.parse().map_err(|_| Reply::invalid_value(name))).collect()
}
