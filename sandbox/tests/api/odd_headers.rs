//! `Date`, `Retry-After` and limit headers that are not as documented, and pages whose
//! end contradicts their link.

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};
use zendesk_sandbox::{Fault, Faults, Limits, Options, RetryAfterFormat, Rule, Sandbox};

use crate::http::{Got, logs, sandbox};

fn faulty(rules: &[&str]) -> Sandbox {
    let rules: Vec<Rule> = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
    sandbox(Options { rate_limit: Some(700), faults: Faults { rules, ..Faults::default() }, ..Options::default() })
}

fn date(got: &Got, name: &str) -> Timestamp {
    let text = got.header(name).unwrap_or_else(|| panic!("no {name}"));
    DateTimeParser::new().parse_timestamp(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_date_can_be_missing_or_malformed_in_single_responses() {
    let sandbox = faulty(&["date-missing@1", "date-malformed@2"]);
    let responses = [1, 2, 3].map(|_| logs(&sandbox, "page[size]=1"));
    assert_eq!(responses[0].header("date"), None);
    let malformed = responses[1].header("date").expect("a header");
    assert!(DateTimeParser::new().parse_timestamp(malformed).is_err(), "{malformed}");
    date(&responses[2], "date");
    assert!(responses.iter().all(|got| got.status == 200));
    let struck = sandbox.faults_injected();
    assert_eq!((struck[&Fault::DateMissing], struck[&Fault::DateMalformed]), (1, 1));
}

#[test]
fn the_account_limit_is_one_in_a_single_response() {
    let sandbox = faulty(&["limit-one@2"]);
    let limits: Vec<_> = (0..3)
        .map(|_| {
            let got = logs(&sandbox, "page[size]=1");
            let number = |name| got.header(name).and_then(|v| v.parse::<u32>().ok());
            assert_eq!(number("ratelimit-limit"), number("x-rate-limit"));
            (number("x-rate-limit"), number("x-rate-limit-remaining"))
        })
        .collect();
    assert_eq!(limits, [(Some(700), Some(699)), (Some(1), Some(1)), (Some(700), Some(697))]);
}

#[test]
fn limits_and_faults_write_retry_after_in_each_format() {
    for format in
        [RetryAfterFormat::Seconds, RetryAfterFormat::Zero, RetryAfterFormat::Date, RetryAfterFormat::PastDate]
    {
        let limits = Limits { retry_after_format: format, ..Limits::default() };
        let rules = vec!["503-after@1".parse().expect("a rule")];
        let faults = Faults { rules, ..Faults::default() };
        let clock_offset = SignedDuration::from_hours(-500);
        let options = Options { rate_limit: Some(0), limits, faults, clock_offset, ..Options::default() };
        let sandbox = sandbox(options);
        for status in [503, 429] {
            let got = logs(&sandbox, "page[size]=1");
            assert_eq!(got.status, status);
            let text = got.header("retry-after").expect("a header");
            let wait = || date(&got, "retry-after").duration_since(date(&got, "date")).as_secs();
            match format {
                RetryAfterFormat::Seconds => assert!(text.parse::<u32>().is_ok_and(|n| n > 0), "{text}"),
                RetryAfterFormat::Zero => assert_eq!(text, "0"),
                RetryAfterFormat::Date => assert!((0..=60).contains(&wait()), "{text}"),
                RetryAfterFormat::PastDate => assert!(wait() < -3_000, "{text}"),
            }
        }
    }
}

#[test]
fn an_early_end_keeps_its_link_and_skips_last_pages() {
    let sandbox = faulty(&["early-end=1"]);
    let page = logs(&sandbox, "page[size]=10").json();
    assert_eq!(page["meta"]["has_more"], false);
    assert!(page["links"]["next"].is_string() && page["meta"]["after_cursor"].is_string());
    let last = logs(&sandbox, "page[size]=10&filter[action]=dance").json();
    assert!(last["links"]["next"].is_null());
    assert_eq!(sandbox.faults_injected()[&Fault::EarlyEnd], 1);
}
