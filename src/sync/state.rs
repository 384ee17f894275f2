//! The `stream_state` of a STATE message: what the next sync has to know.
//!
//! ```json
//! {
//!   "created_at": "2026-11-23T06:50:00Z",
//!   "seen_since": "2026-11-23T06:40:00Z",
//!   "seen": { "2026-11-23T06:45:10Z": [35436, 35437] },
//!   "account": "acme"
//! }
//! ```
//! - `created_at`, the cursor: the newest `created_at` that was emitted. It has the name of the stream's cursor
//!   field: for `access_logs` it is `timestamp`.
//! - `seen_since`: the next sync begins to read here, because events can appear late.
//! - `seen`: the ids that the server may return again from there on, by the latest time at which it lists
//!   them, which is their `created_at` as a rule. They are not emitted again. Those of one time that are ULIDs
//!   are one string: what they have in common, and after a `*` the rest of each.
//! - `account`: the subdomain that all this was read from, so that another one is noticed.
//! - `filters`: the filters that all this was read with, in the form of the configuration's; only if there
//!   are any. So a change of them is noticed.
//!
//! How it changes while records go out is `ledger.rs`.

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
    /// The newest `created_at` that was emitted.
    pub created_at: Option<Second>,
    /// Where the next sync begins to read.
    pub seen_since: Option<Second>,
    /// The ids of what was emitted since then.
    pub seen: BTreeMap<Second, Vec<Identity>>,
    /// The filters that it was read with.
    pub filters: Arc<Filters>,
    /// The subdomain that it was read from; `None` in states of before that was noted.
    pub account: Option<String>,
}

/// The fields of a state besides the cursor. One that has none of them is not a state of this connector.
const FIELDS: [&str; 4] = ["seen_since", "seen", "filters", "account"];
/// The digits that the ULIDs of one entry have in common: their time, in milliseconds, but for two digits,
/// which are about a second.
const COMMON: usize = 8;

const START_OVER: &str = "Reset the connection, or omit the state, to read from the start date again.";

impl SyncState {
    /// Parses the `stream_state` of a stream. One that holds only the cursor is understood: people write it, and
    /// Airbyte's own Zendesk connector leaves it behind.
    ///
    /// # Errors
    /// If a field has another shape, or none is known: a state that cannot be understood must not be
    /// taken for none.
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

    /// The `stream_state` for a STATE message of a stream.
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
        // Without anything that was read it would not matter.
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

/// Parses the string of an entry: some ULIDs, or another identity.
fn parse_text(text: &str) -> Vec<Identity> {
    let mut parts = text.split('*');
    let common = parts.next().unwrap_or_default();
    let ulids = parts.map(|rest| Ulid::parse(&format!("{common}{rest}")).map(Identity::Ulid));
    match ulids.collect::<Option<Vec<_>>>() {
        Some(ulids) if !ulids.is_empty() => ulids,
        _ => {
            // As it stood in states before a ULID was an identity of its own.
            let ulid = (text.len() == ULID_DIGITS + 2).then(|| Ulid::parse(text.trim_matches('"'))).flatten();
            vec![ulid.map_or_else(|| Identity::Other(text.into()), Identity::Ulid)]
        }
    }
}

/// Returns about how many bytes an identity takes up in a state, besides the entry of its time.
#[must_use]
pub fn size_in_state(identity: &Identity) -> usize {
    match identity {
        // 19 digits at most, and a comma.
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
    fn a_state_is_read_as_it_was_written() {
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
    fn the_cursor_keeps_the_form_of_the_api_whatever_it_was_before() {
        let state = json!({ "created_at": "2024-01-01T02:00:00.5+02:00", "seen": null, "x": 1 });
        let parsed = SyncState::parse(&state, &AUDIT_LOGS);
        assert_eq!(parsed.expect("understood").to_value(&AUDIT_LOGS), json!({ "created_at": "2024-01-01T00:00:00Z" }));
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_the_field() {
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
