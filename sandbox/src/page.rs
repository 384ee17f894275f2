//! A checked question into the JSON of its page. Writes bytes by hand: no JSON
//! tree is built for a page.

use crate::{
    cursor,
    query::{self, Paging, Params, Query, Side},
    record::Layout,
    reply::{Reply, quoted},
    store::{Filter, Key, Store, Way},
};

/// Where a request stood, for the links in its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// Scheme, host, port and path.
    pub(crate) url: &'a str,
    pub(crate) params: &'a Params,
}

/// The answer to a question.
pub(crate) fn answer(store: &Store, query: &Query, asked: Asked<'_>) -> Reply {
    let body = match query.paging {
        Paging::Cursor { size, sort, from } => by_cursor(store, &query.filter, (size, sort, from), asked),
        Paging::Offset { page, per_page, sort } => by_offset(store, &query.filter, (page, per_page, sort), asked),
    };
    Reply::json(200, body)
}

fn by_cursor(store: &Store, filter: &Filter, (size, sort, from): (usize, Way, Side), asked: Asked<'_>) -> Vec<u8> {
    let (way, past) = match from {
        Side::First => (sort, None),
        Side::After(key) => (sort, Some(key)),
        Side::Before(key) => (reverse(sort), Some(key)),
    };
    let mut keys = store.walk(filter, way, past, size + 1);
    let has_more = keys.len() > size;
    keys.truncate(size);
    if way != sort {
        keys.reverse();
    }
    let mut out = records(store, &keys);
    let after = keys.last().map(|&key| cursor::encode(key, sort));
    let before = keys.first().map(|&key| cursor::encode(key, sort));
    // Going back, what was come from lies ahead; going forward, `has_more` decides.
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
    out
}

fn by_offset(store: &Store, filter: &Filter, (page, per_page, sort): (u64, u64, Way), asked: Asked<'_>) -> Vec<u8> {
    let skip = (page - 1) * per_page;
    let keys = store.skip(filter, sort, skip as usize, per_page as usize);
    let count = store.count(filter) as u64;
    let link = |wanted: bool, page: u64| {
        if wanted { quoted(&offset_link(asked, page)) } else { "null".to_owned() }
    };
    let mut out = records(store, &keys);
    out.extend_from_slice(
        format!(
            r#","next_page":{},"previous_page":{},"count":{count}}}"#,
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
