//! The `stream_state` of a STATE message: the data for the next sync.
//!
//! ```json
//! {
//!   "created_at": "2026-11-23T06:50:00Z",
//!   "seen_since": "2026-11-23T06:40:00Z",
//!   "seen": { "2026-11-23T06:45:10Z": [35436, 35437] },
//!   "account": "acme"
//! }
//! ```
//! - `created_at`, the cursor: the newest emitted `created_at`. It has the name of the stream's cursor field:
//!   for `access_logs` it is `timestamp`.
//! - `seen_since`: the start of the next sync, because events can appear late.
//! - `seen`: the ids that the server may return again from then on, by the latest time at which it lists
//!   them, usually their `created_at`. They are not emitted again. Those of one time that are ULIDs are one
//!   string: their common prefix, and after a `*` the rest of each.
//! - `account`: the subdomain of the state, to detect another account.
//! - `filters`: the filters of the state, in the form of the configuration; only if there are any. They
//!   detect a change.
//!
//! `ledger.rs` updates it while records are emitted.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::{Fields, Filters, InputError, InputFile, Result, kind};
use crate::second::Second;
use crate::stream::Stream;
use crate::zendesk::{Identity, ULID_DIGITS, Ulid};

/// The state of the stream; the default is that of a sync that has not begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncState {
    /// The newest emitted `created_at`.
    pub created_at: Option<Second>,
    /// The start of the next sync.
    pub seen_since: Option<Second>,
    /// The ids that were emitted since then.
    pub seen: BTreeMap<Second, Vec<Identity>>,
    /// The filters.
    pub filters: Arc<Filters>,
    /// The subdomain; `None` in older states.
    pub account: Option<String>,
}

/// The fields of a state besides the cursor. A state with none of them is not from this connector.
const FIELDS: [&str; 4] = ["seen_since", "seen", "filters", "account"];
/// The number of common digits of the ULIDs in one entry: their time in milliseconds without the last two
/// digits, which are about a second.
const COMMON: usize = 8;

const START_OVER: &str = "Reset the connection, or omit the state, to read from the start date again.";

impl SyncState {
    /// Parses the `stream_state` of a stream. A state with only the cursor is accepted: users write it, and
    /// Airbyte's own Zendesk connector leaves it.
    ///
    /// # Errors
    /// If a field has another shape, or no known field exists: an invalid state must not be treated as an
    /// empty one.
    pub fn parse(value: &Value, stream: &Stream) -> Result<Self> {
        let fields = Fields::new(InputFile::State, "stream_state", value)?;
        let date = |name| {
            let date = |text: &str| {
                text.parse().map_err(|_| fields.error(name, "is not a date such as 2024-01-01T00:00:00Z", START_OVER))
            };
            fields.string(name)?.map(date).transpose()
        };
        let names: Vec<&str> = [stream.cursor_field].into_iter().chain(FIELDS).collect();
        if fields.is_none_of(&names) {
            let problem = format!("has none of the fields that this connector writes ({})", names.join(", "));
            return Err(fields.whole_error(problem, START_OVER));
        }
        Ok(Self {
            created_at: date(stream.cursor_field)?,
            seen_since: date("seen_since")?,
            seen: match fields.get("seen") {
                None => BTreeMap::new(),
                Some(seen) => parse_seen(seen, &fields.path("seen"))?,
            },
            filters: Arc::new(Filters::parse(&fields).map_err(|error| error.with_remedy(START_OVER))?),
            account: fields.string("account")?.map(str::to_owned),
        })
    }

    /// Returns the `stream_state` for a STATE message of a stream.
    #[must_use]
    pub fn to_value(&self, stream: &Stream) -> Value {
        let mut state = Map::new();
        let mut put = |name: &str, value: Value| state.insert(name.to_owned(), value);
        if let Some(created_at) = self.created_at {
            put(stream.cursor_field, created_at.to_string().into());
        }
        if let Some(seen_since) = self.seen_since {
            put("seen_since", seen_since.to_string().into());
        }
        if !self.seen.is_empty() {
            put("seen", self.seen.iter().map(|(at, seen)| (at.to_string(), to_json(seen))).collect());
        }
        if !self.filters.is_empty() {
            put("filters", self.filters.to_value());
        }
        // Without a start, the filters would not matter.
        if let Some(account) = self.account.as_deref().filter(|_| self.seen_since.is_some()) {
            put("account", account.into());
        }
        Value::Object(state)
    }
}

fn to_json(identities: &[Identity]) -> Value {
    let mut values = Vec::new();
    let mut ulids: Vec<String> = Vec::new();
    for identity in identities {
        match identity {
            Identity::Id(id) => values.push(Value::from(*id)),
            Identity::Other(text) => values.push(Value::from(&**text)),
            Identity::Ulid(ulid) => ulids.push(ulid.to_string()),
        }
    }
    ulids.sort_unstable();
    for group in ulids.chunk_by(|one, other| one[..COMMON] == other[..COMMON]) {
        let mut text = group[0][..COMMON].to_owned();
        for ulid in group {
            text.push('*');
            text.push_str(&ulid[COMMON..]);
        }
        values.push(text.into());
    }
    Value::Array(values)
}

/// Parses the string of an entry: several ULIDs, or another identity.
fn parse_text(text: &str) -> Vec<Identity> {
    let mut parts = text.split('*');
    let common = parts.next().unwrap_or_default();
    let ulids = parts.map(|rest| Ulid::parse(&format!("{common}{rest}")).map(Identity::Ulid));
    match ulids.collect::<Option<Vec<_>>>() {
        Some(ulids) if !ulids.is_empty() => ulids,
        _ => {
            // The form in states before ULIDs had their own identity.
            let ulid = (text.len() == ULID_DIGITS + 2).then(|| Ulid::parse(text.trim_matches('"'))).flatten();
            vec![ulid.map_or_else(|| Identity::Other(text.into()), Identity::Ulid)]
        }
    }
}

/// Returns the approximate size of an identity in a state, in bytes, without the entry of its time.
#[must_use]
pub fn size_in_state(identity: &Identity) -> usize {
    match identity {
        // At most 19 digits, and a comma.
        Identity::Id(_) => 20,
        Identity::Ulid(_) => ULID_DIGITS - COMMON + 1,
        // Quotes within it are escaped.
        Identity::Other(text) => text.len() + 8,
    }
}

fn parse_seen(value: &Value, path: &str) -> Result<BTreeMap<Second, Vec<Identity>>> {
    let wrong = |field: String, problem: String| InputError::Field {
        file: InputFile::State,
        field,
        problem,
        remedy: Some(START_OVER.to_owned()),
    };
    let Value::Object(seen) = value else {
        return Err(wrong(path.to_owned(), format!("must be a JSON object, not {}", kind(value))));
    };
    let mut parsed: BTreeMap<Second, Vec<Identity>> = BTreeMap::new();
    for (at, ids) in seen {
        let path = format!("{path}.{at}");
        let Ok(at) = at.parse() else {
            return Err(wrong(path, "is not a date".to_owned()));
        };
        let Value::Array(ids) = ids else {
            return Err(wrong(path, format!("must be an array of ids, not {}", kind(ids))));
        };
        for id in ids {
            let identities = match id {
                Value::Number(number) => number.as_i64().map(|id| vec![Identity::Id(id)]),
                Value::String(text) => Some(parse_text(text)),
                _ => None,
            };
            let identities = identities
                .ok_or_else(|| wrong(path.clone(), "must contain ids, which are integers or strings".to_owned()))?;
            parsed.entry(at).or_default().extend(identities);
        }
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{ACCESS_LOGS, AUDIT_LOGS};
    use serde_json::json;

    #[test]
    fn a_written_state_is_parsed_unchanged() {
        for state in [
            json!({}),
            json!({ "created_at": "2024-01-01T00:00:00Z" }),
            json!({
                "created_at": "2024-01-01T00:10:00Z",
                "seen": {
                    "2024-01-01T00:00:00Z": [1, 9_007_199_254_740_993_i64, -1],
                    "2024-01-01T00:10:00Z": ["\"7\"", "sha256:00", i64::MAX]
                },
                "seen_since": "2024-01-01T00:00:00Z"
            }),
            json!({
                "created_at": "2024-01-01T00:00:00Z",
                "filters": { "actions": ["login"], "actor_ids": [-1, 7], "ip_addresses": ["::1"], "source_types": ["user"] }
            }),
        ] {
            let parsed = SyncState::parse(&state, &AUDIT_LOGS).expect("understood");
            assert_eq!(parsed.to_value(&AUDIT_LOGS), state);
        }
    }

    #[test]
    fn the_state_of_the_access_log_has_its_cursor_field_and_short_ids() {
        let state = json!({
            "timestamp": "2024-01-01T00:10:00Z",
            "seen": { "2024-01-01T00:10:00Z": [
                "\"7\"",
                "01HK153X*007M1J2N3P4Q5R6S*01ZZZZZZZZZZZZZZZZ",
                "01HK153Y*00ZZZZZZZZZZZZZZZZ"
            ] },
            "seen_since": "2024-01-01T00:00:00Z",
            "filters": { "access_logs": { "exclude_graphql": true } },
            "account": "acme"
        });
        let mut state = state;
        state["seen"]["2024-01-01T00:10:00Z"][1] = json!("01HK153X*007M1J2N3P4Q5R6S7T*01ZZZZZZZZZZZZZZZZ");
        let parsed = SyncState::parse(&state, &ACCESS_LOGS).expect("understood");
        assert_eq!(parsed.to_value(&ACCESS_LOGS), state);
        let ids = &parsed.seen[&"2024-01-01T00:10:00Z".parse().expect("a date")];
        let ulid = |text| Ulid::parse(text).map(Identity::Ulid).expect("a ULID");
        assert_eq!(
            ids[1..],
            [
                ulid("01HK153X007M1J2N3P4Q5R6S7T"),
                ulid("01HK153X01ZZZZZZZZZZZZZZZZ"),
                ulid("01HK153Y00ZZZZZZZZZZZZZZZZ"),
            ]
        );
        assert_eq!(parse_text("\"01HK153X007M1J2N3P4Q5R6S7T\""), ids[1..2]);
        assert_eq!(parse_text("\"a*b\""), [Identity::Other("\"a*b\"".into())]);
    }

    #[test]
    fn the_cursor_is_formatted_like_the_api() {
        let state = json!({ "created_at": "2024-01-01T02:00:00.5+02:00", "seen": null, "x": 1 });
        let parsed = SyncState::parse(&state, &AUDIT_LOGS);
        assert_eq!(parsed.expect("valid").to_value(&AUDIT_LOGS), json!({ "created_at": "2024-01-01T00:00:00Z" }));
    }

    #[test]
    fn an_invalid_state_is_rejected_with_the_field() {
        for (state, start) in [
            (json!([]), "In the state, stream_state must be a JSON object, not an array."),
            (json!({ "created_at": "soon" }), "In the state, stream_state.created_at is not a date"),
            (
                json!({ "created_at": 1_704_067_200 }),
                "In the state, stream_state.created_at must be a string, not a number.",
            ),
            (json!({ "seen_since": "" }), "In the state, stream_state.seen_since is not a date"),
            (json!({ "seen": [] }), "In the state, stream_state.seen must be a JSON object, not an array."),
            (json!({ "seen": { "x": [] } }), "In the state, stream_state.seen.x is not a date."),
            (
                json!({ "seen": { "2024-01-01": 7 } }),
                "In the state, stream_state.seen.2024-01-01 must be an array of ids, not a number.",
            ),
            (
                json!({ "seen": { "2024-01-01": [1.5] } }),
                "In the state, stream_state.seen.2024-01-01 must contain ids, which are integers or strings.",
            ),
            (
                json!({ "filters": { "actions": "login" } }),
                "In the state, stream_state.filters.actions must be an array, not a string. Reset the connection",
            ),
        ] {
            let error = SyncState::parse(&state, &AUDIT_LOGS).expect_err("refused").to_string();
            assert!(error.starts_with(start), "{state}: {error}");
        }
    }
}
