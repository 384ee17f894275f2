//! `check`: tests whether the configuration works, and reports the remedy if it does not.
//!
//! It takes at most a minute and changes nothing at Zendesk. The exception is a refresh token whose access
//! token has expired: the check uses the refresh token, and allows three more minutes for that request.
//! `diagnosis.rs` formats the message of a success.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Context;
use super::diagnosis::Diagnosis;
use super::reporter::{Profile, Reporter};
use super::warnings::{API_TOKEN_WARNING, warn_of_unknown_actions};
use crate::airbyte::message::{ConnectionStatus, Level, Message, Status};
use crate::config::{AuthMethod, Config};
use crate::error::{Error, Result};
use crate::second::Second;
use crate::stream::{AUDIT_LOGS, STREAMS, Stream};
use crate::zendesk::{self, Client, Failure, Page, PageOutcome, PageRequest, Query, SINGLE_USE};

/// The time limit for the test of the connection, in real time. With a refresh token, the limit of the
/// request that uses it is added.
const LIMIT: Duration = Duration::from_secs(50);
/// The time limit for the test of another stream, in real time.
const OTHER_STREAM_LIMIT: Duration = Duration::from_secs(10);
/// The longest wait of a request for another stream for the rate limiter.
const OTHER_STREAM_WAIT: Duration = Duration::from_secs(5);

/// Runs the command. A configuration that does not work is a result, not a failure.
///
/// # Errors
/// Fails if the file cannot be read or stdout cannot be written, and for a defect.
pub async fn run(context: &Context, path: &Path) -> Result<()> {
    let (file, config) = context.configuration(path).await?;
    let verdict = match config {
        Ok(config) => examine(context, &config, &file).await,
        Err(error) => Err(error.into()),
    };
    let connection_status = match verdict {
        Ok(message) => ConnectionStatus { status: Status::Succeeded, message: Some(message) },
        Err(error) if error.is_defect() || matches!(error, Error::Output(_)) => return Err(error),
        Err(error) => {
            explain(context, &error).await?;
            ConnectionStatus { status: Status::Failed, message: Some(error.to_string()) }
        }
    };
    Ok(context.output.send(&Message::ConnectionStatus { connection_status }).await?)
}

/// Tests the connection, and returns the message for a success.
async fn examine(context: &Context, config: &Config, file: &serde_json::Value) -> Result<String> {
    let limit = limit(config.credentials.method());
    let (client, reporter, newest) = match tokio::time::timeout(limit, probe(context, config, file)).await {
        Ok(probed) => probed?,
        Err(_) => return Err(zendesk::Error::from(Failure::Timeout).into()),
    };
    let now = Second::containing(context.clock.now());
    let (diagnosis, others) = tokio::join!(Diagnosis::of(&client, config, &newest, now), other_streams(&client));
    drop(client);
    reporter.finish().await?;
    Ok(format!("{}{others}", diagnosis.message()))
}

/// Tests the other streams, and returns sentences about them. A failure here does not fail the check, because
/// these streams are optional.
async fn other_streams(client: &Client) -> String {
    let mut message = Vec::new();
    for stream in STREAMS.into_iter().filter(|stream| **stream != AUDIT_LOGS) {
        let access = tokio::time::timeout(OTHER_STREAM_LIMIT, client.access(stream, OTHER_STREAM_WAIT)).await;
        let Stream { name, title, .. } = stream;
        message.push(match access.ok().flatten() {
            Some(Ok(())) => format!(" The {title} can also be read (stream {name})."),
            Some(Err(failure)) => format!(" The {title} cannot be read (stream {name}): {failure}"),
            None => format!(" It is not known whether the {title} can be read (stream {name})."),
        });
    }
    message.concat()
}

fn limit(method: AuthMethod) -> Duration {
    match method {
        AuthMethod::RefreshToken => LIMIT + SINGLE_USE,
        AuthMethod::ClientCredentials | AuthMethod::AccessToken | AuthMethod::ApiToken => LIMIT,
    }
}

/// Requests the newest audit log. `/users/me` would not test the access: it also returns 200 to users without it.
async fn probe(context: &Context, config: &Config, file: &serde_json::Value) -> Result<(Arc<Client>, Reporter, Page)> {
    let (client, reporter) = context.connect(config, file, Profile::Check)?;
    if client.method() == AuthMethod::ApiToken {
        context.output.log(Level::Warn, API_TOKEN_WARNING).await?;
    }
    warn_of_unknown_actions(context, &config.filters).await?;
    let error = match client.page(&PageRequest::retried(Query::newest(&AUDIT_LOGS))).await {
        Ok(PageOutcome::Page(page)) => return Ok((client, reporter, page)),
        Ok(PageOutcome::CursorRefused) => Error::defect("a cursor was refused in a request without one"),
        Ok(PageOutcome::TooMuch(too_much)) => too_much.error.into(),
        Err(error) => error.into(),
    };
    drop(client);
    reporter.finish().await?;
    Err(error)
}

/// Logs the technical details of a failed check.
async fn explain(context: &Context, error: &Error) -> Result<()> {
    if let Some(details) = error.details() {
        context.output.log(Level::Info, format!("Technical details: {details}")).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::airbyte::Output;
    use crate::clock::{Clock, RuntimeClock};
    use crate::commands::test_harness::TestHarness;
    use crate::zendesk::{Fetched, Outgoing, Response, Transport};

    /// An empty account whose token endpoint responds after this time.
    struct SlowTokens(Duration);

    impl Transport for SlowTokens {
        fn fetch<'t>(&'t self, request: &'t Outgoing) -> Pin<Box<dyn Future<Output = Fetched> + Send + 't>> {
            Box::pin(async move {
                let body = if request.is_secret() {
                    tokio::time::sleep(self.0).await;
                    r#"{"access_token":"at","refresh_token":"rt"}"#
                } else {
                    r#"{"audit_logs":[],"meta":{"has_more":false},"links":{}}"#
                };
                Ok(Response { status: 200, headers: HeaderMap::new(), body: body.into() })
            })
        }
    }

    /// Returns the result of a check and its duration, if the token endpoint responds after the given time.
    async fn check(auth_type: &str, tokens_after: Duration) -> (Result<String>, Duration) {
        let file = json!({
            "subdomain": "acme",
            "credentials": { "auth_type": auth_type, "client_id": "c", "client_secret": "s", "refresh_token": "r" }
        });
        let config = Config::parse(&file).expect("understood");
        let (output, jobs) = Output::on_a_task(Level::Info);
        let writer = tokio::spawn(async { jobs.run(&mut Vec::new()).await });
        let context = Context {
            output,
            clock: Clock::Runtime(RuntimeClock::new(Arc::new(|_| jiff::Timestamp::UNIX_EPOCH))),
            transport: Some(Arc::new(SlowTokens(tokens_after))),
            ..TestHarness::start().context
        };
        let began = tokio::time::Instant::now();
        let result = examine(&context, &config, &file).await;
        let duration = began.elapsed();
        drop(context);
        writer.abort();
        (result, duration)
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_waits_for_the_full_timeout_of_a_refresh_token_request() {
        let slow = SINGLE_USE.saturating_sub(Duration::from_secs(1));
        assert!(slow > Duration::from_mins(2));
        let (result, duration) = check("refresh_token", slow).await;
        assert!(result.is_ok_and(|message| message.starts_with("Connected.")));
        assert!(duration >= slow && duration < SINGLE_USE, "{duration:?}");
        // A token that can be requested again is not waited for.
        let (result, duration) = check("client_credentials", slow).await;
        assert_eq!(result.expect_err("the check times out").to_string(), Failure::Timeout.to_string());
        assert_eq!(duration, LIMIT);
        // The wait for a pair is limited, too.
        let (result, duration) = check("refresh_token", Duration::from_hours(1)).await;
        assert_eq!(result.expect_err("the check times out").to_string(), Failure::Timeout.to_string());
        assert_eq!(duration, LIMIT + SINGLE_USE);
    }
}
