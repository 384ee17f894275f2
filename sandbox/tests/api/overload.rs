//! Requests that are too heavy for the server.

use std::time::Duration;

use zendesk_sandbox::{Load, Options, Overload, Sandbox, Shape};

use crate::http::{logs, sandbox, walk_up};

/// One event an hour in 2024.
fn hourly(load: Load) -> Sandbox {
    sandbox(Options { events: 8_784, shape: Shape::Even, load, ..Options::default() })
}

fn status(sandbox: &Sandbox, query: &str) -> u16 {
    logs(sandbox, query).status
}

fn window(start: &str, end: &str) -> String {
    format!("filter[created_at][]={start}T00:00:00Z&filter[created_at][]={end}T00:00:00Z")
}

#[test]
fn a_filter_over_too_many_days_is_a_504() {
    let sandbox = hourly(Load { max_span_days: Some(90), ..Load::default() });
    let (short, long) = (window("2024-01-01", "2024-03-31"), window("2024-01-01", "2024-04-01"));
    for paging in ["page[size]=100&sort=created_at", "page[size]=1", "per_page=1"] {
        assert_eq!(status(&sandbox, &format!("{paging}&{short}")), 200, "{paging}");
        assert_eq!(status(&sandbox, &format!("{paging}&{long}")), 504, "{paging}");
    }
    assert_eq!(status(&sandbox, "page[size]=1"), 200, "the newest page needs no filter");
    assert_eq!(status(&sandbox, "page[size]=1&sort=created_at"), 504);
    assert_eq!(status(&sandbox, "per_page=1"), 504);
}

#[test]
fn a_filter_with_too_many_matches_is_a_504() {
    let sandbox = hourly(Load { max_matches: Some(48), ..Load::default() });
    assert_eq!(status(&sandbox, &format!("page[size]=100&{}", window("2024-05-01", "2024-05-02"))), 200);
    assert_eq!(status(&sandbox, &format!("page[size]=100&{}", window("2024-05-01", "2024-05-03"))), 504);
    assert_eq!(status(&sandbox, "page[size]=100&sort=created_at"), 504);
}

#[test]
fn a_walk_that_is_too_deep_is_a_504_in_both_directions() {
    let sandbox = hourly(Load { max_depth: Some(3), ..Load::default() });
    for sort in ["sort=created_at", "sort=-created_at"] {
        let pages = walk_up(&sandbox, &format!("{sort}&page[size]=10"));
        assert_eq!(pages.iter().map(|page| page.status).collect::<Vec<_>>(), [200, 200, 200, 504]);
    }
}

#[test]
fn a_page_with_too_many_records_or_bytes_is_a_504() {
    let few = hourly(Load { max_page_size: Some(50), ..Load::default() });
    assert_eq!((status(&few, "page[size]=50"), status(&few, "page[size]=51")), (200, 504));
    assert_eq!(status(&few, ""), 200, "offset pagination has no page[size]");
    let load = Load { max_body_bytes: Some(1_000_000), record_bytes: Some(200_000), ..Load::default() };
    let sandbox = sandbox(Options { events: 30, load, ..Options::default() });
    let four = logs(&sandbox, "page[size]=4");
    assert!(four.status == 200 && four.texts().iter().all(|text| text.len() >= 200_000));
    assert_eq!(status(&sandbox, "page[size]=5"), 504);
    assert!(sandbox.records().iter().take(9).all(|record| (200_000..205_000).contains(&record.len())));
}

#[test]
fn an_overload_is_a_504_a_502_or_no_response() {
    for (overload, expected) in [(Overload::GatewayTimeout, 504), (Overload::BadGateway, 502)] {
        let sandbox = hourly(Load { max_page_size: Some(9), overload, ..Load::default() });
        let got = logs(&sandbox, "page[size]=10");
        assert_eq!((got.status, got.header("content-type")), (expected, Some("text/html")));
    }
    let sandbox = hourly(Load { max_page_size: Some(9), overload: Overload::Stall, ..Load::default() });
    let address = sandbox.base_url().replace("http://", "");
    let mut stream = std::net::TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
    let token = zendesk_sandbox::credentials::ACCESS_TOKEN;
    let request =
        format!("GET /api/v2/audit_logs?page[size]=10 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
    assert!(std::io::Read::read(&mut stream, &mut [0]).is_err());
}
