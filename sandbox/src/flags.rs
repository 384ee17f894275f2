//! The command line of the sandbox, and its translation into [`Options`]. Must not start
//! anything.

use std::time::Duration;

use clap::Parser;
use jiff::{SignedDuration, Timestamp};
use zendesk_sandbox::{
    AccessLogs, Account, Count, Dates, Echo, Faults, Limits, Load, Options, Order, RateHeaders, Rule, Scenario, Shape,
    Tokens,
};

/// A mock Zendesk API on 127.0.0.1: audit logs, access logs and OAuth
///
/// Tests of a running sandbox can use these paths, which Zendesk does not have:
/// `GET /sandbox/records` and `GET /sandbox/access_records` return all records, one a line.
/// `POST /sandbox/events` and `POST /sandbox/access_events` with {"count":25,"from":"…Z","to":"…Z"} add and return events.
/// `GET /sandbox/traffic` returns the number of requests by kind.
#[derive(Debug, Parser)]
#[command(name = "zendesk-sandbox", version, verbatim_doc_comment)]
#[allow(clippy::struct_excessive_bools, reason = "each flag is an independent switch")]
pub(crate) struct Flags {
    /// Port on 127.0.0.1; 0 selects a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Number of events
    #[arg(long, default_value_t = 1_000)]
    events: u64,
    /// Seed of the events; the same seed and options give the same events
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// First second of the history
    #[arg(long, default_value = "2024-01-01T00:00:00Z")]
    from: Timestamp,
    /// End of the history, exclusive
    #[arg(long, default_value = "2025-01-01T00:00:00Z")]
    to: Timestamp,
    /// Distribution of the events in time
    #[arg(long, value_enum, default_value_t)]
    shape: Shape,
    /// Fixed events in addition to --events
    #[arg(long, value_enum)]
    scenario: Option<Scenario>,
    /// Milliseconds before each response
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Rate limit of the account in requests a minute; if omitted, no limit is enforced
    #[arg(long)]
    rate_limit: Option<u32>,
    /// Length of the rate limit's minute in milliseconds
    #[arg(long, default_value_t = 60_000)]
    minute_ms: u64,
    /// Kinds of rate limit headers to send
    #[arg(long, value_enum, default_value_t)]
    rate_headers: RateHeaders,
    /// Send no Retry-After with a 429
    #[arg(long)]
    no_retry_after: bool,
    /// Make the start of a time filter exclusive
    #[arg(long)]
    start_exclusive: bool,
    /// Make the end of a time filter exclusive
    #[arg(long)]
    end_exclusive: bool,
    /// Do not compress responses
    #[arg(long)]
    no_gzip: bool,
    /// Kind of account
    #[arg(long, value_enum, default_value_t)]
    account: Account,
    /// Subdomain in the URLs of records and in the printed configurations
    #[arg(long, default_value = "sandbox")]
    pub(crate) subdomain: String,
    /// Lifetime of issued access tokens, independent of the requested one
    #[arg(long)]
    token_lifetime_seconds: Option<u64>,
    /// Refuse requests of a token for its own expiry
    #[arg(long)]
    no_token_info: bool,
    /// Offset of the `Date` header from the server's clock
    #[arg(long, value_name = "SECONDS", default_value_t = 0, allow_negative_numbers = true)]
    clock_offset_seconds: i64,
    /// The `count` of offset pagination: right, absent, refused, or a signed number that it is off by
    #[arg(long, value_name = "COUNT", default_value = "right", allow_hyphen_values = true)]
    count: Count,
    /// Repeat the request's secrets in error bodies: [PLACE:]ENCODER[+ENCODER…]
    ///
    /// PLACE is json, unknown, text or html. Encoders apply from left to right: plain, percent, percent-all, unicode,
    /// unicode-all, entities, entities-all, base64, base64-lines, hex, upper, lower, reverse, first12, last12.
    #[arg(long, value_name = "ENCODING")]
    echo: Option<Echo>,
    /// A fault; repeatable: KIND=PROBABILITY, KIND@NUMBER for one request, or KIND@NUMBER.. for it and all later ones
    ///
    /// For example --fault 503=0.05 --fault html@7 --fault 504@9.. . Kinds: 429, 429-after, 429-json, 429-json-after,
    /// 500, 502, 503, 503-after, 504, 409 (-after: with Retry-After); drop, drop-in-body (the connection is closed);
    /// half-body, gzip (broken), drip (a slow body), stall (no response); html, empty, broken-json, other-json (each a
    /// 200); cursor-expired, cursor-repeated, cursor-missing, empty-page, event-repeated, swap (of two records);
    /// arrival, late (events arrive, dated now or earlier); clock-ahead, clock-behind, date-missing, date-malformed (the
    /// Date header); limit-one (the account's limit is 1 in one response); early-end (`has_more` is false with a
    /// `links.next`).
    #[arg(long = "fault", value_name = "KIND=PROBABILITY|KIND@NUMBER", verbatim_doc_comment)]
    faults: Vec<Rule>,
    /// Seed of the faults; the same seed and requests give the same faults
    #[arg(long, default_value_t = 1)]
    fault_seed: u64,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn options(flags: &[&str]) -> Options {
        let argv = ["zendesk-sandbox"].iter().chain(flags);
        Flags::try_parse_from(argv).expect("good usage").into()
    }

    #[test]
    fn default_flags_give_the_default_options() {
        assert_eq!(format!("{:?}", options(&[])), format!("{:?}", Options::default()));
    }

    #[test]
    fn each_flag_sets_its_option() {
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
            (&["--refresh-response=access-only"], "refresh_response: AccessOnly"),
            (&["--expires-in=-1"], "expires_in: Some(Number(-1))"),
            (&["--code-lifetime-seconds=5"], "code_lifetime_seconds: Some(5)"),
            (&["--token-propagation=1"], "propagation: 1"),
        ] {
            let text = format!("{:?}", options(flags));
            assert!(text.contains(shown), "{flags:?}: {text}");
        }
    }
}
