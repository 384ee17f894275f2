//! Identifies the failures that a smaller request can avoid: a pure function.
//!
//! It must not retry, wait or choose a smaller request; the caller of `Client::page` does.

use std::time::Duration;

use super::failure::{Error, Failure};

/// The time after which a failed gateway or a lost connection means that the server did not respond in time.
const LONG_WAIT: Duration = Duration::from_secs(20);

/// The handling of a failure that a smaller request can avoid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTooMuch {
    /// Returns it after the backoff, so that the caller can reduce the request.
    Report,
    /// Retries the request like after any other failure, because there is no smaller one.
    Retry,
}

/// The reason why a request is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMuchReason {
    /// The server cannot respond in time.
    Slow,
    /// The response is larger than the connector accepts.
    Large,
}

/// A request for more than the server can send or the connector can accept.
#[derive(Debug)]
pub struct TooMuch {
    /// The reason.
    pub reason: TooMuchReason,
    /// The failure of the attempt.
    pub error: Error,
}

/// Returns the reason if a smaller request may succeed where this attempt failed after `took`.
#[must_use]
pub fn too_much(failure: &Failure, took: Duration) -> Option<TooMuchReason> {
    match failure {
        // 524: the edge got no response from the server behind it.
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
    use crate::zendesk::rate_limiter::RefusedLimit;

    #[test]
    fn only_a_failure_that_a_smaller_request_can_avoid_is_too_much() {
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
            (Failure::RateLimited { minutes: 0, limit: RefusedLimit::Account }, None, None),
        ] {
            assert_eq!(too_much(&failure, Duration::from_millis(19_999)), at_once, "{failure:?}");
            assert_eq!(too_much(&failure, LONG_WAIT), after_a_long_wait, "{failure:?}");
        }
    }
}
