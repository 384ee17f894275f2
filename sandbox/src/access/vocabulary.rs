//! Strings of access log records. Each is the content of a JSON string, with its escapes. Placeholders: `{n}`
//! a number, `{s}` the subdomain.

/// A kind of REST request.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// The query with its `?`, or empty.
    pub(super) query: &'static str,
    pub(super) category: &'static str,
    pub(super) summary: &'static str,
}

const fn endpoint(
    method: &'static str,
    path: &'static str,
    query: &'static str,
    category: &'static str,
    summary: &'static str,
) -> Endpoint {
    Endpoint { method, path, query, category, summary }
}

/// All kinds of REST requests, with equal frequency.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    endpoint("GET", "/api/v2/tickets.json", "?page[size]=100", "Tickets", "List tickets"),
    endpoint("GET", "/api/v2/tickets/{n}.json", "?include=users,brands", "Tickets", "Show ticket"),
    endpoint("GET", "/api/v2/tickets/{n}.json", "", "Tickets", "Show ticket"),
    endpoint("GET", "/api/v2/tickets/{n}/comments.json", "?sort_order=desc", "Tickets", "List comments"),
    endpoint("PUT", "/api/v2/tickets/{n}.json", "", "Tickets", "Update ticket"),
    endpoint("POST", "/api/v2/tickets.json", "", "Tickets", "Create ticket"),
    endpoint("DELETE", "/api/v2/tickets/{n}.json", "", "Tickets", "Delete ticket"),
    endpoint("GET", "/api/v2/users/{n}.json", "", "Users", "Show user"),
    endpoint("GET", "/api/v2/users/{n}/identities.json", "", "Users", r"Afficher les identit\u00e9s"),
    endpoint("GET", "/api/v2/users/search.json", r"?query=email%3Auser{n}%40mail.example", "Users", "Search users"),
    endpoint("GET", "/api/v2/search.json", "?query=type%3Aticket%20status%3Aopen&page={n}", "Search", "Search"),
    endpoint("GET", "/api/v2/search/export.json", "?filter%5Btype%5D=user&query=*", "Search", "Export search results"),
    endpoint("GET", "/api/v2/incremental/tickets/cursor.json", "?start_time={n}", "Exports", "Export tickets"),
    endpoint("GET", "/api/v2/incremental/users/cursor.json", "?start_time={n}", "Exports", "Export users"),
    endpoint("GET", "/api/v2/views/{n}/execute.json", "?per_page=30&sort_by=nice_id", "Views", "Execute view"),
    endpoint("GET", "/api/v2/organizations/{n}.json", "", "組織", "組織を表示"),
    endpoint("GET", "/api/v2/attachments/{n}.json", "", "Attachments", "Show attachment"),
    endpoint("GET", "/api/v2/audit_logs.json", "?page[size]=100", "Account", "List audit logs"),
    endpoint("GET", "/api/v2/users/me.json", "", "Users", "Show self"),
];

/// A GraphQL operation.
#[derive(Debug)]
pub(super) struct Operation {
    /// Empty for `null`.
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) query: &'static str,
    /// The variables, which the API writes as a string.
    pub(super) variables: &'static str,
}

const fn operation(name: &'static str, kind: &'static str, query: &'static str, variables: &'static str) -> Operation {
    Operation { name, kind, query, variables }
}

/// All GraphQL operations, with equal frequency.
pub(super) const OPERATIONS: &[Operation] = &[
    operation(
        "ticketConversation",
        "query",
        r"query ticketConversation($id: ID!, $first: Int) {\n  ticket(id: $id) {\n    id\n    subject\n    comments(first: $first) { edges { node { id body author { name } } } }\n  }\n}",
        r#"{\"id\":\"{n}\",\"first\":30}"#,
    ),
    operation(
        "userPresence",
        "query",
        r"query userPresence($ids: [ID!]!) {\n  users(ids: $ids) { id status }\n}",
        r#"{\"ids\":[\"{n}\",\"{n}\"]}"#,
    ),
    operation(
        "updateTicketTags",
        "mutation",
        r"mutation updateTicketTags($input: TagsInput!) {\n  updateTags(input: $input) { ticket { id tags } }\n}",
        r#"{\"input\":{\"ticketId\":\"{n}\",\"add\":[\"vip\",\"\\u00fcber\"]}}"#,
    ),
    operation("", "query", r"{ currentUser { id role } }", "{}"),
    operation(
        "onTicketChange",
        "subscription",
        r"subscription onTicketChange($id: ID!) { ticketChanged(id: $id) { id } }",
        r#"{\"id\":\"{n}\"}"#,
    ),
];

/// A fragment that is repeated in queries of several kilobytes.
pub(super) const FRAGMENT: &str = r"\nfragment TicketFields{n} on Ticket {\n  id subject description priority status via { channel } customFields { id value } requester { id name email }\n}";

/// User agents.
pub(super) const CLIENTS: &[&str] = &[
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    r"Mozilla\/5.0 (X11; Linux x86_64; rv:145.0) Gecko\/20100101 Firefox\/145.0",
    "python-requests/2.32.5",
    "Zendesk SDK for iOS 5.4 (Z\u{fc}rich)",
    "curl/8.14.1",
    "",
];

/// Pages that requests come from.
pub(super) const REFERERS: &[&str] = &[
    "https://{s}.zendesk.com/agent/dashboard",
    "https://{s}.zendesk.com/agent/filters/360001",
    r"https:\/\/{s}.zendesk.com\/agent\/search\/1?copy=1&type=ticket",
    "https://{s}.zendesk.com/admin/people/team",
];

/// Members that the API reference does not name. Their numbers change if they are parsed as
/// a float.
pub(super) const EXTRAS: &[&str] = &[
    r#""origin_service":"Zendesk""#,
    r#""duration":0.10"#,
    r#""account_id":9007199254740993"#,
    r#""request":{"id":"01HZZZZZZZZZZZZZZZZZZZZZZZ","timestamp":"1999-12-31T23:59:59Z","headers":[{"access_logs":[]}]}"#,
];
