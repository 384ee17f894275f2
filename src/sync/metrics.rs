//! What a sync has emitted and skipped, in numbers.
//!
//! It must not say anything in words: that is `progress.rs`.

use crate::second::Second;

/// Counters of one sync.
#[derive(Clone, Copy, Debug, Default)]
pub struct SyncMetrics {
    /// RECORD messages.
    pub records: u64,
    /// Records that were skipped because their id had been emitted, by this sync or one before.
    pub skipped: u64,
    /// Records that were left out because they are of users that the filters do not name.
    pub of_other_users: u64,
    /// RECORD messages for records without a usable `created_at`.
    pub undated: u64,
    /// RECORD messages for records whose `created_at` lies outside the span that was asked for.
    pub contradicting: u64,
    /// RECORD messages for records that the server returned only when a span was read again.
    pub recovered: u64,
    /// Bytes of the records that have been emitted.
    pub bytes: u64,
    /// The most that was held until its turn to be emitted came, in bytes.
    pub held_peak: usize,
    /// The newest `created_at` that has been emitted, by this sync or one before.
    pub newest: Option<Second>,
}
