//! Access tokens: which ones the API accepts, and which ones the token endpoint issues.
//!
//! A refresh token can be used once; the previous pair is invalid at once.

use serde_json::{Value, json};

use crate::scenario::Credentials;

/// The tokens of the account.
#[derive(Debug)]
pub struct Tokens {
    credentials: Credentials,
    life: i64,
    /// The number of issued tokens; the last one is valid.
    issued: u32,
    /// The expiry, in seconds since 1970.
    ends: Option<i64>,
    revoked: bool,
    /// The last pair on stdout.
    handed_over: u32,
}

/// A response of the token endpoint.
pub struct Granted {
    /// The HTTP status.
    pub status: u16,
    /// The JSON.
    pub body: Value,
}

const CLIENT_ID: &str = "simulated-client-identifier";
const CLIENT_SECRET: &str = "simulated0client1secret2with3digits";

impl Tokens {
    /// Creates the tokens for the start of the first sync.
    #[must_use]
    pub fn new(credentials: Credentials, life: i64) -> Self {
        Self { credentials, life, issued: 0, ends: None, revoked: false, handed_over: 0 }
    }

    /// Returns the `credentials` of a configuration that works now.
    #[must_use]
    pub fn configuration(&self) -> Value {
        match self.credentials {
            Credentials::Pasted => json!({ "auth_type": "access_token", "access_token": access_token(0) }),
            Credentials::ClientCredentials => {
                json!({ "auth_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET })
            }
            Credentials::Rotating => json!({
                "auth_type": "refresh_token",
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "refresh_token": refresh_token(self.issued),
            }),
        }
    }

    /// Returns `true` if this configuration contains the valid refresh token.
    #[must_use]
    pub fn is_current(&self, credentials: &Value) -> bool {
        self.credentials != Credentials::Rotating || credentials["refresh_token"] == refresh_token(self.issued)
    }

    /// Processes the authorization of a customer: revoked tokens are valid again.
    pub fn authorize_again(&mut self) {
        if self.credentials == Credentials::Rotating {
            self.issued += 1;
            self.handed_over = self.issued;
        }
        self.revoked = false;
    }

    /// Returns `true` if the current access token has been revoked.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// Revokes the current access token.
    pub fn revoke(&mut self) {
        self.revoked = true;
    }

    /// Returns `true` if the API accepts this `Authorization` header.
    #[must_use]
    pub fn accepts(&self, header: &str, now: i64) -> bool {
        header == format!("Bearer {}", access_token(self.issued))
            && !self.revoked
            && self.ends.is_none_or(|ends| now < ends)
    }

    /// Returns `true` if this header contains a token of a pair that is not on stdout yet.
    #[must_use]
    pub fn is_used_early(&self, header: &str) -> bool {
        self.credentials == Credentials::Rotating
            && self.issued > self.handed_over
            && header == format!("Bearer {}", access_token(self.issued))
    }

    /// Processes a CONTROL message on stdout.
    pub fn handed_over(&mut self, config: &Value) {
        if self.is_current(&config["credentials"]) {
            self.handed_over = self.issued;
        }
    }

    /// Responds to a request for a token.
    pub fn grant(&mut self, request: &Value, now: i64) -> Granted {
        let refused = |error: &str| Granted { status: 400, body: json!({ "error": error }) };
        if request["client_id"] != CLIENT_ID || request["client_secret"] != CLIENT_SECRET {
            return refused("invalid_client");
        }
        let rotating = self.credentials == Credentials::Rotating;
        if rotating && request["refresh_token"] != refresh_token(self.issued) {
            return refused("invalid_grant");
        }
        self.issued += 1;
        self.revoked = false;
        self.ends = Some(now + self.life);
        let mut body = json!({ "access_token": access_token(self.issued), "expires_in": self.life });
        if rotating {
            body["refresh_token"] = refresh_token(self.issued).into();
        }
        Granted { status: 201, body }
    }
}

fn access_token(number: u32) -> String {
    format!("access{number:04}token9f8e7d6c5b4a")
}

fn refresh_token(number: u32) -> String {
    format!("refresh{number:04}token0a1b2c3d4e5f")
}
