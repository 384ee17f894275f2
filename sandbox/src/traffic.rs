//! Counters of requests and responses. Must not change a response.

use serde::Serialize;

use crate::response_hook::SeenRequest;

/// Requests by kind and responses by outcome, since the start or the last
/// [`Sandbox::reset_traffic`](crate::Sandbox::reset_traffic). A request whose response is
/// replaced by a fault or by [`ResponseHook`](crate::ResponseHook) is counted as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Pages of audit logs by cursor pagination with a `page[size]` above 1.
    pub pages: u64,
    /// Audit logs by offset pagination, which counts.
    pub counts: u64,
    /// Audit logs with `page[size]=1`, as a connection check asks for them.
    pub probes: u64,
    /// Pages of access logs.
    pub access_pages: u64,
    /// `POST /oauth/tokens`.
    pub tokens: u64,
    /// Everything else, except the sandbox's own endpoints.
    pub others: u64,
    /// Audit and access log pages with fewer than `page[size]` records and `has_more: true`.
    pub short_pages: u64,
    /// Records in all pages that were built.
    pub records: u64,
    /// Responses with status 429.
    pub rate_limited: u64,
    /// Responses with status 5xx.
    pub server_errors: u64,
}

/// The size of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageFacts {
    pub(crate) records: usize,
    /// The requested `page[size]`.
    pub(crate) size: usize,
    pub(crate) has_more: bool,
}

impl Traffic {
    /// Counts a request that has arrived.
    pub(crate) fn request(&mut self, request: &SeenRequest) {
        let counter = match (request.path.as_str(), request.param("page[size]")) {
            (path, _) if path.starts_with("/sandbox/") => return,
            ("/api/v2/audit_logs" | "/api/v2/audit_logs.json", Some("1")) => &mut self.probes,
            ("/api/v2/audit_logs" | "/api/v2/audit_logs.json", Some(_)) => &mut self.pages,
            ("/api/v2/audit_logs" | "/api/v2/audit_logs.json", None) => &mut self.counts,
            ("/api/v2/access_logs" | "/api/v2/access_logs.json", _) => &mut self.access_pages,
            ("/oauth/tokens" | "/oauth/tokens.json", _) => &mut self.tokens,
            _ => &mut self.others,
        };
        *counter += 1;
    }

    /// Counts a page that was built.
    pub(crate) fn page(&mut self, page: PageFacts) {
        self.records += page.records as u64;
        self.short_pages += u64::from(page.has_more && page.records < page.size);
    }

    /// Counts a response.
    pub(crate) fn response(&mut self, status: u16) {
        self.rate_limited += u64::from(status == 429);
        self.server_errors += u64::from((500..600).contains(&status));
    }
}
