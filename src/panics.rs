//! Catches panics and turns them into errors, so that a command reports them.
//!
//! This file must not decide how a panic is reported. It requires panics that unwind.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use tokio::task::JoinError;

use crate::masking::mask_tokens;

#[cfg(not(panic = "unwind"))]
compile_error!("a panic must unwind, so that the connector can report it");

/// The location of the last panic, if [`keep_quiet`] was called.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Prevents the standard library from writing panics to stderr, because their messages may contain secrets.
/// Only the binary may call it: it affects the whole process.
pub fn keep_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = panic.location().map(ToString::to_string);
    }));
}

/// A panic that was caught, or a task that was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// The location and the message of the panic, which may contain secrets.
    pub details: String,
}

/// Runs the closure and returns a panic in it as an error.
///
/// # Errors
/// Returns the errors of the closure, and a panic.
pub fn caught<T, E: From<Panicked>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(&*payload).into()))
}

/// Runs a future like [`caught`]. After a panic the future is not polled again.
///
/// # Errors
/// See [`caught`].
pub async fn caught_async<T, E: From<Panicked>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let mut work = pin!(work);
    std::future::poll_fn(|task| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(task))) {
        Ok(poll) => poll,
        Err(payload) => Poll::Ready(Err(panicked(&*payload).into())),
    })
    .await
}

/// Returns why a task ended without a result.
#[must_use]
pub fn of_task(error: JoinError) -> Panicked {
    match error.try_into_panic() {
        Ok(payload) => panicked(&*payload),
        Err(error) => Panicked { details: error.to_string() },
    }
}

/// Returns the location and the message of a panic.
#[must_use]
pub fn panicked(payload: &(dyn Any + Send)) -> Panicked {
    let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (None, Some(message)) => message.as_str(),
        (None, None) => "without a message",
    };
    let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    Panicked { details: format!("panic{place}: {}", mask_tokens(message)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_panicked<T>(result: Result<T, Panicked>, message: &str) {
        assert_eq!(result.err().map(|panicked| panicked.details).as_deref(), Some(message));
    }

    #[test]
    fn a_panic_is_a_failure_with_its_message() {
        assert_panicked(caught::<(), _>(|| panic!("out of {}", "bounds")), "panic: out of bounds");
        assert_panicked(caught::<(), _>(|| panic!("plain")), "panic: plain");
        assert_panicked(caught::<(), _>(|| std::panic::panic_any(7)), "panic: without a message");
        assert_eq!(caught::<_, Panicked>(|| Ok(7)).ok(), Some(7));
    }

    #[tokio::test]
    async fn a_panic_of_a_task_is_returned() {
        let late = async {
            tokio::task::yield_now().await;
            panic!("after a while")
        };
        assert_panicked(caught_async::<(), _>(late).await, "panic: after a while");
        assert_eq!(caught_async::<_, Panicked>(async { Ok(7) }).await.ok(), Some(7));
        let task = tokio::spawn(async { panic!("in a task") });
        assert_panicked(task.await.map_err(of_task), "panic: in a task");
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        assert!(task.await.map_err(of_task).is_err());
    }
}
