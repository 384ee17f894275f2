//! Writes the JSON of an audit log page. Writes bytes directly: must not build a JSON tree
//! for a page.

use crate::{
    cursor::{self, Cursor},
    options::{Count, CursorKind, Ties},
    query::{self, Paging, Params, Query, Start},
    record::Layout,
    reply::{Reply, quoted},
    store::{Direction, Filter, Key, Store},
    traffic::PageFacts,
};

/// The URL and parameters of a request, for the links in its response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestUrl<'a> {
    /// Scheme, host, port and path.
    pub(crate) url: &'a str,
    pub(crate) params: &'a Params,
}

/// The options that apply to pages, and a number that differs between requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    pub(crate) ties: Ties,
    pub(crate) cursor: CursorKind,
    pub(crate) count: Count,
    pub(crate) salt: u64,
}

/// Responds to a query. The second value describes the page; it is `None` for offset
/// pagination.
pub(crate) fn respond(
    store: &Store,
    query: &Query,
    listing: Listing,
    requested: RequestUrl<'_>,
) -> (Reply, Option<PageFacts>) {
    let filter = &query.filter;
    let (body, facts) = match query.paging {
        Paging::Cursor { size, sort, from } => {
            let (body, facts) = by_cursor(store, filter, (size, sort, from), listing, requested);
            (body, Some(facts))
        }
        Paging::Offset { .. } if listing.count == Count::Refused => return (Reply::invalid_pagination("page"), None),
        Paging::Offset { page, per_page, sort } => {
            (by_offset(store, filter, (page, per_page, sort), listing.count, requested), None)
        }
    };
    (Reply::json(200, body), facts)
}

fn by_cursor(
    store: &Store,
    filter: &Filter,
    (size, sort, from): (usize, Direction, Start),
    listing: Listing,
    requested: RequestUrl<'_>,
) -> (Vec<u8>, PageFacts) {
    let (direction, past) = match from {
        Start::First => (sort, None),
        Start::After(cursor) => (sort, Some(cursor)),
        Start::Before(cursor) => (reverse(sort), Some(cursor)),
    };
    let pages = 1 + past.map_or(0, |cursor| cursor.pages);
    let past = past.map(|cursor| match listing.cursor {
        CursorKind::Exact => cursor.key,
        CursorKind::SecondOnly => cursor.key.end_of_second(direction),
    });
    // Each event, and the cursor position after it.
    let mut found: Vec<(Key, Key)> = if listing.ties == Ties::Unstable && direction == sort {
        store.walk_unstable(filter, direction, past, (size + 1, listing.salt))
    } else {
        store.walk(filter, direction, past, size + 1).into_iter().map(|key| (key, key)).collect()
    };
    let has_more = found.len() > size;
    found.truncate(size);
    if direction != sort {
        found.reverse();
    }
    let cursor = |&(_, key): &(Key, Key)| cursor::encode(Cursor { key, pages }, sort);
    let after = found.last().map(cursor);
    let before = found.first().map(cursor);
    let mut keys: Vec<Key> = found.into_iter().map(|(key, _)| key).collect();
    if listing.ties == Ties::Shuffled {
        for second in keys.chunk_by_mut(|one, other| one.second() == other.second()) {
            second.sort_unstable_by_key(|key| key.shuffled(listing.salt));
        }
    }
    let mut out = records(store, &keys);
    // Backwards, there is always a next page: the one that the request came from.
    let next = after.as_ref().filter(|_| has_more || direction != sort);
    let prev = before.as_ref().filter(|_| has_more || direction == sort);
    let link = |name, cursor: Option<&String>| {
        cursor.map_or_else(|| "null".to_owned(), |cursor| quoted(&cursor_link(requested, name, cursor)))
    };
    let or_null = |text: &Option<String>| text.as_deref().map_or_else(|| "null".to_owned(), quoted);
    out.extend_from_slice(
        format!(
            r#","meta":{{"has_more":{has_more},"after_cursor":{},"before_cursor":{}}},"links":{{"next":{},"prev":{}}}}}"#,
            or_null(&after),
            or_null(&before),
            link("page[after]", next),
            link("page[before]", prev),
        )
        .as_bytes(),
    );
    (out, PageFacts { records: keys.len(), size, has_more })
}

fn by_offset(
    store: &Store,
    filter: &Filter,
    (page, per_page, sort): (u64, u64, Direction),
    shown: Count,
    requested: RequestUrl<'_>,
) -> Vec<u8> {
    let skip = (page - 1) * per_page;
    let keys = store.skip(filter, sort, skip as usize, per_page as usize);
    let count = store.count(filter) as u64;
    let link = |wanted: bool, page: u64| {
        if wanted { quoted(&offset_link(requested, page)) } else { "null".to_owned() }
    };
    let shown = match shown {
        Count::Absent => String::new(),
        Count::Off(by) => format!(r#","count":{}"#, count.saturating_add_signed(by)),
        Count::Right | Count::Refused => format!(r#","count":{count}"#),
    };
    let mut out = records(store, &keys);
    out.extend_from_slice(
        format!(
            r#","next_page":{},"previous_page":{}{shown}}}"#,
            link(skip + per_page < count, page + 1),
            link(page > 1, page - 1),
        )
        .as_bytes(),
    );
    out
}

/// Writes `{"audit_logs":[...]`, without the closing brace.
fn records(store: &Store, keys: &[Key]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + keys.len() * 640);
    out.extend_from_slice(br#"{"audit_logs":["#);
    for (n, &key) in keys.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        store.write(&mut out, key, Layout::AsServed);
    }
    out.push(b']');
    out
}

fn cursor_link(requested: RequestUrl<'_>, name: &str, cursor: &str) -> String {
    let kept = pairs(requested).filter(|(n, _)| !matches!(*n, "page[after]" | "page[before]"));
    format!("{}?{}", requested.url, query::encode(kept.chain([(name, cursor)])))
}

fn offset_link(requested: RequestUrl<'_>, page: u64) -> String {
    let page = page.to_string();
    let kept = pairs(requested).filter(|(n, _)| *n != "page");
    format!("{}?{}", requested.url, query::encode(kept.chain([("page", page.as_str())])))
}

fn pairs(requested: RequestUrl<'_>) -> impl Iterator<Item = (&str, &str)> {
    requested.params.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn reverse(direction: Direction) -> Direction {
    match direction {
        Direction::Ascending => Direction::Descending,
        Direction::Descending => Direction::Ascending,
    }
}
