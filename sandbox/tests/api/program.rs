//! The program: its output, its server, and its exit codes.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::http::{parse, raw};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_zendesk-sandbox"))
}

#[test]
fn the_program_prints_configurations_serves_and_exits_on_a_signal() {
    for name in ["TERM", "INT"] {
        let mut child = program()
            .args(["--port", "0", "--events", "321", "--subdomain", "acme", "--shape", "one-second"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let lines: Vec<String> = stdout.lines().take(9).map(|line| line.expect("UTF-8")).collect();
        let base_url = lines[0].strip_prefix("export ZENDESK_BASE_URL=").expect("the first line");
        let configs: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let kinds: Vec<_> = configs.iter().map(|c| c["credentials"]["auth_type"].as_str()).collect();
        let expected = ["access_token", "api_token", "client_credentials", "refresh_token"];
        assert_eq!(kinds, expected.map(Some));
        assert!(lines[8].contains(&format!("{base_url}/oauth/authorizations/new?response_type=code")), "{}", lines[8]);
        assert!(configs.iter().all(|config| config["subdomain"] == "acme"));

        let token = configs[0]["credentials"]["access_token"].as_str().expect("a token");
        let text = format!(
            "GET /api/v2/audit_logs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        let got = parse(&raw(base_url, text.as_bytes()).expect("a response"));
        assert_eq!(got.json()["count"], 321);
        assert!(got.text().contains("https://acme.zendesk.com/api/v2/audit_logs/"));

        let signalled = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
        assert!(signalled.is_ok_and(|status| status.success()));
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{name}");
    }
}

#[test]
fn invalid_usage_exits_with_2_and_a_used_port_with_1() {
    for arguments in [
        &["--shape", "round"][..],
        &["--events", "many"],
        &["--nonsense"],
        &["--from", "2025-01-01T00:00:00Z", "--to", "2024-01-01T00:00:00Z"],
    ] {
        let output = program().args(arguments).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = program().args(["--port", &port]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
}
