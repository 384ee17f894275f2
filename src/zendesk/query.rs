//! The query of a request for a page.
//!
//! It must not send a value that the API rejects with 400: times are whole seconds with `Z`, a span has both
//! ends or none, the start is not after the end, and everything is percent-encoded.

use std::sync::Arc;

use reqwest::Url;

use super::base_url::BaseUrl;
use super::page::PageCursor;
use crate::config::{AccessLogFilters, Filters};
use crate::second::Second;
use crate::stream::Stream;

/// A span of time for the stream's filter. Zendesk does not document if its ends are inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// The first value.
    pub start: Second,
    /// The second value; not before the first.
    pub end: Second,
}

/// The query for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The stream, which determines the endpoint.
    pub stream: &'static Stream,
    /// The filter by time. It must be the same for all pages of a walk.
    pub between: Option<Between>,
    /// The filters; all events match if absent. They must be the same for all pages of a walk.
    pub filters: Option<Arc<Filters>>,
    /// The cursor of the previous page.
    pub after: Option<PageCursor>,
    /// `page[size]`
    pub size: u32,
}

impl Query {
    /// Returns the query for the newest record, as the connection check sends it.
    #[must_use]
    pub fn newest(stream: &'static Stream) -> Self {
        Self { stream, between: None, filters: None, after: None, size: 1 }
    }

    /// Returns the URL with the query, percent-encoded: the API would read a `+` in a cursor as a space.
    #[must_use]
    pub fn url(&self, base: &BaseUrl) -> Url {
        let mut url = base.join(self.stream.path);
        let mut pairs = url.query_pairs_mut();
        pairs.append_pair("page[size]", &self.size.to_string());
        // In ascending order, a walk can resume from the last record.
        let sort = self.stream.sort;
        let sort = if self.between.is_some() { sort.ascending } else { sort.descending };
        pairs.extend_pairs(sort.map(|sort| ("sort", sort)));
        pairs.extend_pairs(self.between.iter().flat_map(|between| between.parameters(self.stream)));
        if let Some(filters) = &self.filters {
            pairs.extend_pairs(filter_parameters(filters));
        }
        if let Some(after) = &self.after {
            pairs.append_pair(after.parameter, &after.value);
        }
        drop(pairs);
        url
    }
}

impl Between {
    /// Returns the parameters of the filter by time.
    pub(super) fn parameters(self, stream: &Stream) -> [(&'static str, String); 2] {
        let Self { start, end } = self;
        [(stream.time_filter.start, start.to_string()), (stream.time_filter.end, end.max(start).to_string())]
    }
}

/// Returns the parameters of the filters that have values, for requests that count or read events.
pub fn filter_parameters(filters: &Filters) -> Vec<(String, String)> {
    let ids: Vec<String> = filters.actor_ids.iter().map(i64::to_string).collect();
    let mut parameters = Vec::new();
    for (name, values) in [
        ("filter[action]", &filters.actions),
        ("filter[source_type]", &filters.source_types),
        ("filter[actor_id]", &ids),
        ("filter[ip_address]", &filters.ip_addresses),
    ] {
        // The API's reference has the plain name for one value, and the name with `[]` for several.
        let brackets = if values.len() > 1 { "[]" } else { "" };
        parameters.extend(values.iter().map(|value| (format!("{name}{brackets}"), value.clone())));
    }
    let AccessLogFilters { exclude_graphql, user_ids } = &filters.access_logs;
    if *exclude_graphql {
        parameters.push(("filter[graphql]".to_owned(), "true".to_owned()));
    }
    // The API accepts one user. With several, the sync skips the other users.
    if let [user] = user_ids.as_slice() {
        parameters.push(("filter[user_id]".to_owned(), user.to_string()));
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Subdomain;
    use crate::stream::{ACCESS_LOGS, AUDIT_LOGS};

    #[test]
    fn everything_is_encoded_in_the_form_that_the_api_accepts() {
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
            after: Some(PageCursor { parameter: "page[after]", value: "a+b/c==&x".to_owned() }),
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
    fn a_request_for_access_logs_has_the_parameters_of_its_endpoint() {
        let acme = Subdomain::parse("acme").expect("a subdomain");
        let base = BaseUrl::new(&acme, None).expect("a URL");
        let decoded = |query: &Query| {
            let url = query.url(&base);
            let pairs: Vec<String> = url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{}?{}", url.path(), pairs.join("&"))
        };
        assert_eq!(
            decoded(&Query::newest(&ACCESS_LOGS)),
            "/api/v2/access_logs?page[size]=1&sort=-created_at",
            "ascending is the default order"
        );
        let filters = |user_ids| Filters {
            access_logs: AccessLogFilters { exclude_graphql: true, user_ids },
            ..Filters::default()
        };
        let query = Query {
            stream: &ACCESS_LOGS,
            between: Some(Between { start: Second::from_unix(0), end: Second::from_unix(60) }),
            filters: Some(Arc::new(filters(vec![7]))),
            after: Some(PageCursor { parameter: "filter[after]", value: "x".to_owned() }),
            size: 2_500,
        };
        assert_eq!(
            decoded(&query),
            "/api/v2/access_logs?page[size]=2500&filter[start]=1970-01-01T00:00:00Z\
             &filter[end]=1970-01-01T00:01:00Z&filter[graphql]=true&filter[user_id]=7&filter[after]=x"
        );
        let several = Query { filters: Some(Arc::new(filters(vec![7, 8]))), ..Query::newest(&ACCESS_LOGS) };
        assert_eq!(
            decoded(&several),
            "/api/v2/access_logs?page[size]=1&sort=-created_at&filter[graphql]=true",
            "the API accepts one user"
        );
    }

    #[test]
    fn a_filter_with_several_values_has_brackets_in_its_name() {
        let acme = Subdomain::parse("acme").expect("a subdomain");
        let base = BaseUrl::new(&acme, None).expect("a URL");
        let filters = Filters {
            actions: vec!["login".to_owned()],
            source_types: vec!["a b+c".to_owned(), "zendesk/app_market/app".to_owned()],
            actor_ids: vec![-1, i64::MAX],
            ip_addresses: vec!["2001:db8::1".to_owned()],
            ..Filters::default()
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
