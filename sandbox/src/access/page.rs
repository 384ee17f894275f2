//! Writes the JSON of an access log page. Writes bytes directly: must not build a JSON
//! tree.

use super::{query::Query, store::AccessStore, ulid::Ulid};
use crate::{
    cursor::{self, Cursor},
    options::LinkCursorName,
    query::{self, Params},
    record::Layout,
    reply::{Reply, quoted},
    store::Key,
    traffic::PageFacts,
};

/// Responds to a query. `url` is scheme, host, port and path, for the links.
pub(super) fn respond(
    store: &AccessStore,
    query: &Query,
    name: LinkCursorName,
    (url, params): (&str, &Params),
) -> (Reply, PageFacts) {
    let (direction, past, pages) = query.walk();
    let mut found = store.walk(&query.filter, direction, past, query.size + 1);
    let more = found.len() > query.size;
    found.truncate(query.size);
    if direction != query.sort {
        found.reverse();
    }
    // Backwards, there is always a next page: the one that the request came from.
    let (has_more, has_before) = if direction == query.sort { (more, past.is_some()) } else { (true, more) };
    let cursor = |&(place, _): &(Ulid, Ulid)| {
        cursor::encode(Cursor { key: Key::from_bytes(place.0.to_be_bytes()), pages: pages + 1 }, query.sort)
    };
    let (after, before) = (found.last().map(cursor), found.first().map(cursor));
    let name = match name {
        LinkCursorName::Page => "page",
        LinkCursorName::Filter => "filter",
    };
    let link = |direction: &str, cursor: Option<&String>| {
        cursor.map_or_else(
            || "null".to_owned(),
            |cursor| {
                let is_cursor = |n: &str| n.ends_with("[after]") || n.ends_with("[before]");
                let kept = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).filter(|(n, _)| !is_cursor(n));
                let cursor_name = format!("{name}[{direction}]");
                quoted(&format!("{url}?{}", query::encode(kept.chain([(cursor_name.as_str(), cursor.as_str())]))))
            },
        )
    };
    let or_null = |text: &Option<String>| text.as_deref().map_or_else(|| "null".to_owned(), quoted);
    let mut out = Vec::with_capacity(512 + found.len() * 800);
    out.extend_from_slice(br#"{"access_logs":["#);
    for (n, &(_, id)) in found.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        store.write(&mut out, id, Layout::AsServed);
    }
    let tail = format!(
        r#"],"meta":{{"has_more":{has_more},"has_before":{has_before},"after_cursor":{},"before_cursor":{}}},"links":{{"next":{},"prev":{}}}}}"#,
        or_null(&after),
        or_null(&before),
        link("after", after.as_ref().filter(|_| has_more)),
        link("before", before.as_ref().filter(|_| has_before)),
    );
    out.extend_from_slice(tail.as_bytes());
    (Reply::json(200, out), PageFacts { records: found.len(), size: query.size, has_more })
}
