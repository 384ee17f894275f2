//! The API as the planner's tests see it: times in, pages out, no network.
//!
//! It must not stand in for HTTP or for faults. Only compiled for tests; everything that talks HTTP is tested against the sandbox.

use crate::second::Second;
use crate::stream::AUDIT_LOGS;
use crate::zendesk::{Between, Page, PageOutcome, Query};

/// Events at these times, ascending; the id of each is its index.
pub struct FakeApi {
    pub times: Vec<Second>,
    pub start_inclusive: bool,
    pub end_inclusive: bool,
    /// Decides the order within a second.
    pub tie_seed: u64,
    /// Every so many events there is one whose record has no `created_at`; 0 for none.
    pub undated: usize,
}

impl FakeApi {
    pub fn answer(&self, query: &Query) -> PageOutcome {
        let Between { start, end } = query.between.expect("every walk filters");
        assert!(start <= end, "the API answers 400 to a start after the end");
        let from = self.times.partition_point(|time| if self.start_inclusive { *time < start } else { *time <= start });
        let to = self.times.partition_point(|time| if self.end_inclusive { *time <= end } else { *time < end });
        let first = query.after.as_ref().map_or(from, |after| after.parse().expect("a cursor of this API"));
        let last = (first + query.size as usize).min(to.max(first));
        let records: Vec<String> = (first..last)
            .map(|place| match self.id(place) {
                id if self.undated > 0 && id % self.undated == 0 => format!(r#"{{"id":{id}}}"#),
                id => format!(r#"{{"id":{id},"created_at":"{}"}}"#, self.times[place]),
            })
            .collect();
        let body = format!(
            r#"{{"audit_logs":[{}],"meta":{{"has_more":{},"after_cursor":"{last}"}}}}"#,
            records.join(","),
            last < to
        );
        PageOutcome::Page(Page::parse(&mut body.into_bytes(), &AUDIT_LOGS).expect("a page"))
    }

    /// The event at this place: within a second they are turned round by the seed.
    fn id(&self, place: usize) -> usize {
        let time = self.times[place];
        let first = self.times.partition_point(|other| *other < time);
        let ties = self.times.partition_point(|other| *other <= time) - first;
        let turn = usize::try_from(self.tie_seed % ties as u64).expect("less than the number of ties");
        first + (place - first + turn) % ties
    }
}
