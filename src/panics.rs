//! Panics: a defect, and all the same an end that is told. Here a panic becomes an [`Error`].
//!
//! It must not decide what is written about it, and it relies on panics that unwind.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use tokio::task::JoinError;

use crate::error::{Error, ErrorKind, Result};

#[cfg(not(panic = "unwind"))]
compile_error!("a panic must unwind, or the platform never hears of it");

/// Where the last panic was, if [`keep_quiet`] watches.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Keeps the standard library from writing panics to stderr, whose message may hold anything. For the
/// program only: it is so for the whole process.
pub fn keep_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = panic.location().map(ToString::to_string);
    }));
}

/// Does this work; a panic in it is a failure of it.
///
/// # Errors
/// Those of the work, and [`ErrorKind::Defect`] with the panic's message, in which secrets may stand.
pub fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(defect(&*payload)))
}

/// [`caught`] for what runs on the runtime. After a panic the work is dropped, not polled again.
///
/// # Errors
/// See [`caught`].
pub async fn caught_async<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|task| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(task))) {
        Ok(poll) => poll,
        Err(payload) => Poll::Ready(Err(defect(&*payload))),
    })
    .await
}

/// The failure that the end of a task is which gave no result.
#[must_use]
pub fn of_task(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(payload) => defect(&*payload),
        Err(error) => Error::with_details(ErrorKind::Defect, error.to_string()),
    }
}

/// The failure that a panic is.
#[must_use]
pub fn defect(payload: &(dyn Any + Send)) -> Error {
    let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (None, Some(message)) => message.as_str(),
        (None, None) => "without a message",
    };
    let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    Error::with_details(ErrorKind::Defect, format!("panic{place}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_defect<T>(result: Result<T>, message: &str) {
        let error = result.err().expect("a failure");
        assert_eq!(error.kind, ErrorKind::Defect);
        assert_eq!(error.internal.as_deref(), Some(message));
    }

    #[test]
    fn a_panic_is_a_failure_with_its_message() {
        assert_defect(caught::<()>(|| panic!("out of {}", "bounds")), "panic: out of bounds");
        assert_defect(caught::<()>(|| panic!("plain")), "panic: plain");
        assert_defect(caught::<()>(|| std::panic::panic_any(7)), "panic: without a message");
        assert_eq!(caught(|| Ok(7)).ok(), Some(7));
    }

    #[tokio::test]
    async fn a_panic_of_a_task_is_one_as_well() {
        let late = async {
            tokio::task::yield_now().await;
            panic!("after a while")
        };
        assert_defect(caught_async::<()>(late).await, "panic: after a while");
        assert_eq!(caught_async(async { Ok(7) }).await.ok(), Some(7));
        let task = tokio::spawn(async { panic!("in a task") });
        assert_defect(task.await.map_err(of_task), "panic: in a task");
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        assert_eq!(task.await.map_err(of_task).map_err(|error| error.kind), Err(ErrorKind::Defect));
    }
}
