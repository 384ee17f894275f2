//! Responses as plain data, and the body of every error, as real responses of the API have it.
//! Must not depend on a request.

use std::{borrow::Cow, fmt::Write as _, time::Duration};

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) delay: Delay,
}

/// When a response is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Delay {
    #[default]
    None,
    For(Duration),
    Forever,
}

/// The content type of a page. Errors have no character set.
const PAGE: &str = "application/json; charset=utf-8";
const FORMAT: &str = "Invalid filter[created_at] specified; format is \
    ?filter[created_at][]=YYYY-MM-DDTHH:MM:SSZ&filter[created_at][]=YYYY-MM-DDTHH:MM:SSZ";

impl Reply {
    /// Creates a JSON response.
    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let content_type = Some(if status < 300 { PAGE } else { "application/json" });
        Self::new(status, content_type, body)
    }

    /// Creates a response without further headers or delay.
    pub(crate) fn new(status: u16, content_type: Option<&'static str>, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type, headers: Vec::new(), body: body.into(), delay: Delay::None }
    }

    /// Returns one record a line, for the sandbox's own endpoints.
    pub(crate) fn json_lines(records: &[String]) -> Self {
        let body = records.iter().flat_map(|record| [record.as_str(), "\n"]).collect::<String>().into_bytes();
        Self::new(200, Some("application/x-ndjson"), body)
    }

    /// 400: an invalid request to one of the sandbox's own endpoints.
    pub(crate) fn not_understood(why: &str) -> Self {
        Self::json(400, format!(r#"{{"error":{}}}"#, quoted(why)))
    }

    fn html(status: u16, body: &str) -> Self {
        Self::new(status, Some("text/html"), body)
    }

    /// 400: the value of a filter is invalid. `what` is the parameter, such as
    /// `filter[actor_id]`.
    pub(crate) fn invalid_value(what: &str) -> Self {
        let description = match what {
            "filter[created_at]" => FORMAT.to_owned(),
            _ => format!("Invalid {what} specified"),
        };
        Self::json(400, format!(r#"{{"error":"InvalidValue","description":"{description}"}}"#))
    }

    /// 400: a cursor, sort order or size is invalid. `what` is the parameter, such as
    /// `page[after]`.
    pub(crate) fn invalid_pagination(what: &str) -> Self {
        Self::json(
            400,
            format!(
                r#"{{"errors":[{{"code":"InvalidPaginationParameter","title":"Invalid pagination parameter","detail":"{what} is not valid"}}]}}"#
            ),
        )
    }

    /// 400: offset pagination beyond page 100 or 10,000 records.
    pub(crate) fn too_deep() -> Self {
        Self::json(
            400,
            r#"{"errors":[{"code":"InvalidPaginationDepth","title":"Pagination requests using Offset Pagination are limited"}]}"#,
        )
    }

    /// 401: the credentials are missing, or the e-mail address and API token do not match.
    pub(crate) fn not_authenticated() -> Self {
        Self::json(401, r#"{"error":"Couldn't authenticate you"}"#)
    }

    /// 401: an OAuth access token that is unknown, expired or revoked.
    pub(crate) fn invalid_token() -> Self {
        Self::json(
            401,
            r#"{"error":"invalid_token","error_description":"The access token provided is expired, revoked, malformed or invalid for other reasons."}"#,
        )
    }

    /// 403: the plan has no audit logs, or the user is not an admin.
    pub(crate) fn forbidden() -> Self {
        Self::json(
            403,
            r#"{"error":{"title":"Forbidden","message":"You do not have access to this page. Please contact the account owner of this help desk for further help."}}"#,
        )
    }

    /// 403: the OAuth token lacks the scope.
    pub(crate) fn missing_scope() -> Self {
        Self::json(403, r#"{"error":"Forbidden","description":"You are missing the following required scopes: read"}"#)
    }

    /// 403 with an empty body: the caller's IP address is not allowed.
    pub(crate) fn ip_restricted() -> Self {
        Self::new(403, None, Vec::new())
    }

    /// 403 from the CDN, in HTML.
    pub(crate) fn edge_blocked() -> Self {
        Self::html(
            403,
            "<!DOCTYPE html>\n<html><head><title>Access denied</title></head>\
             <body><h1>Sorry, you have been blocked</h1></body></html>",
        )
    }

    /// 404: the path is unknown.
    pub(crate) fn invalid_endpoint() -> Self {
        Self::json(404, r#"{"error":"InvalidEndpoint","description":"Not found"}"#)
    }

    /// 404: the subdomain is unknown. JSON with an HTML content type, as observed.
    pub(crate) fn no_help_desk(subdomain: &str) -> Self {
        let title = quoted(&format!("No help desk at {subdomain}.zendesk.com"));
        Self::html(
            404,
            &format!(
                r#"{{"error":{{"title":{title},"message":"There is no help desk configured at this address. This means that the address is available and that you can claim it at http://www.zendesk.com/signup"}}}}"#
            ),
        )
    }

    /// 413: the request body is too large.
    pub(crate) fn too_large() -> Self {
        Self::json(413, r#"{"error":"RequestEntityTooLarge","description":"Request too large"}"#)
    }

    /// 429: the account is over its rate limit; plain text.
    pub(crate) fn rate_limited() -> Self {
        Self::new(429, Some("text/plain"), "Number of allowed API requests per minute exceeded")
    }

    /// 502 or 504 from the CDN, in HTML. `title` is the status line, such as `504 Gateway
    /// Time-out`.
    pub(crate) fn gateway(status: u16, title: &str) -> Self {
        Self::html(status, &format!("<html><head><title>{title}</title></head><body>{title}</body></html>"))
    }

    /// An OAuth error in the form of RFC 6749, section 5.2.
    pub(crate) fn oauth(status: u16, error: &str, description: &str) -> Self {
        Self::json(status, format!(r#"{{"error":"{error}","error_description":"{description}"}}"#))
    }
}

/// Returns the text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes all"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
