//! The numbers of emitted and skipped records of a sync.
//!
//! It must not format text: `progress.rs` does.

use crate::second::Second;

/// The metrics of one sync.
#[derive(Clone, Copy, Debug, Default)]
pub struct SyncMetrics {
    /// The number of RECORD messages.
    pub records: u64,
    /// The number of records that were skipped because their id had been emitted, by this sync or an earlier
    /// one.
    pub skipped: u64,
    /// The number of records that were excluded because of their user.
    pub of_other_users: u64,
    /// The number of RECORD messages for records without a usable `created_at`.
    pub undated: u64,
    /// The number of RECORD messages for records whose `created_at` is outside of the requested span.
    pub contradicting: u64,
    /// The number of RECORD messages for records that the server returned only when a span was read again.
    pub recovered: u64,
    /// The size of the emitted records, in bytes.
    pub bytes: u64,
    /// The largest memory of batches that waited to be emitted, in bytes.
    pub held_peak: usize,
    /// The newest emitted `created_at`, of this sync or an earlier one.
    pub newest: Option<Second>,
}
