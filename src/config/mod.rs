//! `config.json`: parsed once, into types that can only hold valid values.
//!
//! The same types generate the specification (`spec.json`). This module must not open a connection or
//! decide what to fetch.

mod bounds;
mod credentials;
mod failure;
mod fields;
mod file;
mod filters;
mod oauth;
mod spec;
mod subdomain;

use std::sync::Arc;

use schemars::JsonSchema;
use serde_json::Value;

pub use bounds::Bounds;
pub use credentials::{AuthMethod, Credentials, GrantedToken, OauthClient, RefreshToken, SECRET_FIELDS};
pub use failure::{InputError, InputFile, Result};
pub use fields::{Fields, kind};
pub use file::{parse_json, read_json};
pub use filters::{AccessLogFilters, Filters};
pub use oauth::{PAIR_ACCESS_SECONDS, PAIR_REFRESH_SECONDS, Scope, advanced_auth};
pub use spec::connection_specification;
pub use subdomain::Subdomain;

use crate::second::Second;

/// The configuration of one connection.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(title = "Zendesk Audit Logs")]
pub struct Config {
    #[schemars(
        title = "Subdomain",
        description = "The part before <code>.zendesk.com</code> in your Zendesk URL: for https://acme.zendesk.com it is <code>acme</code>. You can also paste the whole URL.",
        with = "String",
        regex(pattern = subdomain::PATTERN),
        extend("order" = 0, "examples" = ["acme"], "pattern_descriptor" = "acme")
    )]
    /// The account.
    pub subdomain: Subdomain,

    #[schemars(
        title = "Authentication",
        description = "How the connector authenticates to Zendesk. The user behind the credentials must be an admin with access to the audit log, and the account must be on an Enterprise plan or higher. See <a href=\"https://developer.zendesk.com/api-reference/ticketing/account-configuration/audit_logs/\">Zendesk's documentation</a>.",
        extend("order" = 1, "display_type" = "radio")
    )]
    /// How the connector authenticates.
    pub credentials: Credentials,

    #[schemars(
        title = "Start date",
        description = "The connector skips events before this time (UTC). Leave it empty to read the whole history: Zendesk keeps audit logs since the account was created.",
        with = "Option<String>",
        extend(
            "order" = 2,
            "always_show" = true,
            "format" = "date-time",
            "examples" = ["2024-01-01T00:00:00Z"],
            "pattern_descriptor" = "YYYY-MM-DDTHH:MM:SSZ"
        )
    )]
    /// The earliest event time to read; the whole history if absent.
    pub start_date: Option<Second>,

    #[schemars(
        title = "Look-back window (minutes)",
        description = "Events can appear in the audit log some minutes after they happened. Each sync therefore reads the last minutes before the cursor again, and emits only events that it has not emitted before. 0 turns this off.",
        with = "Option<u32>",
        range(min = Bounds::LOOKBACK_WINDOW_MINUTES.min, max = Bounds::LOOKBACK_WINDOW_MINUTES.max),
        extend("order" = 3, "default" = Bounds::LOOKBACK_WINDOW_MINUTES.default, "examples" = [10, 60])
    )]
    /// How much of the time before the cursor each sync reads again, in minutes.
    pub lookback_window_minutes: u32,

    #[schemars(
        title = "Most requests in flight",
        description = "Leave it empty: the connector chooses the number of requests in flight from its share of the rate limit and Zendesk's response time. A value limits that number.",
        with = "Option<u32>",
        range(min = Bounds::NUM_WORKERS.min, max = Bounds::NUM_WORKERS.max),
        extend("order" = 4, "examples" = [1, 4, 8])
    )]
    /// The largest number of requests in flight; the upper bound if absent.
    pub num_workers: Option<u32>,

    #[schemars(
        title = "Share of the rate limit (%)",
        description = "The share of the account's API requests per minute that the connector may use. Your other integrations can use the rest. The limit depends on the plan: see <a href=\"https://developer.zendesk.com/api-reference/introduction/rate-limits/\">Zendesk's documentation</a>.",
        with = "Option<u32>",
        range(min = Bounds::RATE_LIMIT_PERCENTAGE.min, max = Bounds::RATE_LIMIT_PERCENTAGE.max),
        extend("order" = 5, "default" = Bounds::RATE_LIMIT_PERCENTAGE.default, "examples" = [50, 80])
    )]
    /// The share of the account's requests per minute that this connector may use, in percent.
    pub rate_limit_percentage: u32,

    #[schemars(
        title = "Filters",
        description = "Read only the events that match all filters. Without filters, the connector reads all events. A change applies from the next sync on. To read earlier events that the previous filters excluded, clear the stream's data.",
        with = "Option<Filters>",
        extend("order" = 6)
    )]
    /// Which events to read; all events if the filters are empty.
    pub filters: Arc<Filters>,
}

impl Config {
    /// Parses the content of a configuration file.
    ///
    /// # Errors
    /// An [`InputError::Field`] that names the field and the remedy, never the value.
    pub fn parse(value: &Value) -> Result<Self> {
        let fields = Fields::new(InputFile::Config, "", value)?;
        let subdomain = Subdomain::parse(
            fields.required_string("subdomain", "Enter the part before .zendesk.com of the account's address.")?,
        )
        .map_err(|invalid| fields.error("subdomain", invalid.problem, invalid.remedy))?;
        let credentials = Credentials::parse(&fields)?;
        let start_date = match fields.string("start_date")?.map(str::trim) {
            None | Some("") => None,
            Some(text) => Some(text.parse().map_err(|_| {
                fields.error(
                    "start_date",
                    "is not a date",
                    "Write it like 2024-01-01T00:00:00Z or 2024-01-01, or omit it for the whole history.",
                )
            })?),
        };
        Ok(Self {
            subdomain,
            credentials,
            start_date,
            lookback_window_minutes: fields.integer("lookback_window_minutes", Bounds::LOOKBACK_WINDOW_MINUTES)?,
            num_workers: match fields.get("num_workers") {
                None => None,
                Some(_) => Some(fields.integer("num_workers", Bounds::NUM_WORKERS)?),
            },
            rate_limit_percentage: fields.integer("rate_limit_percentage", Bounds::RATE_LIMIT_PERCENTAGE)?,
            filters: Arc::new(Filters::parse(&fields)?),
        })
    }

    /// Returns the largest number of requests in flight.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        usize::try_from(self.num_workers.unwrap_or(Bounds::NUM_WORKERS.max)).unwrap_or(1)
    }

    /// Returns the look-back window in seconds.
    #[must_use]
    pub fn lookback_seconds(&self) -> i64 {
        i64::from(self.lookback_window_minutes) * 60
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(field: &str, value: Value) -> Value {
        let mut config = json!({
            "subdomain": "acme",
            "credentials": { "auth_type": "access_token", "access_token": "s3cr3t" }
        });
        config[field] = value;
        config
    }

    #[test]
    fn optional_fields_can_be_absent_null_or_blank() {
        for value in [json!(null), json!(""), json!("  ")] {
            let config = Config::parse(&with("start_date", value)).expect("understood");
            assert_eq!(config.start_date, None);
        }
        let config = Config::parse(&with("unknown", json!({ "a": 1 }))).expect("understood");
        assert_eq!(config.lookback_seconds(), 600);
    }

    #[test]
    fn a_start_date_is_read_in_utc() {
        let config = Config::parse(&with("start_date", json!("2024-01-01T00:30:00.5+01:00")));
        let date = config.expect("understood").start_date.expect("a date");
        assert_eq!(date.to_string(), "2023-12-31T23:30:00Z");
    }

    #[test]
    fn each_error_names_its_field() {
        for (config, start) in [
            (json!([]), "In the config, the top level must be a JSON object, not an array."),
            (json!({}), "In the config, subdomain is missing."),
            (json!({ "subdomain": null }), "In the config, subdomain is missing."),
            (json!({ "subdomain": 7 }), "In the config, subdomain must be a string, not a number."),
            (json!({ "subdomain": "a.b" }), "In the config, subdomain is not a Zendesk subdomain."),
            (json!({ "subdomain": "a" }), "In the config, credentials is missing."),
            (with("start_date", json!("soon")), "In the config, start_date is not a date."),
            (with("start_date", json!(2024)), "In the config, start_date must be a string, not a number."),
            (
                with("lookback_window_minutes", json!(2000)),
                "In the config, lookback_window_minutes must be an integer from 0 to 1440.",
            ),
        ] {
            let error = Config::parse(&config).expect_err("refused").to_string();
            assert!(error.starts_with(start), "{config}: {error}");
        }
    }
}
