//! Tests `filters`: a sync reads exactly the matching events, every request of a sync has the same filters,
//! and a change between syncs is reported.

mod harness;

use std::collections::BTreeSet;

use harness::{Connection, Run, sandbox, sorted};
use serde_json::{Value, json};
use zendesk_sandbox::{Options, Sandbox, SeenRequest, Shape};

/// Returns the records that match the filters, by their own fields.
fn matching(sandbox: &Sandbox, filters: &Value) -> Vec<String> {
    let fits = |record: &Value| {
        [
            ("actions", "action"),
            ("source_types", "source_type"),
            ("actor_ids", "actor_id"),
            ("ip_addresses", "ip_address"),
        ]
        .iter()
        .all(|(list, field)| match filters[*list].as_array() {
            Some(wanted) => wanted.contains(&record[*field]),
            None => true,
        })
    };
    sandbox.records().into_iter().filter(|text| fits(&serde_json::from_str(text).expect("JSON"))).collect()
}

/// Returns the filters of a request except the time filter, in order.
fn asked(request: &SeenRequest) -> Vec<(String, String)> {
    let own = |name: &str| name.starts_with("filter[") && !name.starts_with("filter[created_at]");
    request.params.iter().filter(|(name, _)| own(name)).cloned().collect()
}

/// Returns the warnings about filters, without the one about records without a date.
fn warnings(run: &Run) -> Vec<String> {
    run.logs("WARN").into_iter().filter(|message| message.contains("filters")).collect()
}

#[test]
fn exactly_the_matching_events_are_read_and_every_request_has_the_same_filters() {
    let sandbox = sandbox(Options { events: 4_000, ..Options::default() });
    let records: Vec<Value> =
        sandbox.records().iter().map(|record| serde_json::from_str(record).expect("JSON")).collect();
    let some = |field: &str, number: usize| -> Vec<Value> {
        let mut values: Vec<Value> = Vec::new();
        for value in records.iter().map(|record| &record[field]).filter(|value| !value.is_null()) {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        values.sort_by_key(Value::to_string);
        values.truncate(number);
        assert_eq!(values.len(), number, "{field}");
        values
    };
    let mut sizes = Vec::new();
    for (filters, parameters) in [
        (json!({ "actions": ["update"] }), &["filter[action]"][..]),
        (json!({ "actions": ["exported", "login"] }), &["filter[action][]", "filter[action][]"]),
        (json!({ "source_types": ["zendesk/app_market/app"] }), &["filter[source_type]"]),
        (json!({ "source_types": ["account", "group", "user"] }), &["filter[source_type][]"; 3]),
        (json!({ "actor_ids": [-1] }), &["filter[actor_id]"]),
        (json!({ "actor_ids": some("actor_id", 3) }), &["filter[actor_id][]"; 3]),
        (json!({ "ip_addresses": some("ip_address", 1) }), &["filter[ip_address]"]),
        (json!({ "ip_addresses": some("ip_address", 4) }), &["filter[ip_address][]"; 4]),
        (
            json!({ "actions": ["update"], "source_types": ["trigger", "user"] }),
            &["filter[action]", "filter[source_type][]", "filter[source_type][]"],
        ),
        (json!({ "actor_ids": [-1], "actions": ["login"] }), &["filter[action]", "filter[actor_id]"]),
    ] {
        let expected = matching(&sandbox, &filters);
        sizes.push(expected.len());
        for workers in [1, 4] {
            sandbox.clear_requests();
            let connection =
                Connection::to(&sandbox).set("filters", filters.clone()).set("num_workers", json!(workers));
            let run = connection.read(None).succeeded();
            assert_eq!(sorted(run.records()), sorted(expected.clone()), "{filters}");
            assert_eq!(warnings(&run), [] as [String; 0], "{filters}");
            let requests = sandbox.requests();
            let first = asked(&requests[0]);
            assert_eq!(first.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), parameters, "{filters}");
            assert!(requests.iter().all(|request| asked(request) == first), "{filters}");
            assert!(requests.len() >= expected.len().div_ceil(100));

            let next = connection.read(Some(&run.state())).succeeded();
            assert_eq!(next.records(), [] as [String; 0], "{filters}");
            assert_eq!(warnings(&next), [] as [String; 0], "{filters}");
        }
    }
    assert!(sizes.iter().all(|size| *size > 0) && sizes.iter().any(|size| *size > 1_000), "{sizes:?}");
}

#[test]
fn any_filter_value_is_sent_unchanged() {
    let sandbox = sandbox(Options { events: 300, ..Options::default() });
    let odd = "a+b c:d&e=f/é%20#[]";
    let filters = json!({ "actions": [format!(" {odd}\n")], "ip_addresses": ["2001:DB8::7", "192.0.2.7"] });
    let run = Connection::to(&sandbox).set("filters", filters).read(None).succeeded();
    assert_eq!(run.records(), [] as [String; 0]);
    assert_eq!(run.statuses(), ["STARTED", "RUNNING", "COMPLETE"]);
    let requests = sandbox.requests();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        asked(&requests[0]),
        [
            pair("filter[action]", odd),
            pair("filter[ip_address][]", "192.0.2.7"),
            pair("filter[ip_address][]", "2001:DB8::7")
        ]
    );
    assert_eq!(run.stream_state()["filters"]["actions"], json!([odd]), "the state contains the filters");
}

#[test]
fn a_small_sync_with_filters_makes_one_request_and_a_check_counts_with_them() {
    let sandbox = sandbox(Options { events: 300, ..Options::default() });
    let connection = Connection::to(&sandbox).set("filters", json!({ "actions": ["exported"], "actor_ids": ["7"] }));
    connection.read(None).succeeded();
    assert_eq!(sandbox.requests().len(), 1);
    sandbox.clear_requests();
    let check = connection.check().succeeded();
    assert!(check.stdout.contains("SUCCEEDED"), "{}", check.stdout);
    let (counts, others): (Vec<_>, Vec<_>) =
        sandbox.requests().into_iter().partition(|request| request.param("per_page").is_some());
    assert!(others.iter().all(|request| asked(request).is_empty()));
    assert_eq!(counts.len(), 1);
    assert_eq!(asked(&counts[0]).len(), 2);
}

#[test]
fn without_filters_requests_states_and_messages_do_not_mention_them() {
    let sandbox = sandbox(Options { events: 250, shape: Shape::Even, ..Options::default() });
    let read = |filters: Option<Value>| {
        sandbox.clear_requests();
        let mut connection = Connection::to(&sandbox).set("num_workers", json!(1));
        if let Some(filters) = filters {
            connection = connection.set("filters", filters);
        }
        let run = connection.read(None).succeeded();
        let queries: Vec<String> = sandbox.requests().into_iter().map(|request| request.query).collect();
        (run.stdout, queries)
    };
    let (stdout, queries) = read(None);
    // The beginning of every request, from the version before filters.
    let beginning = "page%5Bsize%5D=100&sort=created_at&filter%5Bcreated_at%5D%5B%5D=1969-12-31T23%3A59%3A59Z\
                     &filter%5Bcreated_at%5D%5B%5D=2026-11-24T12%3A00%3A00Z";
    assert_eq!(queries[0], beginning);
    assert_eq!(queries.len(), 3);
    assert!(queries[1..].iter().all(|query| query.starts_with(&format!("{beginning}&page%5Bafter%5D="))));
    assert!(!stdout.contains("filters"));
    for nothing in [json!(null), json!({}), json!({ "actions": [], "actor_ids": null, "ip_addresses": [] })] {
        let (same, queries_again) = read(Some(nothing));
        assert_eq!(queries_again, queries);
        assert_eq!(same, stdout);
    }
}

#[test]
fn a_change_of_filters_is_reported_and_applies_to_later_events() {
    let sandbox = sandbox(Options { events: 2_000, shape: Shape::Even, ..Options::default() });
    let logins = json!({ "actions": ["login"] });
    let with = |filters: &Value| Connection::to(&sandbox).set("filters", filters.clone());
    let first = with(&logins).read(None).succeeded();
    let cursor = first.stream_state()["created_at"].as_str().expect("a cursor").to_owned();
    let begin = first.stream_state()["seen_since"].as_str().expect("a time").to_owned();
    assert_eq!(first.stream_state()["filters"], logins);
    assert!(begin < cursor);
    let gone_out: BTreeSet<String> = first.records().into_iter().collect();

    for (filters, state_filters) in [
        (json!(null), Value::Null),
        (json!({ "actions": ["update", "login"] }), json!({ "actions": ["login", "update"] })),
        (json!({ "actions": ["login"], "actor_ids": ["7"] }), json!({ "actions": ["login"], "actor_ids": [7] })),
    ] {
        let next = with(&filters).read(Some(&first.state())).succeeded();
        let [warning]: [String; 1] = warnings(&next).try_into().expect("one warning");
        assert!(warning.starts_with("The filters have changed since the previous sync."), "{warning}");
        assert!(warning.contains(&format!("Events before {begin} that the previous filters excluded")), "{warning}");
        assert_eq!(next.stream_state()["filters"], state_filters);
        // New events that match the new filters, from the time at which the sync resumes.
        let due: Vec<String> = matching(&sandbox, &state_filters)
            .into_iter()
            .filter(|record| !gone_out.contains(record))
            .filter(|record| {
                let record: Value = serde_json::from_str(record).expect("JSON");
                record["created_at"].as_str().is_some_and(|at| at >= begin.as_str())
            })
            .collect();
        assert_eq!(sorted(next.records()), sorted(due), "{filters}");
        // The change is reported once.
        let third = with(&filters).read(Some(&next.state())).succeeded();
        assert_eq!(warnings(&third), [] as [String; 0]);
        assert_eq!(third.records(), [] as [String; 0]);
    }
}

#[test]
fn the_same_filters_in_another_form_are_not_a_change() {
    let sandbox = sandbox(Options { events: 500, ..Options::default() });
    let with = |filters: Value| Connection::to(&sandbox).set("filters", filters);
    let first = with(json!({ "actions": ["login", "update"], "actor_ids": [1, 370_000_000_000_i64] }));
    let state = first.read(None).succeeded().state();
    let again = with(json!({
        "actions": [" UPDATE", "login", "login"], "actor_ids": ["370000000000", 1.0], "source_types": []
    }));
    let again = again.read(Some(&state)).succeeded();
    assert_eq!(warnings(&again), [] as [String; 0]);
    assert_eq!(again.stream_state(), state["stream"]["stream_state"]);
}

#[test]
fn a_state_without_filters_counts_as_unfiltered() {
    let sandbox = sandbox(Options { events: 500, ..Options::default() });
    let plain = Connection::to(&sandbox);
    let state = plain.read(None).succeeded().state();
    assert_eq!(state["stream"]["stream_state"].get("filters"), None);
    let filtered = Connection::to(&sandbox).set("filters", json!({ "actions": ["login"] }));
    assert_eq!(warnings(&filtered.read(Some(&state)).succeeded()).len(), 1);
    // If nothing has been read yet, no filter has excluded anything.
    let empty =
        json!({ "type": "STREAM", "stream": { "stream_descriptor": { "name": "audit_logs" }, "stream_state": {} } });
    for state in [None, Some(&empty)] {
        assert_eq!(warnings(&filtered.read(state).succeeded()), [] as [String; 0]);
    }
}

#[test]
fn unknown_actions_are_sent_with_a_warning() {
    let sandbox = sandbox(Options { events: 1_000, ..Options::default() });
    let filters = json!({ "actions": ["login", "logins", "sign\u{1b}in", "permanently_destroy"] });
    let connection = Connection::to(&sandbox).set("filters", filters.clone());
    for run in [connection.read(None).succeeded(), connection.check().succeeded()] {
        let [warning]: [String; 1] = warnings(&run).try_into().expect("one warning");
        assert!(warning.starts_with("filters.actions names \"logins\", \"sign"), "{warning}");
        assert!(!warning.contains("login\""), "{warning}");
    }
    let run = connection.read(None).succeeded();
    assert_eq!(sorted(run.records()), sorted(matching(&sandbox, &filters)));
    assert!(!run.records().is_empty());
}

#[test]
fn a_count_uses_the_filters_of_the_pages() {
    let sandbox = sandbox(Options { events: 6_000, ..Options::default() });
    let connection =
        Connection::to(&sandbox).set("filters", json!({ "actions": ["login", "update"] })).set("num_workers", json!(1));
    let message = connection.check().of_type("CONNECTION_STATUS")[0]["connectionStatus"]["message"].to_string();
    let run = connection.read(None).succeeded();
    let records = run.records().len() as u64;
    assert!((1_001..6_000).contains(&records), "{records}");
    let estimates =
        run.of_type("TRACE").into_iter().map(|message| message["trace"]["estimate"]["row_estimate"].as_u64());
    assert_eq!(estimates.flatten().collect::<Vec<_>>(), [records]);
    let text = source_zendesk_audit_logs::humanize::counted(records, "event");
    assert!(message.contains(&format!("reads about {text} ")), "{message}");
}
