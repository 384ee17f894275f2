//! Access log record number n: its facts, drawn from (seed, n), and its JSON text. Does
//! not decide when the request was made, and keeps nothing.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use jiff::Timestamp;

use super::{
    ulid::Ulid,
    vocabulary::{CLIENTS, ENDPOINTS, EXTRAS, Endpoint, FRAGMENT, OPERATIONS, Operation, REFERERS},
};
use crate::{dice::Dice, record::Layout};

const FACTS: u64 = 72;
const TEXT: u64 = 73;
/// Records before this one have every member.
const FIRST_ODD: u64 = 20;

/// What is the same for all access log records of a sandbox.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) subdomain: String,
    /// Every record has at least so many bytes.
    pub(crate) record_bytes: usize,
}

/// What filters look at.
#[derive(Debug)]
pub(super) struct Facts {
    index: u64,
    pub(super) user_id: u64,
    /// Without the query.
    pub(super) path: String,
    request: Request,
    /// Position in [`REFERERS`].
    referer: Option<usize>,
}

#[derive(Debug)]
enum Request {
    Rest(&'static Endpoint),
    GraphQl(&'static Operation),
}

impl Facts {
    /// Draws record number `index`.
    pub(super) fn draw(seed: u64, index: u64) -> Self {
        let mut dice = Dice::new(seed, index, FACTS);
        let request = if dice.one_in(3) {
            Request::GraphQl(&OPERATIONS[dice.below(OPERATIONS.len() as u64) as usize])
        } else {
            Request::Rest(&ENDPOINTS[dice.below(ENDPOINTS.len() as u64) as usize])
        };
        let path = match request {
            Request::Rest(endpoint) => endpoint.path.replace("{n}", &(dice.below(5_000) + 1).to_string()),
            Request::GraphQl(_) => "/graphql".to_owned(),
        };
        let user_id = 370_000_000_000 + dice.below(12) * 104_729;
        let referer = (!dice.one_in(3)).then(|| dice.below(REFERERS.len() as u64) as usize);
        Self { index, user_id, path, request, referer }
    }

    /// Returns `true` for a GraphQL request.
    pub(super) const fn is_graphql(&self) -> bool {
        matches!(self.request, Request::GraphQl(_))
    }

    /// The page that the request came from, as a reader of the JSON sees it.
    pub(super) fn browser_url(&self, world: &World) -> Option<String> {
        self.referer.map(|n| REFERERS[n].replace("{s}", &world.subdomain).replace("\\/", "/"))
    }

    /// Appends the record's JSON text.
    pub(super) fn write(&self, out: &mut Vec<u8>, world: &World, id: Ulid, layout: Layout) {
        let mut dice = Dice::new(world.seed, self.index, TEXT);
        let start = out.len();
        let odd = self.index >= FIRST_ODD && dice.one_in(300);
        let (open, after_colon, close) = match layout {
            Layout::AsServed if odd => ("\n\t", " ", "\r\n"),
            _ => ("", "", ""),
        };
        // The one member that is null or missing.
        let lack = dice.below(if self.index < FIRST_ODD { 1 } else { 60 });
        let missing = dice.one_in(2);
        let mut members: Vec<(&str, String)> = Vec::with_capacity(16);
        self.required_members(&mut members, id, &mut dice);
        self.optional_members(&mut members, world, &mut dice);
        for (n, name) in ["graphql", "referer", "bytes_sent", "category", "summary"].into_iter().enumerate() {
            // A GraphQL request without its object would be another fact.
            if lack != n as u64 + 1 || (name == "graphql" && self.is_graphql()) {
                continue;
            }
            let place = members.iter().position(|(member, _)| *member == name);
            match place {
                Some(place) if missing => drop(members.remove(place)),
                Some(place) => "null".clone_into(&mut members[place].1),
                None => {}
            }
        }
        if dice.one_in(3) {
            members.rotate_left(3);
        }
        out.push(b'{');
        for (n, (name, value)) in members.iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            let _ = write!(out, "{comma}{open}\"{name}\":{after_colon}{value}");
        }
        if dice.one_in(8) {
            let _ = write!(out, ",{open}{}", dice.pick(EXTRAS));
        }
        let padding = world.record_bytes.saturating_sub(out.len() - start);
        if padding > 0 {
            let _ = write!(out, ",{open}\"details\":\"{:x<padding$}\"", "");
        }
        let _ = write!(out, "{close}}}");
    }

    fn required_members(&self, members: &mut Vec<(&str, String)>, id: Ulid, dice: &mut Dice) {
        let time = Timestamp::from_second(id.second()).unwrap_or_default();
        let bits = dice.next();
        let ip = match bits % 4 {
            0 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, (bits >> 8) as u16 & 15, 0, 0, 0, 1)),
            _ => IpAddr::V4(Ipv4Addr::new(203, 0, 113, (bits >> 8) as u8)),
        };
        let (method, query, authorization) = match self.request {
            Request::Rest(endpoint) => {
                let query = endpoint.query.replace("{n}", &(dice.below(9_000) + 1).to_string());
                let kind = dice.pick(&["session", "session", "basic", "bearer", "digest"]);
                (endpoint.method, query, format!("\"{kind}\""))
            }
            // "Currently not supported for GraphQL requests" (documented).
            Request::GraphQl(_) => ("POST", String::new(), "null".to_owned()),
        };
        let status = match dice.below(40) {
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
            ("client", format!("\"{}\"", dice.pick(CLIENTS))),
        ]);
    }

    fn optional_members(&self, members: &mut Vec<(&str, String)>, world: &World, dice: &mut Dice) {
        let (graphql, category, summary) = match self.request {
            Request::Rest(endpoint) => ("null".to_owned(), endpoint.category, endpoint.summary),
            Request::GraphQl(operation) => (graphql(operation, dice), "GraphQL", "GraphQL request"),
        };
        let referer = self
            .referer
            .map_or_else(|| "null".to_owned(), |n| format!("\"{}\"", REFERERS[n].replace("{s}", &world.subdomain)));
        members.extend([
            ("graphql", graphql),
            ("referer", referer),
            ("bytes_sent", dice.below(200_000).to_string()),
            ("category", format!("\"{category}\"")),
            ("summary", format!("\"{summary}\"")),
        ]);
    }
}

/// The `graphql` object; one in twenty has a query of several kilobytes.
fn graphql(operation: &Operation, dice: &mut Dice) -> String {
    let number = |dice: &mut Dice| (dice.below(9_000) + 1).to_string();
    let mut query = operation.query.to_owned();
    if dice.one_in(20) {
        for _ in 0..20 + dice.below(30) {
            query += &FRAGMENT.replace("{n}", &number(dice));
        }
    }
    let variables = operation.variables.replace("{n}", &number(dice));
    let name = if operation.name.is_empty() { "null".to_owned() } else { format!("\"{}\"", operation.name) };
    let kind = operation.kind;
    format!(r#"{{"operation_name":{name},"operation_type":"{kind}","query":"{query}","variables":"{variables}"}}"#)
}
