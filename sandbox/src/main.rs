//! The sandbox as a program: prints its address and configurations, and serves until a
//! signal. Must not decide how the API behaves.

mod flags;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use zendesk_sandbox::{Sandbox, credentials};

use flags::Flags;

/// How often the list of received requests is cleared, which only tests in a process read.
const CLEAR_INTERVAL: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    // Invalid usage, `--help` and `--version` exit here, with 2 and 0.
    let flags = Flags::parse();
    match run(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If stderr is closed, the error cannot be reported.
            let _ = writeln!(io::stderr(), "zendesk-sandbox: {error}");
            let usage = error.kind() == io::ErrorKind::InvalidInput;
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

fn run(flags: Flags) -> io::Result<()> {
    let subdomain = flags.subdomain.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Registered before anything is printed, so that a reader of stdout can stop the program.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let sandbox = Sandbox::start(flags.into())?;
        let mut stdout = io::stdout();
        stdout.write_all(banner(&sandbox, &subdomain).as_bytes())?;
        stdout.flush()?;
        loop {
            tokio::select! {
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                () = tokio::time::sleep(CLEAR_INTERVAL) => sandbox.clear_requests(),
            }
        }
    })
}

/// Returns the base URL, and a configuration for each authentication method.
fn banner(sandbox: &Sandbox, subdomain: &str) -> String {
    let config = |credentials: serde_json::Value| {
        serde_json::json!({ "subdomain": subdomain, "credentials": credentials }).to_string()
    };
    let lines = [
        format!("export ZENDESK_BASE_URL={}", sandbox.base_url()),
        String::new(),
        format!("# {} events. A config.json for each authentication method:", sandbox.event_count()),
        config(serde_json::json!({
            "auth_type": "access_token",
            "access_token": credentials::ACCESS_TOKEN,
        })),
        config(serde_json::json!({
            "auth_type": "api_token",
            "email": credentials::ADMIN_EMAIL,
            "api_token": credentials::API_TOKEN,
        })),
        config(serde_json::json!({
            "auth_type": "client_credentials",
            "client_id": credentials::CLIENT_ID,
            "client_secret": credentials::CLIENT_SECRET,
        })),
        "# Valid once; the connector returns the next one:".to_owned(),
        config(serde_json::json!({
            "auth_type": "refresh_token",
            "client_id": credentials::CLIENT_ID,
            "client_secret": credentials::CLIENT_SECRET,
            "refresh_token": credentials::REFRESH_TOKEN,
        })),
        format!(
            "# To authorize in a browser: {}/oauth/authorizations/new?response_type=code&client_id={}\
             &redirect_uri=http%3A%2F%2Flocalhost&scope=auditlogs%3Aread",
            sandbox.base_url(),
            credentials::CLIENT_ID
        ),
    ];
    lines.join("\n") + "\n"
}
