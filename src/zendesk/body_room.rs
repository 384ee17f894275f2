//! The shared memory for large bodies of pages: those being received and those that wait to be emitted.
//!
//! A typical page does not use it. A body that exceeds its own allowance waits until there is room. The first
//! page in the order of emission never waits: all others are emitted after it, and only then release their
//! memory. This file must not receive or emit anything.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The allowance of each body, in bytes. A typical page has about 60 kB.
const ALLOWANCE: usize = 512 << 10;
/// The shared memory for the bodies beyond their allowances, in bytes. The earliest page may exceed it.
const SHARED: usize = 8 << 20;

/// The order of emission of pages: by the turn of their window, then by its start.
pub type Order = (u32, i64);

/// The shared memory.
#[derive(Debug, Default)]
pub struct BodyRoom {
    state: Mutex<State>,
    /// Notifies waiting tasks that there may be room, or that they may have become the earliest.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    made: u64,
    /// The pages from the first attempt of their request until their emission: their order, and a number.
    places: BTreeSet<(Order, u64)>,
}

/// A page's claim on the memory, from the first attempt of its request until the page is dropped.
#[derive(Debug)]
pub struct Place {
    room: Arc<BodyRoom>,
    key: (Order, u64),
    /// The shared memory that the page uses, in bytes.
    used: Mutex<usize>,
}

impl BodyRoom {
    /// Creates a claim for a page.
    #[must_use]
    pub fn place(self: &Arc<Self>, order: Order) -> Place {
        let mut state = locked(&self.state);
        state.made += 1;
        let key = (order, state.made);
        state.places.insert(key);
        Place { room: Arc::clone(self), key, used: Mutex::new(0) }
    }
}

impl Place {
    /// Waits until the body may have this size, in bytes.
    pub async fn grow(&self, size: usize) {
        loop {
            let freed = self.room.freed.notified();
            if self.try_grow(size) {
                return;
            }
            freed.await;
        }
    }

    fn try_grow(&self, size: usize) -> bool {
        let mut used = locked(&self.used);
        let more = size.saturating_sub(ALLOWANCE).saturating_sub(*used);
        if more == 0 {
            return true;
        }
        let mut state = locked(&self.room.state);
        let is_earliest = state.places.first().is_none_or(|(order, _)| *order >= self.key.0);
        if state.used + more > SHARED && !is_earliest {
            return false;
        }
        state.used += more;
        *used += more;
        true
    }

    /// Releases the memory of a dropped body.
    pub fn shrink(&self) {
        self.shrink_to(0);
    }

    /// Releases the memory that a body of this size does not need, in bytes.
    pub fn shrink_to(&self, size: usize) {
        let mut used = locked(&self.used);
        let unneeded = used.saturating_sub(size.saturating_sub(ALLOWANCE));
        if unneeded > 0 {
            *used -= unneeded;
            locked(&self.room.state).used -= unneeded;
            self.room.freed.notify_waiters();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = locked(&self.room.state);
        state.used -= *locked(&self.used);
        state.places.remove(&self.key);
        drop(state);
        self.room.freed.notify_waiters();
    }
}

/// A poisoned lock still guards valid numbers.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const LARGE: usize = 16 << 20;

    #[test]
    fn typical_pages_need_no_shared_memory() {
        let room = Arc::<BodyRoom>::default();
        let places: Vec<_> = (0..1_000).map(|start| room.place((0, start))).collect();
        assert!(places.iter().all(|place| place.try_grow(ALLOWANCE)));
        assert_eq!(locked(&room.state).used, 0);
    }

    #[test]
    fn large_bodies_wait_for_room_except_the_earliest() {
        let room = Arc::<BodyRoom>::default();
        let places: Vec<_> = (0..16).map(|start| room.place((0, start))).collect();
        let fit = places.iter().rev().filter(|place| place.try_grow(LARGE)).count();
        assert_eq!(fit, 1, "the earliest");
        assert!(locked(&room.state).used < SHARED + LARGE);
    }

    #[test]
    fn a_page_that_becomes_the_earliest_continues_and_releases_its_memory() {
        let room = Arc::<BodyRoom>::default();
        let (first, second, third) = (room.place((0, 2)), room.place((0, 3)), room.place((1, 1)));
        assert!(third.try_grow(SHARED));
        assert!(!second.try_grow(LARGE));
        assert!(first.try_grow(LARGE));
        drop(first);
        assert!(second.try_grow(LARGE));
        second.shrink();
        drop((second, third));
        let state = locked(&room.state);
        assert_eq!((state.used, state.places.len()), (0, 0));
    }

    #[test]
    fn an_earlier_page_that_starts_later_does_not_wait_for_later_pages() {
        let room = Arc::<BodyRoom>::default();
        let later: Vec<_> = (2..6).map(|start| room.place((0, start))).collect();
        assert_eq!(later.iter().filter(|place| place.try_grow(LARGE)).count(), 1, "the earliest so far");
        assert!(room.place((0, 1)).try_grow(LARGE));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_bodies_continue_one_after_the_other() {
        let room = Arc::<BodyRoom>::default();
        let tasks: Vec<_> = (0..16)
            .map(|start| {
                let place = room.place((0, start));
                tokio::spawn(async move {
                    // Each partly read body waits for the rest.
                    place.grow(2 << 20).await;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    place.grow(LARGE).await;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("it ends");
        }
        assert_eq!(locked(&room.state).used, 0);
    }
}
