//! A small HTTP client: one request a connection, complete responses. Must not share code
//! with the sandbox, so that both cannot have the same bug.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;
use zendesk_sandbox::{Options, Sandbox, credentials::ACCESS_TOKEN};

pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Returns the exact bytes of the records in the page.
    pub(crate) fn texts(&self) -> Vec<String> {
        #[derive(serde::Deserialize)]
        struct Page<'a> {
            #[serde(borrow, alias = "access_logs")]
            audit_logs: Vec<&'a serde_json::value::RawValue>,
        }
        let page: Page<'_> = serde_json::from_slice(&self.body).expect("a page");
        page.audit_logs.iter().map(|raw| raw.get().to_owned()).collect()
    }
}

pub(crate) fn sandbox(options: Options) -> Sandbox {
    Sandbox::start(options).expect("the sandbox starts")
}

/// Sends these bytes and reads until the connection is closed.
pub(crate) fn raw(base_url: &str, request: &[u8]) -> io::Result<Vec<u8>> {
    let address = base_url.strip_prefix("http://").expect("http");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(request)?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    Ok(response)
}

pub(crate) fn parse(response: &[u8]) -> Got {
    let end = response.windows(4).position(|w| w == b"\r\n\r\n").expect("an end of the head");
    let head = std::str::from_utf8(&response[..end]).expect("a head in ASCII");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let headers = lines.filter_map(|line| line.split_once(": "));
    Got {
        status: status.parse().expect("a number"),
        headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        body: response[end + 4..].to_vec(),
    }
}

pub(crate) fn request(sandbox: &Sandbox, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Got {
    let headers: String = headers.iter().flat_map(|(n, v)| [*n, ": ", *v, "\r\n"]).collect();
    let length = body.len();
    let text = format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    parse(&raw(&sandbox.base_url(), text.as_bytes()).expect("a response"))
}

/// Sends a GET with this `Authorization`.
pub(crate) fn get_as(sandbox: &Sandbox, authorization: &str, target: &str) -> Got {
    request(sandbox, "GET", target, &[("Authorization", authorization)], "")
}

/// Sends a GET as an admin.
pub(crate) fn get(sandbox: &Sandbox, target: &str) -> Got {
    get_as(sandbox, &format!("Bearer {ACCESS_TOKEN}"), target)
}

/// Requests audit logs as an admin. In `query` only cursors must be encoded.
pub(crate) fn logs(sandbox: &Sandbox, query: &str) -> Got {
    get(sandbox, &format!("/api/v2/audit_logs?{query}"))
}

/// Encodes a value for a query.
pub(crate) fn encoded(value: &str) -> String {
    value.replace('%', "%25").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// Returns the ids of a page, in order. Every record must have one.
pub(crate) fn ids(got: &Got) -> Vec<i64> {
    assert_eq!(got.status, 200, "{}", got.text());
    let json = got.json();
    let records = json["audit_logs"].as_array().expect("a page");
    records.iter().map(|record| record["id"].as_i64().expect("an id")).collect()
}

/// Returns the pages of an ascending walk, up to the first error.
pub(crate) fn walk_up(sandbox: &Sandbox, query: &str) -> Vec<Got> {
    let mut pages: Vec<Got> = Vec::new();
    let mut after = String::new();
    loop {
        let got = logs(sandbox, &format!("sort=created_at&{query}{after}"));
        let json = if got.status == 200 { got.json() } else { Value::Null };
        pages.push(got);
        let Some(cursor) = json["meta"]["after_cursor"].as_str().filter(|_| json["meta"]["has_more"] == true) else {
            return pages;
        };
        after = format!("&page[after]={}", encoded(cursor));
    }
}

/// Requests access logs as an admin.
pub(crate) fn access(sandbox: &Sandbox, query: &str) -> Got {
    get(sandbox, &format!("/api/v2/access_logs?{query}"))
}

/// Returns the path and query of `links.next`.
pub(crate) fn next(sandbox: &Sandbox, got: &Got) -> Option<String> {
    let json = got.json();
    let link = json["links"]["next"].as_str()?;
    Some(link.strip_prefix(&sandbox.base_url()).expect("its own host").to_owned())
}

/// Returns the access log pages of a walk along `links.next`.
pub(crate) fn access_walk(sandbox: &Sandbox, query: &str) -> Vec<Got> {
    let mut pages = vec![access(sandbox, query)];
    while let Some(target) = pages.last().filter(|got| got.status == 200).and_then(|got| next(sandbox, got)) {
        pages.push(get(sandbox, &target));
    }
    pages
}
