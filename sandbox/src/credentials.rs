//! The fixed credentials of every sandbox. All are invented and distinctive, so that a
//! search finds a leak. Must not contain a real one.

/// E-mail address of an admin. With [`API_TOKEN`] it can read the audit logs.
pub const ADMIN_EMAIL: &str = "sandbox.admin@fake-mail.example";
/// E-mail address of an agent who is not an admin. With [`API_TOKEN`]: 403 "You do not have
/// access".
pub const AGENT_EMAIL: &str = "sandbox.agent@fake-mail.example";
/// The API token, valid with [`ADMIN_EMAIL`] and [`AGENT_EMAIL`].
pub const API_TOKEN: &str = "zdsb-fake-api-token-0NotARealSecret0";
/// OAuth access token of an admin with the scope `auditlogs:read`; never expires.
pub const ACCESS_TOKEN: &str = "zdsb-fake-access-token-good-1NotARealSecret1";
/// OAuth access token that has expired: 401 `invalid_token`.
pub const EXPIRED_ACCESS_TOKEN: &str = "zdsb-fake-access-token-expired-2NotARealSecret2";
/// OAuth access token of a user who is not an admin: 403 "You do not have access".
pub const AGENT_ACCESS_TOKEN: &str = "zdsb-fake-access-token-agent-3NotARealSecret3";
/// OAuth access token of an admin, without the scopes `read` and `auditlogs:read`: 403
/// missing scope.
pub const NO_SCOPE_ACCESS_TOKEN: &str = "zdsb-fake-access-token-noscope-4NotARealSecret4";
/// OAuth access token used from an IP address that is not allowed: 403 with an empty body.
pub const IP_RESTRICTED_ACCESS_TOKEN: &str = "zdsb-fake-access-token-ip-5NotARealSecret5";
/// OAuth access token that the CDN blocks: 403 with an HTML body.
pub const EDGE_BLOCKED_ACCESS_TOKEN: &str = "zdsb-fake-access-token-edge-6NotARealSecret6";
/// A confidential OAuth client, created by an admin, with all scopes allowed.
pub const CLIENT_ID: &str = "zdsb_fake_client";
/// The client secret of every confidential client.
pub const CLIENT_SECRET: &str = "zdsb-fake-client-secret-7NotARealSecret7";
/// A public client: `invalid_client` for the client credentials grant.
pub const PUBLIC_CLIENT_ID: &str = "zdsb_fake_public_client";
/// A confidential client that is not allowed the scopes `auditlogs:read` and `read`: 400
/// `invalid_scope` for these, 201 for `tickets:read`.
pub const LIMITED_CLIENT_ID: &str = "zdsb_fake_limited_client";
/// A confidential client, created by a user who is not an admin: a token is issued, and
/// audit logs are a 403.
pub const AGENT_CLIENT_ID: &str = "zdsb_fake_agent_client";
/// The first refresh token of [`CLIENT_ID`]. Valid once.
pub const REFRESH_TOKEN: &str = "zdsb-fake-refresh-token-first-8NotARealSecret8";
/// A refresh token that has been used: 400 `invalid_grant`.
pub const USED_REFRESH_TOKEN: &str = "zdsb-fake-refresh-token-used-9NotARealSecret9";

/// All secrets above, to search for in logs and outputs. E-mail addresses and client ids
/// are not secrets.
pub const SECRETS: [&str; 10] = [
    API_TOKEN,
    ACCESS_TOKEN,
    EXPIRED_ACCESS_TOKEN,
    AGENT_ACCESS_TOKEN,
    NO_SCOPE_ACCESS_TOKEN,
    IP_RESTRICTED_ACCESS_TOKEN,
    EDGE_BLOCKED_ACCESS_TOKEN,
    CLIENT_SECRET,
    REFRESH_TOKEN,
    USED_REFRESH_TOKEN,
];
