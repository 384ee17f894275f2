//! Faults inside of a page of audit or access logs: its JSON with something moved, doubled
//! or missing. Records keep their exact texts. What is no page, or has nothing to spoil,
//! stays as it is, which `None` says.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    cursor::{self, Cursor},
    dice::Dice,
    query,
    store::{Key, Way},
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

    /// Changes the cursor. Access log pages lead on by their link, which follows.
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

/// The page leads to `asked`, with which it was asked for.
pub(super) fn cursor_repeated(body: &[u8], asked: &str) -> Option<Vec<u8>> {
    edit(body, |page| {
        page.set_after(Some(asked.to_owned()));
        page.meta.has_more
    })
}

/// The page announces more, but no cursor.
pub(super) fn cursor_missing(body: &[u8]) -> Option<Vec<u8>> {
    edit(body, |page| {
        page.set_after(None);
        page.meta.has_more
    })
}

/// The page says that it is the last one, although its link leads to the next.
pub(super) fn early_end(body: &[u8]) -> Option<Vec<u8>> {
    edit(body, |page| std::mem::replace(&mut page.meta.has_more, false))
}

/// No record, and a cursor of the place before the first of them.
pub(super) fn empty(body: &[u8]) -> Option<Vec<u8>> {
    edit(body, |page| {
        page.records().clear();
        page.meta.has_more = true;
        let before = page.meta.before_cursor.take().and_then(|first| one_back(&first));
        page.set_after(before);
        page.meta.after_cursor.is_some()
    })
}

/// The last record twice; if there are more pages, the next one begins with it.
pub(super) fn event_repeated(body: &[u8]) -> Option<Vec<u8>> {
    edit(body, |page| {
        let Some(&last) = page.records().last() else {
            return false;
        };
        // A page of one record must not lead to itself.
        if page.records().len() > 1 {
            let back = page.meta.after_cursor.as_deref().and_then(one_back);
            page.set_after(back);
        }
        page.records().push(last);
        true
    })
}

/// Two records in each other's place.
pub(super) fn swap(body: &[u8], mut dice: Dice) -> Option<Vec<u8>> {
    edit(body, |page| {
        let number = page.records().len() as u64;
        let (one, other) = (dice.below(number), dice.below(number));
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

/// The cursor of the place right before: what lies at the cursor's own comes next.
fn one_back(text: &str) -> Option<String> {
    let cursor = cursor::decode(text, Way::Up)?;
    let before = u128::from_be_bytes(cursor.key.to_bytes()).checked_sub(1)?;
    Some(cursor::encode(Cursor { key: Key::from_bytes(before.to_be_bytes()), ..cursor }, Way::Up))
}
