//! The sandbox as a program: options into flags, what to copy onto stdout, then
//! service until a signal. Decides nothing about the API itself.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use jiff::{SignedDuration, Timestamp};
use tokio::signal::unix::{SignalKind, signal};
use zendesk_sandbox::{
    AccessLogs, Account, Count, Dates, Echo, Faults, Limits, Load, Options, Order, RateHeaders, Rule, Sandbox,
    Scenario, Shape, Tokens, credentials,
};

/// How often the list of seen requests, which only tests read, is emptied.
const FORGET: Duration = Duration::from_secs(10);

/// A Zendesk of one's own: the Audit Logs API on 127.0.0.1.
///
/// For tests of a running sandbox: `GET /sandbox/records` answers with all records, one a line, and
/// `POST /sandbox/events` with {"count":25,"from":"…Z","to":"…Z"} lets events arrive and answers with them.
#[derive(Debug, Parser)]
#[command(name = "zendesk-sandbox", version)]
#[allow(clippy::struct_excessive_bools, reason = "each flag is a switch of its own")]
struct Flags {
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Number of events
    #[arg(long, default_value_t = 1_000)]
    events: u64,
    /// The same seed and options make the same events
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// First second of the events
    #[arg(long, default_value = "2024-01-01T00:00:00Z")]
    from: Timestamp,
    /// End of the events' span, exclusive
    #[arg(long, default_value = "2025-01-01T00:00:00Z")]
    to: Timestamp,
    /// How the events lie in time
    #[arg(long, value_enum, default_value_t)]
    shape: Shape,
    /// Fixed events beside the seeded ones; their number comes on top of --events
    #[arg(long, value_enum)]
    scenario: Option<Scenario>,
    /// Milliseconds before each answer
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Requests a minute; none is enforced without it
    #[arg(long)]
    rate_limit: Option<u32>,
    /// Milliseconds that the rate limit's minute lasts
    #[arg(long, default_value_t = 60_000)]
    minute_ms: u64,
    /// Which kinds of rate limit headers are sent
    #[arg(long, value_enum, default_value_t)]
    rate_headers: RateHeaders,
    /// Send no Retry-After with a 429
    #[arg(long)]
    no_retry_after: bool,
    /// The filter's start is itself outside
    #[arg(long)]
    start_exclusive: bool,
    /// The filter's end is itself outside
    #[arg(long)]
    end_exclusive: bool,
    /// Never compress
    #[arg(long)]
    no_gzip: bool,
    /// What the subdomain is
    #[arg(long, value_enum, default_value_t)]
    account: Account,
    /// The subdomain in the records' urls and in the printed configurations
    #[arg(long, default_value = "sandbox")]
    subdomain: String,
    /// Real lifetime of issued OAuth access tokens, whatever was requested
    #[arg(long)]
    token_lifetime_seconds: Option<u64>,
    /// Tokens may not ask when they end
    #[arg(long)]
    no_token_info: bool,
    /// The `Date` header is the server's time plus this
    #[arg(long, value_name = "SECONDS", default_value_t = 0, allow_negative_numbers = true)]
    clock_offset_seconds: i64,
    /// The `count` of offset pagination: right, absent, refused, or off by a signed number
    #[arg(long, value_name = "COUNT", default_value = "right", allow_hyphen_values = true)]
    count: Count,
    /// Repeat the request's secrets in error bodies: [PLACE:]ENCODER[+ENCODER…]
    ///
    /// PLACE is json, unknown, text or html. Encoders apply from left to right: plain, percent, percent-all, unicode,
    /// unicode-all, entities, entities-all, base64, base64-lines, hex, upper, lower, reverse, first12, last12.
    #[arg(long, value_name = "ENCODING")]
    echo: Option<Echo>,
    #[command(flatten)]
    access_logs: AccessLogs,
    #[command(flatten)]
    order: Order,
    #[command(flatten)]
    dates: Dates,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    tokens: Tokens,
    /// A fault, as often as wanted: KIND=PROBABILITY, KIND@NUMBER for that request, or KIND@NUMBER.. from it on
    ///
    /// For example --fault 503=0.05 --fault html@7 --fault 504@9.. . Kinds: 429, 429-after, 429-json, 429-json-after,
    /// 500, 502, 503, 503-after, 504, 409 (-after: with Retry-After); drop, drop-in-body (the connection is closed);
    /// half-body, gzip (broken), drip, stall (never answered); html, empty, broken-json, other-json (each with 200);
    /// cursor-expired, cursor-repeated, cursor-missing, empty-page, event-repeated, swap (of two records);
    /// arrival, late (events arrive, with the present time or an earlier one); clock-ahead, clock-behind (the Date);
    /// date-missing, date-malformed; limit-one (the account's limit is 1 in one answer); early-end (`has_more` is false
    /// although `links.next` leads on).
    #[arg(long = "fault", value_name = "KIND=PROBABILITY|KIND@NUMBER", verbatim_doc_comment)]
    faults: Vec<Rule>,
    /// The same seed and requests meet the same faults
    #[arg(long, default_value_t = 1)]
    fault_seed: u64,
}

impl From<Flags> for Options {
    fn from(flags: Flags) -> Self {
        Self {
            port: flags.port,
            events: flags.events,
            seed: flags.seed,
            from: flags.from,
            to: flags.to,
            shape: flags.shape,
            scenario: flags.scenario,
            latency: Duration::from_millis(flags.latency_ms),
            rate_limit: flags.rate_limit,
            minute: Duration::from_millis(flags.minute_ms),
            rate_headers: flags.rate_headers,
            retry_after: !flags.no_retry_after,
            start_inclusive: !flags.start_exclusive,
            end_inclusive: !flags.end_exclusive,
            gzip: !flags.no_gzip,
            account: flags.account,
            subdomain: flags.subdomain,
            token_lifetime: flags.token_lifetime_seconds.map(Duration::from_secs),
            token_info: !flags.no_token_info,
            clock_offset: SignedDuration::from_secs(flags.clock_offset_seconds),
            count: flags.count,
            echo: flags.echo,
            access_logs: flags.access_logs,
            order: flags.order,
            dates: flags.dates,
            load: flags.load,
            limits: flags.limits,
            tokens: flags.tokens,
            faults: Faults { seed: flags.fault_seed, rules: flags.faults, ..Faults::default() },
            ..Self::default()
        }
    }
}

fn main() -> ExitCode {
    // Bad usage, `--help` and `--version` end here: 2 and 0.
    let flags = Flags::parse();
    match run(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With stderr gone there is nobody to tell.
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
        // Before anything is printed, so that whoever reads it can already stop us.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let sandbox = Sandbox::start(flags.into())?;
        let mut stdout = io::stdout();
        stdout.write_all(greeting(&sandbox, &subdomain).as_bytes())?;
        stdout.flush()?;
        loop {
            tokio::select! {
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                () = tokio::time::sleep(FORGET) => sandbox.clear_requests(),
            }
        }
    })
}

/// What a person copies: the base URL, and a configuration for each way to log in.
fn greeting(sandbox: &Sandbox, subdomain: &str) -> String {
    let config = |credentials: serde_json::Value| {
        serde_json::json!({ "subdomain": subdomain, "credentials": credentials }).to_string()
    };
    let lines = [
        format!("export ZENDESK_BASE_URL={}", sandbox.base_url()),
        String::new(),
        format!("# {} events. A config.json for each way to log in:", sandbox.event_count()),
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
        "# Good once; the connector hands back the next one:".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn options(flags: &[&str]) -> Options {
        let argv = ["zendesk-sandbox"].iter().chain(flags);
        Flags::try_parse_from(argv).expect("good usage").into()
    }

    #[test]
    fn without_flags_the_options_are_the_librarys() {
        assert_eq!(format!("{:?}", options(&[])), format!("{:?}", Options::default()));
    }

    #[test]
    fn each_flag_reaches_its_option() {
        for (flags, shown) in [
            (&["--port=8123"][..], "port: 8123"),
            (&["--events=5"], "events: 5"),
            (&["--seed=7"], "seed: 7"),
            (&["--from=2020-01-01T00:00:00Z"], "from: 2020-01-01T00:00:00Z"),
            (&["--to=2026-01-01T00:00:00Z"], "to: 2026-01-01T00:00:00Z"),
            (&["--shape=tied"], "shape: Tied"),
            (&["--scenario=security"], "scenario: Some(Security)"),
            (&["--latency-ms=9"], "latency: 9ms"),
            (&["--rate-limit=9"], "rate_limit: Some(9)"),
            (&["--minute-ms=250"], "minute: 250ms"),
            (&["--rate-headers=x-rate-limit"], "rate_headers: XRateLimit"),
            (&["--no-retry-after"], "retry_after: false"),
            (&["--start-exclusive"], "start_inclusive: false"),
            (&["--end-exclusive"], "end_inclusive: false"),
            (&["--no-gzip"], "gzip: false"),
            (&["--account=missing"], "account: Missing"),
            (&["--subdomain=acme"], "subdomain: \"acme\""),
            (&["--fault=503=0.05"], "rules: [Rule { kind: Unavailable, when: Chance(0.05) }]"),
            (&["--fault=swap@2", "--fault=504@7.."], "when: At(2) }, Rule { kind: GatewayTimeout, when: From(7) }]"),
            (&["--fault-seed=9"], "faults: Faults { seed: 9,"),
            (&["--token-lifetime-seconds=5"], "token_lifetime: Some(5s)"),
            (&["--no-token-info"], "token_info: false"),
            (&["--clock-offset-seconds=-90"], "clock_offset: 1m 30s ago"),
            (&["--count=-3"], "count: Off(-3)"),
            (&["--count=absent"], "count: Absent"),
            (&["--echo=html:percent+reverse"], "echo: Some(Echo { place: Html, encoders: [Percent, Reverse] })"),
            (&["--access-events=9"], "AccessLogs { events: 9,"),
            (&["--access-to=2026-11-25T00:00:00Z"], "to: Some(2026-11-25T00:00:00Z)"),
            (&["--access-days=100"], "days: 100"),
            (&["--access-retention-days=30"], "retention_days: 30"),
            (&["--access-rate-limit=0"], "rate_limit: 0"),
            (&["--access-add-on=missing"], "add_on: Missing"),
            (&["--access-scope=read"], "scope: Read"),
            (&["--access-cursor=filter"], "cursor: Filter"),
            (&["--access-link-cursor=filter"], "link_cursor: Filter"),
            (&["--access-displaced=3:60"], "displaced: Some(Displaced { count: 3, seconds: 60 })"),
            (&["--access-record-bytes=9"], "record_bytes: Some(9)"),
            (&["--displaced=12:540"], "displaced: Some(Displaced { count: 12, seconds: 540 })"),
            (&["--duplicates=3:60"], "duplicates: Some(Displaced { count: 3, seconds: 60 })"),
            (&["--ties=unstable"], "ties: Unstable"),
            (&["--cursor=second-only"], "cursor: SecondOnly"),
            (&["--created-at-offset=-18000"], "created_at_offset: -18000"),
            (&["--created-at-format=local"], "created_at_format: Local"),
            (&["--misdated=-2"], "misdated: Some(-2)"),
            (&["--epoch-events=2"], "epoch_events: 2"),
            (&["--future-events=1:20"], "future_events: Some(FutureEvents { count: 1, hours: 20 })"),
            (&["--max-span-days=90"], "max_span_days: Some(90)"),
            (&["--max-matches=9"], "max_matches: Some(9)"),
            (&["--max-depth=40"], "max_depth: Some(40)"),
            (&["--max-page-size=50"], "max_page_size: Some(50)"),
            (&["--max-body-bytes=9"], "max_body_bytes: Some(9)"),
            (&["--overload=stall"], "overload: Stall"),
            (&["--overload-seconds=60"], "overload_seconds: 60"),
            (&["--record-bytes=200000"], "record_bytes: Some(200000)"),
            (&["--endpoint-limit=a-b=9/10"], "EndpointLimit { name: \"a-b\", total: 9, window: Some(10s) }"),
            (&["--other-requests=9"], "other_requests: 9"),
            (&["--retry-after-format=past-date"], "retry_after_format: PastDate"),
            (&["--token-delay-seconds=13"], "delay_seconds: 13"),
            (&["--refresh-answer=access-only"], "refresh_answer: AccessOnly"),
            (&["--expires-in=-1"], "expires_in: Some(Number(-1))"),
            (&["--code-lifetime-seconds=5"], "code_lifetime_seconds: Some(5)"),
            (&["--token-propagation=1"], "propagation: 1"),
        ] {
            let text = format!("{:?}", options(flags));
            assert!(text.contains(shown), "{flags:?}: {text}");
        }
    }
}
