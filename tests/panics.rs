//! Tests what the program writes to stderr after a panic: one message, without the panic's details. No input
//! makes the program panic, so this test starts itself as a program that panics.
//!
//! `cli.rs` and `commands/read.rs` test stdout after a panic.

use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, exit};

use source_zendesk_audit_logs::{Environment, panics, run};

const SECRET: &str = "s3cr3t-0123456789";
const CHILD: &str = "PANICS_AS_THE_PROGRAM";

/// A stdout that panics on its first byte.
struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        panic!("there is {SECRET} in this message")
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_is_one_sentence_on_stderr_and_exit_code_1() {
    if std::env::var_os(CHILD).is_some() {
        // As in `main`.
        panics::keep_quiet();
        let arguments = ["source-zendesk-audit-logs", "spec"].map(OsString::from);
        exit(run(arguments, Environment::of_process(), Box::new(Broken)).into());
    }
    let this = std::env::current_exe().expect("this test");
    let output = Command::new(this)
        .args(["--exact", "a_panic_is_one_sentence_on_stderr_and_exit_code_1", "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "full")
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "The connector failed because of a defect. Report it with the technical details.\n"
    );
    assert!(!String::from_utf8_lossy(&output.stdout).contains(SECRET));
}
