//! Passes the process's arguments, environment and stdout to the library, and exits with the code that it
//! returns.
//!
//! It must not decide anything: the library does.

use std::process::ExitCode;

use source_zendesk_audit_logs::stdio::Inherited;
use source_zendesk_audit_logs::{Environment, panics, run};

fn main() -> ExitCode {
    panics::keep_quiet();
    // Bypasses the standard library's stdout, which searches every page for line breaks.
    let stdout = Inherited::new(std::io::stdout());
    ExitCode::from(run(std::env::args_os(), Environment::of_process(), Box::new(stdout)))
}
