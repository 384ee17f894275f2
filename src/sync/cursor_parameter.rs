//! The parameter for the cursors of a walk, for a stream with two such parameters of which a server may
//! ignore one.
//!
//! It must not decide if a request is sent again, and must not end a walk.

use crate::stream::Stream;
use crate::zendesk::{Identity, Page, PageCursor};

/// The number of records of a walk's first page that identify it. More than one, because a server can list a
/// record twice.
const FIRST_RECORDS: usize = 3;

/// The parameter of a walk's cursors.
#[derive(Debug, Default)]
pub struct CursorParameter {
    /// `true` if the stream has two parameters.
    has_other: bool,
    /// `true` if the cursor is sent in the other parameter than that of the link.
    uses_other: bool,
    /// `true` if a cursor has returned another page than the first.
    is_proven: bool,
    /// The first records of the walk.
    first: Vec<Identity>,
}

impl CursorParameter {
    /// Sets the parameter of the cursor of the next request.
    pub fn set(&mut self, cursor: Option<&mut PageCursor>, stream: &'static Stream) {
        let Some(cursor) = cursor else {
            return;
        };
        let other = stream.next_page.other(cursor.parameter);
        self.has_other = other != cursor.parameter;
        if self.uses_other {
            cursor.parameter = other;
        }
    }

    /// Processes a page; `followed` is `true` if it was requested with a cursor. Returns `true` if it is the
    /// first page again: the server ignores the parameter.
    pub fn is_ignored(&mut self, page: &Page, followed: bool) -> bool {
        if self.is_proven || page.records.is_empty() {
            return false;
        }
        if self.first.is_empty() {
            let first = page.records.iter().take(FIRST_RECORDS);
            self.first = first.map(|record| record.identity.clone()).collect();
            return false;
        }
        if !followed || !self.has_other {
            return false;
        }
        let again = page.records.iter().filter(|record| self.first.contains(&record.identity)).count();
        self.is_proven = again == 0;
        again >= self.first.len()
    }

    /// Uses the other parameter for the next cursor, unless the current one has worked.
    pub fn switch(&mut self) {
        if !self.is_proven {
            self.uses_other = !self.uses_other;
        }
    }

    /// Resets the parameter for a walk that starts again without a cursor.
    pub fn restart(&mut self) {
        self.is_proven = false;
        self.first.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{ACCESS_LOGS, AUDIT_LOGS};

    fn page(ids: &[u32]) -> Page {
        let records: Vec<_> = ids.iter().map(|id| format!(r#"{{"id":{id}}}"#)).collect();
        let body = format!(r#"{{"audit_logs":[{}],"meta":{{"has_more":true}}}}"#, records.join(","));
        Page::parse(&mut body.into_bytes(), &AUDIT_LOGS).expect("a page")
    }

    /// Returns the parameter of the next request.
    fn used(parameter: &mut CursorParameter, stream: &'static Stream) -> &'static str {
        let of_link = stream.next_page.from_link.first().copied().unwrap_or(stream.next_page.parameter);
        let mut cursor = PageCursor { parameter: of_link, value: "c".to_owned() };
        parameter.set(Some(&mut cursor), stream);
        cursor.parameter
    }

    #[test]
    fn a_repeated_first_page_is_detected_with_other_order_and_new_records() {
        let mut parameter = CursorParameter::default();
        assert!(!parameter.is_ignored(&page(&[1, 2, 3, 4]), false));
        assert_eq!(used(&mut parameter, &ACCESS_LOGS), "page[after]");
        assert!(parameter.is_ignored(&page(&[3, 2, 9, 1, 4]), true));
        parameter.switch();
        assert_eq!(used(&mut parameter, &ACCESS_LOGS), "filter[after]");
        assert!(!parameter.is_ignored(&page(&[3, 5, 6]), true), "one record is listed twice");
        assert!(!parameter.is_ignored(&page(&[7, 8]), true));
    }

    #[test]
    fn a_working_parameter_is_kept_until_the_walk_restarts() {
        let mut parameter = CursorParameter::default();
        parameter.is_ignored(&page(&[1, 2, 3, 4]), false);
        used(&mut parameter, &ACCESS_LOGS);
        parameter.is_ignored(&page(&[5, 6]), true);
        parameter.switch();
        assert_eq!(used(&mut parameter, &ACCESS_LOGS), "page[after]");
        parameter.restart();
        parameter.switch();
        assert_eq!(used(&mut parameter, &ACCESS_LOGS), "filter[after]");
    }

    #[test]
    fn a_stream_with_one_parameter_keeps_it_and_accepts_all_pages() {
        let mut parameter = CursorParameter::default();
        parameter.is_ignored(&page(&[1, 2, 3, 4]), false);
        parameter.switch();
        assert_eq!(used(&mut parameter, &AUDIT_LOGS), "page[after]");
        assert!(!parameter.is_ignored(&page(&[1, 2, 3, 4]), true));
    }
}
