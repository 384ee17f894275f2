//! Access log record n: its facts, derived from (seed, n), and its JSON. Must not decide
//! its time, or store anything.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use jiff::Timestamp;

use super::{
    ulid::Ulid,
    vocabulary::{CLIENTS, ENDPOINTS, EXTRAS, Endpoint, FRAGMENT, OPERATIONS, Operation, REFERERS},
};
use crate::{record::Layout, rng::Rng};

const FACTS: u64 = 72;
const TEXT: u64 = 73;
/// Records before this one have every member.
const FIRST_ODD: u64 = 20;

/// The properties that all access log records of a sandbox share.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) seed: u64,
    pub(crate) subdomain: String,
    /// Minimum number of bytes in a record.
    pub(crate) record_bytes: usize,
}

/// The facts of a record.
#[derive(Debug)]
pub(super) struct Facts {
    index: u64,
    pub(super) user_id: u64,
    /// The path of the request, without its query.
    pub(super) path: String,
    request: Request,
    /// Index in [`REFERERS`].
    referer: Option<usize>,
}

#[derive(Debug)]
enum Request {
    Rest(&'static Endpoint),
    GraphQl(&'static Operation),
}

impl Facts {
    /// Derives record number `index` from the seed.
    pub(super) fn draw(seed: u64, index: u64) -> Self {
        let mut rng = Rng::new(seed, index, FACTS);
        let request = if rng.one_in(3) {
            Request::GraphQl(&OPERATIONS[rng.below(OPERATIONS.len() as u64) as usize])
        } else {
            Request::Rest(&ENDPOINTS[rng.below(ENDPOINTS.len() as u64) as usize])
        };
        let path = match request {
            Request::Rest(endpoint) => endpoint.path.replace("{n}", &(rng.below(5_000) + 1).to_string()),
            Request::GraphQl(_) => "/graphql".to_owned(),
        };
        let user_id = 370_000_000_000 + rng.below(12) * 104_729;
        let referer = (!rng.one_in(3)).then(|| rng.below(REFERERS.len() as u64) as usize);
        Self { index, user_id, path, request, referer }
    }

    /// Returns `true` for a GraphQL request.
    pub(super) const fn is_graphql(&self) -> bool {
        matches!(self.request, Request::GraphQl(_))
    }

    /// Returns the page that the request came from.
    pub(super) fn browser_url(&self, context: &Context) -> Option<String> {
        self.referer.map(|n| REFERERS[n].replace("{s}", &context.subdomain).replace("\\/", "/"))
    }

    /// Appends the JSON of the record.
    pub(super) fn write(&self, out: &mut Vec<u8>, context: &Context, id: Ulid, layout: Layout) {
        let mut rng = Rng::new(context.seed, self.index, TEXT);
        let start = out.len();
        let odd = self.index >= FIRST_ODD && rng.one_in(300);
        let (open, after_colon, close) = match layout {
            Layout::AsServed if odd => ("\n\t", " ", "\r\n"),
            _ => ("", "", ""),
        };
        // The member that is null or omitted.
        let absent = rng.below(if self.index < FIRST_ODD { 1 } else { 60 });
        let missing = rng.one_in(2);
        let mut members: Vec<(&str, String)> = Vec::with_capacity(16);
        self.required_members(&mut members, id, &mut rng);
        self.optional_members(&mut members, context, &mut rng);
        for (n, name) in ["graphql", "referer", "bytes_sent", "category", "summary"].into_iter().enumerate() {
            // A GraphQL request keeps its object, which identifies its kind.
            if absent != n as u64 + 1 || (name == "graphql" && self.is_graphql()) {
                continue;
            }
            let place = members.iter().position(|(member, _)| *member == name);
            match place {
                Some(place) if missing => drop(members.remove(place)),
                Some(place) => "null".clone_into(&mut members[place].1),
                None => {}
            }
        }
        if rng.one_in(3) {
            members.rotate_left(3);
        }
        out.push(b'{');
        for (n, (name, value)) in members.iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            let _ = write!(out, "{comma}{open}\"{name}\":{after_colon}{value}");
        }
        if rng.one_in(8) {
            let _ = write!(out, ",{open}{}", rng.pick(EXTRAS));
        }
        let padding = context.record_bytes.saturating_sub(out.len() - start);
        if padding > 0 {
            let _ = write!(out, ",{open}\"details\":\"{:x<padding$}\"", "");
        }
        let _ = write!(out, "{close}}}");
    }

    fn required_members(&self, members: &mut Vec<(&str, String)>, id: Ulid, rng: &mut Rng) {
        let time = Timestamp::from_second(id.second()).unwrap_or_default();
        let bits = rng.next();
        let ip = match bits % 4 {
            0 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, (bits >> 8) as u16 & 15, 0, 0, 0, 1)),
            _ => IpAddr::V4(Ipv4Addr::new(203, 0, 113, (bits >> 8) as u8)),
        };
        let (method, query, authorization) = match self.request {
            Request::Rest(endpoint) => {
                let query = endpoint.query.replace("{n}", &(rng.below(9_000) + 1).to_string());
                let kind = rng.pick(&["session", "session", "basic", "bearer", "digest"]);
                (endpoint.method, query, format!("\"{kind}\""))
            }
            // "Currently not supported for GraphQL requests" (documented).
            Request::GraphQl(_) => ("POST", String::new(), "null".to_owned()),
        };
        let status = match rng.below(40) {
            0 => 404,
            1 => 403,
            2 => 429,
            3 => 500,
            _ if method == "POST" && !self.is_graphql() => 201,
            _ if method == "DELETE" => 204,
            _ => 200,
        };
        let url = format!("\"{}{query}\"", self.path);
        members.extend([
            ("id", format!("\"{}\"", id.text())),
            ("timestamp", format!("\"{time}\"")),
            ("user_id", self.user_id.to_string()),
            ("ip_address", format!("\"{ip}\"")),
            ("method", format!("\"{method}\"")),
            ("url", url),
            ("status", status.to_string()),
            ("authorization_type", authorization),
            ("client", format!("\"{}\"", rng.pick(CLIENTS))),
        ]);
    }

    fn optional_members(&self, members: &mut Vec<(&str, String)>, context: &Context, rng: &mut Rng) {
        let (graphql, category, summary) = match self.request {
            Request::Rest(endpoint) => ("null".to_owned(), endpoint.category, endpoint.summary),
            Request::GraphQl(operation) => (graphql(operation, rng), "GraphQL", "GraphQL request"),
        };
        let referer = self
            .referer
            .map_or_else(|| "null".to_owned(), |n| format!("\"{}\"", REFERERS[n].replace("{s}", &context.subdomain)));
        members.extend([
            ("graphql", graphql),
            ("referer", referer),
            ("bytes_sent", rng.below(200_000).to_string()),
            ("category", format!("\"{category}\"")),
            ("summary", format!("\"{summary}\"")),
        ]);
    }
}

/// Returns the `graphql` object. One in twenty has a query of several kilobytes.
fn graphql(operation: &Operation, rng: &mut Rng) -> String {
    let number = |rng: &mut Rng| (rng.below(9_000) + 1).to_string();
    let mut query = operation.query.to_owned();
    if rng.one_in(20) {
        for _ in 0..20 + rng.below(30) {
            query += &FRAGMENT.replace("{n}", &number(rng));
        }
    }
    let variables = operation.variables.replace("{n}", &number(rng));
    let name = if operation.name.is_empty() { "null".to_owned() } else { format!("\"{}\"", operation.name) };
    let kind = operation.kind;
    format!(r#"{{"operation_name":{name},"operation_type":"{kind}","query":"{query}","variables":"{variables}"}}"#)
}
