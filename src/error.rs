//! The one table of failures: what went wrong, in the user's words, with the remedy and the
//! protocol's `failure_type`.
//!
//! An error is born with its [`ErrorKind`]; nobody classifies it again later. This file must not do
//! anything about a failure: whether to try again is `zendesk/retry.rs`, how it is written on
//! stdout is `commands`.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Who has to act: the protocol's `failure_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureType {
    /// The user: the configuration, the account or its permissions.
    ConfigError,
    /// Nobody: the next sync may succeed.
    TransientError,
    /// The people who maintain this connector.
    SystemError,
}

/// Which of the files on the command line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputFile {
    /// `--config`
    Config,
    /// `--catalog`
    Catalog,
    /// `--state`
    State,
}

impl fmt::Display for InputFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Catalog => "catalog",
            Self::State => "state",
        })
    }
}

/// The way in which the connector signs in; an error about it names the remedy of that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// OAuth client credentials.
    ClientCredentials,
    /// OAuth with a rotating refresh token.
    RefreshToken,
    /// A pasted OAuth access token.
    AccessToken,
    /// E-mail and API token.
    ApiToken,
}

/// What went wrong. Each variant is a row of the table; its text is the message for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    // Files and their contents.
    /// The file is not there.
    #[error("The {file} file {path} does not exist. Pass the path of a JSON file with --{file}; in a container, mount its folder.", path = .path.display())]
    FileMissing {
        /// Which file.
        file: InputFile,
        /// As given on the command line.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("The {file} file {path} cannot be read: {why}. Make it a plain JSON file that this user may read.", path = .path.display())]
    FileUnreadable {
        /// Which file.
        file: InputFile,
        /// As given on the command line.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// The file is empty.
    #[error("The {file} file {path} is empty. {remedy}", path = .path.display(), remedy = match .file {
        InputFile::State => "For a sync from the beginning leave --state out, or pass a file with [] in it.",
        InputFile::Config => "Write the connector's configuration into it, as spec.json describes it.",
        InputFile::Catalog => "Write a configured catalog into it.",
    })]
    FileEmpty {
        /// Which file.
        file: InputFile,
        /// As given on the command line.
        path: PathBuf,
    },
    /// The file is not JSON.
    #[error("The {file} file {path} is not valid JSON (line {line}, column {column}). Correct it, or write it again.", path = .path.display())]
    FileNotJson {
        /// Which file.
        file: InputFile,
        /// As given on the command line.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// A field has a value that does not do.
    #[error("In the {file}, {field} {problem}")]
    Field {
        /// Which file.
        file: InputFile,
        /// Where in it, such as `credentials.api_token` or `streams[0].stream.name`.
        field: String,
        /// The predicate of the sentence and the remedy: "is missing. …".
        problem: String,
    },
    /// The catalog asks for a stream that this source does not have.
    #[error(
        "The catalog asks for the stream \"{name}\", which this source does not have: its only stream is \"audit_logs\". Refresh the connection's schema."
    )]
    UnknownStream {
        /// As the catalog has it.
        name: String,
    },
    /// The catalog asks for a sync mode that the stream does not have.
    #[error(
        "The catalog asks for the sync mode \"{mode}\" of the stream audit_logs, which supports \"full_refresh\" and \"incremental\". Choose one of these."
    )]
    UnknownSyncMode {
        /// As the catalog has it.
        mode: String,
    },

    // The environment.
    /// `ZENDESK_LOG` does not do.
    #[error(
        "The environment variable ZENDESK_LOG is none of error, warn, info, debug. Correct it, or unset it for info."
    )]
    LogLevel,
    /// `ZENDESK_BASE_URL` does not do.
    #[error("The environment variable ZENDESK_BASE_URL {problem} Unset it to use https://{{subdomain}}.zendesk.com.")]
    BaseUrl {
        /// The predicate of the sentence: "is no URL.".
        problem: &'static str,
    },
    /// `SSL_CERT_FILE` does not do.
    #[error("The certificates in {path}, which the environment variable SSL_CERT_FILE names, cannot be used: {why}. Correct the variable, or unset it to use the built-in certificates.", path = .path.display())]
    Certificates {
        /// The variable's value.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The HTTP client or the runtime could not be set up.
    #[error("The connector could not start: {why}.")]
    Startup {
        /// The library's words.
        why: String,
    },

    // Answers of the API.
    /// 401 without a word about an OAuth token.
    #[error("Zendesk does not accept the credentials (401). {remedy}", remedy = match .method {
        AuthMethod::ApiToken => "Check the e-mail address and the API token, and that API token access is switched on in the Admin Center (Apps and integrations > APIs > API configuration). Zendesk deactivates unused API tokens and stops all of them on 30 April 2027: OAuth client credentials are the way that lasts.",
        AuthMethod::AccessToken => "Check the access token: it must be an OAuth access token of this subdomain, made by an admin.",
        AuthMethod::ClientCredentials | AuthMethod::RefreshToken => "Check that the OAuth client still exists on this subdomain and that its user is still an active admin.",
    })]
    Credentials {
        /// How the connector signed in.
        method: AuthMethod,
    },
    /// 401 for an API token after the day on which Zendesk turns them off.
    #[error(
        "Zendesk does not accept the API token (401): it has switched off all API tokens on 30 April 2027. Create a confidential OAuth client in the Admin Center (Apps and integrations > APIs > OAuth clients) and choose the authentication method \"OAuth client credentials\"."
    )]
    ApiTokenRetired,
    /// 401 `invalid_token`.
    #[error("The OAuth access token has expired or was revoked (401). {remedy}", remedy = match .method {
        AuthMethod::AccessToken | AuthMethod::ApiToken => "Pasted access tokens live for as little as 30 minutes; paste a new one, or choose the authentication method \"OAuth client credentials\", which renews its tokens itself.",
        AuthMethod::ClientCredentials => "A fresh one was refused as well: check that the OAuth client is not deactivated and that its user is still an active admin.",
        AuthMethod::RefreshToken => "A fresh one was refused as well: check that the OAuth client and the user who authorised it are still active, and authorise it again.",
    })]
    TokenExpired {
        /// How the connector signed in.
        method: AuthMethod,
    },
    /// 403 with the page for people who may not see the audit log.
    #[error(
        "Zendesk refuses access to the audit log (403). Either the account's plan is not Enterprise, which the audit log needs, or the user behind the credentials is not an admin with access to the audit log. Check the plan, and use credentials of an admin."
    )]
    PlanOrRole,
    /// 403 for a missing scope.
    #[error(
        "The OAuth token lacks the permission to read audit logs (403). Issue it with the scope \"auditlogs:read\" (or \"read\")."
    )]
    MissingScope,
    /// 403 without a JSON body.
    #[error(
        "Zendesk refuses this machine (403 before the API). Most likely an IP restriction is in force: allow this machine's address in the Admin Center (Account > Security > Advanced > IP restrictions), or ask the operator of the network."
    )]
    IpRestricted,
    /// 404 for the whole help desk.
    #[error(
        "There is no help desk at this address (404). Check the subdomain: for https://acme.zendesk.com it is \"acme\". A renamed account needs its new name."
    )]
    UnknownSubdomain,
    /// 404 for the path.
    #[error(
        "Zendesk does not know the audit log's address (404). Check that the subdomain belongs to a Zendesk Support account."
    )]
    NoEndpoint,
    /// 3xx.
    #[error("Zendesk answered with a redirect ({status}){to}, which is not followed, because the requests carry credentials. The account may have moved: check the subdomain, and sign in once in a browser to see whether Zendesk asks for something.", to = match .to {
        Some(to) => format!(" to {to}"),
        None => String::new(),
    })]
    Redirect {
        /// The HTTP status.
        status: u16,
        /// The host to which it pointed.
        to: Option<String>,
    },
    /// 422.
    #[error(
        "Zendesk cannot process the request (422). Check the configuration; the technical details name what Zendesk did not like."
    )]
    Unprocessable,
    /// The certificate is not valid.
    #[error(
        "The server's TLS certificate is not valid. Zendesk lets the certificate of a suspended or expired account lapse: check that the account is active. If a proxy inspects this machine's traffic, put its CA certificate into a file and name it in SSL_CERT_FILE."
    )]
    Certificate,
    /// 400 and every other status that the API should never give.
    #[error(
        "Zendesk refused a request of this connector ({status}). This should not happen: please report it with the technical details."
    )]
    Refused {
        /// The HTTP status.
        status: u16,
    },

    // The token endpoint.
    /// `invalid_client` without a hint, or a 401 of the token endpoint.
    #[error(
        "Zendesk does not accept the OAuth client. Check the client ID (the identifier of the OAuth client in the Admin Center, not its name) and the client secret, and that the client's kind is \"Confidential\"."
    )]
    OauthClient,
    /// `invalid_client` with words about an unknown client.
    #[error(
        "Zendesk does not know the OAuth client. Check the client ID: it is the client's identifier in the Admin Center (Apps and integrations > APIs > OAuth clients), not its name. If it is right, enter the client secret again."
    )]
    OauthClientUnknown,
    /// `invalid_client` with words about the secret.
    #[error(
        "Zendesk does not accept the client secret of the OAuth client. Enter it again, or make a new one in the Admin Center (Apps and integrations > APIs > OAuth clients)."
    )]
    OauthSecret,
    /// `unauthorized_client` or words about the kind of client.
    #[error(
        "The OAuth client may not use this way to sign in. In the Admin Center (Apps and integrations > APIs > OAuth clients) its kind must be \"Confidential\"."
    )]
    OauthClientKind,
    /// `invalid_scope`.
    #[error(
        "The OAuth client may not issue tokens with the scope \"auditlogs:read\". Add it to the client's allowed scopes in the Admin Center (Apps and integrations > APIs > OAuth clients)."
    )]
    OauthScope,
    /// `invalid_grant`.
    #[error(
        "The refresh token is no longer valid: each can be used once, and it ends when it is not used for long. Authorise the OAuth client again and enter the new refresh token, or choose \"OAuth client credentials\", which needs none."
    )]
    RefreshTokenDead,
    /// 4xx of the token endpoint that says nothing known.
    #[error(
        "Zendesk refused to issue an OAuth access token ({status}). Check the OAuth client in the Admin Center (Apps and integrations > APIs > OAuth clients)."
    )]
    OauthRefused {
        /// The HTTP status.
        status: u16,
    },

    /// 200 or 201 of the token endpoint with something else than a token.
    #[error(
        "Zendesk's token endpoint answered with something that is not an OAuth token. Try again later; if it stays so, look for a proxy or a maintenance page in between."
    )]
    NoToken,

    // Failures that pass.
    /// No connection.
    #[error(
        "Zendesk cannot be reached from this machine ({why}). Check the network, its DNS and proxy settings, and the subdomain."
    )]
    NoConnection {
        /// "no such host", "connection refused", …
        why: &'static str,
    },
    /// No answer in time.
    #[error("Zendesk did not answer in time. Try again later; if it stays so, see https://status.zendesk.com.")]
    Timeout,
    /// The connection broke.
    #[error(
        "The connection to Zendesk breaks off. Try again later; if it stays so, look at the network and its proxies."
    )]
    Broken,
    /// 409, 5xx.
    #[error(
        "Zendesk has trouble answering (status {status}). Try again later; if it stays so, see https://status.zendesk.com."
    )]
    Trouble {
        /// The HTTP status.
        status: u16,
    },
    /// 200 with something else than a page of the audit log.
    #[error(
        "Zendesk answered 200 with something that is not a page of the audit log ({what}). Nothing was taken for the end of the data. Try again later; if it stays so, look for a proxy or a maintenance page in between."
    )]
    NotThePage {
        /// What it was instead.
        what: String,
    },
    /// The walk cannot go on because its cursors lead nowhere.
    #[error(
        "Zendesk's pagination does not advance ({what}). What was read so far is kept; the next sync goes on from there."
    )]
    Pagination {
        /// "the same cursor twice", …
        what: &'static str,
    },
    /// Nothing but 429 for too long.
    #[error("Zendesk's rate limit leaves no request through{long} (429). Other integrations use up the account's requests: let them use fewer, or sync at another time.", long = match .minutes {
        0 => String::new(),
        minutes => format!(" for {minutes} minutes"),
    })]
    RateLimited {
        /// How long it was tried; 0 for less than a minute.
        minutes: u64,
    },

    // This side.
    /// stdout is closed. Nobody is there to read a message about it.
    #[error("Nobody reads the output any more.")]
    OutputClosed,
    /// stdout cannot be written.
    #[error("The output cannot be written: {why}.")]
    OutputFailed {
        /// The system's words.
        why: String,
    },
    /// A defect of this connector.
    #[error("The connector made a mistake. This should not happen: please report it with the technical details.")]
    Defect,
}

impl ErrorKind {
    /// Who has to act.
    #[must_use]
    pub fn failure_type(&self) -> FailureType {
        match self {
            Self::FileMissing { .. }
            | Self::FileUnreadable { .. }
            | Self::FileEmpty { .. }
            | Self::FileNotJson { .. }
            | Self::Field { .. }
            | Self::UnknownStream { .. }
            | Self::UnknownSyncMode { .. }
            | Self::LogLevel
            | Self::BaseUrl { .. }
            | Self::Certificates { .. }
            | Self::Credentials { .. }
            | Self::ApiTokenRetired
            | Self::TokenExpired { .. }
            | Self::PlanOrRole
            | Self::MissingScope
            | Self::IpRestricted
            | Self::UnknownSubdomain
            | Self::NoEndpoint
            | Self::Redirect { .. }
            | Self::Unprocessable
            | Self::Certificate
            | Self::OauthClient
            | Self::OauthClientUnknown
            | Self::OauthSecret
            | Self::OauthClientKind
            | Self::OauthScope
            | Self::RefreshTokenDead
            | Self::OauthRefused { .. } => FailureType::ConfigError,
            Self::NoConnection { .. }
            | Self::Timeout
            | Self::Broken
            | Self::Trouble { .. }
            | Self::NotThePage { .. }
            | Self::NoToken
            | Self::Pagination { .. }
            | Self::RateLimited { .. } => FailureType::TransientError,
            Self::Startup { .. }
            | Self::Refused { .. }
            | Self::OutputClosed
            | Self::OutputFailed { .. }
            | Self::Defect => FailureType::SystemError,
        }
    }
}

/// A failure: its cause, and the technical details for whoever looks into it.
#[derive(Clone, Debug)]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// Method, path, status, `X-Zendesk-Request-Id`, the beginning of the body; without secrets.
    pub internal: Option<String>,
}

impl Error {
    /// A failure with technical details.
    #[must_use]
    pub fn with_details(kind: ErrorKind, internal: impl Into<String>) -> Self {
        Self { kind, internal: Some(internal.into()) }
    }

    /// A field of one of the files does not do.
    #[must_use]
    pub fn field(file: InputFile, field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::from(ErrorKind::Field { file, field: field.into(), problem: problem.into() })
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, internal: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {}

/// The result of what can fail in this crate.
pub type Result<T> = std::result::Result<T, Error>;
