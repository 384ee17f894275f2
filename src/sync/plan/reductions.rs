//! Smaller requests after failures: windows that are split because their span or their depth is too large for the
//! server.
//!
//! This file must not decide how much smaller a request becomes (`sizing.rs`), or whether it is sent again.

use std::collections::VecDeque;

use super::Plan;
use crate::second::Second;
use crate::sync::window::Window;
use crate::zendesk::TooMuchReason;

impl Plan {
    /// Reduces a window to the longest span to which the server responds in time.
    pub(super) fn cap_span(&mut self, index: usize) {
        let Window { start, .. } = self.windows[index].walk.window();
        let span = self.sizing.span();
        if self.windows[index].walk.window().seconds() > span {
            self.split_anywhere(index, start.plus(span));
        }
    }

    /// Handles a lost cursor. If another one is lost before a later record is received, cursors expire too
    /// soon for the window, which is then split.
    pub(super) fn after_restart(&mut self, index: usize, depth: u32, fruitless: u32) {
        let ends = std::mem::take(&mut self.windows[index].page_ends);
        if fruitless > 0 {
            self.split_at_page(index, &ends, depth >> fruitless.min(31));
        }
    }

    /// Handles a request that was too heavy for the server: the next one is smaller.
    pub(super) fn too_much(&mut self, index: usize, reason: TooMuchReason) {
        let reading = &mut self.windows[index];
        reading.failed += 1;
        let Some(asked) = reading.asked else {
            return;
        };
        match reason {
            // The fault may be temporary: the request is sent again unchanged.
            TooMuchReason::Slow if reading.failed == 1 => return,
            TooMuchReason::Slow => self.sizing.too_slow(asked),
            TooMuchReason::Large => self.sizing.too_large(asked),
        }
        reading.at_smallest_page = reason == TooMuchReason::Large && asked.has_smallest_page();
        let reading = &mut self.windows[index];
        reading.walk.restart();
        let ends = std::mem::take(&mut reading.page_ends);
        if asked.depth > 0 {
            self.split_at_page(index, &ends, asked.depth / 2);
        }
        self.cap_span(index);
    }

    /// Splits a restarted window at the end of its page with this number.
    fn split_at_page(&mut self, index: usize, ends: &VecDeque<Second>, pages: u32) {
        let Window { start, end } = self.windows[index].walk.window();
        let after = usize::try_from(pages).unwrap_or(usize::MAX).saturating_sub(1);
        let middle = Window { start, end: ends.get(after).copied().unwrap_or(end).min(end) };
        // Splits in the middle of a page if there is no earlier page, or if the pages end in the second after
        // the window, which the filter includes.
        let within = pages == 0 || middle.end >= end || middle.end <= start;
        let at = if within { start.plus((middle.seconds() / 2).max(1)) } else { middle.end };
        self.split_anywhere(index, at);
    }
}
