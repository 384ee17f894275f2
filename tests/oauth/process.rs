//! Tests the connector as a process that is killed.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use source_zendesk_audit_logs::clock::ManualClock;
use zendesk_sandbox::{MockResponse, Options, Sandbox, credentials};

use crate::harness::{Run, sandbox};
use crate::{
    Swept, TOKENS, WRONG_SECRET, api_token, assert_all_read, assert_no_secret, assert_valid, client,
    client_credentials, connect, refresh_token, sandbox_with,
};

/// A running connector process.
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

    /// Returns its lines up to the first line that matches, or to the end.
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
                Err(RecvTimeoutError::Timeout) => panic!("no output after {lines:?}"),
            }
        }
    }

    /// Waits for its end and returns its stderr.
    fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut text).expect("text");
        self.child.wait().expect("it ends");
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have already ended.
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
            move |_, request| (request.path != TOKENS && stalled.load(Ordering::Relaxed)).then_some(MockResponse::Stall)
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

        // Both tokens of the pair are valid, and the old refresh token is not.
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
fn a_process_writes_no_secret_to_stdout_or_stderr() {
    let sandbox = sandbox(Options { events: 300, ..Options::default() });
    for (credentials, good) in [
        (client_credentials(), true),
        (refresh_token(credentials::REFRESH_TOKEN), true),
        (api_token(), true),
        (client(credentials::CLIENT_ID, WRONG_SECRET), false),
        (refresh_token(credentials::USED_REFRESH_TOKEN), false),
    ] {
        let connection = connect(&sandbox, credentials);
        let mut process = Process::start(&sandbox, &connection.arguments(None));
        let lines = process.until(|_| false);
        assert_no_secret(&process.stderr(), &sandbox);
        assert_no_secret(&lines.join("\n"), &sandbox);
        assert_eq!(process.child.wait().expect("it has ended").success(), good, "{lines:?}");
    }
}
