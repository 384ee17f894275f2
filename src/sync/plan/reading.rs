//! A window of the plan and the progress of its walk.
//!
//! This file must not decide which window is read, how long it is, or when it is split: that is the plan's.

use std::collections::VecDeque;

use super::{MEMORY, Reason, WindowId};
use crate::second::Second;
use crate::sync::batch::Batch;
use crate::sync::pace::Pace;
use crate::sync::sizing::RequestSize;
use crate::sync::walk::Walk;

/// A window that is or will be read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) id: WindowId,
    pub(super) walk: Walk,
    pub(super) reason: Reason,
    /// The turn of the window. Windows with a lower turn come first; windows of the same turn are in order of
    /// their start.
    pub(super) turn: u32,
    /// `true` if a request is in flight.
    pub(super) busy: bool,
    /// `true` if a request has been sent.
    pub(super) begun: bool,
    /// The size of the request in flight, in case it is too heavy.
    pub(super) asked: Option<RequestSize>,
    /// The number of consecutive failures that a smaller request may avoid.
    pub(super) failed: u32,
    /// `true` if the last failure was that of a page of one record: no request is smaller.
    pub(super) at_smallest_page: bool,
    /// Batches that wait until they can be emitted.
    pub(super) ready: VecDeque<Batch>,
    /// The pace of the window; before its first page, that of a window before it.
    pub(super) pace: Pace,
    /// The number of received pages.
    pub(super) pages: f64,
    /// The number of received records.
    pub(super) records: usize,
    /// The newest times of the last pages, to count the pages that a split would read again.
    pub(super) page_ends: VecDeque<Second>,
    /// The number of pages that was expected when the window was started.
    pub(super) expected: Option<f64>,
}

impl Reading {
    /// Creates the state of a window that has not begun.
    pub(super) fn new(id: WindowId, walk: Walk, reason: Reason) -> Self {
        Self {
            id,
            walk,
            reason,
            turn: 0,
            busy: false,
            begun: false,
            asked: None,
            failed: 0,
            at_smallest_page: false,
            ready: VecDeque::new(),
            pace: Pace::new(MEMORY),
            pages: 0.0,
            records: 0,
            page_ends: VecDeque::new(),
            expected: None,
        }
    }
}
