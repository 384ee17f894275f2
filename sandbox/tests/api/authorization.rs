//! The authorization code grant, from the consent page to a page of audit logs.

use serde_json::{Value, json};
use zendesk_sandbox::{
    Options, Sandbox, Tokens,
    credentials::{AGENT_CLIENT_ID, CLIENT_ID, CLIENT_SECRET, LIMITED_CLIENT_ID, PUBLIC_CLIENT_ID},
};

use crate::http::{Got, encoded, get_as, request, sandbox};

const REDIRECT: &str = "http://localhost:8000/auth_flow";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn open(sandbox: &Sandbox, params: &[(&str, &str)]) -> Got {
    let query: Vec<String> = params.iter().map(|(name, value)| format!("{name}={}", url_encoded(value))).collect();
    request(sandbox, "GET", &format!("/oauth/authorizations/new?{}", query.join("&")), &[], "")
}

fn url_encoded(value: &str) -> String {
    encoded(value).replace(' ', "%20").replace('"', "%22").replace('<', "%3C").replace('>', "%3E").replace('&', "%26")
}

/// Submits the consent form as a browser does after a click on "Allow" or "Deny".
fn click(sandbox: &Sandbox, page: &Got, decision: &str, user: &str) -> Got {
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.header("content-type").is_some_and(|value| value.starts_with("text/html")));
    let mut form = vec![format!("decision={decision}"), format!("user={user}")];
    for input in page.text().split("<input type=\"hidden\" ").skip(1) {
        let mut parts = input.split('"');
        let name = parts.nth(1).expect("a name");
        let value = parts.nth(1).expect("a value").replace("&quot;", "\"").replace("&lt;", "<");
        let value = value.replace("&gt;", ">").replace("&amp;", "&");
        form.push(format!("{name}={}", url_encoded(&value)));
    }
    assert!(page.text().contains("<form method=\"post\" action=\"/oauth/authorizations\">"));
    request(sandbox, "POST", "/oauth/authorizations", &[], &form.join("&"))
}

fn location_param(got: &Got, name: &str) -> Option<String> {
    assert_eq!(got.status, 302, "{}", got.text());
    let location = got.header("location").expect("a location");
    let query = location.strip_prefix(&format!("{REDIRECT}?")).expect("the redirect URI");
    let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
    Some(value.replace("%2D", "-").replace("%20", " ").replace("%5F", "_"))
}

fn consent<'a>(client: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let base = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", REDIRECT),
        ("scope", "auditlogs:read"),
        ("state", "xyz"),
    ];
    base.into_iter().chain(more.iter().copied()).collect()
}

fn code(sandbox: &Sandbox, client: &str, pkce: bool, user: &str) -> String {
    let challenge = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let params = consent(client, if pkce { &challenge } else { &[] });
    let got = click(sandbox, &open(sandbox, &params), "allow", user);
    assert_eq!(location_param(&got, "state").as_deref(), Some("xyz"));
    location_param(&got, "code").expect("a code")
}

fn exchange(sandbox: &Sandbox, code: &str, changes: &Value) -> Got {
    let mut body = json!({"grant_type": "authorization_code", "code": code, "client_id": CLIENT_ID,
                          "client_secret": CLIENT_SECRET, "redirect_uri": REDIRECT, "expires_in": 3600,
                          "refresh_token_expires_in": 604_800});
    for (name, value) in changes.as_object().expect("an object") {
        body[name] = value.clone();
    }
    request(sandbox, "POST", "/oauth/tokens", &[("Content-Type", "application/json")], &body.to_string())
}

fn reads(sandbox: &Sandbox, response: &Value) -> u16 {
    let token = response["access_token"].as_str().expect("a token");
    get_as(sandbox, &format!("Bearer {token}"), "/api/v2/audit_logs?page[size]=1").status
}

#[test]
fn a_confidential_client_gets_a_pair_that_reads_and_refreshes() {
    let sandbox = sandbox(Options::default());
    let got = exchange(&sandbox, &code(&sandbox, CLIENT_ID, false, "admin"), &json!({}));
    assert_eq!(got.status, 201, "{}", got.text());
    let response = got.json();
    assert_eq!((&response["expires_in"], &response["refresh_token_expires_in"]), (&json!(3600), &json!(604_800)));
    assert_eq!((&response["scope"], &response["token_type"]), (&json!("auditlogs:read"), &json!("bearer")));
    assert_eq!(reads(&sandbox, &response), 200);
    let refresh = json!({"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
                         "refresh_token": response["refresh_token"]});
    let next = request(&sandbox, "POST", "/oauth/tokens", &[], &refresh.to_string());
    assert_eq!((next.status, reads(&sandbox, &next.json()), reads(&sandbox, &response)), (201, 200, 401));
    let requests = sandbox.token_requests();
    assert_eq!((requests.authorization_code, requests.refresh_token, requests.refused), (1, 1, 0));
    assert_eq!(sandbox.issued_secrets().len(), 5, "the code is a secret as well");
}

#[test]
fn a_code_is_valid_once_and_expires() {
    let sandbox = sandbox(Options::default());
    let code = code(&sandbox, CLIENT_ID, false, "admin");
    assert_eq!(exchange(&sandbox, &code, &json!({})).status, 201);
    let again = exchange(&sandbox, &code, &json!({}));
    assert_eq!((again.status, &again.json()["error"]), (400, &json!("invalid_grant")));
    let tokens = Tokens { code_lifetime_seconds: Some(0), ..Tokens::default() };
    let sandbox = crate::http::sandbox(Options { tokens, ..Options::default() });
    let expired = self::code(&sandbox, CLIENT_ID, false, "admin");
    assert_eq!(exchange(&sandbox, &expired, &json!({})).json()["error"], "invalid_grant");
}

#[test]
fn redirect_uri_client_and_secret_must_match_the_code() {
    let sandbox = sandbox(Options::default());
    let code = code(&sandbox, CLIENT_ID, false, "admin");
    for (changes, status, error) in [
        (json!({"redirect_uri": "http://localhost"}), 400, "invalid_grant"),
        (json!({"redirect_uri": null}), 400, "invalid_grant"),
        (json!({"client_id": AGENT_CLIENT_ID}), 400, "invalid_grant"),
        (json!({"client_secret": "wrong"}), 401, "invalid_client"),
        (json!({"client_secret": null}), 401, "invalid_client"),
        (json!({"client_id": "nobody"}), 401, "invalid_client"),
        (json!({"code": null}), 400, "invalid_request"),
        (json!({"code": "zdsb-code-x"}), 400, "invalid_grant"),
        (json!({"code_verifier": VERIFIER}), 400, "invalid_grant"),
        (json!({"expires_in": 1}), 400, "invalid_request"),
    ] {
        let got = exchange(&sandbox, &code, &changes);
        assert_eq!((got.status, &got.json()["error"]), (status, &json!(error)), "{changes}");
    }
    assert_eq!(exchange(&sandbox, &code, &json!({})).status, 201, "a refused request does not use the code up");
}

#[test]
fn pkce_is_verified_and_replaces_the_secret_of_a_public_client() {
    let sandbox = sandbox(Options::default());
    let public = json!({"client_id": PUBLIC_CLIENT_ID, "client_secret": null, "code_verifier": VERIFIER});
    let code = code(&sandbox, PUBLIC_CLIENT_ID, true, "admin");
    for verifier in [json!(null), json!(CHALLENGE), json!("")] {
        let mut wrong = public.clone();
        wrong["code_verifier"] = verifier;
        assert_eq!(exchange(&sandbox, &code, &wrong).json()["error"], "invalid_grant", "{wrong}");
    }
    let got = exchange(&sandbox, &code, &public);
    assert_eq!((got.status, got.json().get("refresh_token")), (201, None));
    assert_eq!(reads(&sandbox, &got.json()), 200);

    let confidential = self::code(&sandbox, CLIENT_ID, true, "admin");
    let got = exchange(&sandbox, &confidential, &json!({"code_verifier": VERIFIER}));
    assert!(got.status == 201 && got.json()["refresh_token"].is_string());
}

#[test]
fn a_token_request_can_be_a_form() {
    let sandbox = sandbox(Options::default());
    let code = code(&sandbox, CLIENT_ID, false, "admin");
    let redirect = url_encoded(REDIRECT);
    let body = format!(
        "grant_type=authorization_code&code={code}&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}\
         &redirect_uri={redirect}&expires_in=900"
    );
    let got = request(&sandbox, "POST", "/oauth/tokens", &[], &body);
    assert_eq!((got.status, &got.json()["expires_in"]), (201, &json!(900)), "{}", got.text());
}

#[test]
fn the_token_acts_for_the_user_who_consented() {
    let sandbox = sandbox(Options::default());
    let agent = exchange(&sandbox, &code(&sandbox, CLIENT_ID, false, "agent"), &json!({}));
    assert_eq!((agent.status, reads(&sandbox, &agent.json())), (201, 403));
}

#[test]
fn a_denied_consent_and_bad_requests_redirect_with_an_error() {
    let sandbox = sandbox(Options::default());
    let page = open(&sandbox, &consent(CLIENT_ID, &[]));
    let denied = click(&sandbox, &page, "deny", "admin");
    assert_eq!(location_param(&denied, "error").as_deref(), Some("access_denied"));
    assert_eq!(location_param(&denied, "state").as_deref(), Some("xyz"));
    assert_eq!(location_param(&denied, "code"), None);
    for (client, more, error) in [
        (CLIENT_ID, &[("response_type", "token")][..], "unsupported_response_type"),
        (CLIENT_ID, &[("scope", "everything")], "invalid_scope"),
        (LIMITED_CLIENT_ID, &[], "invalid_scope"),
        (PUBLIC_CLIENT_ID, &[], "invalid_request"),
        (CLIENT_ID, &[("code_challenge", CHALLENGE)], "invalid_request"),
        (CLIENT_ID, &[("code_challenge", VERIFIER), ("code_challenge_method", "plain")], "invalid_request"),
        (CLIENT_ID, &[("code_challenge", "short"), ("code_challenge_method", "S256")], "invalid_request"),
    ] {
        let got = open(&sandbox, &consent(client, more));
        assert_eq!(location_param(&got, "error").as_deref(), Some(error), "{more:?}");
    }
}

#[test]
fn an_unknown_client_or_redirect_uri_is_not_redirected() {
    let sandbox = sandbox(Options::default());
    for more in [("client_id", "nobody"), ("redirect_uri", "http://evil.example/"), ("redirect_uri", "")] {
        let got = open(&sandbox, &consent(CLIENT_ID, &[more]));
        assert_eq!((got.status, got.header("location")), (400, None), "{more:?}");
    }
}

#[test]
fn the_consent_page_escapes_its_parameters() {
    let sandbox = sandbox(Options::default());
    let page = open(&sandbox, &consent(CLIENT_ID, &[("state", "\"><script>")]));
    assert!(page.status == 200 && !page.text().contains("<script>"), "{}", page.text());
    let got = click(&sandbox, &page, "allow", "admin");
    assert!(got.header("location").is_some_and(|location| location.contains("state=%22%3E")));
}
