//! Lookups in addition to the pages: the number of events, access to a stream, and the expiry of the access
//! token.
//!
//! They are optional: each is requested once, with an existing token, and every failure means "unknown". Only
//! numbers and times of a response may leave this file, because the response about a token contains a part of
//! the token.

use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::base_url::BaseUrl;
use super::client::Client;
use super::failure::Failure;
use super::page::Page;
use super::query::{Query, filter_parameters};
use super::response::Response;
use super::retry::Retryability;
use super::transport::Outgoing;
use crate::second::Second;
use crate::stream::{Counts, Stream};

/// The endpoint that describes the access token of the request.
const TOKEN_PATH: &str = "/api/v2/oauth/tokens/current.json";
/// The largest plausible number of events.
const MOST_EVENTS: u64 = 1_000_000_000_000;

/// When an access token expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenEnd {
    /// At this time.
    At(Second),
    /// It does not expire.
    Never,
}

impl Client {
    /// Returns the number of events that match a query, or `None` if it is unknown. Sends no request if the rate
    /// limiter would delay it by more than `longest_wait`.
    pub async fn count(&self, query: &Query, longest_wait: Duration) -> Option<u64> {
        if query.stream.counts == Counts::Unavailable {
            return None;
        }
        let url = count_url(&self.base, query);
        self.look_up(url, longest_wait, read_count).await
    }

    /// Returns when the access token expires, or `None` if it is unknown: the user may not have the permission, or
    /// the token is not an OAuth token. `longest_wait` is that of [`Client::count`].
    pub async fn token_end(&self, longest_wait: Duration) -> Option<TokenEnd> {
        self.look_up(self.base.join(TOKEN_PATH), longest_wait, read_token_end).await
    }

    /// Returns success if the records of a stream can be read, or the failure if the API refuses them, or
    /// `None` if that is unknown. `longest_wait` is that of [`Client::count`].
    pub async fn access(&self, stream: &'static Stream, longest_wait: Duration) -> Option<Result<(), Failure>> {
        let clock = self.retry_loop.connection.clock();
        let method = self.auth.method();
        self.look_up_any(Query::newest(stream).url(&self.base), longest_wait, |response| {
            if response.status == 200 {
                return Page::parse(&mut response.body, stream).ok().map(|_| Ok(()));
            }
            let failed = response.api_failure(stream, method, clock.now());
            (failed.retryability == Retryability::Permanent).then_some(Err(failed.failure))
        })
        .await
    }

    async fn look_up<T>(&self, url: Url, longest_wait: Duration, read: fn(&[u8]) -> Option<T>) -> Option<T> {
        let read = |response: &mut Response| if response.status == 200 { read(&response.body) } else { None };
        self.look_up_any(url, longest_wait, read).await
    }

    async fn look_up_any<T>(
        &self,
        url: Url,
        longest_wait: Duration,
        read: impl FnOnce(&mut Response) -> Option<T>,
    ) -> Option<T> {
        let token = self.auth.token_at_hand(self.retry_loop.connection.clock())?;
        let request = Outgoing::get(url, token.header());
        self.retry_loop.connection.try_once(&request, longest_wait, read).await
    }
}

/// Returns a URL with offset pagination, whose responses contain the number of all matching records. The
/// smallest page has one record.
fn count_url(base: &BaseUrl, query: &Query) -> Url {
    let mut url = base.join(query.stream.path);
    let mut pairs = url.query_pairs_mut();
    pairs.append_pair("page", "1").append_pair("per_page", "1");
    pairs.extend_pairs(query.between.iter().flat_map(|between| between.parameters(query.stream)));
    if let Some(filters) = &query.filters {
        pairs.extend_pairs(filter_parameters(filters));
    }
    drop(pairs);
    url
}

fn read_count(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Counted {
        count: u64,
    }
    let Counted { count } = serde_json::from_slice(body).ok()?;
    (count <= MOST_EVENTS).then_some(count)
}

fn read_token_end(body: &[u8]) -> Option<TokenEnd> {
    let response: Value = serde_json::from_slice(body).ok()?;
    match response.get("token")?.get("expires_at")? {
        Value::Null => Some(TokenEnd::Never),
        Value::String(text) => Some(TokenEnd::At(text.parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Subdomain;
    use crate::stream::AUDIT_LOGS;
    use crate::zendesk::Between;

    #[test]
    fn a_count_requests_one_record_by_offset() {
        let acme = Subdomain::parse("acme").expect("a subdomain");
        let base = BaseUrl::new(&acme, None).expect("a URL");
        let url = |between| count_url(&base, &Query { between, ..Query::newest(&AUDIT_LOGS) }).to_string();
        assert_eq!(url(None), "https://acme.zendesk.com/api/v2/audit_logs?page=1&per_page=1");
        let between = Between { start: Second::from_unix(60), end: Second::from_unix(0) };
        let minute = "filter%5Bcreated_at%5D%5B%5D=1970-01-01T00%3A01%3A00Z";
        assert_eq!(
            url(Some(between)),
            format!("https://acme.zendesk.com/api/v2/audit_logs?page=1&per_page=1&{minute}&{minute}"),
            "never a start after the end"
        );
    }

    #[test]
    fn a_response_without_a_count_is_unknown() {
        for (body, count) in [
            (r#"{"audit_logs":[{"id":1}],"next_page":null,"previous_page":null,"count":1234}"#, Some(1234)),
            (r#"{"count":0}"#, Some(0)),
            (r#"{"count":1000000000000}"#, Some(MOST_EVENTS)),
            (r#"{"count":1000000000001}"#, None),
            (r#"{"count":-1}"#, None),
            (r#"{"count":null}"#, None),
            (r#"{"count":"12"}"#, None),
            (r#"{"count":{"value":12}}"#, None),
            (r#"{"audit_logs":[],"meta":{"has_more":false}}"#, None),
            (r#"{"count":12"#, None),
            ("<html></html>", None),
            ("", None),
        ] {
            assert_eq!(read_count(body.as_bytes()), count, "{body}");
        }
    }

    #[test]
    fn a_response_without_an_expiry_is_unknown() {
        let at = |text: &str| Some(TokenEnd::At(text.parse().expect("a date")));
        for (body, end) in [
            (r#"{"token":{"id":7,"expires_at":"2026-11-23T12:30:00Z"}}"#, at("2026-11-23T12:30:00Z")),
            (r#"{"token":{"expires_at":null,"scopes":["read"]}}"#, Some(TokenEnd::Never)),
            (r#"{"token":{"id":7}}"#, None),
            (r#"{"token":{"expires_at":"soon"}}"#, None),
            (r#"{"token":{"expires_at":1795437000}}"#, None),
            (r#"{"token":[]}"#, None),
            (r#"{"error":"Forbidden"}"#, None),
            ("[]", None),
            ("<html></html>", None),
            ("", None),
        ] {
            assert_eq!(read_token_end(body.as_bytes()), end, "{body}");
        }
    }
}
