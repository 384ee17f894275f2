//! The HTTP floor: the same client, with the same timeouts, reads the same pages and parses only the cursor of each.
//!
//! It must not parse a record: its cost is the minimum for any connector with this client.

use std::sync::Arc;

use reqwest::header::AUTHORIZATION;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use source_zendesk_audit_logs::config::Subdomain;
use source_zendesk_audit_logs::second::Second;
use source_zendesk_audit_logs::stream::AUDIT_LOGS;
use source_zendesk_audit_logs::zendesk::{BaseUrl, Between, PageCursor, Query, Timeouts};
use zendesk_sandbox::credentials;

use crate::connector::Outcome;

#[derive(Deserialize)]
struct Meta {
    has_more: bool,
    after_cursor: Option<String>,
}

/// Fetches all pages of a sandbox, one after the other, and returns their number.
pub fn walk(base_url: &str) -> Outcome<u64> {
    let base = BaseUrl::new(&Subdomain::parse("sandbox")?, Some(base_url))?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(fetch_all(&base))
}

async fn fetch_all(base: &BaseUrl) -> Outcome<u64> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(Timeouts::READ.connect)
        .read_timeout(Timeouts::READ.read)
        .timeout(Timeouts::READ.total)
        .build()?;
    let bearer = format!("Bearer {}", credentials::ACCESS_TOKEN);
    let between = Between { start: Second::EPOCH, end: Second::containing(jiff::Timestamp::now()) };
    let mut query =
        Query { stream: &AUDIT_LOGS, between: Some(between), after: None, size: AUDIT_LOGS.page_size, filters: None };
    let mut pages = 0;
    loop {
        let request = client.get(query.url(base)).header(AUTHORIZATION, &bearer);
        let body = request.send().await?.error_for_status()?.bytes().await?;
        pages += 1;
        let meta = meta(&body)?;
        if !meta.has_more {
            return Ok(pages);
        }
        let value = meta.after_cursor.ok_or("no cursor")?;
        query.after = Some(PageCursor { parameter: query.stream.next_page.parameter, value });
    }
}

/// Parses the part of the body after the records.
fn meta(body: &[u8]) -> Outcome<Meta> {
    const KEY: &[u8] = br#""meta":"#;
    let at = memchr::memmem::rfind(body, KEY).ok_or("no meta")?;
    let mut values = serde_json::Deserializer::from_slice(&body[at + KEY.len()..]).into_iter();
    Ok(values.next().ok_or("no meta")??)
}
