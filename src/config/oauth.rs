//! The OAuth scope and lifetimes that the connector requests, and the `advanced_auth` part of the
//! specification: how Airbyte gets the first pair of tokens when a user selects "Authenticate your account".
//!
//! Airbyte runs the flow itself (its declarative OAuth flow), so this file sends nothing. Sources:
//! <https://docs.airbyte.com/platform/connector-development/config-based/advanced-topics/oauth> and
//! `DeclarativeOAuthSpecHandler` in airbytehq/airbyte-platform. `conformance/test_oauth_button.py` emulates
//! the platform.

use serde_json::{Value, json};

/// The OAuth scope of the tokens that the connector requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The smallest scope that allows reading the audit log.
    #[default]
    AuditLogs,
    /// Allows reading everything. Access logs may require it: Zendesk does not document their scope.
    Read,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 2] = [Self::AuditLogs, Self::Read];

    /// Returns the name that Zendesk uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuditLogs => "auditlogs:read",
            Self::Read => "read",
        }
    }
}

/// The requested lifetime of an access token that is issued with a refresh token, in seconds: the longest
/// that Zendesk allows, because each renewal replaces both tokens.
pub const PAIR_ACCESS_SECONDS: u32 = 172_800;
/// The requested lifetime of a refresh token, in seconds: the longest that Zendesk allows, because a connection may
/// pause.
pub const PAIR_REFRESH_SECONDS: u32 = 7_776_000;

/// The account's address, built from the subdomain in the form: `acme`, `acme.zendesk.com` or
/// `https://acme.zendesk.com`. Any other input results in an invalid address: `urlencode` escapes every
/// character that could end the host.
const HOST: &str = "https://{{ subdomain | replace(' ', '') | replace('https://', '') | replace('.zendesk.com', '') | urlencode }}.zendesk.com";

/// RFC 7636. Older platforms encode the digest as plain base64; the replacements convert that to base64url.
const CODE_CHALLENGE: &str =
    "{{ state_value | codechallengeS256 | replace('+', '-') | replace('/', '_') | replace('=', '') }}";

/// Returns the `advanced_auth` of the SPEC message. It applies to the option `refresh_token` of
/// `credentials`.
///
/// The templates use only the functions that the platform allows: `urlencode`, `replace` and
/// `codechallengeS256`.
#[must_use]
pub fn advanced_auth() -> Value {
    let path = |name: &str| json!(["credentials", name]);
    let output = |name: &str, response: &str| {
        json!({
            "type": "string",
            "path_in_connector_config": path(name),
            "path_in_oauth_response": [response],
        })
    };
    let consent_url = [
        HOST,
        "/oauth/authorizations/new?response_type=code",
        "&client_id={{ client_id_value | urlencode }}",
        "&{{ redirect_uri_param }}&{{ scope_param }}&{{ state_param }}",
        "&code_challenge=",
        CODE_CHALLENGE,
        "&code_challenge_method=S256",
    ];
    json!({
        "auth_flow_type": "oauth2.0",
        "predicate_key": path("auth_type"),
        "predicate_value": "refresh_token",
        "oauth_config_specification": {
            "oauth_user_input_from_connector_config_specification": {
                "type": "object",
                "properties": {
                    "subdomain": { "type": "string", "path_in_connector_config": ["subdomain"] },
                },
            },
            "oauth_connector_input_specification": {
                "consent_url": consent_url.concat(),
                "scope": Scope::default().name(),
                // It is also the code verifier, which needs 43 characters.
                "state": { "min": 43, "max": 128 },
                "access_token_url": format!("{HOST}/oauth/tokens"),
                // The platform allows only strings for the parameters. In a form, numbers are strings too.
                "access_token_headers": {
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Accept": "application/json",
                },
                "access_token_params": {
                    "grant_type": "authorization_code",
                    "code": "{{ auth_code_value }}",
                    "client_id": "{{ client_id_value }}",
                    "client_secret": "{{ client_secret_value }}",
                    "redirect_uri": "{{ redirect_uri_value }}",
                    "scope": "{{ scope_value }}",
                    "code_verifier": "{{ state_value }}",
                    "expires_in": PAIR_ACCESS_SECONDS.to_string(),
                    "refresh_token_expires_in": PAIR_REFRESH_SECONDS.to_string(),
                },
                "extract_output": ["access_token", "refresh_token", "expires_in"],
            },
            "complete_oauth_output_specification": {
                "type": "object",
                "properties": {
                    "access_token": output("access_token", "access_token"),
                    "refresh_token": output("refresh_token", "refresh_token"),
                    // The platform converts the seconds to a date.
                    "token_expiry_date": output("token_expiry_date", "expires_in"),
                },
            },
            "complete_oauth_server_input_specification": {
                "type": "object",
                "properties": {
                    "client_id": { "type": "string" },
                    "client_secret": { "type": "string" },
                },
            },
            "complete_oauth_server_output_specification": {
                "type": "object",
                "properties": {
                    "client_id": { "type": "string", "path_in_connector_config": path("client_id") },
                    "client_secret": { "type": "string", "path_in_connector_config": path("client_secret") },
                },
            },
        },
    })
}
