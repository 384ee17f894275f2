//! The message of a successful check: the age of the newest event, the size and the duration of a first sync,
//! and the expiry of a pasted token.
//!
//! It takes a bounded time and never fails: the message omits unknown values. It must not send a request
//! before the connection is known to work, and shows only numbers and times.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{AuthMethod, Config};
use crate::humanize::{age_of_the_newest, counted, rough};
use crate::second::Second;
use crate::stream::AUDIT_LOGS;
use crate::zendesk::{Between, Client, Page, Query, TokenEnd};

/// The time limit for all lookups together, in real time.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest wait for the rate limiter: a small share of the rate limit would delay the user too long.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The end of the time filter after this machine's clock, in seconds. The clock may be wrong.
const BEYOND_NOW: i64 = 86_400;
/// The remaining lifetime of a pasted token below which the message warns, in seconds.
const SOON: i64 = 7 * 86_400;

/// The known facts about an account with a working connection.
#[derive(Clone, Copy, Debug)]
pub struct Diagnosis {
    /// This machine's time.
    now: Second,
    /// `true` if the log has no events.
    empty: bool,
    /// `created_at` of the newest event.
    newest: Option<Second>,
    start_date: Option<Second>,
    /// The number of events in a first sync.
    count: Option<u64>,
    /// The account's rate limit, in requests per minute.
    limit: Option<u32>,
    /// The connector's share of the rate limit, in percent.
    percentage: u32,
    /// The connector's quota, in requests per minute.
    quota: f64,
    method: AuthMethod,
    token_end: Option<TokenEnd>,
}

impl Diagnosis {
    /// Requests the unknown values. `newest` is the page with the newest event.
    pub async fn of(client: &Client, config: &Config, newest: &Page, now: Second) -> Self {
        let method = client.method();
        let empty = newest.records.is_empty() && !newest.has_more;
        let between = config.start_date.map(|start| Between { start, end: now.max(start).plus(BEYOND_NOW) });
        let first_sync =
            Query { between, filters: Some(Arc::new(config.filters.of(&AUDIT_LOGS))), ..Query::newest(&AUDIT_LOGS) };
        let count = async { if empty { None } else { client.count(&first_sync, LONGEST_WAIT).await } };
        let end = async {
            // Other tokens are renewed by the connector or do not expire.
            if method == AuthMethod::AccessToken { client.token_end(LONGEST_WAIT).await } else { None }
        };
        let (count, token_end) = tokio::join!(tokio::time::timeout(LIMIT, count), tokio::time::timeout(LIMIT, end));
        Self {
            now,
            empty,
            newest: newest.records.iter().filter_map(|record| record.created_at).max(),
            start_date: config.start_date,
            count: count.ok().flatten(),
            limit: client.limit(),
            percentage: config.rate_limit_percentage,
            quota: client.quota(&AUDIT_LOGS),
            method,
            token_end: token_end.ok().flatten(),
        }
    }

    /// Returns the message.
    #[must_use]
    pub fn message(&self) -> String {
        let freshness = match self.newest {
            _ if self.empty => Some("The audit log has no events yet.".to_owned()),
            Some(newest) => Some(age_of_the_newest(newest, self.now)),
            None => None,
        };
        [Some("Connected.".to_owned()), freshness, self.volume(), self.token()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Describes the size of a first sync and its rate of requests.
    fn volume(&self) -> Option<String> {
        let limit = self.limit.map(|limit| {
            let requests = counted(limit.into(), "request");
            format!("{} % of {requests} per minute{}", self.percentage, plan(limit))
        });
        let from = match self.start_date {
            Some(start) => format!("A first sync from {start}"),
            None => "A first sync".to_owned(),
        };
        Some(match (self.count, limit) {
            (Some(0), _) => format!("{from} reads no events."),
            (Some(count), Some(limit)) => {
                format!("{from} reads about {} in {}, at {limit}.", counted(count, "event"), self.duration(count))
            }
            (Some(count), None) => format!("{from} reads about {}.", counted(count, "event")),
            (None, Some(limit)) => format!("The connector may use {limit}."),
            (None, None) => return None,
        })
    }

    /// Returns how long the requests for this many events take. All other work runs concurrently.
    fn duration(&self, events: u64) -> String {
        let pages = u32::try_from(events.div_ceil(AUDIT_LOGS.page_size.into())).unwrap_or(u32::MAX);
        let seconds = f64::from(pages) * 60.0 / self.quota;
        match Duration::try_from_secs_f64(seconds) {
            Ok(time) if time >= Duration::from_mins(1) => format!("about {}", rough(time)),
            _ => "less than a minute".to_owned(),
        }
    }

    fn token(&self) -> Option<String> {
        match self.method {
            AuthMethod::ApiToken => None,
            AuthMethod::ClientCredentials | AuthMethod::RefreshToken => {
                Some("The connector renews its access token.".to_owned())
            }
            AuthMethod::AccessToken => Some(match self.token_end? {
                TokenEnd::Never => "The access token does not expire.".to_owned(),
                TokenEnd::At(end) => {
                    let left = end.since(self.now);
                    let span = rough(Duration::from_secs(u64::try_from(left).unwrap_or_default()));
                    let remedy = if left < SOON {
                        ", and later syncs fail: select \"OAuth client credentials\", which renews its tokens."
                    } else {
                        "."
                    };
                    format!("The access token expires in {span}{remedy}")
                }
            }),
        }
    }
}

/// Returns the name of the plan, if the rate limit identifies it.
fn plan(limit: u32) -> &'static str {
    if limit == 700 { " (Enterprise)" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Second {
        "2026-11-23T12:00:00Z".parse().expect("a date")
    }

    fn known() -> Diagnosis {
        Diagnosis {
            now: now(),
            empty: false,
            newest: Some(now().minus(180)),
            start_date: None,
            count: Some(120_000),
            limit: Some(700),
            percentage: 50,
            quota: 350.0,
            method: AuthMethod::ClientCredentials,
            token_end: None,
        }
    }

    #[test]
    fn the_message_contains_only_known_values() {
        let known = known();
        for (diagnosis, message) in [
            (
                known,
                "Connected. The newest event is 3 minutes old. A first sync reads about 120,000 events in about 3 minutes, at 50 % of 700 requests per minute (Enterprise). The connector renews its access token.",
            ),
            (
                Diagnosis { start_date: Some(now().minus(86_400 * 30)), method: AuthMethod::ApiToken, ..known },
                "Connected. The newest event is 3 minutes old. A first sync from 2026-10-24T12:00:00Z reads about 120,000 events in about 3 minutes, at 50 % of 700 requests per minute (Enterprise).",
            ),
            (
                Diagnosis {
                    count: Some(30_000_000),
                    limit: Some(2_500),
                    percentage: 10,
                    quota: 250.0,
                    method: AuthMethod::ApiToken,
                    ..known
                },
                "Connected. The newest event is 3 minutes old. A first sync reads about 30,000,000 events in about 20 hours, at 10 % of 2,500 requests per minute.",
            ),
            (
                Diagnosis { count: Some(1), method: AuthMethod::ApiToken, ..known },
                "Connected. The newest event is 3 minutes old. A first sync reads about 1 event in less than a minute, at 50 % of 700 requests per minute (Enterprise).",
            ),
            (
                Diagnosis { count: None, method: AuthMethod::ApiToken, ..known },
                "Connected. The newest event is 3 minutes old. The connector may use 50 % of 700 requests per minute (Enterprise).",
            ),
            (
                Diagnosis { limit: None, method: AuthMethod::ApiToken, ..known },
                "Connected. The newest event is 3 minutes old. A first sync reads about 120,000 events.",
            ),
            (Diagnosis { newest: None, count: None, limit: None, method: AuthMethod::ApiToken, ..known }, "Connected."),
            (
                Diagnosis { newest: None, count: None, empty: true, method: AuthMethod::ApiToken, ..known },
                "Connected. The audit log has no events yet. The connector may use 50 % of 700 requests per minute (Enterprise).",
            ),
            (
                Diagnosis {
                    count: Some(0),
                    start_date: Some(now().plus(86_400)),
                    method: AuthMethod::ApiToken,
                    ..known
                },
                "Connected. The newest event is 3 minutes old. A first sync from 2026-11-24T12:00:00Z reads no events.",
            ),
        ] {
            assert_eq!(diagnosis.message(), message);
        }
    }

    #[test]
    fn the_expiry_of_a_pasted_token_is_reported_with_the_remedy() {
        let remedy = ", and later syncs fail: select \"OAuth client credentials\", which renews its tokens.";
        let token = |token_end| Diagnosis { method: AuthMethod::AccessToken, token_end, ..known() }.token();
        assert_eq!(token(None), None);
        assert_eq!(token(Some(TokenEnd::Never)).as_deref(), Some("The access token does not expire."));
        for (left, text) in [
            (1_740, format!("29 minutes{remedy}")),
            (-5, format!("0 seconds{remedy}")),
            (SOON - 1, format!("7 days{remedy}")),
            (SOON, "7 days.".to_owned()),
            (86_400 * 90, "3 months.".to_owned()),
        ] {
            let end = TokenEnd::At(now().plus(left));
            assert_eq!(token(Some(end)), Some(format!("The access token expires in {text}")));
        }
        for method in [AuthMethod::ApiToken, AuthMethod::ClientCredentials, AuthMethod::RefreshToken] {
            let diagnosis = Diagnosis { method, token_end: Some(TokenEnd::At(now())), ..known() };
            assert!(!diagnosis.message().contains("expires in"), "{method:?}");
        }
    }
}
