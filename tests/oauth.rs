//! Signing in: tokens that end in mid-sync, pairs that must not be lost, and what each refusal says.
//!
//! Every output of these tests is searched for every secret that there is.

mod harness;

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use harness::{Connection, Run, Stdout, sandbox, sorted};
use jiff::Timestamp;
use serde_json::{Value, json};
use source_zendesk_audit_logs::airbyte::message::FailureType;
use source_zendesk_audit_logs::clock::{Clock, ManualClock};
use source_zendesk_audit_logs::config::AuthMethod;
use source_zendesk_audit_logs::config::{Config, connection_specification};
use source_zendesk_audit_logs::error::Error;
use source_zendesk_audit_logs::shutdown::{Shutdown, Signal};
use source_zendesk_audit_logs::zendesk::{self, Failure};
use zendesk_sandbox::{Account, Answer, Interfere, Options, Sandbox, SeenRequest, credentials};

const TOKENS: &str = "/oauth/tokens";
const WRONG_SECRET: &str = "zdsb-fake-wrong-secret-10NotARealSecret10";

fn client_credentials() -> Value {
    client(credentials::CLIENT_ID, credentials::CLIENT_SECRET)
}

fn client(id: &str, secret: &str) -> Value {
    json!({ "auth_type": "client_credentials", "client_id": id, "client_secret": secret })
}

fn refresh_token(token: &str) -> Value {
    json!({
        "auth_type": "refresh_token",
        "client_id": credentials::CLIENT_ID,
        "client_secret": credentials::CLIENT_SECRET,
        "refresh_token": token
    })
}

fn api_token() -> Value {
    json!({ "auth_type": "api_token", "email": credentials::ADMIN_EMAIL, "api_token": credentials::API_TOKEN })
}

fn connect(sandbox: &Sandbox, credentials: Value) -> Connection {
    Connection::with(Some(sandbox.base_url()), credentials)
}

/// A sandbox whose hook may act on it.
fn sandbox_with(
    options: Options,
    hook: impl Fn(&Sandbox, &SeenRequest) -> Option<Answer> + Send + Sync + 'static,
) -> Arc<Sandbox> {
    let itself: Arc<OnceLock<Weak<Sandbox>>> = Arc::default();
    let interfere = Interfere::new({
        let itself = Arc::clone(&itself);
        move |request| hook(&*itself.get()?.upgrade()?, request)
    });
    let sandbox = Arc::new(sandbox(Options { interfere: Some(interfere), ..options }));
    itself.set(Arc::downgrade(&sandbox)).expect("set once");
    sandbox
}

fn bearer(request: &SeenRequest) -> Option<String> {
    Some(request.authorization.as_deref()?.strip_prefix("Bearer ")?.to_owned())
}

fn token_requests(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.path == TOKENS).count()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// No secret stands in an output, but for the CONTROL message, which must carry the new pair.
#[track_caller]
fn assert_no_secret(output: &str, sandbox: &Sandbox) {
    let shown: Vec<&str> = output.lines().filter(|line| !line.starts_with(r#"{"type":"CONTROL","#)).collect();
    let shown = shown.join("\n");
    let basic = [credentials::ADMIN_EMAIL, credentials::AGENT_EMAIL]
        .map(|email| format!("{email}/token:{}", credentials::API_TOKEN));
    let known = credentials::SECRETS.iter().map(|secret| (*secret).to_owned());
    for secret in known
        .chain(sandbox.issued_secrets())
        .chain(basic.map(|pair| BASE64_STANDARD.encode(pair)))
        .chain([WRONG_SECRET.to_owned()])
    {
        assert!(!shown.contains(&secret), "{secret} stands in {shown}");
    }
}

/// Every run of these tests passes through here.
trait Swept {
    fn swept(self, sandbox: &Sandbox) -> Self;
    fn configs(&self) -> Vec<Value>;
}

impl Swept for Run {
    #[track_caller]
    fn swept(self, sandbox: &Sandbox) -> Self {
        assert_no_secret(&self.stdout, sandbox);
        self
    }

    /// The configuration in each CONTROL message.
    fn configs(&self) -> Vec<Value> {
        self.of_type("CONTROL").iter().map(config_of).collect()
    }
}

fn config_of(control: &Value) -> Value {
    assert_eq!(control["control"]["type"], "CONNECTOR_CONFIG");
    assert!(control["control"]["emitted_at"].is_i64());
    control["control"]["connectorConfig"]["config"].clone()
}

#[track_caller]
fn assert_valid(config: &Value) {
    let specification = jsonschema::options()
        .should_validate_formats(true)
        .build(&connection_specification())
        .expect("the specification is a JSON schema");
    let errors: Vec<String> = specification.iter_errors(config).map(|error| error.to_string()).collect();
    assert_eq!(errors, [] as [String; 0], "{config}");
}

#[track_caller]
fn assert_all_read(run: &Run, sandbox: &Sandbox) {
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_same(run.records(), sandbox.records());
}

/// Nothing is lost, altered or repeated.
#[track_caller]
fn assert_same(read: Vec<String>, there: Vec<String>) {
    let (read, there) = (sorted(read), sorted(there));
    let lost: Vec<_> = there.iter().filter(|record| read.binary_search(record).is_err()).collect();
    let twice: Vec<_> = read.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
    assert!(read == there, "read {} of {}; lost {lost:?}; twice {twice:?}", read.len(), there.len());
}

/// How many records the STATE messages claim.
fn claimed(run: &Run) -> usize {
    let counts = run.of_type("STATE").into_iter().map(|state| state["state"]["sourceStats"]["recordCount"].as_f64());
    counts.map(|count| format!("{}", count.expect("a count")).parse::<usize>().expect("whole")).sum()
}

// Tokens that end.

/// Lets all tokens die at the twelfth request that carries the same one, so many times. The seven
/// requests before it are held until then, so that eight workers are refused together.
fn revoking(times: usize) -> impl Fn(&Sandbox, &SeenRequest) -> Option<Answer> + Send + Sync + 'static {
    let counts: Mutex<HashMap<String, usize>> = Mutex::default();
    let revoked = AtomicUsize::new(0);
    move |sandbox, request| {
        let mut counts = locked(&counts);
        let used = counts.entry(bearer(request)?).or_default();
        *used += 1;
        if revoked.load(Ordering::Relaxed) == times {
            return None;
        }
        match *used {
            5..=11 => Some(Answer::Delay(Duration::from_millis(50))),
            12 => {
                revoked.fetch_add(1, Ordering::Relaxed);
                sandbox.revoke_tokens();
                None
            }
            _ => None,
        }
    }
}

#[test]
fn a_sync_outlives_its_tokens_with_one_renewal_each_though_eight_requests_are_refused() {
    for credentials in [client_credentials(), refresh_token(credentials::REFRESH_TOKEN)] {
        let sandbox = sandbox_with(Options { events: 12_000, ..Options::default() }, revoking(6));
        let connection = connect(&sandbox, credentials).set("num_workers", json!(8));
        let run = connection.read(None).swept(&sandbox);
        assert_all_read(&run, &sandbox);
        let issued = sandbox.token_requests();
        assert_eq!((issued.client_credentials + issued.refresh_token, issued.refused), (7, 0));
        assert_eq!(run.configs().len(), issued.refresh_token);
        // A request that was refused is made again.
        let pages: Vec<String> =
            sandbox.requests().into_iter().filter(|request| request.path != TOKENS).map(|page| page.query).collect();
        let repeated = pages.len() - pages.iter().collect::<BTreeSet<_>>().len();
        assert!(repeated > 6, "{repeated} requests were refused: never several at a time");
    }
}

/// Lets a manual clock run on.
fn advance(clock: &ManualClock, seconds: u64) {
    let clock = Clock::Manual(clock.clone());
    let mut context = std::task::Context::from_waker(Waker::noop());
    // The first poll moves it.
    let _ = pin!(clock.sleep(Duration::from_secs(seconds))).poll(&mut context);
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    // Each request takes a second of the manual clock, and the 35th with the same token 200 more, so
    // that a token of 300 seconds ends after a hundred requests: it is renewed 30 requests before.
    let clock = ManualClock::new("2026-11-23T12:00:00Z".parse().expect("a time"));
    let issued: Arc<Mutex<HashMap<String, (Duration, usize)>>> = Arc::default();
    let refused = Arc::new(AtomicUsize::new(0));
    let sandbox = sandbox_with(
        Options {
            events: 40_000,
            token_lifetime: Some(Duration::from_mins(5)),
            rate_limit: Some(1_000_000),
            ..Options::default()
        },
        {
            let (clock, issued, refused) = (clock.clone(), Arc::clone(&issued), Arc::clone(&refused));
            move |_, request| {
                let now = clock.elapsed();
                let Some(token) = bearer(request) else {
                    let issued = Arc::clone(&issued);
                    return Some(Answer::edit(move |answer| {
                        let token = answer["access_token"].as_str().expect("a token").to_owned();
                        locked(&issued).insert(token, (now, 0));
                        answer
                    }));
                };
                let mut issued = locked(&issued);
                let (since, uses) = issued.get_mut(&token).expect("an issued token");
                *uses += 1;
                advance(&clock, if *uses == 35 { 200 } else { 1 });
                (now >= *since + Duration::from_mins(5)).then(|| {
                    refused.fetch_add(1, Ordering::Relaxed);
                    Answer::json(401, r#"{"error":"invalid_token"}"#)
                })
            }
        },
    );
    let mut connection =
        connect(&sandbox, client_credentials()).set("num_workers", json!(8)).set("rate_limit_percentage", json!(100));
    connection.clock = clock.clone();
    let run = connection.read(None).swept(&sandbox);
    assert_all_read(&run, &sandbox);
    assert_eq!(refused.load(Ordering::Relaxed), 0);
    let tokens = sandbox.token_requests().client_credentials;
    assert!(tokens > 5, "{tokens} tokens");
    let mut uses: Vec<usize> = locked(&issued).values().map(|(_, uses)| *uses).collect();
    uses.sort_unstable();
    // Each but the last one was used until shortly before its end.
    assert!(uses[1..].iter().all(|uses| (60..=100).contains(uses)), "{uses:?}");
    assert_eq!(uses.len(), tokens);
}

#[test]
fn the_token_request_asks_for_the_least_and_for_a_lifetime() {
    for (credentials, grant) in
        [(client_credentials(), "client_credentials"), (refresh_token(credentials::REFRESH_TOKEN), "refresh_token")]
    {
        let sandbox = sandbox(Options { events: 10, ..Options::default() });
        let run = connect(&sandbox, credentials).check().swept(&sandbox).succeeded();
        assert_eq!(run.of_type("CONNECTION_STATUS")[0]["connectionStatus"]["status"], "SUCCEEDED");
        let request = &sandbox.requests()[0];
        assert_eq!((request.method.as_str(), request.path.as_str(), request.query.as_str()), ("POST", TOKENS, ""));
        assert_eq!(request.authorization, None);
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(body["grant_type"], grant);
        assert_eq!(body["scope"], "auditlogs:read");
        assert!((300..=172_800).contains(&body["expires_in"].as_i64().expect("seconds")));
        if grant == "refresh_token" {
            let seconds = body["refresh_token_expires_in"].as_i64().expect("seconds");
            assert!((604_800..=7_776_000).contains(&seconds));
        }
    }
}

#[test]
fn client_credentials_come_first_and_leave_nothing_behind() {
    let specification = connection_specification();
    let first = &specification["properties"]["credentials"]["oneOf"][0]["properties"];
    assert_eq!(first["auth_type"]["const"], "client_credentials");
    let sandbox = sandbox(Options { events: 100, ..Options::default() });
    let connection = connect(&sandbox, client_credentials());
    assert_valid(&connection.config);
    let runs = [connection.check(), connection.discover(), connection.read(None)];
    for run in runs.map(|run| run.swept(&sandbox).succeeded()) {
        assert_eq!(run.configs(), [] as [Value; 0]);
    }
    // A token lives in memory only: one for the check, none for the discovery, one for the read.
    assert_eq!(sandbox.token_requests().client_credentials, 2);
}

// Pairs.

/// A stdout whose readers see what has been flushed, and nothing else.
#[derive(Clone, Default)]
struct Flushed {
    waiting: Arc<Mutex<Vec<u8>>>,
    seen: Stdout,
}

impl Write for Flushed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        locked(&self.waiting).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let waiting = std::mem::take(&mut *locked(&self.waiting));
        self.seen.write_all(&waiting)
    }
}

#[test]
fn a_new_pair_is_on_stdout_before_it_is_used() {
    for command in ["check", "read"] {
        let stdout = Flushed::default();
        let early: Arc<Mutex<Vec<String>>> = Arc::default();
        let sandbox = sandbox_with(Options { events: 4_000, ..Options::default() }, {
            let (seen, early, revoke) = (stdout.seen.clone(), Arc::clone(&early), revoking(2));
            move |sandbox, request| {
                if let Some(token) = bearer(request) {
                    let kept = format!(r#""access_token":"{token}""#);
                    let controls =
                        |text: String| text.lines().any(|line| line.contains("CONTROL") && line.contains(&kept));
                    if !controls(seen.text()) {
                        locked(&early).push(token);
                    }
                }
                revoke(sandbox, request)
            }
        });
        let connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN)).set("num_workers", json!(8));
        let mut arguments = connection.arguments(None);
        if command == "check" {
            arguments.truncate(3);
            arguments[0] = command.to_owned();
        }
        let code = connection.command_into(&arguments, Box::new(stdout.clone()));
        stdout.clone().flush().expect("a buffer");
        let run = Run { code, stdout: stdout.seen.text() }.swept(&sandbox).succeeded();
        assert_eq!(run.configs().len(), if command == "check" { 1 } else { 3 });
        assert_eq!(*locked(&early), [] as [String; 0], "used before it was kept");
    }
}

#[test]
fn the_control_message_holds_the_whole_configuration() {
    let sandbox = sandbox(Options { events: 100, ..Options::default() });
    let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN))
        .set("subdomain", json!(" https://Sandbox.zendesk.com/agent "))
        .set("start_date", json!("2024-01-01T00:00:00Z"))
        .set("num_workers", json!(2))
        .set("__injected_declarative_manifest", json!({ "kept": [1, 2.5, null, "ä"] }));
    connection.config["credentials"]["note"] = json!("kept as well");
    let run = connection.check().swept(&sandbox).succeeded();
    let [config] = run.configs().try_into().expect("one CONTROL message");
    assert_valid(&config);
    let mut expected = connection.config.clone();
    let [access_token, refresh_token] = sandbox.issued_secrets().try_into().expect("one pair");
    expected["credentials"]["access_token"] = json!(access_token);
    expected["credentials"]["refresh_token"] = json!(refresh_token);
    // 172,800 seconds after noon of the 23rd.
    expected["credentials"]["token_expiry_date"] = json!("2026-11-25T12:00:00Z");
    assert_eq!(config, expected);
    // What was written is what the next command needs.
    connection.config = config;
    assert_eq!(connection.read(None).swept(&sandbox).succeeded().records().len(), 100);
    assert_eq!(sandbox.token_requests().refresh_token, 1);
}

#[test]
fn an_access_token_that_still_lives_is_used_and_no_pair_is_burnt() {
    let sandbox = sandbox(Options { events: 300, ..Options::default() });
    let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
    for (date, renewals) in [
        (json!("2026-11-25T12:00:00Z"), 0),
        (json!("2026-11-23T13:00:00+00:30"), 0),
        (json!("2026-11-23T12:01:01Z"), 0),
        // Within a minute it would end under way.
        (json!("2026-11-23T12:01:00Z"), 1),
        (json!("2026-11-23T11:59:59Z"), 1),
        (json!("2020-01-01T00:00:00Z"), 1),
    ] {
        for command in ["check", "discover", "read"] {
            if connection.config["credentials"]["access_token"].is_null() {
                let first = connection.check().swept(&sandbox).succeeded();
                connection.config = first.configs().pop().expect("a CONTROL message");
            }
            connection.config["credentials"]["token_expiry_date"] = date.clone();
            sandbox.clear_requests();
            let run = match command {
                "check" => connection.check(),
                "discover" => connection.discover(),
                _ => connection.read(None),
            }
            .swept(&sandbox)
            .succeeded();
            let expected = if command == "discover" { 0 } else { renewals };
            assert_eq!(token_requests(&sandbox), expected, "{command}, {date}");
            assert_eq!(run.configs().len(), expected, "{command}, {date}");
            if let Some(config) = run.configs().pop() {
                assert_eq!(sandbox.requests()[0].path, TOKENS, "ahead of its end");
                connection.config = config;
            }
        }
    }
}

#[test]
fn an_access_token_of_unknown_age_is_tried_first() {
    for date in [Value::Null, json!("soon"), json!("")] {
        let sandbox = sandbox(Options { events: 2_000, ..Options::default() });
        let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN)).set("num_workers", json!(8));
        connection.config = connection.check().swept(&sandbox).configs().pop().expect("a CONTROL message");
        connection.config["credentials"]["token_expiry_date"] = date;
        sandbox.clear_requests();
        assert_all_read(&connection.read(None).swept(&sandbox), &sandbox);
        assert_eq!(token_requests(&sandbox), 0);

        sandbox.revoke_tokens();
        sandbox.clear_requests();
        let run = connection.read(None).swept(&sandbox);
        assert_all_read(&run, &sandbox);
        assert_eq!(token_requests(&sandbox), 1);
        assert_ne!(sandbox.requests()[0].path, TOKENS);
        assert_eq!(run.configs().len(), 1);
    }
}

#[test]
fn frequent_syncs_share_a_pair() {
    let sandbox = sandbox(Options { events: 500, ..Options::default() });
    let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
    let mut state = None;
    for _ in 0..10 {
        assert_eq!(connection.check().swept(&sandbox).succeeded().configs().len(), usize::from(state.is_none()));
        if state.is_none() {
            // The platform saves what the check has written.
            let pair = sandbox.issued_secrets();
            connection.config["credentials"]["access_token"] = json!(pair[0]);
            connection.config["credentials"]["refresh_token"] = json!(pair[1]);
            connection.config["credentials"]["token_expiry_date"] = json!("2026-11-25T12:00:00Z");
        }
        state = Some(connection.read(state.as_ref()).swept(&sandbox).succeeded().state());
    }
    assert_eq!(sandbox.token_requests().refresh_token, 1);
}

/// The connector as a process of its own.
struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start(sandbox: &Sandbox, arguments: &[String]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_source-zendesk-audit-logs"))
            .args(arguments)
            .env("ZENDESK_BASE_URL", sandbox.base_url())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the connector starts");
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Its lines up to the first that the closure wants, or to the end.
    fn until(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_mins(1)) {
                Ok(line) => {
                    lines.push(line);
                    if lines.last().is_some_and(|line| wanted(line)) {
                        return lines;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return lines,
                Err(RecvTimeoutError::Timeout) => panic!("silent after {lines:?}"),
            }
        }
    }

    /// Waits for its end and returns what stands on stderr.
    fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut text).expect("text");
        self.child.wait().expect("it ends");
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_kill_right_after_a_refresh_leaves_the_new_pair_on_stdout() {
    for command in ["check", "read"] {
        let stalled = Arc::new(AtomicBool::new(true));
        let sandbox = sandbox_with(Options { events: 1_500, ..Options::default() }, {
            let stalled = Arc::clone(&stalled);
            move |_, request| (request.path != TOKENS && stalled.load(Ordering::Relaxed)).then_some(Answer::Stall)
        });
        let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN)).set("unknown", json!([1]));
        connection.clock = ManualClock::new(Timestamp::now());
        let mut arguments = connection.arguments(None);
        if command == "check" {
            arguments.truncate(3);
            arguments[0] = command.to_owned();
        }
        let mut process = Process::start(&sandbox, &arguments);
        let lines = process.until(|line| line.contains(r#""type":"CONTROL""#));
        process.child.kill().expect("it runs");
        assert_no_secret(&process.stderr(), &sandbox);
        let run = Run { code: 0, stdout: lines.join("\n") }.swept(&sandbox);
        let [config] = run.configs().try_into().expect("one CONTROL message");
        assert_valid(&config);
        assert_eq!(config["unknown"], json!([1]));

        // Both halves of the pair are good, and the old refresh token is not.
        stalled.store(false, Ordering::Relaxed);
        assert!(
            connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN))
                .check()
                .failed_check()
                .contains("refresh token")
        );
        connection.config = config;
        assert_all_read(&connection.read(None).swept(&sandbox), &sandbox);
        assert_eq!(sandbox.token_requests().refresh_token, 1);
        sandbox.revoke_tokens();
        assert_all_read(&connection.read(None).swept(&sandbox), &sandbox);
        assert_eq!(sandbox.token_requests().refresh_token, 2);
    }
}

#[test]
fn a_process_shows_no_secret_either() {
    let sandbox = sandbox(Options { events: 300, ..Options::default() });
    for (credentials, good) in [
        (client_credentials(), true),
        (refresh_token(credentials::REFRESH_TOKEN), true),
        (api_token(), true),
        (client(credentials::CLIENT_ID, WRONG_SECRET), false),
        (refresh_token(credentials::DEAD_REFRESH_TOKEN), false),
    ] {
        let connection = connect(&sandbox, credentials);
        let mut process = Process::start(&sandbox, &connection.arguments(None));
        let lines = process.until(|_| false);
        assert_no_secret(&process.stderr(), &sandbox);
        assert_no_secret(&lines.join("\n"), &sandbox);
        assert_eq!(process.child.wait().expect("it has ended").success(), good, "{lines:?}");
    }
}

#[test]
fn a_pair_that_cannot_be_written_is_not_used() {
    struct Closing(Stdout);
    impl Write for Closing {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if bytes.starts_with(br#"{"type":"CONTROL""#) {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            self.0.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let sandbox = sandbox(Options::default());
    let connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
    let stdout = Stdout::default();
    let code = connection.command_into(&connection.arguments(None), Box::new(Closing(stdout.clone())));
    assert_eq!(code, 141);
    assert_no_secret(&stdout.text(), &sandbox);
    assert!(sandbox.requests().iter().all(|request| request.path == TOKENS));
}

#[test]
fn a_pair_that_is_on_its_way_is_kept_when_everything_else_ends() {
    // The stop comes when the token request has arrived; it is answered all the same.
    for command in ["check", "read"] {
        let shutdown = Shutdown::default();
        let trigger = shutdown.clone();
        let sandbox = sandbox_with(Options { events: 300, ..Options::default() }, move |_, request| {
            (request.path == TOKENS).then(|| {
                trigger.request(Signal::Terminate);
                Answer::Delay(Duration::from_millis(50))
            })
        });
        let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
        connection.signals = Some(shutdown);
        let run = if command == "check" { connection.check() } else { connection.read(None) }.swept(&sandbox);
        assert_eq!(run.code, 143);
        connection.signals = None;
        connection.config = run.configs().pop().expect("the new pair");
        assert_all_read(&connection.read(None).swept(&sandbox), &sandbox);
        assert_eq!(sandbox.token_requests().refresh_token, 1);
    }
    // Another request fails while the pair is renewed.
    let pages = AtomicUsize::new(0);
    let sandbox = sandbox_with(Options { events: 3_000, ..Options::default() }, move |_, request| {
        if request.path == TOKENS {
            return Some(Answer::Delay(Duration::from_millis(100)));
        }
        // Whether somebody asks how many events there are, and when, must not matter.
        if request.param("per_page").is_some() {
            return None;
        }
        match pages.fetch_add(1, Ordering::Relaxed) {
            12 => Some(Answer::json(401, r#"{"error":"invalid_token"}"#)),
            13.. => Some(Answer::json(403, "")),
            _ => None,
        }
    });
    let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN)).set("num_workers", json!(8));
    let run = connection.read(None).swept(&sandbox);
    assert_eq!((run.code, run.error()["message"].clone()), (1, json!(Failure::IpRestricted.to_string())));
    assert_eq!(run.configs().len(), sandbox.token_requests().refresh_token, "a pair is lost");
    connection.config = run.configs().pop().expect("the new pair");
    assert_eq!(connection.config["credentials"]["access_token"], json!(sandbox.issued_secrets()[2]));
}

// Refusals.

/// Runs check and read, and asserts that both say this; returns how many token requests each made.
#[track_caller]
fn failure_type(failure: &Failure) -> FailureType {
    Error::from(zendesk::Error::from(failure.clone())).failure_type()
}

fn assert_says(sandbox: &Sandbox, connection: &Connection, kind: &Failure) -> [usize; 2] {
    sandbox.clear_requests();
    let message = connection.check().swept(sandbox).failed_check();
    assert_eq!(message, kind.to_string());
    let checked = token_requests(sandbox);
    sandbox.clear_requests();
    let run = connection.read(None).swept(sandbox);
    assert_eq!(run.code, 1);
    let error = run.error();
    assert_eq!(error["message"], kind.to_string());
    assert_eq!(error["failure_type"], json!(failure_type(kind)));
    assert_eq!(error["stream_descriptor"]["name"], "audit_logs");
    assert_eq!(run.statuses(), ["STARTED", "INCOMPLETE"]);
    [checked, token_requests(sandbox)]
}

#[test]
fn each_refusal_names_its_remedy_and_is_not_repeated() {
    for (credentials, kind, words) in [
        (client("nobody", credentials::CLIENT_SECRET), Failure::OauthClientUnknown, "Check the client ID"),
        (client(credentials::CLIENT_ID, WRONG_SECRET), Failure::OauthSecret, "client secret"),
        (
            client(credentials::PUBLIC_CLIENT_ID, credentials::CLIENT_SECRET),
            Failure::OauthClientKind,
            "\"Confidential\"",
        ),
        (client(credentials::LIMITED_CLIENT_ID, credentials::CLIENT_SECRET), Failure::OauthScope, "allowed scopes"),
        (client(credentials::AGENT_CLIENT_ID, credentials::CLIENT_SECRET), Failure::PlanOrRole, "not an admin"),
        (refresh_token(credentials::DEAD_REFRESH_TOKEN), Failure::RefreshTokenInvalid, "OAuth client credentials"),
    ] {
        let sandbox = sandbox(Options::default());
        assert!(kind.to_string().contains(words), "{kind}");
        assert_eq!(assert_says(&sandbox, &connect(&sandbox, credentials), &kind), [1, 1], "{kind}");
    }
    for credentials in [client_credentials(), refresh_token(credentials::REFRESH_TOKEN)] {
        let sandbox = sandbox(Options { account: Account::Missing, ..Options::default() });
        assert!(Failure::UnknownSubdomain.to_string().contains("Check the subdomain"));
        assert_eq!(assert_says(&sandbox, &connect(&sandbox, credentials), &Failure::UnknownSubdomain), [1, 1]);
    }
}

/// Answers each token request like this.
fn token_endpoint(status: u16, headers: &[(&str, &str)], body: &str) -> Interfere {
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let body = body.as_bytes().to_vec();
    Interfere::new(move |request| {
        let (headers, body) = (headers.clone(), body.clone());
        (request.path == TOKENS).then_some(Answer::Reply { status, headers, body })
    })
}

#[test]
fn refusals_in_other_words_are_understood() {
    let location = [("location", "https://elsewhere.example/login?token=x")];
    for (status, headers, body, kind) in [
        (400, &[][..], r#"{"error":"invalid_client"}"#, Failure::OauthClient),
        (401, &[], r#"{"error":"invalid_client","error_description":7}"#, Failure::OauthClient),
        (400, &[], r#"{"error":"invalid_grant"}"#, Failure::OauthClient),
        (401, &[], "", Failure::OauthClient),
        (400, &[], r#"{"error":"unauthorized_client"}"#, Failure::OauthClientKind),
        (403, &[], r#"{"error":"invalid_scope"}"#, Failure::OauthScope),
        (400, &[], r#"{"error":"invalid_request"}"#, Failure::OauthRefused { status: 400 }),
        (422, &[], "[]", Failure::OauthRefused { status: 422 }),
        (403, &[], r#"{"error":"Forbidden"}"#, Failure::OauthRefused { status: 403 }),
        (403, &[], "<html>Access denied</html>", Failure::IpRestricted),
        (403, &[], "", Failure::IpRestricted),
        (404, &[], "<html>Not found</html>", Failure::EndpointNotFound),
        (302, &location, "", Failure::Redirect { status: 302, to: Some("elsewhere.example".to_owned()) }),
    ] {
        let sandbox = sandbox(Options { interfere: Some(token_endpoint(status, headers, body)), ..Options::default() });
        let tries = assert_says(&sandbox, &connect(&sandbox, client_credentials()), &kind);
        assert_eq!(tries, [1, 1], "{status} {body}");
    }
    let dead = token_endpoint(401, &[], r#"{"error":"invalid_grant"}"#);
    let sandbox = sandbox(Options { interfere: Some(dead), ..Options::default() });
    let connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
    assert_eq!(assert_says(&sandbox, &connection, &Failure::RefreshTokenInvalid), [1, 1]);
}

#[test]
fn failures_that_pass_are_tried_again_and_are_nobodys_fault() {
    for (status, body, kind) in [
        (500, "", Failure::ServerError { status: 500 }),
        (503, "<html>Maintenance</html>", Failure::ServerError { status: 503 }),
        (200, "<html>Maintenance</html>", Failure::NotAToken),
        (201, "", Failure::NotAToken),
        (201, "{}", Failure::NotAToken),
        (201, r#"{"access_token":""}"#, Failure::NotAToken),
        (201, r#"{"access_token":7}"#, Failure::NotAToken),
        (200, "[]", Failure::NotAToken),
        (200, r#"["list","of",3600]"#, Failure::NotAToken),
    ] {
        let sandbox = sandbox(Options { interfere: Some(token_endpoint(status, &[], body)), ..Options::default() });
        let tries = assert_says(&sandbox, &connect(&sandbox, client_credentials()), &kind);
        assert_eq!(json!(failure_type(&kind)), "transient_error");
        assert_eq!(tries, [3, 10], "{status} {body}");
    }
    let half = token_endpoint(201, &[], r#"{"access_token":"zdsb-at-half-a-pair"}"#);
    let sandbox = sandbox(Options { interfere: Some(half), ..Options::default() });
    let connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
    assert_eq!(assert_says(&sandbox, &connection, &Failure::NotAToken), [3, 10]);
}

#[test]
fn a_token_endpoint_that_drops_connections_is_nobodys_fault_either() {
    let drop = Interfere::new(|request| (request.path == TOKENS).then_some(Answer::DropConnection));
    let sandbox = sandbox(Options { interfere: Some(drop), ..Options::default() });
    assert_eq!(assert_says(&sandbox, &connect(&sandbox, client_credentials()), &Failure::ConnectionLost), [3, 10]);
}

#[test]
fn a_rate_limit_of_the_token_endpoint_is_waited_out() {
    let refused = token_endpoint(429, &[("retry-after", "60")], "Too many requests");
    let sandbox = sandbox(Options { interfere: Some(refused), ..Options::default() });
    let connection = connect(&sandbox, client_credentials());
    assert!(connection.check().swept(&sandbox).failed_check().contains("rate limit"));
    let run = connection.read(None).swept(&sandbox);
    assert_eq!(run.code, 1);
    assert_eq!(run.error()["failure_type"], "transient_error");
    assert!(run.error()["message"].as_str().expect("a text").starts_with("Zendesk's rate limit allowed no request"));
}

#[test]
fn a_token_endpoint_that_recovers_costs_nothing() {
    for credentials in [client_credentials(), refresh_token(credentials::REFRESH_TOKEN)] {
        let tries = AtomicUsize::new(0);
        let sandbox = sandbox_with(Options { events: 700, ..Options::default() }, move |_, request| {
            if request.path != TOKENS {
                return None;
            }
            match tries.fetch_add(1, Ordering::Relaxed) {
                0 => Some(Answer::json(429, "{}")),
                1 => Some(Answer::json(503, "")),
                2 => Some(Answer::json(200, "<html>Maintenance</html>")),
                3 => Some(Answer::DropConnection),
                _ => None,
            }
        });
        let run = connect(&sandbox, credentials).read(None).swept(&sandbox);
        assert_all_read(&run, &sandbox);
        assert_eq!(token_requests(&sandbox), 5);
    }
}

#[test]
fn a_lifetime_in_any_form_does_not_cost_the_pair() {
    for lifetime in [json!(1800.0), json!("1800"), json!("soon"), json!(null), json!(0), json!(-5), json!([])] {
        let sandbox = sandbox_with(Options { events: 300, ..Options::default() }, {
            let lifetime = lifetime.clone();
            move |_, request| {
                let lifetime = lifetime.clone();
                (request.path == TOKENS).then(|| {
                    Answer::edit(move |mut answer| {
                        answer["expires_in"] = lifetime.clone();
                        answer
                    })
                })
            }
        });
        let run = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN)).check().swept(&sandbox).succeeded();
        let [config] = run.configs().try_into().expect("one CONTROL message");
        assert_valid(&config);
        let ends = &config["credentials"]["token_expiry_date"];
        match lifetime {
            Value::Number(seconds) if seconds.as_f64() <= Some(0.0) => assert_eq!(ends, "2026-11-23T12:00:00Z"),
            Value::Number(_) => assert_eq!(ends, "2026-11-23T12:30:00Z"),
            Value::String(text) if text == "1800" => assert_eq!(ends, "2026-11-23T12:30:00Z"),
            _ => assert_eq!(ends, "2026-11-25T12:00:00Z"),
        }
    }
}

#[test]
fn a_fresh_token_that_is_refused_ends_the_sync_instead_of_burning_more() {
    // From the start, and after the first pages.
    for accepted in [0, 10] {
        for (credentials, method) in [
            (client_credentials(), AuthMethod::ClientCredentials),
            (refresh_token(credentials::REFRESH_TOKEN), AuthMethod::RefreshToken),
        ] {
            let pages = AtomicUsize::new(0);
            let sandbox = sandbox_with(Options { events: 3_000, ..Options::default() }, move |_, request| {
                (request.path != TOKENS && pages.fetch_add(1, Ordering::Relaxed) >= accepted)
                    .then(|| Answer::json(401, r#"{"error":"invalid_token"}"#))
            });
            let run = connect(&sandbox, credentials).set("num_workers", json!(8)).read(None).swept(&sandbox);
            assert_eq!(run.code, 1);
            assert_eq!(run.error()["message"], Failure::TokenExpired { method }.to_string());
            assert_eq!(run.error()["failure_type"], "config_error");
            assert_eq!(token_requests(&sandbox), if accepted == 0 { 1 } else { 2 });
        }
    }
}

#[test]
fn a_token_that_ended_before_its_turn_came_is_no_reason_to_fail() {
    // The server asks for a wait that is longer than the token's life, once or again and again.
    for (waits, tokens) in [(1, 2), (usize::MAX, 6)] {
        let pages = AtomicUsize::new(0);
        let options = Options { events: 300, token_lifetime: Some(Duration::from_mins(5)), ..Options::default() };
        let sandbox = sandbox_with(options, move |_, request| {
            bearer(request)?;
            let page = pages.fetch_add(1, Ordering::Relaxed);
            match page % 2 {
                _ if page / 2 >= waits => None,
                0 => Some(Answer::Reply {
                    status: 503,
                    headers: vec![("retry-after".to_owned(), "600".to_owned())],
                    body: Vec::new(),
                }),
                _ => Some(Answer::json(401, r#"{"error":"invalid_token"}"#)),
            }
        });
        let run = connect(&sandbox, client_credentials()).read(None).swept(&sandbox);
        assert_eq!(sandbox.token_requests().client_credentials, tokens);
        if waits == 1 {
            assert_all_read(&run, &sandbox);
        } else {
            let kind = Failure::TokenExpired { method: AuthMethod::ClientCredentials };
            assert_eq!(run.error()["message"], kind.to_string());
        }
    }
}

#[test]
fn a_renewal_that_fails_in_mid_sync_loses_nothing() {
    for credentials in [client_credentials(), refresh_token(credentials::REFRESH_TOKEN)] {
        for (status, body, failure_type, tries) in [
            (401, r#"{"error":"invalid_client"}"#, "config_error", 1),
            (400, r#"{"error":"invalid_grant"}"#, "config_error", 1),
            (503, "", "transient_error", 10),
        ] {
            let broken = Arc::new(AtomicBool::new(false));
            let pages = Arc::new(AtomicUsize::new(0));
            let sandbox = sandbox_with(Options { events: 4_000, ..Options::default() }, {
                let (broken, pages) = (Arc::clone(&broken), Arc::clone(&pages));
                move |sandbox, request| {
                    if request.path == TOKENS {
                        return broken.load(Ordering::Relaxed).then(|| Answer::json(status, body));
                    }
                    // The endpoint breaks with the revocation, when at least four pages have arrived.
                    pages.fetch_add(1, Ordering::Relaxed);
                    if pages.load(Ordering::Relaxed) == 12 {
                        broken.store(true, Ordering::Relaxed);
                        sandbox.revoke_tokens();
                    }
                    None
                }
            });
            let mut connection = connect(&sandbox, credentials.clone()).set("num_workers", json!(8));
            let checked = connection.check().swept(&sandbox).succeeded();
            if let Some(config) = checked.configs().pop() {
                connection.config = config;
            } else {
                // The first token of the sync comes before the endpoint breaks.
                assert_eq!(sandbox.token_requests().client_credentials, 1);
            }
            sandbox.clear_requests();
            pages.store(0, Ordering::Relaxed);
            let run = connection.read(None).swept(&sandbox);
            assert_eq!(run.code, 1, "{}", run.stdout);
            assert_eq!(run.error()["failure_type"], failure_type);
            assert_eq!(run.statuses(), ["STARTED", "RUNNING", "INCOMPLETE"]);
            let read = run.records();
            assert!(!read.is_empty() && read.len() < 4_000, "{} records", read.len());
            assert_eq!(claimed(&run), read.len(), "the STATE claims what is out");
            let first = usize::from(credentials["auth_type"] == "client_credentials");
            assert_eq!(token_requests(&sandbox), first + tries, "one renewal, not one each");

            broken.store(false, Ordering::Relaxed);
            let rest = connection.read(Some(&run.state())).swept(&sandbox).succeeded();
            assert_same([read, rest.records()].concat(), sandbox.records());
        }
    }
}

#[test]
fn a_server_that_echoes_what_it_gets_leaks_nothing() {
    for credentials in [client_credentials(), refresh_token(credentials::REFRESH_TOKEN), api_token()] {
        for (everywhere, status) in [(true, 400), (true, 500), (false, 400), (false, 403), (false, 500)] {
            let echo = Interfere::new(move |request: &SeenRequest| {
                if request.path == TOKENS && !everywhere {
                    return None;
                }
                let body = String::from_utf8_lossy(&request.body).into_owned();
                let header = request.authorization.clone().unwrap_or_default();
                let description = format!("unknown secret: {body} {header}");
                Some(Answer::Reply {
                    status,
                    headers: vec![
                        ("X-Zendesk-Request-Id".to_owned(), format!("{body} {header}")),
                        ("X-Echo".to_owned(), header),
                    ],
                    body: json!({ "error": "invalid_client", "error_description": description })
                        .to_string()
                        .into_bytes(),
                })
            });
            let sandbox = sandbox(Options { interfere: Some(echo), ..Options::default() });
            let connection = connect(&sandbox, credentials.clone());
            connection.check().swept(&sandbox).failed_check();
            assert_eq!(connection.read(None).swept(&sandbox).code, 1);
        }
    }
}

// The ways that end.

#[test]
fn an_api_token_warns_of_its_end_and_names_the_way_over() {
    let sandbox = sandbox(Options { events: 100, ..Options::default() });
    let connection = connect(&sandbox, api_token());
    for run in [connection.check(), connection.read(None)] {
        let run = run.swept(&sandbox).succeeded();
        let [warning] = run.logs("WARN").try_into().expect("one warning");
        for words in ["30 April 2027", "confidential OAuth client", "OAuth client credentials"] {
            assert!(warning.contains(words), "{warning}");
        }
    }
    for credentials in
        [client_credentials(), json!({ "auth_type": "access_token", "access_token": credentials::ACCESS_TOKEN })]
    {
        let run = connect(&sandbox, credentials).read(None).swept(&sandbox).succeeded();
        assert_eq!(run.logs("WARN"), [] as [String; 0]);
    }
}

#[test]
fn an_api_token_that_is_refused_after_the_end_of_all_of_them_says_so() {
    let method = AuthMethod::ApiToken;
    for (now, kind) in [
        ("2026-11-23T12:00:00Z", Failure::Credentials { method }),
        ("2027-04-29T23:59:59Z", Failure::Credentials { method }),
        ("2027-05-01T00:00:00Z", Failure::ApiTokenRetired),
        ("2028-01-01T00:00:00Z", Failure::ApiTokenRetired),
    ] {
        let refused = Interfere::new(|_| Some(Answer::json(401, r#"{"error":"Couldn't authenticate you"}"#)));
        let sandbox = sandbox(Options { interfere: Some(refused), ..Options::default() });
        let mut connection = connect(&sandbox, api_token());
        connection.clock = ManualClock::new(now.parse().expect("a time"));
        assert_eq!(assert_says(&sandbox, &connection, &kind), [0, 0]);
        assert!(kind.to_string().contains("30 April 2027") && kind.to_string().contains("OAuth client credentials"));
    }
}

#[test]
fn a_pasted_token_that_dies_in_mid_sync_says_which_way_would_have_lasted() {
    let dying =
        Interfere::new(|request| (request.number > 12).then(|| Answer::json(401, r#"{"error":"invalid_token"}"#)));
    let sandbox = sandbox(Options { events: 3_000, interfere: Some(dying), ..Options::default() });
    let pasted = json!({ "auth_type": "access_token", "access_token": credentials::ACCESS_TOKEN });
    let run = connect(&sandbox, pasted).set("num_workers", json!(8)).read(None).swept(&sandbox);
    assert_eq!(run.code, 1);
    let kind = Failure::TokenExpired { method: AuthMethod::AccessToken };
    assert_eq!(run.error()["message"], kind.to_string());
    assert!(kind.to_string().contains("OAuth client credentials"));
    assert_eq!(run.error()["failure_type"], "config_error");
    assert_eq!(run.statuses(), ["STARTED", "RUNNING", "INCOMPLETE"]);
    assert_eq!(claimed(&run), run.records().len());
    assert_eq!(token_requests(&sandbox), 0);
}

#[test]
fn a_connection_that_moves_to_another_way_goes_on_where_it_was() {
    let sandbox = sandbox(Options { events: 1_200, ..Options::default() });
    let before = connect(&sandbox, api_token()).read(None).swept(&sandbox);
    assert_all_read(&before, &sandbox);
    let connection = connect(&sandbox, client_credentials());
    let after = connection.read(Some(&before.state())).swept(&sandbox).succeeded();
    assert_eq!(after.records(), [] as [String; 0]);
    assert_eq!(after.stream_state(), before.stream_state());
}

#[test]
fn the_documentation_says_what_the_connector_says() {
    let page = include_str!("../docs/authentication.md");
    let mut ways = Vec::new();
    for example in page.split("```json\n").skip(1).filter_map(|rest| rest.split_once("```")) {
        let config: Value = serde_json::from_str(example.0).expect("an example is JSON");
        assert_valid(&config);
        Config::parse(&config).expect("an example is understood");
        ways.push(config["credentials"]["auth_type"].as_str().expect("a text").to_owned());
    }
    assert_eq!(ways, ["client_credentials", "refresh_token", "access_token", "api_token"]);
    let method = AuthMethod::AccessToken;
    let causes = [
        Failure::OauthClientUnknown,
        Failure::OauthSecret,
        Failure::OauthClient,
        Failure::OauthClientKind,
        Failure::OauthScope,
        Failure::RefreshTokenInvalid,
        Failure::TokenExpired { method },
        Failure::MissingScope,
        Failure::PlanOrRole,
        Failure::Credentials { method },
        Failure::ApiTokenRetired,
        Failure::UnknownSubdomain,
        Failure::IpRestricted,
        Failure::NotAToken,
        Failure::OauthRefused { status: 400 },
    ];
    let table = page.split_once("| Message | Remedy |").expect("the table of messages").1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let quoted: Vec<&str> = rows.filter_map(|row| row.split('|').nth(1)).map(str::trim).collect();
    assert_eq!(quoted.len(), causes.len());
    for (quoted, kind) in quoted.iter().zip(causes) {
        assert!(kind.to_string().starts_with(quoted), "{quoted}: {kind}");
    }
}
