//! A token endpoint that is slow, or whose responses are odd.

use serde_json::{Value, json};
use zendesk_sandbox::{
    Options, RefreshResponse, Sandbox, Tokens,
    credentials::{CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN},
};

use crate::http::{Got, get_as, request, sandbox};

fn with(tokens: Tokens) -> Sandbox {
    sandbox(Options { tokens, ..Options::default() })
}

fn post(sandbox: &Sandbox, body: &Value) -> Got {
    request(sandbox, "POST", "/oauth/tokens", &[("Content-Type", "application/json")], &body.to_string())
}

fn refresh(token: &str) -> Value {
    json!({"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
           "scope": "auditlogs:read", "refresh_token": token, "expires_in": 600})
}

fn reads(sandbox: &Sandbox, token: &Value) -> u16 {
    let authorization = format!("Bearer {}", token.as_str().expect("a token"));
    get_as(sandbox, &authorization, "/api/v2/audit_logs?page[size]=1").status
}

#[test]
fn a_slow_token_endpoint_rotates_tokens_before_it_responds() {
    let sandbox = with(Tokens { delay_seconds: 60, ..Tokens::default() });
    let address = sandbox.base_url().replace("http://", "");
    let mut stream = std::net::TcpStream::connect(address).expect("a connection");
    let body = refresh(REFRESH_TOKEN).to_string();
    let length = body.len();
    let text = format!("POST /oauth/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
    std::io::Write::write_all(&mut stream, text.as_bytes()).expect("sent");
    stream.set_read_timeout(Some(std::time::Duration::from_millis(20))).expect("a timeout");
    while sandbox.token_requests().refresh_token == 0 {
        assert!(std::io::Read::read(&mut stream, &mut [0]).is_err(), "no response yet");
    }
    assert_eq!(sandbox.issued_secrets().len(), 2);
}

#[test]
fn a_refresh_can_return_no_new_refresh_token() {
    let sandbox = with(Tokens { refresh_response: RefreshResponse::AccessOnly, ..Tokens::default() });
    let responses = [1, 2].map(|_| post(&sandbox, &refresh(REFRESH_TOKEN)));
    for got in &responses {
        assert_eq!((got.status, got.json().get("refresh_token")), (201, None));
        assert_eq!(reads(&sandbox, &got.json()["access_token"]), 200);
    }
    assert_eq!(sandbox.token_requests().refresh_token, 2);
}

#[test]
fn expires_in_can_be_any_value() {
    for value in [json!(null), json!(-1), json!(1e30), json!("soon"), json!({"seconds": 600})] {
        let sandbox = with(Tokens { expires_in: Some(value.clone()), ..Tokens::default() });
        let got = post(&sandbox, &refresh(REFRESH_TOKEN)).json();
        assert_eq!(got.get("expires_in"), Some(&value));
        assert_eq!(reads(&sandbox, &got["access_token"]), 200);
    }
}

#[test]
fn a_new_access_token_is_refused_until_it_has_reached_every_server() {
    let sandbox = with(Tokens { propagation: 2, ..Tokens::default() });
    let token = &post(&sandbox, &refresh(REFRESH_TOKEN)).json()["access_token"];
    assert_eq!([1, 2, 3, 4].map(|_| reads(&sandbox, token)), [401, 401, 200, 200]);
}
