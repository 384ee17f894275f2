//! The filters: the optional fields of `filters`, validated. Arrays are sorted and have no duplicates.
//!
//! The API applies the filters; only the filter by several users (`access_logs.user_ids`) is applied by the
//! sync. `zendesk/query.rs` sends the parameters. No error here shows a value.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::failure::Result;
use super::fields::Fields;
use crate::stream::{ACCESS_LOGS, AUDIT_LOGS, Stream};

/// The actions that Zendesk documents, and `permanently_destroy`, which also occurs. Others may exist.
const KNOWN_ACTIONS: [&str; 6] = ["create", "destroy", "exported", "login", "permanently_destroy", "update"];
/// The largest number of values in an array.
const MOST_VALUES: usize = 100;
/// The largest number of characters that all filters may take up in the URL of a request. Servers commonly
/// reject URLs of more than 8,000 characters, and a cursor and the time window need some of them.
const MOST_CHARACTERS: usize = 6_000;
/// The largest number of characters that the name of a filter adds to each value: `&filter%5Bip_address%5D%5B%5D=`.
const NAME_CHARACTERS: usize = 31;

/// The filters. An event matches if it has one of the values of each array that is not empty. The filters of
/// the audit log are at the top level.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct Filters {
    #[schemars(
        title = "Actions",
        description = "Read only events with these actions. Zendesk documents <code>create</code>, <code>destroy</code>, <code>exported</code>, <code>login</code> and <code>update</code>; other actions exist.",
        with = "Option<Vec<String>>",
        extend("order" = 0, "maxItems" = MOST_VALUES, "examples" = [["login", "exported"]])
    )]
    /// `filter[action]`
    pub actions: Vec<String>,

    #[schemars(
        title = "Source types",
        description = "Read only events with these values in the column <code>source_type</code>.",
        with = "Option<Vec<String>>",
        extend("order" = 1, "maxItems" = MOST_VALUES, "examples" = [["user", "account_setting", "api_token"]])
    )]
    /// `filter[source_type]`
    pub source_types: Vec<String>,

    #[schemars(
        title = "Actor IDs",
        description = "Read only events caused by the users with these IDs. -1 is Zendesk itself.",
        with = "Option<Vec<i64>>",
        extend("order" = 2, "maxItems" = MOST_VALUES, "examples" = [[-1]])
    )]
    /// `filter[actor_id]`
    pub actor_ids: Vec<i64>,

    #[schemars(
        title = "IP addresses",
        description = "Read only events caused from these IPv4 or IPv6 addresses, written as in the column <code>ip_address</code>. Ranges are not supported.",
        with = "Option<Vec<String>>",
        extend("order" = 3, "maxItems" = MOST_VALUES, "examples" = [["192.0.2.7", "2001:db8::1"]])
    )]
    /// `filter[ip_address]`, sent unchanged: Zendesk may compare strings.
    pub ip_addresses: Vec<String>,

    #[schemars(
        title = "Access logs",
        description = "Which records of the stream <code>access_logs</code> to read. The filters above are for the stream <code>audit_logs</code>.",
        with = "Option<AccessLogFilters>",
        extend("order" = 4)
    )]
    /// The filters of the access log.
    pub access_logs: AccessLogFilters,
}

/// The filters of the access log.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct AccessLogFilters {
    #[schemars(
        title = "Exclude GraphQL requests",
        description = "Skip GraphQL requests. Most of them come from Zendesk's own pages, in the background.",
        with = "Option<bool>",
        extend("order" = 0, "default" = false)
    )]
    /// `filter[graphql]=true`, which excludes them.
    pub exclude_graphql: bool,

    #[schemars(
        title = "User IDs",
        description = "Read only requests of the users with these IDs. Zendesk filters by one user; with several, the connector reads the requests of all users and skips those of the others.",
        with = "Option<Vec<i64>>",
        extend("order" = 1, "maxItems" = MOST_VALUES, "examples" = [[370_000_000_001_i64]])
    )]
    /// `filter[user_id]`, if there is one; otherwise the sync skips other users.
    pub user_ids: Vec<i64>,
}

impl AccessLogFilters {
    /// Returns `true` if a record of this user matches. A record without a usable user id matches.
    #[must_use]
    pub fn matches(&self, user: Option<i64>) -> bool {
        self.user_ids.is_empty() || user.is_none_or(|user| self.user_ids.binary_search(&user).is_ok())
    }

    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            exclude_graphql: match fields.get("exclude_graphql") {
                None => false,
                Some(Value::Bool(exclude)) => *exclude,
                Some(other) => return Err(fields.type_error("exclude_graphql", "true or false", other)),
            },
            user_ids: list(fields, "user_ids", id)?,
        })
    }

    fn to_value(&self) -> Value {
        let mut fields = Map::new();
        if self.exclude_graphql {
            fields.insert("exclude_graphql".to_owned(), json!(true));
        }
        if !self.user_ids.is_empty() {
            fields.insert("user_ids".to_owned(), json!(self.user_ids));
        }
        Value::Object(fields)
    }
}

impl Filters {
    /// Parses the field `filters` of a configuration or a state; without it, all events match.
    ///
    /// # Errors
    /// If a value is invalid, with its index, or if there are too many values.
    pub fn parse(parent: &Fields<'_>) -> Result<Self> {
        let Some(fields) = parent.object("filters")? else {
            return Ok(Self::default());
        };
        let filters = Self {
            actions: list(&fields, "actions", action)?,
            source_types: list(&fields, "source_types", string)?,
            actor_ids: list(&fields, "actor_ids", id)?,
            ip_addresses: list(&fields, "ip_addresses", ip_address)?,
            access_logs: match fields.object("access_logs")? {
                Some(fields) => AccessLogFilters::parse(&fields)?,
                None => AccessLogFilters::default(),
            },
        };
        if filters.characters() > MOST_CHARACTERS {
            return Err(parent.error(
                "filters",
                "contains more than fits into the URL of a request",
                "Use fewer or shorter values, or several connections.",
            ));
        }
        Ok(filters)
    }

    /// Returns the filters of a stream, without those of other streams.
    #[must_use]
    pub fn of(&self, stream: &Stream) -> Self {
        if *stream == ACCESS_LOGS {
            Self { access_logs: self.access_logs.clone(), ..Self::default() }
        } else if *stream == AUDIT_LOGS {
            Self { access_logs: AccessLogFilters::default(), ..self.clone() }
        } else {
            Self::default()
        }
    }

    /// Returns `true` if all events match.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the actions that this connector does not know.
    pub fn unknown_actions(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().map(String::as_str).filter(|action| !KNOWN_ACTIONS.contains(action))
    }

    /// Returns the JSON that [`Filters::parse`] parses: the arrays that are not empty.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut lists = Map::new();
        let mut put = |name: &str, values: Vec<Value>| {
            if !values.is_empty() {
                lists.insert(name.to_owned(), Value::Array(values));
            }
        };
        let texts = |texts: &[String]| texts.iter().map(|text| json!(text)).collect();
        put("actions", texts(&self.actions));
        put("source_types", texts(&self.source_types));
        put("actor_ids", self.actor_ids.iter().map(|id| json!(id)).collect());
        put("ip_addresses", texts(&self.ip_addresses));
        if self.access_logs != AccessLogFilters::default() {
            lists.insert("access_logs".to_owned(), self.access_logs.to_value());
        }
        Value::Object(lists)
    }

    /// Returns the largest number of characters that the filters take up in a URL.
    fn characters(&self) -> usize {
        let encoded = |byte: u8| if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) { 1 } else { 3 };
        let texts = [&self.actions, &self.source_types, &self.ip_addresses].into_iter().flatten();
        let texts = texts.map(|text| text.bytes().map(encoded).sum::<usize>());
        let ids = self.actor_ids.iter().map(|id| id.to_string().len());
        texts.chain(ids).map(|value| value + NAME_CHARACTERS).sum()
    }
}

/// A function that parses an item of an array. The string is the item's path within the fields.
type ReadItem<T> = fn(&Fields<'_>, &str, &Value) -> Result<T>;

/// Reads an array, sorts its values and removes duplicates.
fn list<T: Ord>(fields: &Fields<'_>, name: &str, read: ReadItem<T>) -> Result<Vec<T>> {
    let values = fields.array(name)?;
    let read = |(index, value)| read(fields, &format!("{name}[{index}]"), value);
    let mut values = values.iter().enumerate().map(read).collect::<Result<Vec<T>>>()?;
    values.sort_unstable();
    values.dedup();
    if values.len() > MOST_VALUES {
        return Err(fields.error(name, format!("contains more than {MOST_VALUES} values"), "Use fewer values."));
    }
    Ok(values)
}

fn string(fields: &Fields<'_>, path: &str, value: &Value) -> Result<String> {
    match value.as_str().map(str::trim) {
        None => Err(fields.type_error(path, "a string", value)),
        Some("") => Err(fields.error(path, "is blank", "Remove it, or enter a value to filter by.")),
        Some(text) => Ok(text.to_owned()),
    }
}

/// Parses an action. A known action is converted to lower case.
fn action(fields: &Fields<'_>, path: &str, value: &Value) -> Result<String> {
    let text = string(fields, path, value)?;
    let known = KNOWN_ACTIONS.into_iter().find(|known| known.eq_ignore_ascii_case(&text));
    Ok(known.map_or(text, str::to_owned))
}

/// Parses a user id. Forms and templates write numbers as strings, or with an empty fraction.
fn id(fields: &Fields<'_>, path: &str, value: &Value) -> Result<i64> {
    let number = match value {
        Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").unwrap_or(&text).parse().ok()
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| fields.error(path, "must be the id of a user, an integer", "Use -1 for Zendesk itself."))
}

fn ip_address(fields: &Fields<'_>, path: &str, value: &Value) -> Result<String> {
    let text = string(fields, path, value)?;
    if text.parse::<IpAddr>().is_err() {
        let remedy = "Write it like 192.0.2.7 or 2001:db8::1, without a range or a port.";
        return Err(fields.error(path, "is not an IP address", remedy));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::InputFile;

    fn parse(filters: &Value) -> Result<Filters> {
        Filters::parse(&Fields::new(InputFile::Config, "", &json!({ "filters": filters }))?)
    }

    #[test]
    fn absent_null_and_empty_filters_match_everything() {
        for filters in
            [json!(null), json!({}), json!({ "actions": null, "actor_ids": [] }), json!({ "ranges": ["10.0.0.0/8"] })]
        {
            let filters = parse(&filters).expect("understood");
            assert!(filters.is_empty());
            assert_eq!(filters.to_value(), json!({}));
        }
    }

    #[test]
    fn values_are_trimmed_sorted_and_deduplicated() {
        let filters = parse(&json!({
            "actions": [" update", "Login", "login", "UPDATE ", "Reassigned"],
            "source_types": ["zendesk/app_market/app", "user", "user "],
            "actor_ids": ["9007199254740993", -1, " -1 ", 370_000_000_000.0, i64::MAX],
            "ip_addresses": ["2001:DB8::1", " 192.0.2.7 ", "2001:db8::1", "::ffff:192.0.2.7"]
        }));
        let filters = filters.expect("understood");
        let canonical = json!({
            "actions": ["Reassigned", "login", "update"],
            "source_types": ["user", "zendesk/app_market/app"],
            "actor_ids": [-1, 370_000_000_000_i64, 9_007_199_254_740_993_i64, i64::MAX],
            "ip_addresses": ["192.0.2.7", "2001:DB8::1", "2001:db8::1", "::ffff:192.0.2.7"]
        });
        assert_eq!(filters.to_value(), canonical);
        assert_eq!(parse(&canonical).expect("understood"), filters);
        assert_eq!(filters.unknown_actions().collect::<Vec<_>>(), ["Reassigned"]);
    }

    #[test]
    fn each_stream_has_its_own_filters() {
        let all = parse(
            &json!({ "actions": ["login"], "access_logs": { "exclude_graphql": true, "user_ids": [9, "7", 9] } }),
        );
        let all = all.expect("understood");
        let access_logs = json!({ "access_logs": { "exclude_graphql": true, "user_ids": [7, 9] } });
        assert_eq!(all.of(&ACCESS_LOGS).to_value(), access_logs);
        assert_eq!(parse(&access_logs).expect("understood"), all.of(&ACCESS_LOGS));
        assert_eq!(all.of(&AUDIT_LOGS).to_value(), json!({ "actions": ["login"] }));
        for none in [json!(null), json!({}), json!({ "exclude_graphql": false, "user_ids": null })] {
            assert!(parse(&json!({ "access_logs": none })).expect("understood").is_empty(), "{none}");
        }
    }

    #[test]
    fn a_record_of_an_unknown_user_is_not_skipped() {
        let filters = AccessLogFilters { user_ids: vec![7, 9], ..AccessLogFilters::default() };
        let matches = |user| filters.matches(user);
        assert!(matches(Some(7)) && matches(Some(9)) && matches(None) && !matches(Some(8)));
        assert!(AccessLogFilters::default().matches(Some(8)));
    }

    #[test]
    fn an_invalid_value_is_rejected_with_its_index_and_not_shown() {
        for (filters, start) in [
            (json!(["s3cr3t"]), "filters must be a JSON object, not an array."),
            (json!({ "actions": "s3cr3t" }), "filters.actions must be an array, not a string."),
            (json!({ "actions": ["login", 7] }), "filters.actions[1] must be a string, not a number."),
            (json!({ "source_types": ["user", " "] }), "filters.source_types[1] is blank."),
            (json!({ "source_types": [null] }), "filters.source_types[0] must be a string, not null."),
            (json!({ "actor_ids": [1, 2, "s3cr3t"] }), "filters.actor_ids[2] must be the id of a user"),
            (json!({ "actor_ids": [1.5] }), "filters.actor_ids[0] must be the id of a user"),
            (json!({ "actor_ids": [1e300] }), "filters.actor_ids[0] must be the id of a user"),
            (json!({ "actor_ids": [u64::MAX] }), "filters.actor_ids[0] must be the id of a user"),
            (json!({ "actor_ids": [""] }), "filters.actor_ids[0] must be the id of a user"),
            (json!({ "ip_addresses": ["10.0.0.0/8"] }), "filters.ip_addresses[0] is not an IP address."),
            (json!({ "ip_addresses": ["192.0.2.7:443"] }), "filters.ip_addresses[0] is not an IP address."),
            (json!({ "ip_addresses": ["s3cr3t"] }), "filters.ip_addresses[0] is not an IP address."),
            (json!({ "access_logs": [] }), "filters.access_logs must be a JSON object, not an array."),
            (
                json!({ "access_logs": { "exclude_graphql": "s3cr3t" } }),
                "filters.access_logs.exclude_graphql must be true or false, not a string.",
            ),
            (
                json!({ "access_logs": { "user_ids": ["s3cr3t"] } }),
                "filters.access_logs.user_ids[0] must be the id of a user",
            ),
            (json!({ "ip_addresses": [7] }), "filters.ip_addresses[0] must be a string, not a number."),
        ] {
            let error = parse(&filters).expect_err("refused").to_string();
            assert!(error.starts_with(&format!("In the config, {start}")), "{filters}: {error}");
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn values_are_accepted_if_they_fit_into_a_request() {
        let ids = |number: i64| json!({ "actor_ids": (0..number).collect::<Vec<_>>() });
        assert_eq!(parse(&ids(100)).expect("understood").actor_ids.len(), 100);
        let error = parse(&ids(101)).expect_err("refused").to_string();
        assert_eq!(error, "In the config, filters.actor_ids contains more than 100 values. Use fewer values.");
        let twice: Vec<i64> = (0..100).chain(0..100).collect();
        assert!(parse(&json!({ "actor_ids": twice })).is_ok());

        let long = |length: usize| json!({ "actions": ["x".repeat(length)], "source_types": ["é".repeat(200)] });
        let fits = MOST_CHARACTERS - 2 * NAME_CHARACTERS - 200 * 2 * 3;
        assert!(parse(&long(fits)).is_ok());
        let error = parse(&long(fits + 1)).expect_err("refused").to_string();
        assert!(
            error.starts_with("In the config, filters contains more than fits into the URL of a request."),
            "{error}"
        );
    }
}
