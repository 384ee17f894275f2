//! Identifies the caller by the `Authorization` header. Must not know which endpoint is
//! called.

use std::time::Instant;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{credentials, oauth::OAuth, reply::Reply};

/// A caller with valid credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) admin: bool,
    /// The token's scope covers audit logs.
    pub(crate) in_scope: bool,
    /// The token's scope covers everything that can be read.
    pub(crate) reads_all: bool,
}

/// An API token has every scope.
const ADMIN: Caller = Caller { admin: true, in_scope: true, reads_all: true };
const AGENT: Caller = Caller { admin: false, ..ADMIN };

/// Returns the caller, or the response to credentials that are missing, wrong or blocked.
pub(crate) fn identify(header: Option<&str>, oauth: &mut OAuth, now: Instant) -> Result<Caller, Reply> {
    let (scheme, value) = header.unwrap_or_default().trim().split_once(' ').unwrap_or_default();
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("basic") {
        basic(value).ok_or_else(Reply::not_authenticated)
    } else if scheme.eq_ignore_ascii_case("bearer") {
        bearer(value, oauth, now)
    } else {
        Err(Reply::not_authenticated())
    }
}

/// Parses `base64("{email}/token:{api_token}")`. Passwords are rejected: Zendesk removed
/// them.
fn basic(value: &str) -> Option<Caller> {
    let text = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
    let (user, token) = text.split_once(':')?;
    let email = user.strip_suffix("/token")?;
    match (email, token) {
        (credentials::ADMIN_EMAIL, credentials::API_TOKEN) => Some(ADMIN),
        (credentials::AGENT_EMAIL, credentials::API_TOKEN) => Some(AGENT),
        _ => None,
    }
}

fn bearer(token: &str, oauth: &mut OAuth, now: Instant) -> Result<Caller, Reply> {
    match token {
        credentials::ACCESS_TOKEN => Ok(Caller { reads_all: false, ..ADMIN }),
        credentials::AGENT_ACCESS_TOKEN => Ok(Caller { reads_all: false, ..AGENT }),
        credentials::NO_SCOPE_ACCESS_TOKEN => Ok(Caller { in_scope: false, reads_all: false, ..ADMIN }),
        credentials::IP_RESTRICTED_ACCESS_TOKEN => Err(Reply::ip_restricted()),
        credentials::EDGE_BLOCKED_ACCESS_TOKEN => Err(Reply::edge_blocked()),
        issued => oauth.admit(issued, now).map_or_else(
            || Err(Reply::invalid_token()),
            |access| {
                let has = |scope: &str| access.scope.split(' ').any(|s| s == scope);
                let in_scope = has("read") || has("auditlogs:read");
                Ok(Caller { admin: access.admin, in_scope, reads_all: has("read") })
            },
        ),
    }
}
