//! Tests which responses are pages.

use super::*;
use crate::stream::{ACCESS_LOGS, AUDIT_LOGS};
use crate::zendesk::body_room::BodyRoom;
use crate::zendesk::ulid::Ulid;

fn parse(body: &str) -> Result<Page, String> {
    Page::parse(&mut body.as_bytes().to_vec(), &AUDIT_LOGS)
}

#[test]
fn records_are_found_at_their_positions() {
    let page = parse(
        " {\"links\":{\"next\":null},\"audit_logs\":[ {\"id\":1,\"x\":1.10,\"created_at\":\"2024-01-01T00:00:00Z\"} ,\n{}],\"meta\":{\"has_more\":true,\"after_cursor\":\"a+b\"}}",
    )
    .expect("a page");
    let texts: Vec<_> = page.records.iter().map(|record| page.text(record)).collect();
    assert_eq!(texts, [&b"{\"id\":1,\"x\":1.10,\"created_at\":\"2024-01-01T00:00:00Z\"}"[..], b"{}"]);
    assert_eq!(page.records[0].identity, Identity::Id(1));
    assert_eq!(page.records[0].created_at.map(Second::as_unix), Some(1_704_067_200));
    assert_eq!(page.records[1].created_at, None);
    assert!(page.has_more);
    assert_eq!(page.next, Some(PageCursor { parameter: "page[after]", value: "a+b".to_owned() }));
}

#[test]
fn a_record_of_the_access_log_has_a_ulid_a_timestamp_and_a_user() {
    let parse = |record: &str| {
        let body = format!(r#"{{"access_logs":[{record}],"meta":{{"has_more":false}}}}"#);
        Page::parse(&mut body.into_bytes(), &ACCESS_LOGS).expect("a page").records[0].clone()
    };
    let ulid = Ulid::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").map(Identity::Ulid);
    let record = parse(r#"{"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","timestamp":"2024-01-01T00:00:00.7Z","user_id":7}"#);
    assert_eq!(Some(record.identity), ulid);
    assert_eq!((record.created_at.map(Second::as_unix), record.user), (Some(1_704_067_200), Some(7)));
    for (record, user) in [
        (r#"{"user_id":"370000000001"}"#, Some(370_000_000_001)),
        (r#"{"user_id":null}"#, None),
        (r#"{"user_id":1.5}"#, None),
        (r#"{"user_id":{"id":1}}"#, None),
        (r#"{"created_at":"2024-01-01T00:00:00Z"}"#, None),
    ] {
        let record = parse(record);
        assert_eq!((record.user, record.created_at), (user, None));
    }
    let lower = parse(r#"{"id":"01arz3ndektsv4rrffq69g5fav"}"#).identity;
    assert_eq!(lower, Identity::Other("\"01arz3ndektsv4rrffq69g5fav\"".into()));
}

#[test]
fn the_cursor_of_the_access_log_comes_from_the_query_of_the_link_with_any_host() {
    let next = |links: &str| {
        let body =
            format!(r#"{{"access_logs":[],"links":{links},"meta":{{"has_more":true,"after_cursor":"of+meta"}}}}"#);
        let next = Page::parse(&mut body.into_bytes(), &ACCESS_LOGS).expect("a page").next;
        next.map(|cursor| (cursor.parameter, cursor.value))
    };
    let found = |parameter, value: &str| Some((parameter, value.to_owned()));
    for (links, cursor) in [
        (r#"{"next":"https://evil.example/x?page[size]=5&page[after]=a%2Bb%3D"}"#, found("page[after]", "a+b=")),
        (r#"{"next":"/api/v2/access_logs?filter%5Bafter%5D=x#page[after]=y"}"#, found("filter[after]", "x")),
        (r#"{"next":"?filter[after]=x&page[after]=y"}"#, found("page[after]", "y")),
        (r#"{"next":"https://acme.zendesk.com/?other[after]=x&page[after]="}"#, found("filter[after]", "of+meta")),
        (r#"{"next":"page[after]=x"}"#, found("filter[after]", "of+meta")),
        (r#"{"next":7}"#, found("filter[after]", "of+meta")),
        (r#"{"next":null}"#, found("filter[after]", "of+meta")),
        ("{}", found("filter[after]", "of+meta")),
        ("[]", found("filter[after]", "of+meta")),
    ] {
        assert_eq!(next(links), cursor, "{links}");
    }
}

#[test]
fn unusual_records_do_not_invalidate_a_page() {
    for (record, dated) in [
        (r#"{"created_at":"2024-01-01T00:00:00\u005a"}"#, true),
        (r#"{"created_at":"2024-01-01T01:00:00.5+01:00"}"#, true),
        (r#"{"\u0063reated_at":"2024-01-01T00:00:00Z"}"#, true),
        (r#"{"created_at":1704067200}"#, false),
        (r#"{"created_at":"\ud800"}"#, false),
        (r#"{"created_at":"soon"}"#, false),
        (r#"{"id":1,"id":2}"#, false),
        (r#"{"created_at":["2024-01-01T00:00:00Z"]}"#, false),
        (r#"{"created_at":null,"id":1e400}"#, false),
        (r#"{"x":1e400,"y":"\ud800","z":{"created_at":"2024-01-01T00:00:00Z"}}"#, false),
    ] {
        let page = parse(&format!(r#"{{"audit_logs":[{record}],"meta":{{"has_more":false}}}}"#)).expect(record);
        assert_eq!(page.text(&page.records[0]), record.as_bytes());
        assert_eq!(page.records[0].created_at.is_some(), dated, "{record}");
    }
}

#[test]
fn ids_are_exact_and_unusual_ones_are_identified_by_their_json() {
    let identity = |id: &str| {
        let page = parse(&format!(r#"{{"audit_logs":[{{"id":{id}}}],"meta":{{"has_more":false}}}}"#)).expect(id);
        page.records[0].identity.clone()
    };
    for id in [0, -1, 9_007_199_254_740_993, i64::MAX, i64::MIN] {
        assert_eq!(identity(&id.to_string()), Identity::Id(id));
    }
    for id in ["1.0", "\"1\"", "18446744073709551615", "true", "[1]", "{\"a\":1}"] {
        assert_eq!(identity(id), Identity::Other(id.into()));
    }
    let long = format!("\"{}\"", "x".repeat(1000));
    assert!(matches!(identity(&long), Identity::Other(text) if text.starts_with("sha256:")));
    assert!(matches!(identity("null"), Identity::Other(text) if text.starts_with("sha256:")));
}

#[test]
fn everything_but_a_page_is_rejected() {
    let long = format!(r#"{{"audit_logs":[],"meta":{{"has_more":true,"after_cursor":"{}"}}}}"#, "x".repeat(9000));
    let page_of = |records: usize| {
        let records = vec!["{}"; records].join(",");
        format!(r#"{{"audit_logs":[{records}],"meta":{{"has_more":false}}}}"#)
    };
    assert_eq!(parse(&page_of(10_000)).map(|page| page.records.len()), Ok(10_000));
    let deep = format!(r#"{{"audit_logs":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for (body, what) in [
        ("", "an empty body"),
        (" \r\n", "an empty body"),
        ("\n<!DOCTYPE html><html></html>", "an HTML page"),
        ("{\"audit_logs\":[{\"id\":1", "broken JSON, 22 bytes"),
        ("ok", "broken JSON, 2 bytes"),
        ("{\"audit_logs\":[],\"meta\":{\"has_more\":false}}x", "broken JSON, 44 bytes"),
        ("null", "JSON of another shape"),
        ("[]", "JSON of another shape"),
        ("{}", "JSON of another shape"),
        ("{\"audit_logs\":[]}", "JSON of another shape"),
        ("{\"audit_logs\":[],\"meta\":{}}", "JSON of another shape"),
        ("{\"audit_logs\":null,\"meta\":{\"has_more\":false}}", "JSON of another shape"),
        ("{\"audit_logs\":[],\"meta\":{\"has_more\":\"false\"}}", "JSON of another shape"),
        ("{\"audit_logs\":[],\"meta\":[false]}", "JSON of another shape"),
        ("{\"audit_logs\":[],\"meta\":[true,\"x\"]}", "JSON of another shape"),
        ("{\"audit_logs\":[],\"audit_logs\":[],\"meta\":{\"has_more\":false}}", "JSON of another shape"),
        ("{\"error\":\"x\"}", "JSON of another shape"),
        ("{\"audit_logs\":[7],\"meta\":{\"has_more\":false}}", "JSON of another shape"),
        ("{\"audit_logs\":[null],\"meta\":{\"has_more\":false}}", "JSON of another shape"),
        (&long, "a cursor of 9000 bytes"),
        (&page_of(10_001), "more than 10000 records"),
    ] {
        assert_eq!(parse(body).map(|_| ()), Err(what.to_owned()), "{body}");
    }
    assert!(parse(&deep).is_err());
    let no_utf8 = b"{\"audit_logs\":[{\"x\":\"\xff\"}],\"meta\":{\"has_more\":false}}";
    assert!(Page::parse(&mut no_utf8.to_vec(), &AUDIT_LOGS).is_err());
}

#[test]
fn any_link_to_a_next_page_is_detected() {
    let page = |links: &str| {
        let body = format!(r#"{{"audit_logs":[],"links":{links},"meta":{{"has_more":false}}}}"#);
        parse(&body).expect(links)
    };
    for links in [r#"{"next":"https://acme.zendesk.com/x"}"#, r#"{"next":""}"#, r#"{"next":7}"#, r#"{"next":[]}"#] {
        assert!(page(links).has_next_link, "{links}");
    }
    for links in ["{}", r#"{"next":null}"#, r#"{"prev":"x"}"#, "null", "7", r#""x""#, r#"["x"]"#, "[7]"] {
        assert!(!page(links).has_next_link, "{links}");
    }
}

#[test]
fn the_longest_cursor_has_8_kib() {
    let page = |length: usize| {
        let cursor = "x".repeat(length);
        parse(&format!(r#"{{"audit_logs":[],"meta":{{"has_more":true,"after_cursor":"{cursor}"}}}}"#))
    };
    assert!(page(8_192).is_ok_and(|page| page.next.is_some_and(|next| next.value.len() == 8_192)));
    assert!(page(8_193).is_err());
}

#[test]
fn a_page_counts_its_body_and_its_records_as_memory_until_it_is_dropped() {
    let body = format!(r#"{{"audit_logs":[{}],"meta":{{"has_more":false}}}}"#, ["{}"; 50].join(","));
    let mut page = parse(&body).expect("a page");
    let least = body.len() + 50 * size_of::<Record>();
    // A vector may have room for twice as many.
    assert!((least..2 * least).contains(&page.size()), "{} of at least {least}", page.size());
    let place = Arc::new(Arc::<BodyRoom>::default().place((0, 0)));
    page.hold(Arc::clone(&place));
    assert_eq!(Arc::strong_count(&place), 2);
    drop(page);
    assert_eq!(Arc::strong_count(&place), 1);
}
