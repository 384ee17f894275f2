//! Searches for secrets in the output of every command, log level and authentication method, and of every
//! failure of the API and of the token endpoint, with servers that repeat their input in every encoding. No
//! part of a secret may appear on stdout or stderr, except in the CONTROL message, which must contain the new
//! tokens.
//!
//! The unit tests of `cli` and `secret.rs` cover panics.

mod encoder;
mod harness;

use std::collections::HashSet;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, Engine as _};
use harness::{Connection, Stdout, sandbox};
use serde_json::{Value, json};
use zendesk_sandbox::credentials::{
    ACCESS_TOKEN, ADMIN_EMAIL, API_TOKEN, CLIENT_ID, CLIENT_SECRET, EXPIRED_ACCESS_TOKEN, REFRESH_TOKEN, SECRETS,
    USED_REFRESH_TOKEN,
};
use zendesk_sandbox::{Echo, EchoPlace, Encoder, MockResponse, Options, ResponseHook, Sandbox, SeenRequest};

/// Secrets with every character that an encoding may change. No account accepts them.
const TOKEN: &str = r#"t0k3n-s3cr3t"+/\b=c&d<e>%f?#@:~"#;
const CLIENT: &str = r#"cl13nt-s3cr3t"+/\b=c&d<e>%f?#@:~"#;
const REFRESH: &str = r#"r3fr3sh-s3cr3t"+/\b=c&d<e>%f?#@:~"#;
const ID: &str = "1d-s3cr3t+/=&";
const OURS: [&str; 4] = [TOKEN, CLIENT, REFRESH, ID];
/// A secret that fits into a host name.
const PLAIN: &str = "PlainT0kenOfLettersAndDigits";

/// The LOG messages of all levels.
const EVERY_LEVEL: &str = "debug";

fn percent(text: &str, upper: bool) -> String {
    let byte = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
        byte if upper => format!("%{byte:02X}"),
        byte => format!("%{byte:02x}"),
    };
    text.bytes().map(byte).collect()
}

fn json_text(text: &str) -> String {
    let quoted = json!(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Returns the encodings of a string by various servers.
fn encodings(text: &str) -> Vec<String> {
    let json = json_text(text);
    vec![
        text.to_owned(),
        json.replace('/', "\\/"),
        json,
        percent(text, true),
        percent(text, false),
        BASE64_STANDARD.encode(text),
        BASE64_URL_SAFE.encode(text),
        BASE64_STANDARD.encode(format!("x{text}")),
        BASE64_STANDARD.encode(format!("xy{text}")),
    ]
}

/// Returns the forms of a secret to search for: the secret, and its middle in base64 at each offset.
fn forms(secret: &str) -> Vec<String> {
    let middle = &secret[3..secret.len() - 3];
    let base64 = (0..3).map(|before| {
        let text = BASE64_STANDARD.encode(format!("{}{middle}", &"xxx"[..before]));
        // Whole groups of the middle, without those that depend on the bytes before.
        let end = (before + middle.len()) / 3 * 4;
        text[4..end].to_owned()
    });
    let plain = [secret.to_owned(), json_text(secret), percent(secret, true), percent(secret, false)];
    plain.into_iter().chain(base64).collect()
}

/// Searches an output, except CONTROL messages.
#[track_caller]
fn sweep(what: &str, output: &str, issued: &[String]) {
    let known = SECRETS.iter().chain(&OURS).chain(&[PLAIN]).map(|secret| (*secret).to_owned());
    for secret in known.chain(issued.iter().cloned()) {
        for form in forms(&secret) {
            for line in output.lines().filter(|line| !line.starts_with(r#"{"type":"CONTROL","#)) {
                assert!(!line.contains(&form), "{what}: {form}, of {secret}, is in {line}");
            }
        }
    }
    // Half of a secret must not appear either.
    for line in output.lines().filter(|line| !line.starts_with(r#"{"type":"CONTROL","#)) {
        assert!(!line.contains("s3cr3t"), "{what}: {line}");
    }
}

fn access_token(token: &str) -> Value {
    json!({ "auth_type": "access_token", "access_token": token })
}

fn api_token(token: &str) -> Value {
    json!({ "auth_type": "api_token", "email": ADMIN_EMAIL, "api_token": token })
}

fn client(id: &str, secret: &str) -> Value {
    json!({ "auth_type": "client_credentials", "client_id": id, "client_secret": secret })
}

fn refresh(id: &str, secret: &str, token: &str) -> Value {
    json!({ "auth_type": "refresh_token", "client_id": id, "client_secret": secret, "refresh_token": token })
}

/// Returns credentials that no account accepts, with every kind of secret.
fn strange() -> [Value; 4] {
    [access_token(TOKEN), api_token(TOKEN), client(ID, CLIENT), refresh(ID, CLIENT, REFRESH)]
}

fn good() -> [Value; 4] {
    [
        access_token(ACCESS_TOKEN),
        api_token(API_TOKEN),
        client(CLIENT_ID, CLIENT_SECRET),
        refresh(CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN),
    ]
}

/// Returns the secrets that the request contained.
fn echo(request: &SeenRequest) -> String {
    let body = serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    let fields = ["client_secret", "refresh_token", "client_id"].map(|name| body[name].as_str().unwrap_or_default());
    let header = request.authorization.as_deref().unwrap_or_default();
    let pair = header.strip_prefix("Basic ").and_then(|pair| BASE64_STANDARD.decode(pair).ok()).unwrap_or_default();
    let pair = String::from_utf8_lossy(&pair).into_owned();
    let secret = fields.into_iter().chain([header, pair.as_str()]).filter(|secret| !secret.is_empty());
    secret.flat_map(encodings).collect::<Vec<_>>().join(" ")
}

/// A failure of the server, which repeats secrets.
#[derive(Clone, Copy, Debug)]
enum Failure {
    /// A status, and a body in which `{}` is replaced by the secrets.
    Status(u16, &'static str),
    /// The server closes the connection.
    Drops,
}

const FAILURES: [Failure; 31] = [
    Failure::Status(200, "{}"),
    Failure::Status(200, "<html>{}</html>"),
    Failure::Status(200, r#"{"error":"{}"}"#),
    Failure::Status(200, r#"{"access_token":7,"refresh_token":"{}"}"#),
    Failure::Status(204, ""),
    Failure::Status(301, "{}"),
    Failure::Status(302, "{}"),
    Failure::Status(307, "{}"),
    Failure::Status(400, r#"{"error":"invalid_client","error_description":"unknown client {}"}"#),
    Failure::Status(400, r#"{"error":"invalid_client","error_description":"wrong secret {}"}"#),
    Failure::Status(400, r#"{"error":"invalid_grant","error_description":"{}"}"#),
    Failure::Status(400, r#"{"error":"invalid_scope","error_description":"{}"}"#),
    Failure::Status(400, r#"{"error":"unauthorized_client","error_description":"{}"}"#),
    Failure::Status(400, "{}"),
    Failure::Status(401, r#"{"error":"invalid_token","error_description":"{}"}"#),
    Failure::Status(401, r#"{"error":"Couldn't authenticate you: {}"}"#),
    Failure::Status(401, "{}"),
    Failure::Status(403, r#"{"error":{"title":"Forbidden","message":"{}"}}"#),
    Failure::Status(403, r#"{"error":"Forbidden","description":"missing scopes for {}"}"#),
    Failure::Status(403, "<html>{}</html>"),
    Failure::Status(404, r#"{"error":{"title":"No help desk at {}"}}"#),
    Failure::Status(404, r#"{"error":"InvalidEndpoint","description":"{}"}"#),
    Failure::Status(408, "{}"),
    Failure::Status(409, "{}"),
    Failure::Status(418, "{}"),
    Failure::Status(422, r#"{"error":"{}"}"#),
    Failure::Status(429, "{}"),
    Failure::Status(500, "{}"),
    Failure::Status(502, "<html>{}</html>"),
    Failure::Status(503, "{}"),
    Failure::Drops,
];

/// Starts a sandbox with this failure in every request, or in every request except those for tokens.
fn failing(failure: Failure, everywhere: bool) -> Sandbox {
    let hook = ResponseHook::new(move |request: &SeenRequest| {
        if !everywhere && request.path == "/oauth/tokens" {
            return None;
        }
        let Failure::Status(status, body) = failure else {
            return Some(MockResponse::DropConnection);
        };
        let echo = echo(request);
        let header = |name: &str, value: String| (name.to_owned(), value);
        let token = request.authorization.clone().unwrap_or_default().replace("Bearer ", "");
        Some(MockResponse::Reply {
            status,
            headers: vec![
                header("X-Zendesk-Request-Id", echo.clone()),
                header("Location", format!("https://{token}.evil.example/{echo}")),
                header("WWW-Authenticate", echo.clone()),
            ],
            body: body.replace("{}", &echo).into_bytes(),
        })
    });
    sandbox(Options { events: 150, response_hook: Some(hook), ..Options::default() })
}

/// Returns `true` if a failure is retried, which takes real time in a process.
fn passes(failure: Failure) -> bool {
    matches!(failure, Failure::Drops | Failure::Status(200..=204 | 408 | 409 | 429 | 500..=599, _))
}

/// Runs the program and returns its stdout and stderr. The exit code does not matter here.
fn process(base_url: &str, arguments: &[String]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_source-zendesk-audit-logs"));
    command.args(arguments).env_remove("SSL_CERT_FILE").env("ZENDESK_BASE_URL", base_url);
    command.env("ZENDESK_LOG", EVERY_LEVEL).env("RUST_BACKTRACE", "full");
    let output = command.output().expect("the program starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stdout.is_empty() || !stderr.is_empty(), "{arguments:?}: no output");
    format!("{stdout}\n{stderr}")
}

fn command_lines(connection: &Connection) -> Vec<Vec<String>> {
    let config = connection.file("config.json", connection.config.to_string()).to_str().expect("Unicode").to_owned();
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    vec![
        owned(&["spec"]),
        owned(&["check", "--config", &config]),
        owned(&["discover", "--config", &config]),
        connection.arguments(None),
    ]
}

#[test]
fn no_failure_shows_a_secret() {
    for failure in FAILURES {
        for (everywhere, ways) in [(true, strange()), (false, good())] {
            for credentials in ways {
                let sandbox = failing(failure, everywhere);
                let mut connection = Connection::with(Some(sandbox.base_url()), credentials);
                connection.log = Some(EVERY_LEVEL.to_owned());
                connection.terminal = Some(Stdout::default());
                let what = format!("{failure:?} for {}", connection.config);
                for run in [connection.check(), connection.read(None)] {
                    sweep(&what, &run.stdout, &sandbox.issued_secrets());
                    let seen = connection.terminal.as_ref().map(Stdout::text).unwrap_or_default();
                    sweep(&what, &seen, &sandbox.issued_secrets());
                    assert!(
                        !run.stdout.contains("SUCCEEDED") && !run.stdout.contains("\"COMPLETE\""),
                        "{}",
                        run.stdout
                    );
                }
            }
        }
    }
}

#[test]
fn no_failure_of_the_program_shows_a_secret_on_stdout_or_stderr() {
    for failure in FAILURES.into_iter().filter(|failure| !passes(*failure)) {
        for credentials in strange() {
            let sandbox = failing(failure, true);
            let connection = Connection::with(Some(sandbox.base_url()), credentials);
            for arguments in command_lines(&connection) {
                let output = process(&sandbox.base_url(), &arguments);
                sweep(&format!("{failure:?} at {arguments:?}"), &output, &sandbox.issued_secrets());
            }
        }
    }
}

#[test]
fn no_success_shows_a_secret() {
    let sandbox = sandbox(Options { events: 350, ..Options::default() });
    for credentials in good() {
        let mut connection = Connection::with(Some(sandbox.base_url()), credentials);
        for arguments in command_lines(&connection) {
            let output = process(&sandbox.base_url(), &arguments);
            sweep(&format!("{arguments:?}"), &output, &sandbox.issued_secrets());
            assert!(!output.contains("FAILED") && !output.contains(r#""type":"ERROR""#), "{output}");
            for line in output.lines().filter(|line| line.starts_with(r#"{"type":"CONTROL","#)) {
                let control: Value = serde_json::from_str(line).expect("JSON");
                connection.config = control["control"]["connectorConfig"]["config"].clone();
            }
            connection.file("config.json", connection.config.to_string());
        }
    }
    // Both kinds of tokens were issued, so the search was not empty.
    assert!(sandbox.issued_secrets().len() > 2);
}

#[test]
fn no_invalid_file_shows_a_secret() {
    let sandbox = sandbox(Options::default());
    let mut connection = Connection::with(Some(sandbox.base_url()), json!({}));
    let wrong = [
        json!(TOKEN),
        json!([TOKEN]),
        json!({ "subdomain": TOKEN }),
        json!({ "subdomain": "acme", "credentials": TOKEN }),
        json!({ "subdomain": "acme", "credentials": { "auth_type": TOKEN } }),
        json!({ "subdomain": "acme", "credentials": access_token(&format!("two words {TOKEN}")) }),
        json!({ "subdomain": "acme", "credentials": { "auth_type": "access_token", "access_token": [TOKEN] } }),
        json!({ "subdomain": "acme", "credentials": { "auth_type": "api_token", "email": TOKEN, "api_token": TOKEN } }),
        json!({ "subdomain": format!("https://{PLAIN}.evil.example"), "credentials": access_token(PLAIN) }),
        json!({ "subdomain": "acme", "credentials": access_token(TOKEN), "start_date": TOKEN }),
        json!({ "subdomain": "acme", "credentials": access_token(TOKEN), "num_workers": TOKEN }),
        json!({ "subdomain": "acme", "credentials": access_token(TOKEN), "filters": TOKEN }),
        json!({ "subdomain": "acme", "credentials": access_token(TOKEN), "filters": { "actor_ids": [TOKEN] } }),
        json!({ "subdomain": "acme", "credentials": access_token(TOKEN), "filters": { "ip_addresses": [TOKEN] } }),
        json!({ "subdomain": "acme", "credentials": access_token(TOKEN), "lookback_window_minutes": { TOKEN: TOKEN } }),
    ];
    for config in wrong {
        connection.config = config;
        for arguments in command_lines(&connection) {
            sweep(&format!("{arguments:?}"), &process(&sandbox.base_url(), &arguments), &[]);
        }
    }
    let whole = json!({ "subdomain": "acme", "credentials": refresh(ID, CLIENT, REFRESH) }).to_string();
    for end in 0..whole.len() {
        let broken = connection.file("broken.json", &whole[..end]);
        let run = connection.command(&["check", "--config", broken.to_str().expect("Unicode")]);
        sweep("a truncated file", &run.stdout, &[]);
    }
    // A base URL with a secret is rejected without showing it.
    connection.config = json!({ "subdomain": "acme", "credentials": access_token(TOKEN) });
    for base_url in
        [format!("https://user:{PLAIN}@127.0.0.1"), format!("http://evil.example/{PLAIN}"), PLAIN.to_owned()]
    {
        for arguments in command_lines(&connection) {
            sweep(&base_url, &process(&base_url, &arguments), &[]);
        }
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn a_redirect_to_a_host_that_contains_the_token_does_not_show_the_host() {
    for status in [301, 302, 303, 307, 308] {
        let sandbox = failing(Failure::Status(status, "{}"), false);
        let connection = Connection::with(Some(sandbox.base_url()), access_token(PLAIN));
        let message = connection.check().failed_check();
        assert!(message.contains(&format!("a redirect ({status}). The connector does not follow it")), "{message}");
        assert!(!message.to_ascii_lowercase().contains(&PLAIN.to_ascii_lowercase()), "{message}");
    }
}

/// The number of compositions of encodings, unless `SECRET_SWEEP` overrides it.
const COMPOSITIONS: usize = 2_500;
/// The length of a part of a secret, or of its encoded form, that must not be shown, in characters.
const PIECE: usize = 8;

/// Returns a random secret, with another alphabet each time.
fn any_secret(rng: &mut fastrand::Rng) -> String {
    let alphabets = [
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_",
        "abcdefghijklmnopqrstuvwxyz0123456789\"+/\\\\=&<>%?#@:~",
    ];
    let alphabet = alphabets[rng.usize(..alphabets.len())].as_bytes();
    (0..rng.usize(12..=64)).map(|_| char::from(alphabet[rng.usize(..alphabet.len())])).collect()
}

/// Converts to lower case, and removes white space and the escapes of JSON and Rust.
fn normalized(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace() && *char != '\\').flat_map(char::to_lowercase).collect()
}

/// Asserts that no part of these strings is in an output.
#[track_caller]
fn assert_no_piece(what: &str, output: &str, texts: &[&str]) {
    // Control characters are written as `\n`, and the output has no others.
    let output = output.replace("\\n", "").replace("\\r", "");
    let lines = output.lines().filter(|line| !line.starts_with(r#"{"type":"CONTROL","#));
    let shown = normalized(&lines.collect::<Vec<_>>().join("\n"));
    let pieces: HashSet<&[u8]> = shown.as_bytes().windows(PIECE).collect();
    for text in texts {
        for piece in normalized(text).as_bytes().windows(PIECE) {
            let piece_shown = pieces.contains(piece);
            assert!(!piece_shown, "{what}: {} of {text} is in {output}", String::from_utf8_lossy(piece));
        }
    }
}

/// Returns the server's response with an echo. Some are pages whose cursor is the echo.
fn echoing(number: usize, echo: &str, request: &SeenRequest) -> MockResponse {
    let host: String = echo.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
    let header = |name: &str, value: String| (name.to_owned(), value.replace(|char: char| char.is_control(), " "));
    let headers = vec![
        header("X-Zendesk-Request-Id", echo.to_owned()),
        header("Location", format!("https://{host}.zendesk.com/{echo}")),
        header("WWW-Authenticate", format!("Bearer realm=\"{echo}\"")),
    ];
    let code = "InvalidValue";
    let bodies = [
        json!({ "error": code, "description": echo }),
        json!({ "error": code, "error_description": format!("Invalid token {echo} for this account") }),
        json!({ "error": { "title": code, "message": format!("\"{echo}\"") } }),
        json!({ "errors": [{ "code": code, "title": echo, "detail": format!("the value is {echo}.") }] }),
        json!({ "error": code, "description": code, "details": { echo: [{ "description": echo, "error": echo }] } }),
        json!({ "error": code, echo: echo, "message": echo }),
    ];
    let body = match number % 8 {
        6 => format!("<html><title>{echo}</title></html>"),
        7 => echo.to_owned(),
        kind => bodies[kind].to_string(),
    };
    let cursor = number.is_multiple_of(5) && !request.path.contains("oauth") && request.param("page[after]").is_none();
    if cursor {
        let page = json!({ "audit_logs": [], "meta": { "has_more": true, "after_cursor": echo } });
        return MockResponse::Reply { status: 200, headers, body: page.to_string().into_bytes() };
    }
    let statuses = [400, 401, 403, 404, 422, 302, 307, 500, 503, 200, 418];
    MockResponse::Reply { status: statuses[number % statuses.len()], headers, body: body.into_bytes() }
}

#[test]
fn no_composition_of_encodings_shows_part_of_a_secret() {
    let number = std::env::var("SECRET_SWEEP").ok().and_then(|number| number.parse().ok()).unwrap_or(COMPOSITIONS);
    let current = Arc::new(Mutex::new((0, String::new())));
    let hook = ResponseHook::new({
        let current = Arc::clone(&current);
        move |request: &SeenRequest| {
            let (number, echo) = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Some(echoing(number, &echo, request))
        }
    });
    let sandbox = sandbox(Options { response_hook: Some(hook), ..Options::default() });
    let mut explained = 0;
    for number in 0..number {
        let mut rng = fastrand::Rng::with_seed(number as u64);
        let secret = any_secret(&mut rng);
        let other = any_secret(&mut rng);
        let (steps, echo) = encoder::composition(&secret, &mut rng);
        *current.lock().unwrap_or_else(PoisonError::into_inner) = (number, echo.clone());
        let credentials = match number % 4 {
            0 | 1 => access_token(&secret),
            2 => api_token(&secret),
            _ if number % 8 == 3 => client(&other, &secret),
            _ => refresh("an-identifier", &other, &secret),
        };
        let mut connection = Connection::with(Some(sandbox.base_url()), credentials);
        connection.log = Some(EVERY_LEVEL.to_owned());
        connection.terminal = Some(Stdout::default());
        let what = format!("{number}: {steps:?}");
        let run = if number % 5 < 2 { connection.read(None) } else { connection.check() };
        assert_no_piece(&what, &run.stdout, &[&echo, &secret, &other]);
        let seen = connection.terminal.as_ref().map(Stdout::text).unwrap_or_default();
        assert_no_piece(&what, &seen, &[&echo, &secret, &other]);
        explained += usize::from(run.stdout.contains("InvalidValue"));
        // A retried failure takes real time in a process.
        if number % 50 == 1 && run.logs("DEBUG").len() == 1 {
            let output = process(&sandbox.base_url(), &connection.arguments(None));
            assert_no_piece(&what, &output, &[&echo, &secret, &other]);
        }
    }
    // Text that is not secret is still shown.
    assert!(explained > number / 4, "{explained} of {number} have an explanation");
}

#[test]
fn expired_tokens_are_not_shown_either() {
    let sandbox = sandbox(Options::default());
    for credentials in [access_token(EXPIRED_ACCESS_TOKEN), refresh(CLIENT_ID, CLIENT_SECRET, USED_REFRESH_TOKEN)] {
        let connection = Connection::with(Some(sandbox.base_url()), credentials);
        for arguments in command_lines(&connection) {
            sweep(&format!("{arguments:?}"), &process(&sandbox.base_url(), &arguments), &sandbox.issued_secrets());
        }
    }
}

#[test]
fn no_echo_of_the_sandbox_shows_part_of_a_secret() {
    let all = Encoder::all();
    let places = [EchoPlace::Json, EchoPlace::Unknown, EchoPlace::Text, EchoPlace::Html];
    for (row, first) in all.iter().enumerate() {
        for (column, second) in all.iter().enumerate() {
            let echo = Echo { place: places[(row + column) % places.len()], encoders: vec![*first, *second] };
            let mut rng = fastrand::Rng::with_seed((row * all.len() + column) as u64);
            let secret = any_secret(&mut rng);
            let encoded = echo.encode(&secret);
            let sandbox = sandbox(Options { echo: Some(echo.clone()), ..Options::default() });
            let mut connection = Connection::with(Some(sandbox.base_url()), access_token(&secret));
            connection.log = Some(EVERY_LEVEL.to_owned());
            let run = connection.check();
            run.failed_check();
            assert_no_piece(&format!("{echo:?}"), &run.stdout, &[&secret, &encoded]);
        }
    }
}
