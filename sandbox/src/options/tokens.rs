//! Options for the token endpoint. Plain data: nothing here acts.

use clap::{Args, ValueEnum};
use serde_json::Value;

/// Behaviour of `POST /oauth/tokens`, and of the tokens that it issues.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Token endpoint")]
pub struct Tokens {
    /// Respond to token requests after SECONDS, although the tokens rotate at once
    #[arg(long = "token-delay-seconds", value_name = "SECONDS", default_value_t = 0)]
    pub delay_seconds: u32,
    /// What a refresh grant returns
    #[arg(long, value_enum, default_value_t)]
    pub refresh_response: RefreshResponse,
    /// Put this JSON value into the `expires_in` of every response, such as null, -1, "soon" or {}
    #[arg(long, value_name = "JSON", value_parser = json, allow_negative_numbers = true)]
    pub expires_in: Option<Value>,
    /// How long an authorization code is valid, instead of 120 seconds
    #[arg(long, value_name = "SECONDS")]
    pub code_lifetime_seconds: Option<u32>,
    /// Refuse each issued access token the first COUNT times that it is used
    #[arg(long = "token-propagation", value_name = "COUNT", default_value_t = 0)]
    pub propagation: u32,
}

/// What a refresh grant returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RefreshResponse {
    /// A new pair; the old refresh token is invalid from then on
    #[default]
    Pair,
    /// An access token only; the refresh token stays valid
    AccessOnly,
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
