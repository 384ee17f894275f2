//! The meaning of a response of the API: a pure function of status and body.
//!
//! It must not wait, retry or use anything except the response. `page.rs` parses the body of a 200.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value;

use super::failure::Failure;
use super::rate_limiter::RefusedLimit;
use super::retry::{Retryability, parse_rate_limit_reset, parse_retry_after};
use crate::config::AuthMethod;
use crate::second::Second;
use crate::stream::Stream;

/// A response, read to its end.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

/// Shows the status and the size of the body; headers and body can hold tokens.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A failed attempt: the failure, and its retryability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The failure.
    pub failure: Failure,
    /// The retryability.
    pub retryability: Retryability,
}

impl FailedAttempt {
    /// Creates a failure that must not be retried.
    #[must_use]
    pub fn permanent(failure: Failure) -> Self {
        Self { failure, retryability: Retryability::Permanent }
    }

    /// Creates a failure that may be retried.
    #[must_use]
    pub fn transient(failure: Failure) -> Self {
        Self { failure, retryability: Retryability::Transient { after: None } }
    }
}

/// The day on which Zendesk turns off all API tokens: 2027-04-30T00:00:00Z.
const API_TOKENS_END: i64 = 1_809_043_200;

impl Response {
    /// Returns the value of a header, if it exists and is ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the wait in `Retry-After`. A date in it is compared with the server's time, or with this
    /// machine's time, `now`, if the response does not contain the server's.
    #[must_use]
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        parse_retry_after(self.header(RETRY_AFTER.as_str())?, self.sent_at().unwrap_or(now))
    }

    /// Returns the time until the reset of the rate limit, from `ratelimit-reset`.
    fn rate_limit_reset(&self, now: Timestamp) -> Option<Duration> {
        parse_rate_limit_reset(self.header("ratelimit-reset")?, self.sent_at().unwrap_or(now))
    }

    fn sent_at(&self) -> Option<Timestamp> {
        let date = self.header(DATE.as_str())?;
        jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
    }

    /// Returns the server's time, from `Date`.
    #[must_use]
    pub fn date(&self) -> Option<Second> {
        self.sent_at().map(Second::containing)
    }

    /// Returns the body as JSON, if it is JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Returns the failure if all endpoints share its meaning: transient failures, redirects and an unknown
    /// account.
    #[must_use]
    pub fn common_failure(&self, now: Timestamp) -> Option<FailedAttempt> {
        let status = self.status;
        let after = self.retry_after(now);
        Some(match status {
            // A response of a cache to a condition that the request did not have.
            304 => FailedAttempt::transient(Failure::ServerError { status }),
            300..=399 => FailedAttempt::permanent(Failure::Redirect { status, to: self.redirect_host() }),
            404 if self.is_missing_help_desk() => FailedAttempt::permanent(Failure::UnknownSubdomain),
            408 | 409 | 500..=599 => FailedAttempt {
                failure: Failure::ServerError { status },
                retryability: Retryability::Transient { after },
            },
            429 => FailedAttempt {
                failure: Failure::RateLimited { minutes: 0, limit: RefusedLimit::Account },
                retryability: Retryability::RateLimited { after: after.or_else(|| self.rate_limit_reset(now)) },
            },
            _ => return None,
        })
    }

    /// Returns the failure of a response, other than a 200, of a stream's endpoint.
    #[must_use]
    pub fn api_failure(&self, stream: &'static Stream, method: AuthMethod, now: Timestamp) -> FailedAttempt {
        if let Some(failure) = self.common_failure(now) {
            return failure;
        }
        FailedAttempt::permanent(match self.status {
            401 => self.unauthorized(method, now),
            403 => self.forbidden(stream),
            404 => Failure::EndpointNotFound,
            413 => return FailedAttempt::transient(Failure::TooLarge { what: "status 413".to_owned() }),
            422 => Failure::Unprocessable,
            // Only a 200 has a page; 204 and 206 do not.
            status @ 200..=299 => {
                return FailedAttempt::transient(Failure::NotAPage { stream, what: format!("status {status}") });
            }
            status => Failure::UnexpectedStatus { status },
        })
    }

    fn unauthorized(&self, method: AuthMethod, now: Timestamp) -> Failure {
        let retired = method == AuthMethod::ApiToken && now.as_second() >= API_TOKENS_END;
        let token_died = self.json().is_some_and(|json| json["error"] == "invalid_token");
        if retired {
            Failure::ApiTokenRetired
        } else if token_died || matches!(method, AuthMethod::ClientCredentials | AuthMethod::RefreshToken) {
            Failure::TokenExpired { method }
        } else {
            Failure::Credentials { method }
        }
    }

    fn forbidden(&self, stream: &'static Stream) -> Failure {
        match self.json() {
            None => Failure::IpRestricted,
            Some(json) => {
                let errors = json["errors"].as_array().into_iter().flatten();
                let descriptions = ["description", "error_description"].map(|field| &json[field]);
                let descriptions =
                    descriptions.into_iter().chain(errors.flat_map(|error| [&error["title"], &error["detail"]]));
                let about_scopes = descriptions.filter_map(Value::as_str).any(|text| text.contains("scope"));
                if about_scopes || json["error"] == "insufficient_scope" {
                    Failure::MissingScope { stream }
                } else {
                    Failure::Forbidden { stream }
                }
            }
        }
    }

    /// Returns `true` if the account does not exist. The body is JSON even if the header is HTML.
    fn is_missing_help_desk(&self) -> bool {
        let title = self.json().and_then(|json| json["error"]["title"].as_str().map(str::to_owned));
        title.is_some_and(|title| title.starts_with("No help desk"))
            || self.body.windows(12).any(|part| part == b"No help desk")
    }

    /// Returns the host in `Location`, without the path and the query, which may contain secrets.
    fn redirect_host(&self) -> Option<String> {
        let location = self.header(LOCATION.as_str())?;
        let url = reqwest::Url::parse(location).ok()?;
        Some(url.host_str()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::AUDIT_LOGS;
    use reqwest::header::HeaderValue;

    fn response(status: u16, body: &str) -> Response {
        Response { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn the_debug_form_shows_neither_headers_nor_body() {
        let mut response = response(200, "{\"access_token\":\"s3cr3t\"}");
        response.headers.insert("set-cookie", HeaderValue::from_static("s3cr3t"));
        assert_eq!(format!("{response:?}"), "Response { status: 200, bytes: 25, .. }");
    }

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().expect("a time")
    }

    const NO_ADD_ON: &str = r#"{"errors":[{"detail":"Authorization failed","title":"Authorization failed"}]}"#;
    const NO_SCOPE: &str = r#"{"errors":[{"title":"Authorization failed","detail":"missing scope read"}]}"#;
    const FORBIDDEN: &str = r#"{"error":{"title":"Forbidden","message":"You do not have access to this page. Please contact the account owner of this help desk for further help."}}"#;

    #[test]
    fn each_response_has_its_failure() {
        let token = AuthMethod::AccessToken;
        for (status, body, expected) in [
            (400, r#"{"error":"InvalidValue"}"#, Failure::UnexpectedStatus { status: 400 }),
            (401, r#"{"error":"Couldn't authenticate you"}"#, Failure::Credentials { method: token }),
            (
                401,
                r#"{"error":"invalid_token","error_description":"expired"}"#,
                Failure::TokenExpired { method: token },
            ),
            (401, "", Failure::Credentials { method: token }),
            (403, FORBIDDEN, Failure::Forbidden { stream: &AUDIT_LOGS }),
            (403, NO_ADD_ON, Failure::Forbidden { stream: &AUDIT_LOGS }),
            (403, NO_SCOPE, Failure::MissingScope { stream: &AUDIT_LOGS }),
            (
                403,
                r#"{"error":"Forbidden","description":"You are missing the following required scopes: read"}"#,
                Failure::MissingScope { stream: &AUDIT_LOGS },
            ),
            (403, "", Failure::IpRestricted),
            (403, "<html>Access denied</html>", Failure::IpRestricted),
            (404, r#"{"error":{"title":"No help desk at x.zendesk.com","message":""}}"#, Failure::UnknownSubdomain),
            (404, "<h1>No help desk at x.zendesk.com</h1>", Failure::UnknownSubdomain),
            (404, r#"{"error":"InvalidEndpoint","description":"Not found"}"#, Failure::EndpointNotFound),
            (422, "{}", Failure::Unprocessable),
        ] {
            let failure = response(status, body).api_failure(&AUDIT_LOGS, token, now());
            assert_eq!(failure, FailedAttempt::permanent(expected), "{status} {body}");
        }
    }

    #[test]
    fn an_api_token_that_is_rejected_after_the_retirement_is_reported_as_retired() {
        let refused = response(401, r#"{"error":"Couldn't authenticate you"}"#);
        let failure =
            |time: &str| refused.api_failure(&AUDIT_LOGS, AuthMethod::ApiToken, time.parse().expect("a time")).failure;
        assert_eq!(failure("2027-04-29T23:59:59Z"), Failure::Credentials { method: AuthMethod::ApiToken });
        assert_eq!(failure("2027-04-30T00:00:00Z"), Failure::ApiTokenRetired);
    }

    #[test]
    fn only_transient_statuses_are_retried() {
        let retried: Vec<u16> = (100..=599)
            .filter(|status| {
                response(*status, "").api_failure(&AUDIT_LOGS, AuthMethod::AccessToken, now()).retryability
                    != Retryability::Permanent
            })
            .filter(|status| *status < 500)
            .collect();
        let expected: Vec<u16> = (200..=299).chain([304, 408, 409, 413, 429]).collect();
        assert_eq!(retried, expected);
        for status in 500..=599 {
            let failure = response(status, "").api_failure(&AUDIT_LOGS, AuthMethod::AccessToken, now());
            assert_eq!(failure, FailedAttempt::transient(Failure::ServerError { status }));
        }
    }

    #[test]
    fn the_failure_of_a_redirect_contains_only_the_host() {
        let mut redirect = response(302, "");
        redirect.headers.insert(LOCATION, HeaderValue::from_static("https://evil.example/x?token=s3cr3t"));
        let failure = redirect.api_failure(&AUDIT_LOGS, AuthMethod::AccessToken, now());
        assert_eq!(
            failure,
            FailedAttempt::permanent(Failure::Redirect { status: 302, to: Some("evil.example".to_owned()) })
        );
    }

    #[test]
    fn the_wait_of_a_429_is_parsed() {
        let again = |headers: &[(&'static str, &'static str)]| {
            let mut response = response(429, "Number of allowed API requests per minute exceeded");
            for (name, value) in headers {
                response.headers.insert(*name, HeaderValue::from_static(value));
            }
            response.api_failure(&AUDIT_LOGS, AuthMethod::AccessToken, now()).retryability
        };
        let after = |seconds| Retryability::RateLimited { after: Some(Duration::from_secs(seconds)) };
        assert_eq!(again(&[("retry-after", "7"), ("ratelimit-reset", "40")]), after(7));
        assert_eq!(again(&[("ratelimit-reset", "40")]), after(40));
        assert_eq!(again(&[]), Retryability::RateLimited { after: None });
    }
}
