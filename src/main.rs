//! The process: its arguments, environment and stdout go in, its exit code comes out.
//!
//! It must not decide anything; that is the library.

use std::process::ExitCode;

use source_zendesk_audit_logs::stdio::Inherited;
use source_zendesk_audit_logs::{Environment, panics, run};

fn main() -> ExitCode {
    panics::keep_quiet();
    // Past the standard library's stdout, which would look for line ends in every page.
    let stdout = Inherited::new(std::io::stdout());
    ExitCode::from(run(std::env::args_os(), Environment::of_process(), Box::new(stdout)))
}
