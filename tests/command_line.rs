//! Tests the options of the command line and the plain text for a terminal: the emitted LOG messages, the
//! details of each request, and that neither changes stdout.
//!
//! tests/process.rs tests help and usage errors, which concern the process.

mod harness;

use std::io::Write;

use harness::{Connection, Run, Stdout, sandbox};
use serde_json::{Value, json};
use zendesk_sandbox::credentials::{ADMIN_EMAIL, API_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SECRETS};
use zendesk_sandbox::{MockResponse, Options, ResponseHook, Sandbox, Shape};

fn history(events: u64) -> Sandbox {
    sandbox(Options { events, shape: Shape::Even, ..Options::default() })
}

/// Returns a connection that causes a warning, with 1 worker, so that every run is the same.
fn connect(sandbox: &Sandbox) -> Connection {
    Connection::to(sandbox).set("num_workers", json!(1)).set("filters", json!({ "actions": ["login", "logged_in"] }))
}

fn read_with(connection: &Connection, switches: &[&str]) -> Run {
    let mut arguments = connection.arguments(None);
    arguments.extend(switches.iter().map(|switch| (*switch).to_owned()));
    connection.command(&arguments)
}

/// Returns the distinct levels of the LOG messages.
fn levels(run: &Run) -> Vec<String> {
    let mut levels: Vec<String> =
        run.of_type("LOG").iter().filter_map(|message| message["log"]["level"].as_str().map(str::to_owned)).collect();
    levels.sort_unstable();
    levels.dedup();
    levels
}

/// Returns all messages except LOG.
fn for_programs(run: &Run) -> Vec<Value> {
    run.messages().into_iter().filter(|message| message["type"] != "LOG").collect()
}

#[test]
fn the_log_level_affects_only_log_messages() {
    let sandbox = history(2_000);
    let connection = connect(&sandbox);
    let usual = read_with(&connection, &[]).succeeded();
    assert_eq!(levels(&usual), ["INFO", "WARN"]);
    for (level, written) in [
        ("error", &[][..]),
        ("warn", &["WARN"]),
        ("info", &["INFO", "WARN"]),
        ("debug", &["DEBUG", "INFO", "WARN"]),
        ("DEBUG", &["DEBUG", "INFO", "WARN"]),
    ] {
        let run = read_with(&connection, &["--log-level", level]).succeeded();
        assert_eq!(levels(&run), written, "{level}");
        assert_eq!(for_programs(&run), for_programs(&usual), "{level}");
        // The variable has the same effect, and the argument takes precedence.
        let mut by_variable = connect(&sandbox);
        by_variable.log = Some(level.to_owned());
        assert_eq!(levels(&read_with(&by_variable, &[]).succeeded()), written, "{level}");
        by_variable.log = Some("nonsense".to_owned());
        assert_eq!(levels(&read_with(&by_variable, &["--log-level", level]).succeeded()), written, "{level}");
    }
}

#[test]
fn the_log_level_can_come_before_the_command() {
    let sandbox = history(100);
    let connection = connect(&sandbox);
    let mut arguments = vec!["--log-level=debug".to_owned()];
    arguments.extend(connection.arguments(None));
    assert_eq!(connection.command(&arguments).succeeded().logs("DEBUG").len(), 1);
}

#[test]
fn an_invalid_log_variable_is_a_config_error() {
    let sandbox = history(10);
    for wrong in ["trace", "verbose", " ", "warn,info"] {
        let mut connection = connect(&sandbox);
        connection.log = Some(wrong.to_owned());
        for run in [connection.check(), connection.discover(), connection.read(None), connection.command(&["spec"])] {
            assert_eq!(run.code, 1);
            assert_eq!(run.messages().len(), 1);
            let error = run.error();
            assert_eq!(error["failure_type"], "config_error");
            let message = error["message"].as_str().expect("a message");
            assert!(
                message.starts_with("The environment variable ZENDESK_LOG is not one of error, warn, info, debug.")
            );
        }
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn debug_logs_show_each_request_and_no_secret_with_every_authentication_method() {
    let client = json!({ "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET });
    let mut refresh_token = client.clone();
    refresh_token["refresh_token"] = json!(REFRESH_TOKEN);
    for (auth_type, mut credentials, tokens) in [
        ("client_credentials", client, 1),
        ("refresh_token", refresh_token, 1),
        ("api_token", json!({ "email": ADMIN_EMAIL, "api_token": API_TOKEN }), 0),
    ] {
        credentials["auth_type"] = json!(auth_type);
        let sandbox = history(450);
        let mut connection = Connection::to(&sandbox).set("num_workers", json!(1)).set("credentials", credentials);
        let run = read_with(&connection, &["--log-level", "debug"]).succeeded();
        let shown = run.logs("DEBUG");
        assert_eq!(shown.len(), sandbox.requests().len(), "{auth_type}: {shown:?}");
        let of_tokens: Vec<_> = shown.iter().filter(|line| line.starts_with("POST /oauth/tokens -> 201, ")).collect();
        assert_eq!(of_tokens.len(), tokens, "{shown:?}");
        let of_pages: Vec<_> = shown.iter().filter(|line| line.starts_with("GET /api/v2/audit_logs?")).collect();
        assert_eq!(of_pages.len(), 5, "{shown:?}");
        for line in &of_pages {
            let begin =
                "GET /api/v2/audit_logs?page[size]=100&sort=created_at&filter[created_at][]=1969-12-31T23:59:59Z&";
            assert!(line.starts_with(begin), "{line}");
            for part in [" -> 200, ", " bytes in ", " ms, X-Zendesk-Request-Id: ", ", rate limit: ", " of 700 left"] {
                assert!(line.contains(part), "{part}: {line}");
            }
        }
        let cursor = sandbox.requests().last().and_then(|request| request.param("page[after]").map(str::to_owned));
        let cursor = cursor.expect("a cursor");
        let shown = of_pages[4].split_once("page[after]=#").expect("a cursor").1;
        let fingerprint = shown.split_once(' ').expect("a fingerprint").0;
        assert!(fingerprint.len() == 8 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()), "{fingerprint}");
        let is_shown = |piece: &[u8]| of_pages[4].contains(&*String::from_utf8_lossy(piece));
        assert!(!cursor.as_bytes().windows(8).any(is_shown), "part of the cursor is shown: {}", of_pages[4]);
        let logged: Vec<String> = run.of_type("LOG").iter().map(Value::to_string).collect();
        for secret in SECRETS {
            assert!(!logged.concat().contains(secret), "{auth_type}");
        }
        // The next connection needs the new pair.
        if let Some(control) = run.of_type("CONTROL").pop() {
            connection.config = control["control"]["connectorConfig"]["config"].clone();
            let new = connection.config["credentials"]["access_token"].as_str().expect("a token").to_owned();
            let again = read_with(&connection, &["--log-level", "debug"]).succeeded();
            assert!(!logged.concat().contains(&new) && !again.stdout.contains(&new));
        }
    }
}

#[test]
fn debug_logs_show_each_attempt_with_its_outcome() {
    let hook = ResponseHook::new(|request| match request.number {
        1 => Some(MockResponse::DropConnection),
        2 => Some(MockResponse::json(500, "{\"error\":\"not for the log\"}")),
        _ => None,
    });
    let sandbox = sandbox(Options { events: 10, response_hook: Some(hook), ..Options::default() });
    let run = read_with(&Connection::to(&sandbox), &["--log-level", "debug"]).succeeded();
    let shown = run.logs("DEBUG");
    assert_eq!(shown.len(), 3, "{shown:?}");
    assert!(shown[0].contains(" -> no response after "), "{shown:?}");
    assert!(shown[1].contains(" -> 500, 27 bytes in "), "{shown:?}");
    assert!(shown[2].contains(" -> 200, "), "{shown:?}");
    assert!(!run.stdout.contains("not for the log"));
}

/// Runs the closure with and without a terminal. Asserts that stdout is the same, and returns the terminal's
/// lines.
fn watched(connection: &mut Connection, run: impl Fn(&Connection) -> Run) -> (Run, Vec<String>) {
    let terminal = Stdout::default();
    let alone = run(connection);
    connection.terminal = Some(terminal.clone());
    let watched = run(connection);
    connection.terminal = None;
    assert_eq!(watched.stdout, alone.stdout);
    assert_eq!(watched.code, alone.code);
    let lines = terminal.text();
    assert!(lines.is_empty() || lines.ends_with('\n'), "{lines}");
    (watched, lines.lines().map(str::to_owned).collect())
}

#[test]
fn a_terminal_gets_progress_as_plain_text() {
    let sandbox = history(250);
    let mut connection = connect(&sandbox);
    let (run, lines) = watched(&mut connection, |connection| connection.read(None).succeeded());
    assert_eq!(lines[0], "status: audit_logs: started");
    assert_eq!(lines.last().expect("lines"), "status: audit_logs: complete");
    let as_logged = |tag: &str, level: &str| -> Vec<String> {
        run.logs(level).into_iter().map(|text| format!("{tag}: {text}")).collect()
    };
    let mut logged = as_logged("info", "INFO");
    logged.extend(as_logged("warning", "WARN"));
    assert!(logged.len() >= 3 && logged.iter().all(|line| lines.contains(line)), "{lines:?}");
    assert_eq!(lines.len(), logged.len() + 3, "and the three statuses, no record and no state: {lines:?}");

    let (_, lines) = watched(&mut connection, |connection| connection.check().succeeded());
    assert!(lines.last().is_some_and(|line| line.starts_with("check: succeeded")), "{lines:?}");
    for command in ["spec", "discover"] {
        let (_, lines) = watched(&mut connection, |connection| match command {
            "spec" => connection.command(&["spec"]).succeeded(),
            _ => connection.discover().succeeded(),
        });
        assert_eq!(lines, [] as [String; 0], "{command}: the result is on stdout");
    }
    connection.log = Some("error".to_owned());
    let (_, lines) = watched(&mut connection, |connection| connection.read(None).succeeded());
    assert!(lines.iter().all(|line| line.starts_with("status: ")), "{lines:?}");
}

#[test]
fn a_terminal_gets_the_failure_and_its_remedy() {
    // The same response for each request, with its id.
    let refused = ResponseHook::new(|_| {
        Some(MockResponse::Reply {
            status: 401,
            headers: vec![("X-Zendesk-Request-Id".to_owned(), "r1".to_owned())],
            body: br#"{"error":"invalid_token"}"#.to_vec(),
        })
    });
    let sandbox = sandbox(Options { response_hook: Some(refused), ..Options::default() });
    let mut connection = connect(&sandbox);
    connection.config["credentials"]["access_token"] = json!("wr0ng-token");
    let (run, lines) = watched(&mut connection, |connection| connection.read(None));
    assert_eq!(run.code, 1);
    let message = run.error()["message"].as_str().expect("a message").to_owned();
    let details = run.error()["internal_message"].as_str().expect("details").to_owned();
    let place = lines.iter().position(|line| *line == format!("error: {message}")).expect("the error");
    assert_eq!(lines[place + 1], format!("details: {details}"));
    assert_eq!(lines.last().expect("lines"), "status: audit_logs: incomplete");
    assert!(!lines.concat().contains("wr0ng-token"));

    let (run, lines) = watched(&mut connection, Connection::check);
    assert_eq!(lines.last(), Some(&format!("check: failed: {}", run.failed_check())));

    let (_, lines) =
        watched(&mut connection, |connection| connection.command(&["check", "--config", "/absent/config.json"]));
    let [line]: [String; 1] = lines.try_into().expect("one line");
    let begin = "error: The config file /absent/config.json does not exist. Pass the path of a JSON file with --config";
    assert!(line.starts_with(begin), "{line}");
}

/// A terminal that is closed.
struct ClosedTerminal;

impl Write for ClosedTerminal {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_closed_terminal_does_not_end_a_read() {
    use source_zendesk_audit_logs::clock::Clock;
    use source_zendesk_audit_logs::shutdown::Shutdown;
    use source_zendesk_audit_logs::zendesk::ProxyVariables;
    use source_zendesk_audit_logs::{Environment, Signals, run};

    let sandbox = history(250);
    let connection = connect(&sandbox);
    let environment = Environment {
        base_url: connection.base_url.clone(),
        certificates: None,
        proxies: ProxyVariables::default(),
        log: None,
        clock: Clock::Manual(connection.clock.clone()),
        seed: 7,
        timeouts: None,
        signals: Signals::Manual(Shutdown::default()),
        terminal: Some(Box::new(ClosedTerminal)),
    };
    let stdout = Stdout::default();
    let arguments = std::iter::once("connector".to_owned()).chain(connection.arguments(None));
    let code = run(arguments.map(Into::into), environment, Box::new(stdout.clone()));
    assert_eq!((code, stdout.text()), (0, connection.read(None).stdout));
}
