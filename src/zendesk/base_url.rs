//! The base URL of requests: the account's own host.
//!
//! This file creates all URLs of the connector, from a [`Subdomain`] or from the operator's
//! `ZENDESK_BASE_URL`. No URL may be created from a response.

use std::net::IpAddr;

use reqwest::Url;

use super::failure::{Failure, Result};
use crate::config::Subdomain;

/// The scheme, host and port of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Returns `https://{subdomain}.zendesk.com`, or the value of `ZENDESK_BASE_URL` (`over`): https to any
    /// host, http to this machine only. An empty value counts as unset.
    ///
    /// # Errors
    /// If `ZENDESK_BASE_URL` is invalid.
    pub fn new(subdomain: &Subdomain, over: Option<&str>) -> Result<Self> {
        let refuse = |problem| Err(Failure::BaseUrl { problem }.into());
        let Some(text) = over.map(str::trim).filter(|text| !text.is_empty()) else {
            return match Url::parse(&format!("https://{subdomain}.zendesk.com/")) {
                Ok(url) => Ok(Self(url)),
                Err(error) => Err(Failure::Setup { why: error.to_string() }.into()),
            };
        };
        let Ok(url) = Url::parse(text) else {
            return refuse("is not a URL");
        };
        let loopback = is_loopback(&url);
        if !(url.scheme() == "https" || url.scheme() == "http" && loopback) {
            return refuse(
                "must start with https:// (http:// is allowed for this machine only, because requests carry credentials)",
            );
        }
        if url.host().is_none() || !url.username().is_empty() || url.password().is_some() {
            return refuse("must consist of a scheme, a host and at most a port");
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return refuse("must end after the host and the port, without a path");
        }
        Ok(Self(url))
    }

    /// Returns the URL of a path such as `/api/v2/audit_logs`.
    #[must_use]
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }

    /// Returns `true` if the host is this machine. Such requests must not use a proxy.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(over: Option<&str>) -> Option<String> {
        let acme = Subdomain::parse("acme").ok()?;
        let url = BaseUrl::new(&acme, over).ok()?;
        Some(url.join("/api/v2/audit_logs").to_string())
    }

    #[test]
    fn the_subdomain_sets_the_host_unless_the_operator_overrides_it() {
        for (over, url) in [
            (None, "https://acme.zendesk.com/api/v2/audit_logs"),
            (Some(""), "https://acme.zendesk.com/api/v2/audit_logs"),
            (Some(" "), "https://acme.zendesk.com/api/v2/audit_logs"),
            (Some("http://127.0.0.1:8080"), "http://127.0.0.1:8080/api/v2/audit_logs"),
            (Some("http://localhost:8080/"), "http://localhost:8080/api/v2/audit_logs"),
            (Some("http://[::1]:8080"), "http://[::1]:8080/api/v2/audit_logs"),
            (Some("https://zendesk.test"), "https://zendesk.test/api/v2/audit_logs"),
        ] {
            assert_eq!(base(over).as_deref(), Some(url), "{over:?}");
        }
    }

    #[test]
    fn an_override_that_would_leak_credentials_is_rejected() {
        for over in [
            "http://zendesk.test",
            "http://10.0.0.1",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "ftp://127.0.0.1",
            "127.0.0.1:80",
            "zendesk",
            "https://user:pw@zendesk.test",
            "https://zendesk.test/path",
            "https://zendesk.test/?x=1",
            "https://zendesk.test/#x",
            "file:///etc/passwd",
            "https://",
        ] {
            assert_eq!(base(Some(over)), None, "{over}");
        }
    }
}
