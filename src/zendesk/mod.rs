//! The API's side: how to ask for audit logs, and what the answers mean.
//!
//! Nothing here knows Airbyte: it imports nothing from `airbyte`, writes nothing to stdout, and
//! tells what happens by [`Notice`]s.

mod answer;
mod auth;
mod base_url;
mod budget;
mod client;
mod exchange;
mod inquiry;
mod notice;
mod page;
mod query;
mod record;
mod retry;
mod scan;
mod tls;
mod transport;
mod tried;

pub use answer::{Answer, Failure};
pub use base_url::BaseUrl;
pub use budget::{Limit, Waits};
pub use client::{Client, Fetched};
pub use exchange::{Setup, Stats};
pub use inquiry::TokenEnd;
pub use notice::{Notice, Notices};
pub use page::{Page, Record};
pub use query::{Between, PAGE_SIZE, Query};
pub use record::{AuditLog, Identity, json_schema};
pub use retry::{Again, Decision, Patience, Tries, decide};
pub use transport::Timeouts;
pub use tried::{Answered, Tried};
