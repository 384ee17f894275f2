//! The part of a request and its response that may be shown: three headers without secrets, and no body.
//!
//! It must not interpret a response.

use std::time::Duration;

use reqwest::{Method, Url};

use super::rate_limit_headers::RateLimitHeaders;
use super::response::Response;
use super::transport::Outgoing;
use crate::secret::Redactor;

/// The header with the identifier that Zendesk's support asks for.
pub const REQUEST_ID: &str = "x-zendesk-request-id";

/// One attempt of a request, for the debug log.
#[derive(Debug)]
pub struct Attempt {
    /// `GET` or `POST`.
    pub method: Method,
    /// The path and the query, decoded, with shortened cursors.
    pub target: String,
    /// The response, or the error of the transport.
    pub outcome: Result<AttemptResponse, String>,
    /// The time from the start of the request to the end of the response.
    pub took: Duration,
}

/// The part of a response that may be shown.
#[derive(Debug)]
pub struct AttemptResponse {
    /// The HTTP status.
    pub status: u16,
    /// The size of the body after decompression.
    pub bytes: usize,
    /// `X-Zendesk-Request-Id`
    pub request_id: Option<String>,
    /// The account's rate limit, in requests per minute.
    pub limit: Option<u32>,
    /// The remaining requests of this minute.
    pub remaining: Option<u32>,
}

impl Attempt {
    /// Creates the description of an attempt that ended with a response or an error.
    #[must_use]
    pub fn new(request: &Outgoing, response: Result<&Response, &str>, took: Duration, redactor: &Redactor) -> Self {
        let outcome = match response {
            Err(message) => Err(redactor.library_message(message)),
            Ok(response) => {
                let account = RateLimitHeaders::of(response).account;
                Ok(AttemptResponse {
                    status: response.status,
                    bytes: response.body.len(),
                    request_id: response.header(REQUEST_ID).map(|id| redactor.request_id(id).to_owned()),
                    limit: account.total,
                    remaining: account.remaining,
                })
            }
        };
        Self { method: request.method(), target: redactor.redact(&target(&request.url)).into_owned(), outcome, took }
    }
}

/// Returns the path and the query of a URL, decoded. A cursor comes from the server and can contain anything,
/// so it is shown as a fingerprint, which distinguishes cursors.
#[must_use]
pub fn target(url: &Url) -> String {
    let pairs = url.query_pairs().map(|(name, value)| {
        if name.ends_with("[after]") { format!("{name}={}", fingerprint(&value)) } else { format!("{name}={value}") }
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    if query.is_empty() { url.path().to_owned() } else { format!("{}?{query}", url.path()) }
}

/// Returns the first bytes of the cursor's SHA-256 in hexadecimal form.
fn fingerprint(cursor: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, cursor.as_bytes());
    let digits: Vec<_> = digest.as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("#{}", digits.concat())
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn an_attempt_is_shown_without_credentials_bodies_and_whole_cursors() {
        let redactor = Redactor::default();
        redactor.add("s3cr3t-token");
        let url = "https://acme.zendesk.com/api/v2/audit_logs?page%5Bsize%5D=100&x=s3cr3t-token&page%5Bafter%5D=ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut authorization = HeaderValue::from_static("Bearer s3cr3t-token");
        authorization.set_sensitive(true);
        let request = Outgoing::get(url.parse().expect("a URL"), authorization);
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("x-rate-limit", "700"), ("x-rate-limit-remaining", "699"), ("x-zendesk-request-id", "r1")]
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let response = Response { status: 200, headers, body: b"s3cr3t body".to_vec() };
        let attempt = Attempt::new(&request, Ok(&response), Duration::from_millis(5), &redactor);
        assert_eq!(attempt.target, "/api/v2/audit_logs?page[size]=100&x=(redacted)&page[after]=#d6ec6898");
        let response = attempt.outcome.as_ref().expect("an response");
        assert_eq!((response.status, response.bytes), (200, 11));
        assert_eq!((response.limit, response.remaining), (Some(700), Some(699)));
        assert_eq!(response.request_id.as_deref(), Some("r1"));
        assert!(!format!("{attempt:?}").contains("s3cr3t"));

        let attempt = Attempt::new(&request, Err("s3cr3t-token: refused"), Duration::ZERO, &redactor);
        assert_eq!(attempt.outcome.expect_err("no response"), "(redacted): refused");
    }
}
