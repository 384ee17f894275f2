//! The protocol of the token endpoint: the content of a token request, and the meaning of its response.
//!
//! This file must not send anything. Neither the requests nor the responses are ever shown.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::config::{OauthClient, PAIR_ACCESS_SECONDS, PAIR_REFRESH_SECONDS};
use crate::secret::Secret;
use crate::zendesk::failure::Failure;
use crate::zendesk::response::{FailedAttempt, Response};

/// The requested lifetime of an access token for client credentials, in seconds. A renewal costs one request.
const TOKEN_SECONDS: i64 = 3_600;

/// The tokens that are requested.
#[derive(Clone, Debug)]
pub enum Grant {
    /// An access token for the client itself.
    ClientCredentials,
    /// A new pair for this refresh token, which the request consumes.
    RefreshToken(Secret),
}

/// The state of earlier attempts of the same request, whose responses did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// This is the first attempt, or the earlier ones were certainly not processed.
    NotProcessed,
    /// An earlier attempt may have been processed: its response was lost or unusable.
    Unclear,
}

impl Earlier {
    /// Returns the state after a request that failed with this failure.
    #[must_use]
    pub fn after(failure: &Failure) -> Self {
        match failure {
            // Refused before processing, or never sent.
            Failure::RateLimited { .. } | Failure::NoConnection { .. } => Self::NotProcessed,
            _ => Self::Unclear,
        }
    }
}

/// Returns every token and secret in a response, used or not: a server may issue more tokens than requested,
/// or issue them in a response that is otherwise unusable.
#[must_use]
pub fn issued_secrets(response: &Response) -> Vec<String> {
    let json = response.json().unwrap_or_default();
    let is_secret = |name: &str| (name.contains("token") || name.contains("secret")) && name != "token_type";
    let fields = json.as_object().into_iter().flatten().filter(|(name, _)| is_secret(name));
    fields.filter_map(|(_, value)| value.as_str().map(str::to_owned)).collect()
}

impl Grant {
    /// Returns `true` if the request consumes a refresh token.
    #[must_use]
    pub fn rotates(&self) -> bool {
        matches!(self, Self::RefreshToken(_))
    }

    /// Returns the JSON body of the request. It contains credentials.
    #[must_use]
    pub fn body(&self, client: &OauthClient) -> Vec<u8> {
        let mut body = json!({
            "client_id": client.client_id.expose(),
            "client_secret": client.client_secret.expose(),
            "scope": client.scope.name(),
            "expires_in": self.requested_seconds(),
        });
        match self {
            Self::ClientCredentials => body["grant_type"] = Value::from("client_credentials"),
            Self::RefreshToken(refresh_token) => {
                body["grant_type"] = Value::from("refresh_token");
                body["refresh_token"] = Value::from(refresh_token.expose());
                body["refresh_token_expires_in"] = Value::from(PAIR_REFRESH_SECONDS);
            }
        }
        body.to_string().into_bytes()
    }

    fn requested_seconds(&self) -> i64 {
        match self {
            Self::ClientCredentials => TOKEN_SECONDS,
            Self::RefreshToken(_) => PAIR_ACCESS_SECONDS.into(),
        }
    }

    /// Parses a response to this request.
    ///
    /// # Errors
    /// Returns the failure if the response contains no token.
    pub fn read(&self, response: &Response, earlier: Earlier, now: Timestamp) -> Result<Granted, FailedAttempt> {
        if let Some(failure) = response.common_failure(now) {
            return Err(failure);
        }
        if matches!(response.status, 200 | 201) {
            return Granted::parse(&response.body, self).ok_or(FailedAttempt::transient(Failure::NotAToken));
        }
        Err(FailedAttempt::permanent(self.refusal(response, earlier)))
    }

    /// Returns the reason for which the token endpoint refused the request. Zendesk documents the error codes
    /// but not the descriptions, so the descriptions only make the message more precise.
    fn refusal(&self, response: &Response, earlier: Earlier) -> Failure {
        let json = response.json().unwrap_or_default();
        let description = json["error_description"].as_str().unwrap_or_default().to_ascii_lowercase();
        let about = |any: &[&str]| any.iter().any(|word| description.contains(word));
        match json["error"].as_str() {
            Some("invalid_scope") => Failure::OauthScope,
            Some("unauthorized_client") => Failure::OauthClientKind,
            Some("invalid_grant") if self.rotates() => match earlier {
                Earlier::NotProcessed => Failure::RefreshTokenInvalid,
                Earlier::Unclear => Failure::RefreshResponseLost,
            },
            Some("invalid_client") if about(&["confidential", "public"]) => Failure::OauthClientKind,
            Some("invalid_client") if about(&["secret"]) => Failure::OauthSecret,
            Some("invalid_client") if about(&["unknown", "no such", "not found", "not exist"]) => {
                Failure::OauthClientUnknown
            }
            // Without a refresh token, the grant is the client itself.
            Some("invalid_client" | "invalid_grant") => Failure::OauthClient,
            _ if response.status == 401 => Failure::OauthClient,
            // The API always includes the reason. A response without one comes from a proxy in front of the
            // API.
            _ if response.status == 403 && !json.is_object() => Failure::IpRestricted,
            _ if response.status == 404 => Failure::EndpointNotFound,
            _ => Failure::OauthRefused { status: response.status },
        }
    }
}

/// The tokens of a response.
#[derive(Debug)]
pub struct Granted {
    /// Absent if it is unusable, which is allowed only with a new refresh token, because that must not be
    /// lost.
    pub access_token: Option<Secret>,
    /// The new refresh token. RFC 6749 allows a response without one: the old one stays valid.
    pub refresh_token: Option<Secret>,
    /// The lifetime of the access token, in seconds.
    pub seconds: i64,
}

impl Granted {
    /// Parses each field separately, because an invalid field must not discard valid tokens in the others.
    fn parse(body: &[u8], grant: &Grant) -> Option<Self> {
        let fields: HashMap<String, Box<RawValue>> = serde_json::from_slice(body).ok()?;
        let token = |name: &str| {
            let text: String = serde_json::from_str(fields.get(name)?.get()).ok()?;
            let token = text.trim();
            // Other characters are not allowed in a header.
            let usable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
            usable.then(|| Secret::new(token))
        };
        let (access_token, refresh_token) = (token("access_token"), token("refresh_token"));
        if access_token.is_none() && !(grant.rotates() && refresh_token.is_some()) {
            return None;
        }
        let requested = grant.requested_seconds();
        let named = fields.get("expires_in").and_then(|value| lifetime(value.get()));
        Some(Self { access_token, refresh_token, seconds: named.unwrap_or(requested).min(requested) })
    }
}

/// Parses a lifetime in seconds, also from `1800.0` or `"1800"`. Returns `None` for an invalid lifetime: a
/// new token is valid for at least a second.
fn lifetime(json: &str) -> Option<i64> {
    let number: f64 = json.trim_matches('"').trim().parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "a float beyond the range becomes the nearest integer")]
    (number.is_finite() && number >= 1.0).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zendesk::rate_limiter::RefusedLimit;

    const ROTATED_TOKEN_SECONDS: i64 = PAIR_ACCESS_SECONDS as i64;

    fn refresh() -> Grant {
        Grant::RefreshToken(Secret::new("old"))
    }

    fn exposed(secret: Option<&Secret>) -> Option<&str> {
        secret.map(Secret::expose)
    }

    #[test]
    fn an_invalid_lifetime_never_discards_a_valid_pair() {
        for (lifetime, seconds) in [
            ("1800", 1_800),
            ("1800.9", 1_800),
            ("\"1800\"", 1_800),
            ("\" 1800 \"", 1_800),
            ("1e400", ROTATED_TOKEN_SECONDS),
            ("-1e400", ROTATED_TOKEN_SECONDS),
            ("99999999999999999999999", ROTATED_TOKEN_SECONDS),
            ("0", ROTATED_TOKEN_SECONDS),
            ("-5", ROTATED_TOKEN_SECONDS),
            ("\"NaN\"", ROTATED_TOKEN_SECONDS),
            ("\"soon\"", ROTATED_TOKEN_SECONDS),
            ("\"\\ud800\"", ROTATED_TOKEN_SECONDS),
            ("null", ROTATED_TOKEN_SECONDS),
            ("true", ROTATED_TOKEN_SECONDS),
            ("[[[[1]]]]", ROTATED_TOKEN_SECONDS),
            ("{\"access_token\": 7}", ROTATED_TOKEN_SECONDS),
            ("1, \"expires_in\": 2", 2),
        ] {
            let body = format!(r#"{{"access_token": "at", "refresh_token": "rt", "expires_in": {lifetime}}}"#);
            let granted = Granted::parse(body.as_bytes(), &refresh()).unwrap_or_else(|| panic!("{lifetime}: lost"));
            assert_eq!(exposed(granted.access_token.as_ref()), Some("at"), "{lifetime}");
            assert_eq!(exposed(granted.refresh_token.as_ref()), Some("rt"), "{lifetime}");
            assert_eq!(granted.seconds, seconds, "{lifetime}");
        }
    }

    #[test]
    fn each_token_of_a_pair_is_kept_without_the_other() {
        for (body, access_token, refresh_token) in [
            (r#"{"access_token": " at\n", "refresh_token": " rt\n"}"#, Some("at"), Some("rt")),
            (r#"{"access_token": "at"}"#, Some("at"), None),
            (r#"{"access_token": "at", "refresh_token": ""}"#, Some("at"), None),
            (r#"{"access_token": "at", "refresh_token": null}"#, Some("at"), None),
            (r#"{"access_token": "at", "refresh_token": 7}"#, Some("at"), None),
            (r#"{"access_token": "a\nt", "refresh_token": "rt"}"#, None, Some("rt")),
            (r#"{"access_token": 7, "refresh_token": "rt"}"#, None, Some("rt")),
            (r#"{"refresh_token": "rt"}"#, None, Some("rt")),
        ] {
            let granted = Granted::parse(body.as_bytes(), &refresh()).unwrap_or_else(|| panic!("{body}: lost"));
            assert_eq!(exposed(granted.access_token.as_ref()), access_token, "{body}");
            assert_eq!(exposed(granted.refresh_token.as_ref()), refresh_token, "{body}");
        }
    }

    #[test]
    fn a_response_without_a_usable_token_is_an_error() {
        for body in ["", "[]", "{}", "null", r#"["at"]"#, r#"{"access_token": ""}"#, r#"{"access_token": "a t"}"#] {
            assert!(Granted::parse(body.as_bytes(), &refresh()).is_none(), "{body}");
            assert!(Granted::parse(body.as_bytes(), &Grant::ClientCredentials).is_none(), "{body}");
        }
        // A refresh token without an access token is useful only for a refresh token grant.
        assert!(Granted::parse(br#"{"refresh_token": "rt"}"#, &Grant::ClientCredentials).is_none());
    }

    #[test]
    fn only_a_request_that_was_never_processed_leaves_the_refresh_token_valid() {
        for (kind, earlier) in [
            (Failure::RateLimited { minutes: 0, limit: RefusedLimit::Account }, Earlier::NotProcessed),
            (Failure::NoConnection { why: "connection refused" }, Earlier::NotProcessed),
            (Failure::Timeout, Earlier::Unclear),
            (Failure::ConnectionLost, Earlier::Unclear),
            (Failure::ServerError { status: 504 }, Earlier::Unclear),
            (Failure::NotAToken, Earlier::Unclear),
            (Failure::NotAPage { stream: &crate::stream::AUDIT_LOGS, what: String::new() }, Earlier::Unclear),
        ] {
            assert_eq!(Earlier::after(&kind), earlier, "{kind}");
        }
    }
}
