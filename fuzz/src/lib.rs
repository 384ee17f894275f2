//! The fuzz targets as functions, with the properties that must hold for every input. `tests/corpus.rs` runs them on
//! the committed inputs too.

#![allow(clippy::missing_panics_doc, reason = "a panic reports a finding")]

use std::path::Path;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use source_zendesk_audit_logs::airbyte::message::FailureType;
use source_zendesk_audit_logs::airbyte::{CatalogError, RecordLines, selected_streams, stream_state};
use source_zendesk_audit_logs::config::{self, AuthMethod, Config, InputFile, parse_json};
use source_zendesk_audit_logs::error::Error;
use source_zendesk_audit_logs::stream::{AUDIT_LOGS, STREAMS, Stream};
use source_zendesk_audit_logs::sync::SyncState;
use source_zendesk_audit_logs::zendesk::{
    Attempts, BaseUrl, Decision, Page, PageCursor, RateLimitHeaders, Response, RetryPolicy, Retryability, decide,
};

fn file(file: InputFile, bytes: &[u8]) -> config::Result<Value> {
    parse_json(file, Path::new("fuzzed.json"), bytes)
}

/// An invalid file is a configuration error whose message is a sentence.
fn assert_clear(error: &Error) {
    assert_eq!(error.failure_type(), FailureType::ConfigError, "{error}");
    assert!(error.to_string().ends_with('.'), "{error}");
}

/// A configuration file.
pub fn config(bytes: &[u8]) {
    match file(InputFile::Config, bytes).and_then(|file| Config::parse(&file)) {
        Err(error) => assert_clear(&error.into()),
        Ok(config) => {
            // For every configuration, credentials go to a Zendesk host.
            let base = BaseUrl::new(&config.subdomain, None).expect("a subdomain makes a URL");
            let url = base.join("/");
            assert_eq!(url.as_str(), format!("https://{}.zendesk.com/", config.subdomain));
            assert!(config.lookback_window_minutes <= 1440);
            assert!((1..=16).contains(&config.most_in_flight()));
            assert!((1..=100).contains(&config.rate_limit_percentage));
        }
    }
}

/// A configured catalog.
pub fn catalog(bytes: &[u8]) {
    if let Err(error) =
        file(InputFile::Catalog, bytes).map_err(CatalogError::from).and_then(|file| selected_streams(&file, &STREAMS))
    {
        assert_clear(&error.into());
    }
}

/// A state file.
pub fn state(bytes: &[u8]) {
    for stream in STREAMS {
        state_of(stream, bytes);
    }
}

fn state_of(stream: &'static Stream, bytes: &[u8]) {
    let state = file(InputFile::State, bytes)
        .and_then(|file| stream_state(&file, stream)?.map(|state| SyncState::parse(state, stream)).transpose());
    match state {
        Err(error) => assert_clear(&error.into()),
        Ok(None) => {}
        Ok(Some(state)) => {
            let written = state.to_value(stream);
            let read = SyncState::parse(&written, stream).expect("a written state can be parsed");
            assert_eq!(read.to_value(stream), written);
            assert_eq!(read.created_at, state.created_at);
        }
    }
}

/// The fields of a page, parsed by serde.
struct Expected<'t> {
    records: Vec<&'t RawValue>,
    meta: &'t RawValue,
}

#[derive(Deserialize)]
struct AuditLogs<'t> {
    #[serde(borrow)]
    audit_logs: Vec<&'t RawValue>,
    meta: &'t RawValue,
}

#[derive(Deserialize)]
struct AccessLogs<'t> {
    #[serde(borrow)]
    access_logs: Vec<&'t RawValue>,
    meta: &'t RawValue,
}

impl<'t> Expected<'t> {
    fn of(stream: &Stream, text: &'t str) -> Option<Self> {
        if *stream == AUDIT_LOGS {
            let AuditLogs { audit_logs: records, meta } = serde_json::from_str(text).ok()?;
            return Some(Self { records, meta });
        }
        let AccessLogs { access_logs: records, meta } = serde_json::from_str(text).ok()?;
        Some(Self { records, meta })
    }
}

#[derive(Deserialize)]
struct Meta {
    has_more: bool,
    #[serde(default)]
    after_cursor: Option<String>,
}

/// The body of a 200 of the API.
pub fn page(bytes: &[u8]) {
    for stream in STREAMS {
        page_of(stream, bytes);
    }
}

fn page_of(stream: &'static Stream, bytes: &[u8]) {
    let mut body = bytes.to_vec();
    // JSON is UTF-8, also in the fields that are not read.
    let text = std::str::from_utf8(bytes).ok();
    let expected = text.and_then(|text| Expected::of(stream, text));
    let is_object = |value: &RawValue| value.get().starts_with('{');
    let expected = expected.filter(|page| page.records.iter().all(|record| is_object(record)) && is_object(page.meta));
    let expected = expected.and_then(|page| Some((page.records, serde_json::from_str::<Meta>(page.meta.get()).ok()?)));
    let page = match Page::parse(&mut body, stream) {
        Ok(page) => page,
        Err(what) => {
            assert_eq!(body, bytes, "it is unchanged");
            let too_much = what.starts_with("a cursor of ") || what.starts_with("more than ");
            assert!(expected.is_none() || too_much, "a page was refused: {what}");
            return;
        }
    };
    let (records, meta) = expected.expect("only a page is accepted");
    assert_eq!(page.has_more, meta.has_more);
    if stream.next_page.from_link.is_empty() || !page.has_next_link {
        let cursor = meta.after_cursor.map(|value| PageCursor { parameter: stream.next_page.parameter, value });
        assert_eq!(page.next, cursor);
    }
    assert_eq!(page.records.len(), records.len());
    for (record, expected) in page.records.iter().zip(records) {
        assert_eq!(page.text(record), expected.get().as_bytes());
        assert_is_emitted_unaltered(page.text(record));
    }
}

#[derive(Deserialize)]
struct Line<'t> {
    #[serde(borrow)]
    record: Data<'t>,
}

#[derive(Deserialize)]
struct Data<'t> {
    #[serde(borrow)]
    data: &'t RawValue,
}

/// A RECORD message is one line with the record, without its line breaks.
fn assert_is_emitted_unaltered(record: &[u8]) {
    let mut lines = RecordLines::new(&AUDIT_LOGS, Timestamp::UNIX_EPOCH, 0);
    lines.push(record);
    let line = String::from_utf8(lines.into_bytes()).expect("a record is UTF-8");
    let line = line.strip_suffix('\n').expect("a line ends");
    assert!(!line.contains(['\r', '\n']));
    let line: Line<'_> = serde_json::from_str(line).expect("a line is JSON");
    let text = std::str::from_utf8(record).expect("a record is UTF-8");
    assert_eq!(line.record.data.get(), text.replace(['\r', '\n'], ""));
}

/// A response: the status (two bytes), the headers (one per line), an empty line, and the body.
pub fn headers(bytes: &[u8]) {
    let Some((status, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let status = 100 + u16::from_be_bytes(*status) % 500;
    let mut headers = HeaderMap::new();
    let mut rest = rest;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            break;
        };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let response = Response { status, headers, body: rest.to_vec() };
    let now = Timestamp::from_second(1_795_435_200).expect("a time");

    let limits = RateLimitHeaders::of(&response);
    for limit in std::iter::once(&limits.account).chain(limits.endpoint.iter().map(|(_, limit)| limit)) {
        assert_ne!(limit.total, Some(0));
        assert!(limit.resets.is_none_or(|resets| resets.as_secs() <= 3_600));
    }
    if let Some(date) = response.date() {
        assert_eq!(date.to_string().parse(), Ok(date));
    }
    for method in
        [AuthMethod::ClientCredentials, AuthMethod::RefreshToken, AuthMethod::AccessToken, AuthMethod::ApiToken]
    {
        let failure = response.api_failure(&AUDIT_LOGS, method, now);
        let message = failure.failure.to_string();
        assert!(message.ends_with(['.', ')']), "{message}");
        for retry_policy in [RetryPolicy::READ, RetryPolicy::CHECK] {
            for (failed, jitter) in [(1, 0.0), (1, 1.0), (retry_policy.max_attempts, 0.5)] {
                let attempts = Attempts { failed, refused: failed, ..Attempts::default() };
                let longest = match failure.retryability {
                    Retryability::RateLimited { .. } => retry_policy.rate_limited,
                    _ => {
                        retry_policy.longest_wait.max(std::time::Duration::from_mins(1))
                            + std::time::Duration::from_secs(1)
                    }
                };
                match decide(failure.retryability, attempts, retry_policy, jitter) {
                    Decision::GiveUp => {}
                    Decision::Wait(wait) => {
                        assert_ne!(failure.retryability, Retryability::Permanent);
                        assert!(wait <= longest, "{wait:?} is too long");
                    }
                }
            }
        }
    }
}
