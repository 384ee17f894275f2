//! Tests authentication: tokens that expire during a sync, pairs that must not be lost, and the message of
//! each refusal.
//!
//! Every output of these tests is searched for all secrets. This file has the shared helpers.

#[path = "../harness/mod.rs"]
mod harness;

mod expiry;
mod lost_responses;
mod methods;
mod pairs;
mod process;
mod refusals;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use harness::{Connection, Run, sandbox, sorted};
use serde_json::{Value, json};
use source_zendesk_audit_logs::airbyte::message::FailureType;
use source_zendesk_audit_logs::config::connection_specification;
use source_zendesk_audit_logs::error::Error;
use source_zendesk_audit_logs::zendesk::{self, Failure};
use zendesk_sandbox::{MockResponse, Options, ResponseHook, Sandbox, SeenRequest, credentials};

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

/// Starts a sandbox with a hook that can act on the sandbox.
fn sandbox_with(
    options: Options,
    hook: impl Fn(&Sandbox, &SeenRequest) -> Option<MockResponse> + Send + Sync + 'static,
) -> Arc<Sandbox> {
    let itself: Arc<OnceLock<Weak<Sandbox>>> = Arc::default();
    let response_hook = ResponseHook::new({
        let itself = Arc::clone(&itself);
        move |request| hook(&*itself.get()?.upgrade()?, request)
    });
    let sandbox = Arc::new(sandbox(Options { response_hook: Some(response_hook), ..options }));
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

/// Asserts that an output contains no secret, except in the CONTROL message, which must contain the new pair.
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
        assert!(!shown.contains(&secret), "{secret} is in {shown}");
    }
}

/// Searches the output of a run for secrets. Every run of these tests is searched.
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

    /// Returns the configuration in each CONTROL message.
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

/// Asserts that nothing is lost, altered or repeated.
#[track_caller]
fn assert_same(read: Vec<String>, there: Vec<String>) {
    let (read, there) = (sorted(read), sorted(there));
    let lost: Vec<_> = there.iter().filter(|record| read.binary_search(record).is_err()).collect();
    let twice: Vec<_> = read.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
    assert!(read == there, "read {} of {}; lost {lost:?}; twice {twice:?}", read.len(), there.len());
}

/// Returns the number of records that the STATE messages cover.
fn claimed(run: &Run) -> usize {
    let counts = run.of_type("STATE").into_iter().map(|state| state["state"]["sourceStats"]["recordCount"].as_f64());
    counts.map(|count| format!("{}", count.expect("a count")).parse::<usize>().expect("whole")).sum()
}

fn failure_type(failure: &Failure) -> FailureType {
    Error::from(zendesk::Error::from(failure.clone())).failure_type()
}

/// Runs check and read, and asserts that both report this failure. Returns the number of token requests of
/// each.
#[track_caller]
fn assert_reports(sandbox: &Sandbox, connection: &Connection, kind: &Failure) -> [usize; 2] {
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

/// Returns a hook that responds to each token request with this response.
fn token_endpoint(status: u16, headers: &[(&str, &str)], body: &str) -> ResponseHook {
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let body = body.as_bytes().to_vec();
    ResponseHook::new(move |request| {
        let (headers, body) = (headers.clone(), body.clone());
        (request.path == TOKENS).then_some(MockResponse::Reply { status, headers, body })
    })
}

/// Returns a hook that revokes all tokens at the twelfth request with the same token, this many times. The
/// seven requests before it are held until then, so that eight workers are rejected together.
fn revoking(times: usize) -> impl Fn(&Sandbox, &SeenRequest) -> Option<MockResponse> + Send + Sync + 'static {
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
            5..=11 => Some(MockResponse::Delay(Duration::from_millis(50))),
            12 => {
                revoked.fetch_add(1, Ordering::Relaxed);
                sandbox.revoke_tokens();
                None
            }
            _ => None,
        }
    }
}
