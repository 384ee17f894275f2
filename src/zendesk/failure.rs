//! The failures of requests to Zendesk, with their messages for the user.
//!
//! A failure is classified once, where it is detected (`response.rs`, `auth/grant.rs`, `transport.rs`). This
//! file must not decide if it is retried; that is `retry.rs`.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::config::AuthMethod;
use crate::failure::{Category, Explanation};
use crate::panics::Panicked;
use crate::stream::Stream;
use crate::zendesk::rate_limiter::RefusedLimit;

/// The meaning of a failed request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.explain())]
pub enum Failure {
    // Set-up.
    /// `ZENDESK_BASE_URL` is invalid.
    BaseUrl {
        /// The predicate of the sentence, without the period: "is not a URL".
        problem: &'static str,
    },
    /// `SSL_CERT_FILE` is invalid.
    Certificates {
        /// The variable's value.
        path: PathBuf,
        /// The problem.
        why: String,
    },
    /// A proxy variable is invalid.
    Proxy {
        /// The name of the variable.
        variable: &'static str,
        /// The predicate of the sentence, without the period: "is blank". It never shows the value, which may
        /// contain a password.
        problem: &'static str,
    },
    /// The HTTP client could not be set up.
    Setup {
        /// The library's error message.
        why: String,
    },

    // Responses of the API.
    /// 401 that does not mention an OAuth token.
    Credentials {
        /// The authentication method in use.
        method: AuthMethod,
    },
    /// 401 for an API token after the day on which Zendesk turned them off.
    ApiTokenRetired,
    /// 401 `invalid_token`.
    TokenExpired {
        /// The authentication method in use.
        method: AuthMethod,
    },
    /// 403 of the API.
    Forbidden {
        /// The stream that was requested.
        stream: &'static Stream,
    },
    /// 403 for a missing scope.
    MissingScope {
        /// The stream that was requested.
        stream: &'static Stream,
    },
    /// 403 without a JSON body.
    IpRestricted,
    /// 404 for the whole account.
    UnknownSubdomain,
    /// 404 for the path.
    EndpointNotFound,
    /// 3xx.
    Redirect {
        /// The HTTP status.
        status: u16,
        /// The host in the `Location` header.
        to: Option<String>,
    },
    /// 422.
    Unprocessable,
    /// The server's TLS certificate is not valid.
    InvalidCertificate,
    /// 400, and every other status that the API does not document.
    UnexpectedStatus {
        /// The HTTP status.
        status: u16,
    },

    // Responses of the token endpoint.
    /// `invalid_client` without a reason, or 401.
    OauthClient,
    /// `invalid_client` that mentions an unknown client.
    OauthClientUnknown,
    /// `invalid_client` that mentions the secret.
    OauthSecret,
    /// `unauthorized_client`, or a description that mentions the kind of client.
    OauthClientKind,
    /// `invalid_scope`.
    OauthScope,
    /// `invalid_grant`.
    RefreshTokenInvalid,
    /// `invalid_grant` after an attempt whose response did not arrive.
    RefreshResponseLost,
    /// Another 4xx.
    OauthRefused {
        /// The HTTP status.
        status: u16,
    },
    /// 200 or 201 with a body that is not a token.
    NotAToken,

    // Transient failures.
    /// No connection.
    NoConnection {
        /// "connection refused", …
        why: &'static str,
    },
    /// No response in time.
    Timeout,
    /// The connection was lost.
    ConnectionLost,
    /// 408, 409, 5xx.
    ServerError {
        /// The HTTP status.
        status: u16,
    },
    /// A success status with a body that is not a page.
    NotAPage {
        /// The stream that was requested.
        stream: &'static Stream,
        /// The description of the response.
        what: String,
    },
    /// A response that is larger than the connector or the server accepts.
    TooLarge {
        /// "a body of more than 16 MiB", …
        what: String,
    },
    /// The cursors of the pages do not reach an end.
    Pagination {
        /// "a repeated cursor", …
        what: &'static str,
    },
    /// Only 429 responses for too long.
    RateLimited {
        /// The duration; 0 for less than a minute.
        minutes: u64,
        /// The limit that allowed no request.
        limit: RefusedLimit,
    },

    /// A defect of this connector.
    Defect,
}

const OAUTH_CLIENTS: &str = "Admin Center (Apps and integrations > APIs > OAuth clients)";
const SEE_STATUS: &str = "Try again later. If the error persists, see https://status.zendesk.com.";

impl Failure {
    /// Explains the failure to the user.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        match self {
            Self::BaseUrl { problem } => {
                configuration(format!("The environment variable ZENDESK_BASE_URL {problem}."))
                    .remedy("Unset it to use https://{subdomain}.zendesk.com.")
            }
            Self::Certificates { path, why } => configuration(format!(
                "The certificates in {} (environment variable SSL_CERT_FILE) cannot be used: {why}.",
                path.display()
            ))
            .remedy("Correct the variable, or unset it to use the built-in certificates."),
            Self::Proxy { variable, problem } => {
                configuration(format!("The environment variable {variable} {problem}."))
                    .remedy("Correct it, or unset it to connect without this proxy.")
            }
            Self::Setup { why } => {
                Explanation::new(Category::System, format!("The HTTP client could not be set up: {why}."))
            }
            Self::Credentials { method } => configuration("Zendesk rejected the credentials (401).").remedy(match method {
                AuthMethod::ApiToken => "Check the e-mail address and the API token, and check that API token access is turned on in Admin Center (Apps and integrations > APIs > API configuration). Zendesk deactivates unused API tokens and turns off all of them on 30 April 2027; use OAuth client credentials instead.",
                AuthMethod::AccessToken => "Check the access token: it must be an OAuth access token for this subdomain that belongs to an admin.",
                AuthMethod::ClientCredentials | AuthMethod::RefreshToken => "Check that the OAuth client still exists on this subdomain and that its user is still an active admin.",
            }),
            Self::ApiTokenRetired => {
                configuration("Zendesk rejected the API token (401). Zendesk turned off all API tokens on 30 April 2027.")
                    .remedy(format!("Create a confidential OAuth client in {OAUTH_CLIENTS} and select the authentication method \"OAuth client credentials\"."))
            }
            Self::TokenExpired { method } => configuration("The OAuth access token has expired or was revoked (401).").remedy(match method {
                AuthMethod::AccessToken | AuthMethod::ApiToken => "Access tokens can expire after 30 minutes. Enter a new one, or select the authentication method \"OAuth client credentials\", which renews its tokens.",
                AuthMethod::ClientCredentials => "Zendesk rejected a new token too. Check that the OAuth client is active and that its user is still an active admin.",
                AuthMethod::RefreshToken => "Zendesk rejected a new token too. Check that the OAuth client and the user who authorized it are still active, and authorize the client again.",
            }),
            Self::Forbidden { stream } => configuration(format!("Zendesk denied access to the {} (403).", stream.title))
                .remedy(stream.refusal.remedy),
            Self::MissingScope { stream } => {
                configuration(format!("The OAuth token does not have permission to read {}s (403).", stream.title))
                    .remedy(stream.refusal.scope_remedy)
            }
            Self::IpRestricted => configuration("Zendesk rejected the request before it reached the API (403).")
                .remedy("The most likely reason is an IP restriction. Allow this machine's IP address in Admin Center (Account > Security > Advanced > IP restrictions), or ask the operator of the network."),
            Self::UnknownSubdomain => configuration("No Zendesk account exists at this address (404).")
                .remedy("Check the subdomain: for https://acme.zendesk.com it is \"acme\". If the account was renamed, use its new subdomain."),
            Self::EndpointNotFound => configuration("Zendesk does not have this API endpoint (404).")
                .remedy("Check that the subdomain belongs to a Zendesk Support account."),
            Self::Redirect { status, to } => {
                let to = to.as_ref().map(|host| format!(" to {host}")).unwrap_or_default();
                configuration(format!("Zendesk responded with a redirect ({status}){to}. The connector does not follow it, because requests carry credentials."))
                    .remedy("The account may have moved: check the subdomain. Sign in with a browser to see if Zendesk requires an action.")
            }
            Self::Unprocessable => configuration("Zendesk cannot process the request (422).")
                .remedy("Check the configuration. The technical details contain Zendesk's reason."),
            Self::InvalidCertificate => configuration("The server's TLS certificate is not valid.")
                .remedy("Zendesk does not renew the certificate of a suspended or expired account: check that the account is active. If a proxy inspects this machine's traffic, save the proxy's CA certificate to a file and set SSL_CERT_FILE to its path."),
            Self::UnexpectedStatus { status } => {
                Explanation::new(Category::System, format!("Zendesk rejected a request of this connector ({status})."))
                    .remedy("This should not happen. Report it with the technical details.")
            }
            Self::OauthClient => configuration("Zendesk rejected the OAuth client.").remedy("Check the client ID (the identifier of the OAuth client in Admin Center, not its name) and the client secret, and check that the client kind is \"Confidential\"."),
            Self::OauthClientUnknown => configuration("Zendesk does not know the OAuth client.").remedy(format!("Check the client ID: it is the client's identifier in {OAUTH_CLIENTS}, not its name. If it is correct, enter the client secret again.")),
            Self::OauthSecret => configuration("Zendesk rejected the client secret of the OAuth client.").remedy(format!("Enter it again, or generate a new one in {OAUTH_CLIENTS}.")),
            Self::OauthClientKind => configuration("The OAuth client is not allowed to request tokens this way.").remedy(format!("Use a client of the kind \"Confidential\", which you can create in {OAUTH_CLIENTS}.")),
            Self::OauthScope => configuration("The OAuth client is not allowed to issue tokens with the requested scope.").remedy(format!("Add the scope, which is \"auditlogs:read\" unless the configuration selects another, to the client's allowed scopes in {OAUTH_CLIENTS}.")),
            Self::RefreshTokenInvalid => configuration("The refresh token is no longer valid. A refresh token can be used once, and it expires if it is not used.").remedy("Authorize the OAuth client again and enter the new refresh token, or select \"OAuth client credentials\", which needs no refresh token."),
            Self::RefreshResponseLost => configuration("The refresh token has been used, and the response with the new one was lost. An earlier attempt of this command got no usable response, and now Zendesk rejects the refresh token.").remedy("Authorize the OAuth client again and enter the new refresh token, or select \"OAuth client credentials\", which needs no refresh token."),
            Self::OauthRefused { status } => configuration(format!("Zendesk refused to issue an OAuth access token ({status}).")).remedy(format!("Check the OAuth client in {OAUTH_CLIENTS}.")),
            Self::NotAToken => transient("The response of Zendesk's token endpoint does not contain an OAuth token.").remedy("Try again later. If the error persists, look for a proxy or a maintenance page between this machine and Zendesk."),
            Self::NoConnection { why } => transient(format!("This machine cannot connect to Zendesk ({why})."))
                .remedy("Check the network, DNS and proxy settings, and the subdomain."),
            Self::Timeout => transient("Zendesk did not respond in time.").remedy(SEE_STATUS),
            Self::ConnectionLost => transient("The connection to Zendesk was lost.")
                .remedy("Try again later. If the error persists, check the network and its proxies."),
            Self::ServerError { status } => {
                transient(format!("Zendesk could not process the request (status {status}).")).remedy(SEE_STATUS)
            }
            Self::NotAPage { stream, what } => transient(format!("Zendesk's response is not a page of the {} ({what}).", stream.title))
                .remedy("The connector did not treat it as the end of the data. Try again later. If the error persists, look for a proxy or a maintenance page between this machine and Zendesk."),
            Self::TooLarge { what } => transient(format!("Zendesk's response is too large ({what})."))
                .remedy("The connector already requests as little as possible. Try again later. If the error persists, report it with the technical details."),
            Self::Pagination { what } => transient(format!("Zendesk's pagination does not advance ({what})."))
                .remedy("The records read so far are kept, and the next sync continues from there."),
            Self::RateLimited { minutes, limit } => {
                let long = if *minutes == 0 { String::new() } else { format!(" for {minutes} minutes") };
                match limit {
                    RefusedLimit::Account => transient(format!("Zendesk's rate limit allowed no request{long} (429)."))
                        .remedy("Other integrations use the account's API requests. Reduce their usage, or sync at another time."),
                    RefusedLimit::Endpoint => transient(format!("The endpoint's own rate limit allowed no request{long} (429)."))
                        .remedy("Other integrations that use the same endpoint share it. Reduce their usage, or sync at another time."),
                }
            }
            Self::Defect => Explanation::defect(),
        }
    }
}

fn configuration(fact: impl Into<Cow<'static, str>>) -> Explanation {
    Explanation::new(Category::Configuration, fact)
}

fn transient(fact: impl Into<Cow<'static, str>>) -> Explanation {
    Explanation::new(Category::Transient, fact)
}

/// A failed request: the failure, and its technical details.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct Error {
    /// The failure.
    pub failure: Failure,
    /// Method, path, status, `X-Zendesk-Request-Id` and the beginning of the body, without secrets.
    pub details: Option<String>,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self { failure, details: None }
    }
}

impl From<Panicked> for Error {
    fn from(panicked: Panicked) -> Self {
        Self { failure: Failure::Defect, details: Some(panicked.details) }
    }
}

/// The result of a request to Zendesk.
pub type Result<T> = std::result::Result<T, Error>;
