//! The process: its arguments, environment and stdout go in, its exit code comes out.
//!
//! It must not decide anything; that is the library.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::ExitCode;

use source_zendesk_audit_logs::{Environment, panics, run};

fn main() -> ExitCode {
    panics::keep_quiet();
    // The file itself: the standard library's stdout would look for line ends in every page.
    let stdout = match std::io::stdout().as_fd().try_clone_to_owned() {
        Ok(stdout) => File::from(stdout),
        Err(error) => {
            eprintln!("stdout cannot be used: {error}");
            return ExitCode::FAILURE;
        }
    };
    ExitCode::from(run(std::env::args_os(), Environment::of_process(), Box::new(stdout)))
}
