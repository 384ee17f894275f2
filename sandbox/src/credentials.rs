//! The credentials that every sandbox knows. All are made up and distinctive, so
//! that a leak can be found by searching for them. Never add a real one.

/// E-mail of an admin; with [`API_TOKEN`] it may read the audit logs.
pub const ADMIN_EMAIL: &str = "sandbox.admin@fake-mail.example";
/// E-mail of an agent who is no admin; with [`API_TOKEN`]: 403 "You do not have access".
pub const AGENT_EMAIL: &str = "sandbox.agent@fake-mail.example";
/// The API token, good with [`ADMIN_EMAIL`] and [`AGENT_EMAIL`].
pub const API_TOKEN: &str = "zdsb-fake-api-token-0NotARealSecret0";
/// OAuth access token of an admin with the scope `auditlogs:read`; never expires.
pub const ACCESS_TOKEN: &str = "zdsb-fake-access-token-good-1NotARealSecret1";
/// OAuth access token that has expired: 401 `invalid_token`.
pub const EXPIRED_ACCESS_TOKEN: &str = "zdsb-fake-access-token-expired-2NotARealSecret2";
/// OAuth access token of a user who is no admin: 403 "You do not have access".
pub const AGENT_ACCESS_TOKEN: &str = "zdsb-fake-access-token-agent-3NotARealSecret3";
/// OAuth access token of an admin without `read` or `auditlogs:read`: 403 missing scope.
pub const NO_SCOPE_ACCESS_TOKEN: &str = "zdsb-fake-access-token-noscope-4NotARealSecret4";
/// OAuth access token used from an address that is not allowed: 403 with an empty body.
pub const IP_RESTRICTED_ACCESS_TOKEN: &str = "zdsb-fake-access-token-ip-5NotARealSecret5";
/// OAuth access token that the edge stops: 403 with an HTML body.
pub const EDGE_BLOCKED_ACCESS_TOKEN: &str = "zdsb-fake-access-token-edge-6NotARealSecret6";
/// A confidential OAuth client tied to an admin, allowed every scope.
pub const CLIENT_ID: &str = "zdsb_fake_client";
/// The secret of every confidential client here.
pub const CLIENT_SECRET: &str = "zdsb-fake-client-secret-7NotARealSecret7";
/// A client that is not confidential: `invalid_client` for the client credentials grant.
pub const PUBLIC_CLIENT_ID: &str = "zdsb_fake_public_client";
/// A confidential client whose allowed scopes lack `auditlogs:read` and `read`:
/// 400 `invalid_scope` when asked for them, fine for `tickets:read`.
pub const LIMITED_CLIENT_ID: &str = "zdsb_fake_limited_client";
/// A confidential client tied to a user who is no admin: a token is issued, and
/// is answered 403 on audit logs.
pub const AGENT_CLIENT_ID: &str = "zdsb_fake_agent_client";
/// The first refresh token, of [`CLIENT_ID`]. Good once.
pub const REFRESH_TOKEN: &str = "zdsb-fake-refresh-token-first-8NotARealSecret8";
/// A refresh token that was used up long ago: 400 `invalid_grant`.
pub const DEAD_REFRESH_TOKEN: &str = "zdsb-fake-refresh-token-dead-9NotARealSecret9";

/// Every secret above, for searches in logs and outputs. E-mails and client ids
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
    DEAD_REFRESH_TOKEN,
];
