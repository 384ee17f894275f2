//! The authorization page and its codes: `GET /oauth/authorizations/new` shows a consent
//! form, whose POST redirects with a code. Every visitor counts as signed in. Must not
//! exchange codes for tokens.

use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};

use super::{OAuth, client};
use crate::{
    query::{self, Params},
    reply::Reply,
};

const CODE: u64 = 33;
/// How long a code is valid (documented).
const LIFETIME: Duration = Duration::from_mins(2);
/// Parameters that the consent form repeats.
const FORWARDED: [&str; 7] =
    ["response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"];

/// An issued code.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) client: &'static str,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    /// The user who consented is an admin.
    pub(super) admin: bool,
    challenge: Option<String>,
    expires: Instant,
}

impl Code {
    /// Returns `true` if the code is still valid.
    pub(super) fn is_valid(&self, now: Instant) -> bool {
        now < self.expires
    }

    /// Returns `true` if the code was requested with PKCE.
    pub(super) fn has_challenge(&self) -> bool {
        self.challenge.is_some()
    }

    /// Returns `true` if the verifier belongs to the challenge, or if neither was given.
    pub(super) fn verifies(&self, verifier: Option<&str>) -> bool {
        let challenge = verifier.map(|verifier| BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())));
        challenge == self.challenge
    }
}

/// A valid authorization request.
struct Request<'a> {
    client: &'static client::Client,
    redirect_uri: &'a str,
    state: Option<&'a str>,
}

impl OAuth {
    /// Responds to `GET /oauth/authorizations/new`: the consent page, or an error.
    pub(crate) fn consent_page(params: &Params) -> Reply {
        let request = match check(params) {
            Ok(request) => request,
            Err(reply) => return reply,
        };
        let mut inputs = String::new();
        for name in FORWARDED {
            if let Some(value) = query::last(params, name) {
                inputs.extend(["<input type=\"hidden\" name=\"", name, "\" value=\"", &escaped(value), "\">\n"]);
            }
        }
        let name = request.client.name;
        let scope = escaped(query::last(params, "scope").unwrap_or_default());
        let body = format!(
            "<!DOCTYPE html>\n<html><head><title>Authorize {name}</title></head><body>\n\
             <h1>Allow {name} to access your Zendesk account?</h1>\n<p>Scope: {scope}</p>\n\
             <form method=\"post\" action=\"/oauth/authorizations\">\n{inputs}\
             <label>Signed in as <select name=\"user\"><option>admin</option><option>agent</option></select></label>\n\
             <button name=\"decision\" value=\"allow\">Allow</button>\n\
             <button name=\"decision\" value=\"deny\">Deny</button>\n</form></body></html>\n"
        );
        Reply::new(200, Some("text/html; charset=utf-8"), body)
    }

    /// Responds to the POST of the consent form: a redirect with a code, or with an error.
    pub(crate) fn decide(&mut self, body: &[u8], now: Instant) -> Reply {
        let params = query::params(&String::from_utf8_lossy(body));
        let request = match check(&params) {
            Ok(request) => request,
            Err(reply) => return reply,
        };
        if query::last(&params, "decision") != Some("allow") {
            return redirect(
                &request,
                &denied("access_denied", "The end-user or authorization server denied the request."),
            );
        }
        let lifetime = self.behavior.code_lifetime_seconds.map_or(LIFETIME, |s| Duration::from_secs(s.into()));
        let code = self.new_secret("zdsb-code-", CODE);
        let requested = Code {
            client: request.client.id,
            redirect_uri: request.redirect_uri.to_owned(),
            scope: query::last(&params, "scope").unwrap_or_default().to_owned(),
            admin: query::last(&params, "user") != Some("agent"),
            challenge: query::last(&params, "code_challenge").map(str::to_owned),
            expires: now + lifetime,
        };
        self.codes.insert(code.clone(), requested);
        redirect(&request, &[("code", &code)])
    }
}

/// Validates an authorization request. Errors of the client or the redirect URI are shown;
/// all others redirect.
fn check(params: &Params) -> Result<Request<'_>, Reply> {
    let shown = |why: &str| {
        let body =
            format!("<!DOCTYPE html>\n<html><head><title>Error</title></head><body><p>{why}</p></body></html>\n");
        Err(Reply::new(400, Some("text/html; charset=utf-8"), body))
    };
    let Some(client) = client::find(query::last(params, "client_id").unwrap_or_default()) else {
        return shown("No such client.");
    };
    let redirect_uri = query::last(params, "redirect_uri").unwrap_or_default();
    if !client::is_redirect_uri(redirect_uri) {
        return shown("Invalid redirect URI.");
    }
    let request = Request { client, redirect_uri, state: query::last(params, "state") };
    let refuse = |error, description| Err(redirect(&request, &denied(error, description)));
    if query::last(params, "response_type") != Some("code") {
        return refuse("unsupported_response_type", "The authorization server does not support this response type.");
    }
    if client.scope(query::last(params, "scope").unwrap_or_default()).is_none() {
        return refuse("invalid_scope", "The requested scope is invalid, unknown, or malformed.");
    }
    match (query::last(params, "code_challenge"), query::last(params, "code_challenge_method")) {
        (None, None) if client.confidential => {}
        (None, _) => return refuse("invalid_request", "Code challenge required."),
        (Some(challenge), Some("S256")) if BASE64_URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|b| b.len() == 32) => {}
        (Some(_), Some("S256")) => return refuse("invalid_request", "The code challenge is malformed."),
        (Some(_), _) => return refuse("invalid_request", "The code challenge method must be S256."),
    }
    Ok(request)
}

fn denied<'a>(error: &'a str, description: &'a str) -> [(&'a str, &'a str); 2] {
    [("error", error), ("error_description", description)]
}

fn redirect(request: &Request<'_>, params: &[(&str, &str)]) -> Reply {
    let uri = request.redirect_uri;
    let all = params.iter().copied().chain(request.state.map(|state| ("state", state)));
    let mark = if uri.contains('?') { '&' } else { '?' };
    let mut reply = Reply::new(302, Some("text/html; charset=utf-8"), Vec::new());
    reply.headers.push(("Location".into(), format!("{uri}{mark}{}", query::encode(all))));
    reply
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
