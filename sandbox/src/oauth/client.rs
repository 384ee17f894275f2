//! The registered OAuth clients: their grants, scopes and redirect URIs. Must not issue
//! tokens.

use serde_json::{Map, Value};

use super::text;
use crate::{credentials, reply::Reply};

/// A client as registered.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: &'static str,
    /// Name on the consent page.
    pub(super) name: &'static str,
    /// The user who created it, and for whom the client credentials grant acts, is an admin.
    pub(super) admin: bool,
    pub(super) confidential: bool,
    /// Allowed scopes; `None` allows all.
    scopes: Option<&'static [&'static str]>,
}

const CLIENTS: [Client; 4] = [
    Client { id: credentials::CLIENT_ID, name: "Sandbox pipeline", admin: true, confidential: true, scopes: None },
    Client {
        id: credentials::AGENT_CLIENT_ID,
        name: "Sandbox agent pipeline",
        admin: false,
        confidential: true,
        scopes: None,
    },
    Client {
        id: credentials::PUBLIC_CLIENT_ID,
        name: "Sandbox public client",
        admin: true,
        confidential: false,
        scopes: None,
    },
    Client {
        id: credentials::LIMITED_CLIENT_ID,
        name: "Sandbox limited client",
        admin: true,
        confidential: true,
        scopes: Some(&["tickets:read", "users:read"]),
    },
];

/// How a token request must prove that it comes from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// By the client secret; a public client cannot.
    Secret,
    /// By PKCE, which the caller verifies; a client secret must be right if it is given.
    Pkce,
}

/// Returns the client with this id.
pub(super) fn find(id: &str) -> Option<&'static Client> {
    CLIENTS.iter().find(|client| client.id == id)
}

/// Returns the client of a token request.
///
/// # Errors
///
/// `invalid_client` if the client is unknown, cannot give the proof, or has another secret.
pub(super) fn authenticate(request: &Map<String, Value>, proof: Proof) -> Result<&'static Client, Reply> {
    let invalid = |status, why| Reply::oauth(status, "invalid_client", why);
    let client = find(text(request, "client_id").unwrap_or_default()).ok_or_else(|| {
        invalid(401, "Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.")
    })?;
    match (proof, text(request, "client_secret")) {
        (Proof::Secret, _) if !client.confidential => {
            Err(invalid(400, "The client is not confidential and cannot use this grant type."))
        }
        (Proof::Pkce, None) => Ok(client),
        (_, secret) if secret == Some(credentials::CLIENT_SECRET) => Ok(client),
        _ => Err(invalid(401, "Client authentication failed: the client secret is incorrect.")),
    }
}

impl Client {
    /// Returns the requested scopes if each is well-formed and allowed for this client.
    pub(super) fn scope(&self, requested: &str) -> Option<String> {
        let known = |scope: &str| match scope.split_once(':') {
            Some((resource, access)) => {
                !resource.is_empty()
                    && resource.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                    && matches!(access, "read" | "write")
            }
            None => matches!(scope, "read" | "write" | "impersonate"),
        };
        let allowed = |scope: &str| self.scopes.is_none_or(|allowed| allowed.contains(&scope));
        let mut scopes = requested.split(' ').filter(|scope| !scope.is_empty()).peekable();
        (scopes.peek().is_some() && scopes.all(|scope| known(scope) && allowed(scope))).then(|| requested.to_owned())
    }
}

/// Returns `true` for a redirect URI that Zendesk would register: absolute, without a
/// fragment, and `https` except on this machine.
pub(super) fn is_redirect_uri(uri: &str) -> bool {
    let local = |host: &str| ["localhost", "127.0.0.1"].contains(&host);
    let (scheme, rest) = uri.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.split_once(':').map_or(authority, |(host, _)| host);
    let plain = uri.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>\\#@".contains(&b));
    plain && !host.is_empty() && (scheme == "https" || (scheme == "http" && local(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_uri_is_absolute_and_https_except_on_this_machine() {
        for good in [
            "https://cloud.airbyte.com/auth_flow",
            "http://localhost",
            "http://localhost:8000/auth_flow",
            "http://127.0.0.1:3000/callback?tenant=a",
        ] {
            assert!(is_redirect_uri(good), "{good}");
        }
        for bad in [
            "",
            "/callback",
            "http://callback.example/",
            "http://localhost@evil.example/",
            "https://",
            "javascript:alert(1)",
            "https://a.example/#fragment",
            "https://a.example/\r\nX: y",
        ] {
            assert!(!is_redirect_uri(bad), "{bad}");
        }
    }
}
