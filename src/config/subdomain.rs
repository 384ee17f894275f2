//! The account's subdomain, which determines the host that credentials are sent to.
//!
//! No other code may build a host name from a string; see [`Subdomain::parse`].

use std::fmt;

/// A host name label that can only result in `{label}.zendesk.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subdomain(String);

/// The `pattern` in spec.json. It matches white space and a pasted URL too, because [`Subdomain::parse`] accepts them.
pub(super) const PATTERN: &str = r"^\s*([Hh][Tt][Tt][Pp][Ss]?://)?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[Zz][Ee][Nn][Dd][Ee][Ss][Kk]\.[Cc][Oo][Mm])?(:[0-9]+)?(/[^\s@]*)?\s*$";

/// Why a string is not a subdomain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}. {remedy}")]
pub struct InvalidSubdomain {
    /// The predicate of the sentence, without the period.
    pub problem: &'static str,
    /// The value to enter instead, as a sentence.
    pub remedy: &'static str,
}

impl Subdomain {
    /// Parses `acme`, `acme.zendesk.com` and URLs of that host, in any case, with surrounding white space.
    ///
    /// # Errors
    /// Rejects everything else: other hosts, user info, an IP address.
    pub fn parse(text: &str) -> Result<Self, InvalidSubdomain> {
        let text = text.trim().to_ascii_lowercase();
        if text.is_empty() {
            return Err(InvalidSubdomain {
                problem: "is empty",
                remedy: "Enter the part before .zendesk.com of the account's address: for https://acme.zendesk.com it is \"acme\".",
            });
        }
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(&text);
        let host = rest.split_once('/').map_or(rest, |(host, _path)| host);
        let host = match host.split_once(':') {
            Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        let label = host.strip_suffix(".zendesk.com").unwrap_or(host);
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-');
        if fits {
            Ok(Self(label.to_owned()))
        } else {
            Err(InvalidSubdomain {
                problem: "is not a Zendesk subdomain",
                remedy: "Enter the part before .zendesk.com of the account's address, which consists of letters, digits and hyphens: for https://acme.zendesk.com it is \"acme\". If the account has a host-mapped domain, enter the original subdomain.",
            })
        }
    }

    /// Returns the label, such as `acme`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subdomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_urls_are_accepted() {
        for (text, label) in [
            ("acme", "acme"),
            (" Acme\n", "acme"),
            ("acme.zendesk.com", "acme"),
            ("https://acme.zendesk.com", "acme"),
            ("HTTPS://ACME.ZENDESK.COM/", "acme"),
            ("http://acme.zendesk.com:443/agent/dashboard?x=1#y", "acme"),
            ("acme-2", "acme-2"),
            ("a", "a"),
            ("0", "0"),
            ("acme/agent", "acme"),
        ] {
            assert_eq!(Subdomain::parse(text).as_ref().map(Subdomain::as_str), Ok(label), "{text:?}");
        }
    }

    #[test]
    fn a_value_that_would_send_credentials_elsewhere_is_rejected() {
        let long = "a".repeat(64);
        for text in [
            "",
            "   ",
            "evil.example/#",
            "evil.example",
            "evil.example#.zendesk.com",
            "a@b",
            "user:pass@acme",
            "https://a:b@evil.example/.zendesk.com",
            "127.0.0.1",
            "[::1]",
            "localhost:8080@evil",
            "acme.zendesk.com.evil.example",
            "zendesk.com.",
            "-acme",
            "acme-",
            "ac me",
            "acme.",
            ".acme",
            "ac_me",
            "acmé",
            "acme\u{0}",
            "acme\\@evil",
            "acme?x",
            "acme#x",
            "acme:",
            "acme:pw@evil:80",
            "//evil.example",
            "ftp://acme",
            "https://https://acme",
            "acme%2eevil",
            "{{subdomain}}",
            ".zendesk.com",
            "support.acme.com",
            &long,
        ] {
            let refused = Subdomain::parse(text);
            assert!(refused.is_err(), "{text:?} was parsed as {refused:?}");
        }
    }
}
