//! Locks a mutex, also after another holder has panicked.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Returns the guard. A panic of another holder is ignored: every change under these locks
/// is complete at every point.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
