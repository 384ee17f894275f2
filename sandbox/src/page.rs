//! A checked question into the JSON of its page. Writes bytes by hand: no JSON
//! tree is built for a page.

use crate::{
    cursor::{self, Cursor},
    options::{Count, CursorKind, Ties},
    query::{self, Paging, Params, Query, Side},
    record::Layout,
    reply::{Reply, quoted},
    store::{Filter, Key, Store, Way},
    traffic::PageFacts,
};

/// Where a request stood, for the links in its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// Scheme, host, port and path.
    pub(crate) url: &'a str,
    pub(crate) params: &'a Params,
}

/// How pages are listed: the options, and a number that differs between requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    pub(crate) ties: Ties,
    pub(crate) cursor: CursorKind,
    pub(crate) count: Count,
    pub(crate) salt: u64,
}

/// The answer to a query, and what its page holds if it has one by cursor.
pub(crate) fn answer(store: &Store, query: &Query, listing: Listing, asked: Asked<'_>) -> (Reply, Option<PageFacts>) {
    let filter = &query.filter;
    let (body, facts) = match query.paging {
        Paging::Cursor { size, sort, from } => {
            let (body, facts) = by_cursor(store, filter, (size, sort, from), listing, asked);
            (body, Some(facts))
        }
        Paging::Offset { .. } if listing.count == Count::Refused => return (Reply::invalid_pagination("page"), None),
        Paging::Offset { page, per_page, sort } => {
            (by_offset(store, filter, (page, per_page, sort), listing.count, asked), None)
        }
    };
    (Reply::json(200, body), facts)
}

fn by_cursor(
    store: &Store,
    filter: &Filter,
    (size, sort, from): (usize, Way, Side),
    listing: Listing,
    asked: Asked<'_>,
) -> (Vec<u8>, PageFacts) {
    let (way, past) = match from {
        Side::First => (sort, None),
        Side::After(cursor) => (sort, Some(cursor)),
        Side::Before(cursor) => (reverse(sort), Some(cursor)),
    };
    let pages = 1 + past.map_or(0, |cursor| cursor.pages);
    let past = past.map(|cursor| match listing.cursor {
        CursorKind::Exact => cursor.key,
        CursorKind::SecondOnly => cursor.key.end_of_second(way),
    });
    // Events, and the place after each.
    let mut found: Vec<(Key, Key)> = if listing.ties == Ties::Unstable && way == sort {
        store.walk_unstable(filter, way, past, (size + 1, listing.salt))
    } else {
        store.walk(filter, way, past, size + 1).into_iter().map(|key| (key, key)).collect()
    };
    let has_more = found.len() > size;
    found.truncate(size);
    if way != sort {
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
    // Going back, the starting point lies ahead; going forward, `has_more` decides.
    let next = after.as_ref().filter(|_| has_more || way != sort);
    let prev = before.as_ref().filter(|_| has_more || way == sort);
    let link = |name, cursor: Option<&String>| {
        cursor.map_or_else(|| "null".to_owned(), |cursor| quoted(&cursor_link(asked, name, cursor)))
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
    (page, per_page, sort): (u64, u64, Way),
    shown: Count,
    asked: Asked<'_>,
) -> Vec<u8> {
    let skip = (page - 1) * per_page;
    let keys = store.skip(filter, sort, skip as usize, per_page as usize);
    let count = store.count(filter) as u64;
    let link = |wanted: bool, page: u64| {
        if wanted { quoted(&offset_link(asked, page)) } else { "null".to_owned() }
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

/// `{"audit_logs":[...]`, still open.
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

fn cursor_link(asked: Asked<'_>, name: &str, cursor: &str) -> String {
    let kept = pairs(asked).filter(|(n, _)| !matches!(*n, "page[after]" | "page[before]"));
    format!("{}?{}", asked.url, query::encode(kept.chain([(name, cursor)])))
}

fn offset_link(asked: Asked<'_>, page: u64) -> String {
    let page = page.to_string();
    let kept = pairs(asked).filter(|(n, _)| *n != "page");
    format!("{}?{}", asked.url, query::encode(kept.chain([("page", page.as_str())])))
}

fn pairs(asked: Asked<'_>) -> impl Iterator<Item = (&str, &str)> {
    asked.params.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn reverse(way: Way) -> Way {
    match way {
        Way::Up => Way::Down,
        Way::Down => Way::Up,
    }
}
