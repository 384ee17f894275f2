//! The parameter in which a walk sends its cursors, where a stream has two and a server may ignore one of them.
//!
//! It must not decide if a request is sent again, and must not end a walk.

use crate::stream::Stream;
use crate::zendesk::{Identity, Page, PageCursor};

/// Records of a walk's first page by which that page is recognised. More than one, because a server can list a record
/// twice.
const FIRST_RECORDS: usize = 3;

/// The parameter of a walk's cursors.
#[derive(Debug, Default)]
pub struct CursorParameter {
    /// The stream has two.
    has_other: bool,
    /// The cursor goes in the other one than that of the link.
    uses_other: bool,
    /// A cursor has led to another page than the first.
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

    /// Takes a page, which a cursor led to if it is `followed`. Returns `true` if that is the first page again: the server
    /// ignores the parameter.
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

    /// Makes the next cursor go in the other parameter, unless this one has led on.
    pub fn switch(&mut self) {
        if !self.is_proven {
            self.uses_other = !self.uses_other;
        }
    }

    /// The walk begins again without a cursor.
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

    /// The parameter that the next request has.
    fn used(parameter: &mut CursorParameter, stream: &'static Stream) -> &'static str {
        let of_link = stream.next_page.from_link.first().copied().unwrap_or(stream.next_page.parameter);
        let mut cursor = PageCursor { parameter: of_link, value: "c".to_owned() };
        parameter.set(Some(&mut cursor), stream);
        cursor.parameter
    }

    #[test]
    fn the_first_page_again_is_recognised_with_its_records_in_another_order_and_with_new_ones() {
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
    fn a_parameter_that_has_led_on_is_kept_until_the_walk_begins_again() {
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
    fn a_stream_with_one_parameter_keeps_it_and_its_pages_are_taken_as_they_are() {
        let mut parameter = CursorParameter::default();
        parameter.is_ignored(&page(&[1, 2, 3, 4]), false);
        parameter.switch();
        assert_eq!(used(&mut parameter, &AUDIT_LOGS), "page[after]");
        assert!(!parameter.is_ignored(&page(&[1, 2, 3, 4]), true));
    }
}
