//! Faults in the JSON of a page of audit or access logs. Records keep their exact bytes.
//! Each function returns `None` if the body is not a page, or if the fault does not apply.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    cursor::{self, Cursor},
    query,
    rng::Rng,
    store::{Direction, Key},
};

/// A page of either endpoint.
#[derive(Deserialize, Serialize)]
struct Page<'t> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    audit_logs: Option<Vec<&'t RawValue>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    access_logs: Option<Vec<&'t RawValue>>,
    meta: Meta,
    links: Links,
}

#[derive(Deserialize, Serialize)]
struct Meta {
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_before: Option<bool>,
    after_cursor: Option<String>,
    before_cursor: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Links {
    next: Option<String>,
    prev: Option<String>,
}

impl<'t> Page<'t> {
    fn records(&mut self) -> &mut Vec<&'t RawValue> {
        self.audit_logs.as_mut().unwrap_or_else(|| self.access_logs.get_or_insert_default())
    }

    /// Changes the cursor. On access log pages `links.next` changes with it.
    fn set_after(&mut self, after: Option<String>) {
        let encoded = |text: &str| query::encode([("", text)].into_iter());
        if self.access_logs.is_some() {
            let old = self.meta.after_cursor.as_deref().map(encoded);
            self.links.next = match (self.links.next.take(), old, &after) {
                (Some(link), Some(old), Some(new)) => Some(link.replace(&old, &encoded(new))),
                _ => None,
            };
        }
        self.meta.after_cursor = after;
    }
}

/// Returns the cursor of the request, `asked`, as the next cursor.
pub(super) fn cursor_repeated(body: &[u8], asked: &str) -> Option<Vec<u8>> {
    edit(body, |page| {
        page.set_after(Some(asked.to_owned()));
        page.meta.has_more
    })
}

/// Removes the cursor of a page that is not the last.
pub(super) fn cursor_missing(body: &[u8]) -> Option<Vec<u8>> {
    edit(body, |page| {
        page.set_after(None);
        page.meta.has_more
    })
}

/// Sets `has_more` to false on a page that is not the last. Its link stays.
pub(super) fn early_end(body: &[u8]) -> Option<Vec<u8>> {
    edit(body, |page| std::mem::replace(&mut page.meta.has_more, false))
}

/// Removes all records, and returns the cursor before the first of them.
pub(super) fn empty(body: &[u8]) -> Option<Vec<u8>> {
    edit(body, |page| {
        page.records().clear();
        page.meta.has_more = true;
        let before = page.meta.before_cursor.take().and_then(|first| one_back(&first));
        page.set_after(before);
        page.meta.after_cursor.is_some()
    })
}

/// Repeats the last record. If there is a next page, it starts with the same record.
pub(super) fn event_repeated(body: &[u8]) -> Option<Vec<u8>> {
    edit(body, |page| {
        let Some(&last) = page.records().last() else {
            return false;
        };
        // The cursor of a page with one record must not lead to the same page.
        if page.records().len() > 1 {
            let back = page.meta.after_cursor.as_deref().and_then(one_back);
            page.set_after(back);
        }
        page.records().push(last);
        true
    })
}

/// Swaps two records.
pub(super) fn swap(body: &[u8], mut rng: Rng) -> Option<Vec<u8>> {
    edit(body, |page| {
        let number = page.records().len() as u64;
        let (one, other) = (rng.below(number), rng.below(number));
        if one == other {
            return false;
        }
        page.records().swap(one as usize, other as usize);
        true
    })
}

fn edit<'t>(body: &'t [u8], editor: impl FnOnce(&mut Page<'t>) -> bool) -> Option<Vec<u8>> {
    let mut page: Page<'t> = serde_json::from_slice(body).ok()?;
    if page.audit_logs.is_none() && page.access_logs.is_none() {
        return None;
    }
    editor(&mut page).then(|| serde_json::to_vec(&page).ok())?
}

/// Returns the cursor directly before this one, so that the record at the cursor is next.
fn one_back(text: &str) -> Option<String> {
    let cursor = cursor::decode(text, Direction::Ascending)?;
    let before = u128::from_be_bytes(cursor.key.to_bytes()).checked_sub(1)?;
    Some(cursor::encode(Cursor { key: Key::from_bytes(before.to_be_bytes()), ..cursor }, Direction::Ascending))
}
