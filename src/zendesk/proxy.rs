//! The proxy from the environment.
//!
//! The HTTP library reads the same variables, but it ignores invalid values, so that requests with
//! credentials would bypass a mandatory proxy. Here, an invalid value is an error. No message shows a value:
//! it may contain the proxy's password.

use std::ffi::OsString;
use std::fmt;

use reqwest::{NoProxy, Url};

use super::failure::Failure;
use crate::decoding::layers;
use crate::secret::Redactor;

/// The variables for requests over HTTPS. The first one that is not empty is used.
const HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// The variables for requests without TLS, which the connector does not send through a proxy.
const HTTP: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
/// The hosts that bypass the proxy.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

const NOT_A_URL: &str = "is not the URL of a proxy, such as http://proxy.example:3128";

/// The proxy variables of an environment, unchanged.
#[derive(Clone, Default)]
pub struct ProxyVariables(Vec<(&'static str, OsString)>);

impl ProxyVariables {
    /// Reads the variables that are set and not empty.
    #[must_use]
    pub fn read(variable: impl Fn(&'static str) -> Option<OsString>) -> Self {
        let names = HTTPS.into_iter().chain(HTTP).chain(EXCEPTIONS);
        let set = names.filter_map(|name| Some((name, variable(name).filter(|value| !value.is_empty())?)));
        Self(set.collect())
    }

    /// Returns the proxy for requests over HTTPS, if there is one.
    ///
    /// # Errors
    /// If a variable has a value that is not the URL of a proxy, or if the used variable contains a proxy of
    /// an unsupported kind.
    pub fn proxy(&self, secrets: &Redactor) -> Result<Option<reqwest::Proxy>, Failure> {
        let mut counts = None;
        for (variable, value) in self.of(&HTTPS) {
            let address = parse(value).map_err(|problem| Failure::Proxy { variable, problem })?;
            counts.get_or_insert((variable, address));
        }
        for (variable, value) in self.of(&HTTP) {
            parse(value).map_err(|problem| Failure::Proxy { variable, problem })?;
        }
        let Some((variable, address)) = counts else {
            return Ok(None);
        };
        let Address::Http(url) = address else {
            let problem = "names a SOCKS proxy, which the connector does not support";
            return Err(Failure::Proxy { variable, problem });
        };
        for password in url.password().map(layers).into_iter().flatten() {
            secrets.add(&password);
        }
        let refused = |_| Failure::Proxy { variable, problem: NOT_A_URL };
        let proxy = reqwest::Proxy::https(url).map_err(refused)?;
        let Some((variable, exceptions)) = self.of(&EXCEPTIONS).next() else {
            return Ok(Some(proxy));
        };
        let exceptions = exceptions.ok_or(Failure::Proxy { variable, problem: "is not Unicode text" })?;
        Ok(Some(proxy.no_proxy(NoProxy::from_string(exceptions))))
    }

    /// Returns the variables with these names that are set; `None` for a value that is not Unicode.
    fn of(&self, names: &'static [&'static str]) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        let set = self.0.iter().filter(|(name, _)| names.contains(name));
        set.map(|(name, value)| (*name, value.to_str()))
    }
}

impl fmt::Debug for ProxyVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The address of a proxy.
#[derive(Debug, PartialEq, Eq)]
enum Address {
    /// A proxy that uses HTTP.
    Http(Url),
    /// Another kind of proxy.
    Socks,
}

/// Parses `http://user:password@host:port`. Only the host is required.
fn parse(value: Option<&str>) -> Result<Address, &'static str> {
    let value = value.ok_or(NOT_A_URL)?;
    if value.trim().is_empty() {
        return Err("is blank");
    }
    let (scheme, host) = value.split_once("://").unwrap_or(("http", value));
    // The URL parser is lenient: it would accept `http:/host` as a host named "http".
    let host = host.strip_suffix('/').unwrap_or(host);
    let foreign = |char: char| char.is_whitespace() || char.is_control() || "/\\?#".contains(char);
    if host.is_empty() || host.contains(foreign) {
        return Err(NOT_A_URL);
    }
    match scheme.to_ascii_lowercase().as_str() {
        "socks4" | "socks4a" | "socks5" | "socks5h" => Ok(Address::Socks),
        "http" | "https" => {
            let url = Url::parse(&format!("{scheme}://{host}/")).map_err(|_| NOT_A_URL)?;
            if url.host_str().is_none_or(str::is_empty) { Err(NOT_A_URL) } else { Ok(Address::Http(url)) }
        }
        _ => Err("does not begin with http:// or https://"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(set: &[(&'static str, &str)]) -> ProxyVariables {
        ProxyVariables::read(|name| set.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value)))
    }

    fn proxy(set: &[(&'static str, &str)]) -> Result<bool, (&'static str, &'static str)> {
        match variables(set).proxy(&Redactor::default()) {
            Ok(proxy) => Ok(proxy.is_some()),
            Err(Failure::Proxy { variable, problem }) => Err((variable, problem)),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_address_of_a_proxy_is_parsed_in_each_common_form() {
        for (value, url) in [
            ("http://proxy.example:3128", "http://proxy.example:3128/"),
            ("http://proxy.example:3128/", "http://proxy.example:3128/"),
            ("HTTP://proxy", "http://proxy/"),
            ("https://proxy:8443", "https://proxy:8443/"),
            ("proxy.example:3128", "http://proxy.example:3128/"),
            ("user:p%40ss@10.0.0.1:3128", "http://user:p%40ss@10.0.0.1:3128/"),
            ("http://[::1]:3128", "http://[::1]:3128/"),
        ] {
            assert_eq!(parse(Some(value)), Ok(Address::Http(Url::parse(url).expect("a URL"))), "{value}");
        }
        assert_eq!(parse(Some("socks5h://127.0.0.1:1080")), Ok(Address::Socks));
    }

    #[test]
    fn an_invalid_address_of_a_proxy_is_rejected() {
        for value in [
            " ",
            "\t\n",
            "htp://proxy:3128",
            "http:/proxy:3128",
            "http//proxy:3128",
            "http:proxy:3128",
            "http://",
            "http:///",
            "://proxy",
            "http://:3128",
            "http://proxy:99999",
            "http://proxy:port",
            "http://proxy:3128 ",
            " http://proxy:3128",
            "http://pro xy:3128",
            "http://user:pass#word@proxy:3128",
            "http://proxy:3128/path",
            "ftp://proxy",
            "file:///etc/passwd",
            "http://[::1",
            "http://user@",
        ] {
            let (variable, _) = proxy(&[("HTTPS_PROXY", value)]).expect_err(value);
            assert_eq!(variable, "HTTPS_PROXY", "{value}");
        }
        assert_eq!(parse(None), Err(NOT_A_URL));
    }

    #[test]
    fn the_first_variable_that_is_not_empty_is_used() {
        assert_eq!(proxy(&[]), Ok(false));
        assert_eq!(proxy(&[("HTTPS_PROXY", ""), ("all_proxy", "")]), Ok(false));
        assert_eq!(proxy(&[("HTTPS_PROXY", ""), ("https_proxy", "proxy")]), Ok(true));
        assert_eq!(proxy(&[("HTTP_PROXY", "proxy")]), Ok(false));
        assert_eq!(proxy(&[("all_proxy", "proxy"), ("NO_PROXY", "*")]), Ok(true));
        let socks = "names a SOCKS proxy, which the connector does not support";
        assert_eq!(proxy(&[("ALL_PROXY", "socks5://proxy:1080")]), Err(("ALL_PROXY", socks)));
        // The usual setting of a desktop.
        assert_eq!(proxy(&[("https_proxy", "http://proxy"), ("all_proxy", "socks5://proxy:1080")]), Ok(true));
        assert_eq!(
            proxy(&[("https_proxy", "http://proxy"), ("all_proxy", "htp://proxy")]).map_err(|e| e.0),
            Err("all_proxy")
        );
        assert_eq!(proxy(&[("http_proxy", " ")]), Err(("http_proxy", "is blank")));
    }

    #[test]
    fn the_password_of_a_proxy_is_a_secret() {
        let secrets = Redactor::default();
        let variables = variables(&[("HTTPS_PROXY", "http://user:s3cr3t-password@proxy:3128")]);
        variables.proxy(&secrets).expect("a proxy");
        assert_eq!(secrets.redact("s3cr3t-password"), "(redacted)");
        assert_eq!(format!("{variables:?}"), "{\"HTTPS_PROXY\"}");
    }
}
