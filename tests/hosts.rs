//! Tests which hosts the program connects to, as seen by a proxy that all connections must pass: only the
//! account's own host, over TLS, whatever the configuration or a response contains.
//!
//! The tests use the production path, without `ZENDESK_BASE_URL`. Nothing leaves this machine, because the
//! proxy stands in for the internet.

mod harness;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use harness::{Connection, Run, ServerThread};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use zendesk_sandbox::credentials::{ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, SECRETS};

const VARIABLES: [&str; 8] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];

/// The data that a client sent: to the proxy in plain text, and within TLS.
#[derive(Default)]
struct Seen {
    clear: Vec<String>,
    within_tls: Vec<String>,
}

/// A proxy that stands in for every host: it accepts a `CONNECT`, speaks TLS with a certificate for
/// `acme.zendesk.com`, and responds to each request with the closure's result.
struct Proxy {
    certificate: String,
    seen: Arc<Mutex<Seen>>,
    thread: ServerThread,
}

impl Proxy {
    fn start(response: impl Fn(&str) -> String + Send + 'static) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(["acme.zendesk.com".to_owned()]).expect("parameters");
        let certificate = params.self_signed(&key).expect("a certificate");
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .expect("a certificate with its key");
        let tls = Arc::new(tls);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let thread = ServerThread::start({
            let seen = Arc::clone(&seen);
            move |streams| {
                for mut stream in streams {
                    let Some(head) = head(&mut stream) else {
                        continue;
                    };
                    locked(&seen).clear.push(head);
                    let _ = stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n");
                    let connection = ServerConnection::new(Arc::clone(&tls)).expect("a connection");
                    let mut stream = StreamOwned::new(connection, stream);
                    // If the certificate is not trusted, no request is sent.
                    if let Some(head) = head_of(&mut stream) {
                        let _ = stream.write_all(response(&head).as_bytes());
                        stream.conn.send_close_notify();
                        let _ = stream.flush();
                        locked(&seen).within_tls.push(head);
                    }
                }
            }
        });
        Self { certificate: certificate.pem(), seen, thread }
    }

    /// Runs the program with this proxy in the given variable, and no other.
    fn run(&self, variable: &str, trusted: Option<&PathBuf>, arguments: &[String]) -> Run {
        self.run_with(&[], variable, trusted, arguments)
    }

    /// Runs the program with further variables.
    fn run_with(
        &self,
        environment: &[(&str, &Path)],
        variable: &str,
        trusted: Option<&PathBuf>,
        arguments: &[String],
    ) -> Run {
        let url = format!("http://{}", self.thread.address);
        Self::program(environment, (variable, &url), trusted, arguments)
    }

    /// Runs the program with another value of the variable.
    #[expect(clippy::unused_self, reason = "the proxy must be running and receive nothing")]
    fn run_as(&self, value: &str, variable: &str, trusted: Option<&PathBuf>, arguments: &[String]) -> Run {
        Self::program(&[], (variable, value), trusted, arguments)
    }

    fn program(
        environment: &[(&str, &Path)],
        (variable, value): (&str, &str),
        trusted: Option<&PathBuf>,
        arguments: &[String],
    ) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_source-zendesk-audit-logs"));
        for name in VARIABLES.into_iter().chain(["ZENDESK_BASE_URL", "SSL_CERT_FILE", "REQUEST_METHOD"]) {
            command.env_remove(name);
        }
        command.envs(environment.iter().copied());
        command.env(variable, value).args(arguments);
        if let Some(trusted) = trusted {
            command.env("SSL_CERT_FILE", trusted);
        }
        let output = command.output().expect("the program starts");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let code = output.status.code().and_then(|code| u8::try_from(code).ok()).expect("an exit code");
        Run { code, stdout: String::from_utf8(output.stdout).expect("UTF-8") }
    }

    /// Returns the hosts that were requested since the last call.
    fn hosts(&self) -> Vec<String> {
        let clear = std::mem::take(&mut locked(&self.seen).clear);
        let host = |head: &String| head.strip_prefix("CONNECT ")?.split(' ').next().map(str::to_owned);
        clear
            .iter()
            .map(|head| {
                assert!(!SECRETS.iter().any(|secret| head.contains(secret)), "{head}");
                assert!(!head.to_ascii_lowercase().contains("authorization"), "{head}");
                host(head).unwrap_or_else(|| panic!("in plain text: {head}"))
            })
            .collect()
    }

    fn within_tls(&self) -> Vec<String> {
        std::mem::take(&mut locked(&self.seen).within_tls)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a request's head, and its body if it has one.
fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    // Stops at the end of the head: the `ClientHello` comes next.
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn head_of(stream: &mut impl Read) -> Option<String> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(length) => request.extend_from_slice(&part[..length]),
        }
    }
}

fn reply(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn page(records: &str, after: Option<&str>) -> String {
    let meta = json!({ "has_more": after.is_some(), "after_cursor": after });
    reply("200 OK", "Content-Type: application/json\r\n", &format!(r#"{{"audit_logs":[{records}],"meta":{meta}}}"#))
}

fn connection(subdomain: &str, credentials: Value) -> Connection {
    Connection::with(None, credentials).set("subdomain", json!(subdomain))
}

fn token() -> Value {
    json!({ "auth_type": "access_token", "access_token": ACCESS_TOKEN })
}

fn client() -> Value {
    json!({ "auth_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET })
}

fn check(connection: &Connection) -> Vec<String> {
    let config = connection.file("config.json", connection.config.to_string());
    ["check", "--config", config.to_str().expect("Unicode")].map(str::to_owned).to_vec()
}

const RECORD: &str = r#"{"id":1,"created_at":"2024-01-01T00:00:00Z"}"#;

#[test]
fn a_proxy_from_the_environment_sees_only_the_accounts_host() {
    let proxy = Proxy::start(|request| {
        if request.starts_with("POST /oauth/tokens ") {
            return reply(
                "200 OK",
                "",
                r#"{"access_token":"issued-0123456789","token_type":"bearer","expires_in":3600}"#,
            );
        }
        page(RECORD, None)
    });
    for (variable, credentials) in
        [("HTTPS_PROXY", token()), ("https_proxy", client()), ("ALL_PROXY", client()), ("all_proxy", token())]
    {
        let connection = connection("acme", credentials.clone());
        let trusted = connection.file("trusted.pem", &proxy.certificate);
        let run = proxy.run(variable, Some(&trusted), &connection.arguments(None)).succeeded();
        assert_eq!(run.records(), [RECORD], "{variable}");
        let hosts = proxy.hosts();
        assert!(!hosts.is_empty() && hosts.iter().all(|host| host == "acme.zendesk.com:443"), "{variable}: {hosts:?}");
        // The credentials were sent, within TLS.
        let sent = proxy.within_tls().concat();
        assert!(sent.contains("acme.zendesk.com"), "{sent}");
        let secret = if credentials["auth_type"] == "access_token" { ACCESS_TOKEN } else { CLIENT_SECRET };
        assert!(sent.contains(secret), "{variable}");
    }
    // An untrusted server receives no request.
    let connection = connection("acme", token());
    let run = proxy.run("HTTPS_PROXY", None, &check(&connection));
    assert!(run.failed_check().contains("SSL_CERT_FILE"), "{}", run.stdout);
    assert_eq!(proxy.within_tls(), [] as [String; 0]);
}

#[test]
fn an_empty_variable_does_not_hide_the_proxy_in_another() {
    let proxy = Proxy::start(|_| page(RECORD, None));
    let connection = connection("acme", token());
    let trusted = connection.file("trusted.pem", &proxy.certificate);
    // The library treats an empty HTTPS_PROXY as a value, and uses no proxy at all in a CGI script.
    let empty = Path::new("");
    for environment in [&[("HTTPS_PROXY", empty)][..], &[("REQUEST_METHOD", Path::new("GET"))]] {
        let run = proxy.run_with(environment, "https_proxy", Some(&trusted), &connection.arguments(None));
        assert_eq!(run.succeeded().records(), [RECORD]);
        assert!(proxy.hosts().iter().all(|host| host == "acme.zendesk.com:443"));
    }
}

#[test]
fn a_proxy_gets_its_password_and_no_message_shows_it() {
    const PASSWORD: &str = "pr0xy-pass/w0rd@1";
    let encoded = "pr0xy-pass%2Fw0rd%401";
    let proxy = Proxy::start(|_| page(RECORD, None));
    let connection = connection("acme", token()).set("num_workers", json!(1));
    let trusted = connection.file("trusted.pem", &proxy.certificate);
    let url = format!("http://jane:{encoded}@{}", proxy.thread.address);
    let run = proxy.run_as(&url, "HTTPS_PROXY", Some(&trusted), &connection.arguments(None)).succeeded();
    assert_eq!(run.records(), [RECORD]);
    let expected = format!("proxy-authorization: basic {}", BASE64_STANDARD.encode(format!("jane:{PASSWORD}")));
    let clear = std::mem::take(&mut locked(&proxy.seen).clear);
    assert!(clear.iter().all(|head| head.to_ascii_lowercase().contains(&expected.to_ascii_lowercase())), "{clear:?}");
    for piece in ["pr0xy", "w0rd"] {
        assert!(!run.stdout.contains(piece), "{}", run.stdout);
    }
}

#[test]
fn an_invalid_proxy_variable_is_rejected_and_never_ignored() {
    let proxy = Proxy::start(|_| page(RECORD, None));
    let connection = connection("acme", token());
    let not_a_url = "is not the URL of a proxy, such as http://proxy.example:3128.";
    let socks = "names a SOCKS proxy, which the connector does not support.";
    for (variable, value, problem) in [
        ("HTTPS_PROXY", "htp://jane:pr0xy-passw0rd@127.0.0.1:1", "does not begin with http:// or https://."),
        ("https_proxy", " ", "is blank."),
        ("ALL_PROXY", "http:/127.0.0.1:1", not_a_url),
        ("all_proxy", "http://jane:pr0xy#passw0rd@127.0.0.1:1", not_a_url),
        ("HTTPS_PROXY", "http://127.0.0.1:99999", not_a_url),
        ("HTTPS_PROXY", "socks5://jane:pr0xy-passw0rd@127.0.0.1:1", socks),
        ("ALL_PROXY", "socks5h://127.0.0.1:1", socks),
        ("HTTP_PROXY", "htp://127.0.0.1:1", "does not begin with http:// or https://."),
    ] {
        for arguments in [check(&connection), connection.arguments(None)] {
            let run = proxy.run_as(value, variable, None, &arguments);
            let message = if arguments[0] == "check" {
                run.failed_check()
            } else {
                assert_eq!(run.code, 1);
                assert_eq!(run.error()["failure_type"], "config_error");
                run.error()["message"].as_str().expect("a message").to_owned()
            };
            let begin = format!("The environment variable {variable} {problem}");
            assert!(message.starts_with(&begin), "{variable}={value}: {message}");
            assert!(!run.stdout.contains("pr0xy") && !run.stdout.contains("jane"), "{}", run.stdout);
        }
    }
    assert_eq!(proxy.hosts(), [] as [String; 0]);
}

#[test]
fn no_response_makes_the_connector_contact_another_host() {
    const EVIL: &str = "https://evil.example/api/v2/audit_logs?page[after]=x";
    let evil_record =
        format!(r#"{{"id":2,"created_at":"2024-01-01T00:00:00Z","url":"{EVIL}","links":{{"next":"{EVIL}"}}}}"#);
    let in_record = page(&evil_record, None);
    let links = |next: &str| {
        let body = json!({
            "audit_logs": [{ "id": 3, "created_at": "2024-01-01T00:00:00Z" }],
            "meta": { "has_more": false, "after_cursor": next },
            "links": { "next": next, "prev": next }, "next_page": next, "previous_page": next, "url": next
        });
        reply("200 OK", &format!("Link: <{next}>; rel=\"next\"\r\n"), &body.to_string())
    };
    let redirect = |status: &str, to: &str| reply(status, &format!("Location: {to}\r\nRefresh: 0; url={to}\r\n"), "");
    let headers = "Alt-Svc: h2=\"evil.example:443\"\r\nContent-Location: https://evil.example/\r\nStrict-Transport-Security: max-age=0\r\n";
    for (name, response, code) in [
        ("a URL in a record", in_record, 0),
        ("links", links(EVIL), 0),
        ("links without a scheme", links("//evil.example/x"), 0),
        ("links with another scheme", links("http://acme.zendesk.com/x"), 0),
        (
            "headers",
            reply("200 OK", headers, &format!(r#"{{"audit_logs":[{RECORD}],"meta":{{"has_more":false}}}}"#)),
            0,
        ),
        ("301", redirect("301 Moved", EVIL), 1),
        ("302 to another help desk", redirect("302 Found", "https://evil.zendesk.com/"), 1),
        ("303 without a scheme", redirect("303 Other", "//evil.example/"), 1),
        ("307 with user info", redirect("307 Same", "https://acme.zendesk.com@evil.example/"), 1),
        ("308 to plain HTTP", redirect("308 Same", "http://acme.zendesk.com/api/v2/audit_logs"), 1),
        ("305 to a proxy", redirect("305 Use Proxy", "http://evil.example:3128/"), 1),
        (
            "401 from elsewhere",
            reply("401 No", "WWW-Authenticate: Bearer realm=\"https://evil.example/token\"\r\n", "{}"),
            1,
        ),
        ("407", reply("407 No", "Proxy-Authenticate: Basic realm=\"x\"\r\n", "{}"), 1),
    ] {
        let proxy = Proxy::start(move |_| response.clone());
        let connection = connection("acme", token());
        let trusted = connection.file("trusted.pem", &proxy.certificate);
        for variable in ["HTTPS_PROXY", "ALL_PROXY"] {
            let run = proxy.run(variable, Some(&trusted), &connection.arguments(None));
            assert_eq!(run.code, code, "{name}: {}", run.stdout);
            let hosts = proxy.hosts();
            assert!(!hosts.is_empty() && hosts.iter().all(|host| host == "acme.zendesk.com:443"), "{name}: {hosts:?}");
        }
    }
}

#[test]
fn a_cursor_that_is_a_url_is_sent_back_as_a_value() {
    const CURSOR: &str = "https://evil.example/?x=1&y#z/../../oauth\u{e9}\"<>";
    let proxy = Proxy::start(|request| {
        let second = request.lines().next().is_some_and(|line| line.contains("page%5Bafter%5D"));
        if second { page("", None) } else { page(RECORD, Some(CURSOR)) }
    });
    let connection = connection("acme", token());
    let trusted = connection.file("trusted.pem", &proxy.certificate);
    proxy.run("HTTPS_PROXY", Some(&trusted), &connection.arguments(None)).succeeded();
    assert!(proxy.hosts().iter().all(|host| host == "acme.zendesk.com:443"));
    let requests = proxy.within_tls();
    assert!(requests.iter().all(|request| request.starts_with("GET /api/v2/audit_logs?")), "{requests:?}");
    let escaped = "page%5Bafter%5D=https%3A%2F%2Fevil.example%2F%3Fx%3D1%26y%23z%2F..%2F..%2Foauth%C3%A9%22%3C%3E ";
    assert!(requests.iter().any(|request| request.contains(escaped)), "{requests:?}");
}

#[test]
fn a_hostile_subdomain_is_rejected_before_any_connection() {
    let proxy = Proxy::start(|_| page("", None));
    for subdomain in [
        "evil.example",
        "evil.example/",
        "evil.example/#",
        "evil.example?",
        "evil.example#.zendesk.com",
        "evil.example\\.zendesk.com",
        "evil.example%2f",
        "evil.example%00",
        "acme.zendesk.com.evil.example",
        "acme.zendesk.com@evil.example",
        "acme.zendesk.com:443@evil.example",
        "https://acme.zendesk.com@evil.example/",
        "https://evil.example/.zendesk.com",
        "https:/\\evil.example",
        "http://169.254.169.254",
        "169.254.169.254",
        "127.0.0.1",
        "[::1]",
        "0x7f000001.evil",
        "localhost:8080@x",
        "evil\u{3002}example",
        "evil\u{ff0e}example",
        "\u{ff45}vil",
        "xn--.evil",
        "acme\u{0}",
        "acme\r\nHost: evil.example",
        "acme zendesk",
        "..",
        ".",
        "-acme",
        "acme-",
        "{{ secrets }}",
        "$(hostname)",
    ] {
        for credentials in [token(), client()] {
            let connection = connection(subdomain, credentials);
            let run = proxy.run("ALL_PROXY", None, &check(&connection));
            let message = run.failed_check();
            assert!(
                message.starts_with("In the config, subdomain is not a Zendesk subdomain."),
                "{subdomain:?}: {message}"
            );
            assert_eq!(proxy.hosts(), [] as [String; 0], "{subdomain:?}");
        }
    }
}

#[test]
fn an_accepted_subdomain_results_in_its_zendesk_host() {
    let proxy = Proxy::start(|_| page("", None));
    for (subdomain, label) in [
        (" ACME ", "acme"),
        ("https://acme.zendesk.com/agent/../..//evil.example", "acme"),
        ("acme.zendesk.com:8443/@evil.example", "acme"),
        ("acme/evil.example", "acme"),
        ("evil-example", "evil-example"),
        ("localhost", "localhost"),
        ("com", "com"),
        ("2130706433", "2130706433"),
    ] {
        let connection = connection(subdomain, token());
        // The proxy's certificate is not trusted, so the connection ends here.
        proxy.run("ALL_PROXY", None, &check(&connection)).failed_check();
        assert_eq!(proxy.hosts(), [format!("{label}.zendesk.com:443")], "{subdomain:?}");
        assert_eq!(proxy.within_tls(), [] as [String; 0]);
    }
}

#[test]
fn no_other_variable_weakens_tls() {
    let proxy = Proxy::start(|_| page(RECORD, None));
    let connection = connection("acme", token());
    let trusted = connection.file("trusted.pem", &proxy.certificate);
    let folder = trusted.parent().expect("a folder");
    let keys = folder.join("keys.log");
    let environment = [
        ("SSL_CERT_DIR", folder),
        ("CURL_CA_BUNDLE", trusted.as_path()),
        ("REQUESTS_CA_BUNDLE", &trusted),
        ("NODE_EXTRA_CA_CERTS", &trusted),
        ("NODE_TLS_REJECT_UNAUTHORIZED", Path::new("0")),
        ("GIT_SSL_NO_VERIFY", Path::new("1")),
        ("ZENDESK_SUBDOMAIN", Path::new("evil")),
        ("ZENDESK_HOST", Path::new("evil.example")),
        ("SSLKEYLOGFILE", &keys),
    ];
    let run = proxy.run_with(&environment, "HTTPS_PROXY", None, &check(&connection));
    assert!(run.failed_check().contains("certificate is not valid"), "{}", run.stdout);
    assert_eq!(proxy.within_tls(), [] as [String; 0]);
    let run = proxy.run_with(&environment, "HTTPS_PROXY", Some(&trusted), &connection.arguments(None));
    assert_eq!(run.succeeded().records(), [RECORD]);
    assert!(!keys.exists(), "the file would reveal the credentials");
    assert!(proxy.hosts().iter().all(|host| host == "acme.zendesk.com:443"));
}
