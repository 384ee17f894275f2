//! Error bodies that repeat the secrets of their request.

use serde_json::{Value, json};
use zendesk_sandbox::{
    Echo, Encoder, Faults, Options, Sandbox,
    credentials::{ACCESS_TOKEN, ADMIN_EMAIL, API_TOKEN, CLIENT_ID, CLIENT_SECRET, USED_REFRESH_TOKEN},
};

use crate::http::{get_as, logs, request, sandbox};

fn echoing(echo: &str) -> Sandbox {
    sandbox(Options { echo: Some(echo.parse().expect("an encoding")), ..Options::default() })
}

#[test]
fn errors_repeat_the_access_token_in_every_encoding() {
    for encoder in Encoder::all() {
        let name = format!("{encoder:?}");
        let echo = Echo { place: zendesk_sandbox::EchoPlace::Text, encoders: vec![*encoder, Encoder::Plain] };
        let faults = Faults { rules: vec!["500@2".parse().expect("a rule")], ..Faults::default() };
        let sandbox = sandbox(Options { echo: Some(echo.clone()), faults, ..Options::default() });
        for (query, status) in [("page[size]=0", 400), ("page[size]=1", 500), ("page[size]=1", 200)] {
            let got = logs(&sandbox, query);
            assert_eq!(got.status, status, "{name}");
            assert_eq!(got.text().contains(&echo.encode(ACCESS_TOKEN)), status != 200, "{name}: {}", got.text());
        }
    }
}

#[test]
fn each_kind_of_body_has_its_content_type() {
    for (echo, content_type) in [
        ("percent", "application/json"),
        ("unknown:percent", "application/json"),
        ("text:percent", "text/plain"),
        ("html:percent", "text/html"),
    ] {
        let got = logs(&echoing(echo), "page[size]=0");
        assert_eq!(got.header("content-type"), Some(content_type), "{echo}");
        if content_type == "application/json" {
            let json = got.json();
            let text = if echo == "percent" { &json["description"] } else { &json["trace"]["request"] };
            assert!(text.as_str().is_some_and(|text| text.contains(ACCESS_TOKEN)), "{json}");
        }
    }
}

#[test]
fn a_unicode_escape_is_decoded_by_a_json_parser() {
    let got = logs(&echoing("unicode-all"), "page[size]=0");
    assert!(!got.text().contains(ACCESS_TOKEN) && got.text().contains("\\u007a\\u0064\\u0073\\u0062"));
    assert!(got.json()["description"].as_str().is_some_and(|text| text.contains(ACCESS_TOKEN)));
}

#[test]
fn basic_credentials_and_the_secrets_of_a_token_request_are_repeated() {
    let sandbox = echoing("plain");
    let pair = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("{ADMIN_EMAIL}/token:{API_TOKEN}"));
    let got = get_as(&sandbox, &format!("Basic {pair}"), "/api/v2/audit_logs?page[size]=0");
    assert!(got.text().contains(&pair) && got.text().contains(API_TOKEN), "{}", got.text());
    let body = json!({"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
                      "refresh_token": USED_REFRESH_TOKEN});
    let got = request(&sandbox, "POST", "/oauth/tokens", &[], &body.to_string());
    assert!(got.text().contains(CLIENT_SECRET) && got.text().contains(USED_REFRESH_TOKEN), "{}", got.text());
    let got: Value = request(&sandbox, "GET", "/api/v2/audit_logs", &[], "").json();
    assert_eq!(got["error"], "Couldn't authenticate you", "a request without secrets has the usual error");
}
