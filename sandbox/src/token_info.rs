//! Responds to `GET /api/v2/oauth/tokens/current.json`: scopes and expiry of the caller's
//! token. Must not show more of a token than Zendesk does.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{oauth::OAuth, reply::Reply};

/// Number of characters of a token that Zendesk shows.
const SHOWN: usize = 10;

/// Responds to an authenticated caller with this `Authorization` header. `wall` is `now` by the
/// server's clock. `expires_at` is null for a token that does not expire.
pub(crate) fn respond(authorization: &str, oauth: &OAuth, now: Instant, wall: Timestamp) -> Reply {
    let Some((scheme, token)) = authorization.trim().split_once(' ') else {
        return Reply::not_authenticated();
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Reply::forbidden();
    }
    let token = token.trim();
    let issued = oauth.find(token, now);
    let expires_at = issued.map(|access| {
        let left =
            SignedDuration::try_from(access.expires.saturating_duration_since(now)).unwrap_or(SignedDuration::MAX);
        format!("{:.0}", wall.saturating_add(left).unwrap_or(Timestamp::MAX))
    });
    let scopes: Vec<&str> = issued.map_or_else(|| vec!["auditlogs:read"], |access| access.scope.split(' ').collect());
    let token: String = token.chars().take(SHOWN).collect();
    let body = json!({ "token": {
        "id": 223_443, "user_id": 370_000_000_000_u64, "client_id": 41, "token": token, "refresh_token": null,
        "scopes": scopes, "expires_at": expires_at, "url": "https://example.com/api/v2/oauth/tokens/223443.json",
    }});
    Reply::json(200, body.to_string())
}
