//! The error responses of the access log endpoint, which have their own form.

use jiff::Timestamp;

use crate::reply::{Reply, quoted};

fn errors(status: u16, title: &str, detail: &str) -> Reply {
    Reply::json(status, format!(r#"{{"errors":[{{"detail":{},"title":{}}}]}}"#, quoted(detail), quoted(title)))
}

/// 400: a parameter is not valid.
pub(super) fn malformed(detail: &str) -> Reply {
    errors(400, "Malformed query params", detail)
}

/// 401: the credentials are missing or not valid.
pub(super) fn not_authenticated() -> Reply {
    errors(401, "Authentication failed", "Authentication failed")
}

/// 403: the account lacks the add-on.
pub(super) fn no_add_on() -> Reply {
    errors(403, "Authorization failed", "Authorization failed")
}

/// 403: the caller is not an admin.
pub(super) fn not_admin() -> Reply {
    errors(403, "Authorization failed", "You must have administrator privileges")
}

/// 429: over the endpoint's own limit, until `reset`.
pub(super) fn too_many_requests(reset: Timestamp) -> Reply {
    let mut reply = errors(429, "Too many requests", "Too many requests");
    reply.headers.push(("ratelimit-reset".into(), format!("{reset:.0}")));
    reply
}
