//! The query of a request for a page of the audit log.
//!
//! It must not send a value that makes the API answer 400: whole seconds with `Z`, both ends or
//! none, start not after end, everything percent-encoded.

use std::sync::Arc;

use reqwest::Url;

use super::base_url::BaseUrl;
use crate::config::Filters;
use crate::second::Second;
use crate::stream::Stream;

/// A span of `filter[created_at][]`. Whether the API takes its ends as inclusive is not documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// The first value.
    pub start: Second,
    /// The second value; not before the first.
    pub end: Second,
}

/// Which page to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which endpoint to ask.
    pub stream: &'static Stream,
    /// `filter[created_at][]`; must be the same for all pages of a walk.
    pub between: Option<Between>,
    /// Which events; all of them if absent. The same for all pages of a walk as well.
    pub filters: Option<Arc<Filters>>,
    /// `page[after]`: the `after_cursor` of the page before.
    pub after: Option<String>,
    /// `page[size]`
    pub size: u32,
}

impl Query {
    /// The request for the newest record, as the connection check sends it.
    #[must_use]
    pub fn newest(stream: &'static Stream) -> Self {
        Self { stream, between: None, filters: None, after: None, size: 1 }
    }

    /// The URL with the query, percent-encoded: `+` in a cursor would be read as a blank.
    #[must_use]
    pub fn url(&self, base: &BaseUrl) -> Url {
        let mut url = base.join(self.stream.path);
        let mut pairs = url.query_pairs_mut();
        pairs.append_pair("page[size]", &self.size.to_string());
        if let Some(Between { start, end }) = self.between {
            // Ascending order is what lets a walk be resumed from the last record seen.
            pairs.append_pair("sort", "created_at");
            pairs.append_pair("filter[created_at][]", &start.to_string());
            pairs.append_pair("filter[created_at][]", &end.max(start).to_string());
        }
        if let Some(filters) = &self.filters {
            pairs.extend_pairs(filter_parameters(filters));
        }
        if let Some(after) = &self.after {
            pairs.append_pair("page[after]", after);
        }
        drop(pairs);
        url
    }
}

/// The parameters of the filters that have values; whatever counts or reads events under them sends these.
pub fn filter_parameters(filters: &Filters) -> Vec<(String, String)> {
    let ids: Vec<String> = filters.actor_ids.iter().map(i64::to_string).collect();
    let mut parameters = Vec::new();
    for (name, values) in [
        ("filter[action]", &filters.actions),
        ("filter[source_type]", &filters.source_types),
        ("filter[actor_id]", &ids),
        ("filter[ip_address]", &filters.ip_addresses),
    ] {
        // One value by the plain name, several by the name with `[]`: as the API's reference has it.
        let brackets = if values.len() > 1 { "[]" } else { "" };
        parameters.extend(values.iter().map(|value| (format!("{name}{brackets}"), value.clone())));
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Subdomain;
    use crate::stream::AUDIT_LOGS;

    #[test]
    fn everything_is_encoded_and_in_the_form_that_the_api_takes() {
        let acme = Subdomain::parse("acme").expect("a subdomain");
        let base = BaseUrl::new(&acme, None).expect("a URL");
        assert_eq!(
            Query::newest(&AUDIT_LOGS).url(&base).as_str(),
            "https://acme.zendesk.com/api/v2/audit_logs?page%5Bsize%5D=1"
        );
        let query = Query {
            stream: &AUDIT_LOGS,
            between: Some(Between { start: Second::from_unix(0), end: Second::from_unix(60) }),
            filters: Some(Arc::default()),
            after: Some("a+b/c==&x".to_owned()),
            size: 100,
        };
        assert_eq!(
            query.url(&base).query(),
            Some(
                "page%5Bsize%5D=100&sort=created_at&filter%5Bcreated_at%5D%5B%5D=1970-01-01T00%3A00%3A00Z\
                 &filter%5Bcreated_at%5D%5B%5D=1970-01-01T00%3A01%3A00Z&page%5Bafter%5D=a%2Bb%2Fc%3D%3D%26x"
            )
        );
    }
    #[test]
    fn a_filter_of_one_value_has_the_plain_name_and_one_of_several_the_brackets() {
        let acme = Subdomain::parse("acme").expect("a subdomain");
        let base = BaseUrl::new(&acme, None).expect("a URL");
        let filters = Filters {
            actions: vec!["login".to_owned()],
            source_types: vec!["a b+c".to_owned(), "zendesk/app_market/app".to_owned()],
            actor_ids: vec![-1, i64::MAX],
            ip_addresses: vec!["2001:db8::1".to_owned()],
        };
        let query = Query { filters: Some(Arc::new(filters)), ..Query::newest(&AUDIT_LOGS) };
        assert_eq!(
            query.url(&base).query(),
            Some(
                "page%5Bsize%5D=1&filter%5Baction%5D=login&filter%5Bsource_type%5D%5B%5D=a+b%2Bc\
                 &filter%5Bsource_type%5D%5B%5D=zendesk%2Fapp_market%2Fapp&filter%5Bactor_id%5D%5B%5D=-1\
                 &filter%5Bactor_id%5D%5B%5D=9223372036854775807&filter%5Bip_address%5D=2001%3Adb8%3A%3A1"
            )
        );
    }
}
