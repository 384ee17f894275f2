//! Tells the failures that a smaller request can avoid from all others: a pure decision.
//!
//! It must not retry, wait or choose what to ask for instead; the caller of `Client::page` does.

use std::time::Duration;

use super::failure::{Error, Failure};

/// A gateway that fails, or a connection that is lost, after this time gave up waiting for the answer.
const LONG_WAIT: Duration = Duration::from_secs(20);

/// What [`Client::page`](super::Client::page) does with a failure that a smaller request can avoid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTooMuch {
    /// Returns it after the backoff, so that the caller can ask for less.
    Report,
    /// Retries the request like after any other failure: it is the smallest that there is.
    Retry,
}

/// Why a request asks for too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMuchReason {
    /// The server cannot answer it in time.
    Slow,
    /// The response is larger than the connector accepts.
    Large,
}

/// A request that asks for more than the server can send or the connector can take.
#[derive(Debug)]
pub struct TooMuch {
    /// Why it is too much.
    pub reason: TooMuchReason,
    /// The failure of the attempt.
    pub error: Error,
}

/// Returns the reason if a smaller request may succeed where this attempt failed after `took`.
#[must_use]
pub fn too_much(failure: &Failure, took: Duration) -> Option<TooMuchReason> {
    match failure {
        // 524: the edge got no answer from the server behind it.
        Failure::ServerError { status: 504 | 524 } | Failure::Timeout => Some(TooMuchReason::Slow),
        Failure::ServerError { status: 502 } | Failure::ConnectionLost if took >= LONG_WAIT => {
            Some(TooMuchReason::Slow)
        }
        Failure::TooLarge { .. } => Some(TooMuchReason::Large),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::AUDIT_LOGS;

    #[test]
    fn only_what_a_smaller_request_can_avoid_is_too_much() {
        use TooMuchReason::{Large, Slow};
        let oversized = Failure::TooLarge { what: "a body of more than 16 MiB".to_owned() };
        let html = Failure::NotAPage { stream: &AUDIT_LOGS, what: "an HTML page".to_owned() };
        for (failure, at_once, after_a_long_wait) in [
            (Failure::ServerError { status: 504 }, Some(Slow), Some(Slow)),
            (Failure::ServerError { status: 524 }, Some(Slow), Some(Slow)),
            (Failure::ServerError { status: 502 }, None, Some(Slow)),
            (Failure::ServerError { status: 500 }, None, None),
            (Failure::ServerError { status: 503 }, None, None),
            (Failure::ConnectionLost, None, Some(Slow)),
            (Failure::Timeout, Some(Slow), Some(Slow)),
            (Failure::NoConnection { why: "no connection in time" }, None, None),
            (Failure::UnexpectedStatus { status: 400 }, None, None),
            (oversized, Some(Large), Some(Large)),
            (html, None, None),
            (Failure::RateLimited { minutes: 0 }, None, None),
        ] {
            assert_eq!(too_much(&failure, Duration::from_millis(19_999)), at_once, "{failure:?}");
            assert_eq!(too_much(&failure, LONG_WAIT), after_a_long_wait, "{failure:?}");
        }
    }
}
