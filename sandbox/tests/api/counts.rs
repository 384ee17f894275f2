//! The `count` of offset pagination, right and wrong.

use serde_json::Value;
use zendesk_sandbox::{Count, Options};

use crate::http::{logs, sandbox};

#[test]
fn a_count_is_right_absent_off_or_refused() {
    for (count, expected) in [
        (Count::Right, Some(Value::from(250))),
        (Count::Absent, None),
        (Count::Off(3), Some(Value::from(253))),
        (Count::Off(-300), Some(Value::from(0))),
    ] {
        let sandbox = sandbox(Options { events: 250, count, ..Options::default() });
        let got = logs(&sandbox, "per_page=1");
        assert_eq!((got.status, got.json().get("count").cloned()), (200, expected));
        assert!(got.json()["next_page"].is_string());
    }
    let sandbox = sandbox(Options { count: Count::Refused, ..Options::default() });
    assert_eq!((logs(&sandbox, "per_page=1").status, logs(&sandbox, "page[size]=1").status), (400, 200));
}
