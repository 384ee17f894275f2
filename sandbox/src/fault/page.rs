//! Faults inside of a page: its JSON text with something moved, doubled or missing.
//! Records keep their exact texts. What is no page, or has nothing that could be
//! spoilt, stays as it is, which `None` says.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    cursor::{self, Cursor},
    dice::Dice,
    store::{Key, Way},
};

#[derive(Deserialize, Serialize)]
struct Page<'t> {
    #[serde(borrow)]
    audit_logs: Vec<&'t RawValue>,
    meta: Meta,
    #[serde(borrow)]
    links: &'t RawValue,
}

#[derive(Deserialize, Serialize)]
struct Meta {
    has_more: bool,
    after_cursor: Option<String>,
    before_cursor: Option<String>,
}

/// The page leads to `asked`, with which it was asked for.
pub(super) fn cursor_repeated(body: &[u8], asked: &str) -> Option<Vec<u8>> {
    edit(body, |page| {
        page.meta.after_cursor = Some(asked.to_owned());
        page.meta.has_more
    })
}

/// The page announces more, but no cursor.
pub(super) fn cursor_missing(body: &[u8]) -> Option<Vec<u8>> {
    edit(body, |page| {
        page.meta.after_cursor = None;
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
        page.audit_logs.clear();
        page.meta.has_more = true;
        page.meta.after_cursor = page.meta.before_cursor.take().and_then(|first| one_back(&first));
        page.meta.after_cursor.is_some()
    })
}

/// The last record twice; if there are more pages, the next one begins with it.
pub(super) fn event_repeated(body: &[u8]) -> Option<Vec<u8>> {
    edit(body, |page| {
        let Some(&last) = page.audit_logs.last() else {
            return false;
        };
        // A page of one record must not lead to itself.
        if page.audit_logs.len() > 1 {
            page.meta.after_cursor = page.meta.after_cursor.as_deref().and_then(one_back);
        }
        page.audit_logs.push(last);
        true
    })
}

/// Two records in each other's place.
pub(super) fn swap(body: &[u8], mut dice: Dice) -> Option<Vec<u8>> {
    edit(body, |page| {
        let number = page.audit_logs.len() as u64;
        let (one, other) = (dice.below(number), dice.below(number));
        if one == other {
            return false;
        }
        page.audit_logs.swap(one as usize, other as usize);
        true
    })
}

fn edit<'t>(body: &'t [u8], editor: impl FnOnce(&mut Page<'t>) -> bool) -> Option<Vec<u8>> {
    let mut page: Page<'t> = serde_json::from_slice(body).ok()?;
    editor(&mut page).then(|| serde_json::to_vec(&page).ok())?
}

/// The cursor of the place right before: what lies at the cursor's own comes next.
fn one_back(text: &str) -> Option<String> {
    let cursor = cursor::decode(text, Way::Up)?;
    let before = u128::from_be_bytes(cursor.key.to_bytes()).checked_sub(1)?;
    Some(cursor::encode(Cursor { key: Key::from_bytes(before.to_be_bytes()), ..cursor }, Way::Up))
}
