//! The authentication methods of the configuration.
//!
//! `zendesk/auth` uses the methods (headers, tokens, renewal). Nothing here prints a secret.

use schemars::JsonSchema;
use serde_json::Value;

use super::failure::Result;
use super::fields::Fields;
use super::oauth::Scope;
use crate::second::Second;
use crate::secret::Secret;

/// The authentication method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// OAuth client credentials.
    ClientCredentials,
    /// OAuth with a rotating refresh token.
    RefreshToken,
    /// A pasted OAuth access token.
    AccessToken,
    /// E-mail address and API token.
    ApiToken,
}

/// The credentials of one authentication method, which `auth_type` selects. The first method is recommended.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(tag = "auth_type", rename_all = "snake_case")]
pub enum Credentials {
    /// OAuth client credentials: the connector requests tokens and renews them.
    #[schemars(
        title = "OAuth client credentials (recommended)",
        description = "The connector requests access tokens and renews them. Nothing has to be saved between syncs."
    )]
    ClientCredentials(OauthClient),
    /// OAuth with a rotating refresh token.
    #[schemars(
        title = "OAuth refresh token",
        description = "For an OAuth client that a user has authorized: select \"Authenticate your account\", or enter a refresh token. Each use replaces it, and the connector passes the new one to Airbyte."
    )]
    RefreshToken(RefreshToken),
    /// A pasted OAuth access token.
    #[schemars(
        title = "OAuth access token",
        description = "An access token that you have requested yourself. The connector cannot renew it, and it may expire after 30 minutes."
    )]
    AccessToken {
        /// The token, which is sent unchanged.
        #[schemars(
            title = "Access token",
            description = "An OAuth access token of an admin, with the scope <code>auditlogs:read</code> or <code>read</code>.",
            with = "String",
            extend("order" = 1, "airbyte_secret" = true)
        )]
        access_token: Secret,
    },
    /// E-mail and API token.
    #[schemars(
        title = "API token (ends on 30 April 2027)",
        description = "For an existing API token. Since 27 October 2026, no new API tokens can be created. Zendesk deactivates tokens that have not been used for 30 days, and turns off all of them on 30 April 2027."
    )]
    ApiToken {
        /// The address, without the `/token` that the API requires after it.
        #[schemars(
            title = "E-mail",
            description = "The e-mail address of an admin of the account, verified by Zendesk. An API token is not tied to a user: requests are made as the user with this address.",
            extend("order" = 1, "examples" = ["jane@acme.com"])
        )]
        email: String,
        /// The token.
        #[schemars(
            title = "API token",
            description = "An existing API token, see <a href=\"https://support.zendesk.com/hc/en-us/articles/4408889192858\">Zendesk's help</a>.",
            with = "String",
            extend("order" = 2, "airbyte_secret" = true)
        )]
        api_token: Secret,
    },
}

/// A confidential OAuth client.
#[derive(Clone, Debug, JsonSchema)]
pub struct OauthClient {
    /// The identifier of the client.
    #[schemars(
        title = "Client ID",
        description = "The identifier of a confidential OAuth client (Admin Center, Apps and integrations > APIs > OAuth clients).",
        with = "String",
        extend("order" = 1, "airbyte_secret" = true)
    )]
    pub client_id: Secret,
    /// The secret of the client.
    #[schemars(
        title = "Client secret",
        description = "The secret of that client. Zendesk shows it once, when you create it.",
        with = "String",
        extend("order" = 2, "airbyte_secret" = true)
    )]
    pub client_secret: Secret,
    /// The scope of the requested tokens.
    #[schemars(
        title = "Scope",
        description = "The scope of the tokens that the connector requests. Select <code>read</code> only if the stream access_logs is refused with the other one. The OAuth client must allow it.",
        with = "Option<String>",
        extend("order" = 6, "enum" = ["auditlogs:read", "read"], "default" = "auditlogs:read")
    )]
    pub scope: Scope,
}

/// A confidential OAuth client with a refresh token, and the access token of the same pair.
#[derive(Clone, Debug, JsonSchema)]
pub struct RefreshToken {
    /// The client.
    #[schemars(flatten)]
    pub client: OauthClient,
    /// The refresh token, which can be used once.
    #[schemars(
        title = "Refresh token",
        description = "The refresh token that was issued with an access token for the scope <code>auditlogs:read</code>. It can be used once, so do not use it anywhere else. The connector replaces it.",
        with = "String",
        extend("order" = 3, "airbyte_secret" = true)
    )]
    pub refresh_token: Secret,
    /// The access token of the same pair, if the configuration has it.
    #[schemars(flatten)]
    pub granted: GrantedToken,
}

/// The access token of the same pair as a refresh token; written by the connector.
#[derive(Clone, Debug, Default, JsonSchema)]
pub struct GrantedToken {
    /// The access token, which is used until it expires.
    #[schemars(
        title = "Access token",
        description = "Written by the connector.",
        with = "Option<String>",
        extend("order" = 4, "airbyte_secret" = true, "airbyte_hidden" = true)
    )]
    pub access_token: Option<Secret>,
    /// When the access token expires.
    #[schemars(
        title = "Token expiry date",
        description = "Written by the connector.",
        with = "Option<String>",
        extend("order" = 5, "format" = "date-time", "airbyte_hidden" = true)
    )]
    pub token_expiry_date: Option<Second>,
}

/// The fields of `credentials` that hold secrets.
pub const SECRET_FIELDS: [&str; 5] = ["client_id", "client_secret", "refresh_token", "access_token", "api_token"];

const CHOOSE: &str = "Select one of client_credentials, refresh_token, access_token, api_token.";

impl Credentials {
    /// Parses the field `credentials` of the configuration.
    ///
    /// # Errors
    /// If a field is absent or invalid.
    pub fn parse(config: &Fields<'_>) -> Result<Self> {
        let fields = config.required_object("credentials", "Select an authentication method.")?;
        let auth_type = fields.required_string("auth_type", CHOOSE)?;
        match auth_type.trim() {
            "client_credentials" => Ok(Self::ClientCredentials(OauthClient::parse(&fields)?)),
            "refresh_token" => Ok(Self::RefreshToken(RefreshToken {
                client: OauthClient::parse(&fields)?,
                refresh_token: secret(&fields, "refresh_token", "Enter the refresh token.")?,
                granted: GrantedToken::parse(&fields),
            })),
            "access_token" => Ok(Self::AccessToken {
                access_token: secret(&fields, "access_token", "Enter the OAuth access token.")?,
            }),
            "api_token" => Ok(Self::ApiToken {
                email: email(&fields)?,
                api_token: secret(&fields, "api_token", "Enter the API token.")?,
            }),
            "password" | "basic" => {
                Err(fields.error("auth_type", "selects a password, which Zendesk no longer accepts", CHOOSE))
            }
            _ => Err(fields.error("auth_type", "is unknown", CHOOSE)),
        }
    }

    /// Returns the authentication method.
    #[must_use]
    pub fn method(&self) -> AuthMethod {
        match self {
            Self::ClientCredentials(_) => AuthMethod::ClientCredentials,
            Self::RefreshToken(_) => AuthMethod::RefreshToken,
            Self::AccessToken { .. } => AuthMethod::AccessToken,
            Self::ApiToken { .. } => AuthMethod::ApiToken,
        }
    }
}

impl OauthClient {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            client_id: secret(fields, "client_id", "Enter the identifier of the OAuth client.")?,
            client_secret: secret(fields, "client_secret", "Enter the secret of the OAuth client.")?,
            scope: scope(fields)?,
        })
    }
}

impl GrantedToken {
    /// Parses the access token and its date. Invalid values are ignored: the connector then requests a new
    /// token.
    fn parse(fields: &Fields<'_>) -> Self {
        let Ok(access_token) = secret(fields, "access_token", "") else {
            return Self::default();
        };
        let date = fields.get("token_expiry_date").and_then(Value::as_str);
        Self { access_token: Some(access_token), token_expiry_date: date.and_then(|text| text.parse().ok()) }
    }
}

/// Parses a secret. Surrounding white space comes from copying and is removed. Characters that an HTTP header
/// cannot contain are rejected here, where the message can name the field.
fn secret(fields: &Fields<'_>, name: &str, remedy: &str) -> Result<Secret> {
    let text = fields.required_string(name, remedy)?.trim();
    if text.is_empty() {
        return Err(fields.error(name, "is empty", remedy));
    }
    let text = match text.get(..7) {
        Some(start) if name == "access_token" && start.eq_ignore_ascii_case("bearer ") => text[7..].trim_start(),
        _ => text,
    };
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem = "contains spaces, line breaks or other characters that such a secret never has";
        return Err(fields.error(name, problem, "Copy it again."));
    }
    if text.bytes().all(|byte| byte == b'*') {
        return Err(fields.error(name, "is a masked display of a secret (asterisks)", "Enter the secret itself."));
    }
    Ok(Secret::new(text))
}

/// Parses the scope, which may be absent.
fn scope(fields: &Fields<'_>) -> Result<Scope> {
    let Some(value) = fields.get("scope") else {
        return Ok(Scope::default());
    };
    let name = value.as_str().ok_or_else(|| fields.type_error("scope", "a string", value))?.trim();
    let known = Scope::ALL.into_iter().find(|scope| scope.name() == name);
    known.ok_or_else(|| fields.error("scope", "is unknown", "Select auditlogs:read or read."))
}

/// Parses the e-mail address, and removes the `/token` that `curl` examples have.
fn email(fields: &Fields<'_>) -> Result<String> {
    let remedy = "Enter the e-mail address of an admin of the account.";
    let text = fields.required_string("email", remedy)?.trim();
    let text = text.strip_suffix("/token").unwrap_or(text);
    let plausible = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    if !plausible || text.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control()) {
        return Err(fields.error("email", "is not an e-mail address", remedy));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::InputFile;
    use serde_json::json;

    fn parse(credentials: &Value) -> Result<Credentials> {
        Credentials::parse(&Fields::new(InputFile::Config, "", &json!({ "credentials": credentials }))?)
    }

    #[test]
    fn white_space_and_copied_prefixes_are_removed() {
        for pasted in ["tok", " tok\n", "Bearer tok", "bearer  tok"] {
            match parse(&json!({ "auth_type": "access_token", "access_token": pasted })) {
                Ok(Credentials::AccessToken { access_token }) => {
                    assert_eq!(access_token.expose(), "tok");
                }
                other => panic!("{pasted}: {other:?}"),
            }
        }
        for pasted in ["jane@acme.com", " jane@acme.com/token "] {
            match parse(&json!({ "auth_type": "api_token", "email": pasted, "api_token": "t" })) {
                Ok(Credentials::ApiToken { email, .. }) => assert_eq!(email, "jane@acme.com"),
                other => panic!("{pasted}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_unusable_granted_token_is_not_a_failure() {
        for (access_token, date, known) in [
            (json!(null), json!(null), false),
            (json!(""), json!("2026-01-01T00:00:00Z"), false),
            (json!("at"), json!("not a date"), true),
            (json!("********"), json!("2026-01-01T00:00:00Z"), false),
            (json!("two\nlines"), json!("2026-01-01T00:00:00Z"), false),
            (json!(7), json!("2026-01-01T00:00:00Z"), false),
            (json!("at"), json!("2026-01-01T00:00:00Z"), true),
        ] {
            let parsed = parse(&json!({
                "auth_type": "refresh_token", "client_id": "c", "client_secret": "s", "refresh_token": "r",
                "access_token": access_token, "token_expiry_date": date
            }));
            match parsed {
                Ok(Credentials::RefreshToken(token)) => {
                    assert_eq!(token.granted.access_token.is_some(), known);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_invalid_credential_is_rejected_with_its_field_and_not_shown() {
        for (credentials, start) in [
            (json!(7), "credentials must be a JSON object, not a number."),
            (json!({}), "credentials.auth_type is missing. Select one of"),
            (json!({ "auth_type": "s3cr3t" }), "credentials.auth_type is unknown. Select one of"),
            (
                json!({ "auth_type": "password" }),
                "credentials.auth_type selects a password, which Zendesk no longer accepts.",
            ),
            (json!({ "auth_type": "access_token" }), "credentials.access_token is missing. Enter"),
            (json!({ "auth_type": "access_token", "access_token": " " }), "credentials.access_token is empty. Enter"),
            (
                json!({ "auth_type": "access_token", "access_token": "s3 cr3t" }),
                "credentials.access_token contains spaces",
            ),
            (
                json!({ "auth_type": "access_token", "access_token": "s3cr3\u{e9}" }),
                "credentials.access_token contains spaces",
            ),
            (
                json!({ "auth_type": "access_token", "access_token": "********" }),
                "credentials.access_token is a masked display",
            ),
            (
                json!({ "auth_type": "access_token", "access_token": ["s3cr3t"] }),
                "credentials.access_token must be a string, not an array.",
            ),
            (json!({ "auth_type": "api_token", "api_token": "s3cr3t" }), "credentials.email is missing."),
            (
                json!({ "auth_type": "api_token", "email": "jane", "api_token": "s3cr3t" }),
                "credentials.email is not an e-mail address.",
            ),
            (
                json!({ "auth_type": "api_token", "email": "a:b@c", "api_token": "s3cr3t" }),
                "credentials.email is not an e-mail address.",
            ),
            (json!({ "auth_type": "client_credentials", "client_id": "c" }), "credentials.client_secret is missing."),
            (
                json!({ "auth_type": "refresh_token", "client_id": "c", "client_secret": "s3cr3t" }),
                "credentials.refresh_token is missing.",
            ),
        ] {
            let error = parse(&credentials).expect_err("refused").to_string();
            assert!(error.starts_with(&format!("In the config, {start}")), "{credentials}: {error}");
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn a_secret_with_a_line_break_is_rejected_with_its_field() {
        for (auth_type, name) in [
            ("client_credentials", "client_id"),
            ("client_credentials", "client_secret"),
            ("refresh_token", "refresh_token"),
            ("access_token", "access_token"),
            ("api_token", "api_token"),
        ] {
            let mut credentials = json!({
                "auth_type": auth_type, "client_id": "c", "client_secret": "s", "refresh_token": "r",
                "access_token": "t", "api_token": "t", "email": "jane@acme.com"
            });
            credentials[name] = json!("s3c\r\nr3t");
            let error = parse(&credentials).expect_err("rejected").to_string();
            assert!(
                error.starts_with(&format!("In the config, credentials.{name} contains spaces, line breaks")),
                "{error}"
            );
            assert!(!error.contains("s3c") && !error.contains("r3t"), "{error}");
        }
    }
}
