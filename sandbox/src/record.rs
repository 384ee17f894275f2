//! Writes the JSON of an event, with the same bytes each time. Must not decide facts of an
//! event.

use std::io::Write as _;

use jiff::Timestamp;

use crate::{
    event::{
        Absence, Event, FIRST_ODD,
        Field::{
            self, Action, ActionLabel, ActorId, ActorName, ChangeDescription, CreatedAt, Id, IpAddress, SourceId,
            SourceLabel, SourceType, Url,
        },
    },
    options::{DateFormat, Dates},
    rng::Rng,
    vocabulary::{EXTRAS, LONG_LINE, PEOPLE, person},
};

const TEXT: u64 = 12;

/// The properties that all audit log records of a sandbox share.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) seed: u64,
    pub(crate) subdomain: String,
    /// Events before this second have no `actor_name` (observed in older records).
    pub(crate) old_before: i64,
    pub(crate) dates: Dates,
    /// Minimum number of bytes in a record.
    pub(crate) record_bytes: usize,
}

/// The white space between the tokens of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// No white space.
    Compact,
    /// As served: one record in 300 has line feeds, carriage returns and spaces.
    AsServed,
}

/// Orders of the fields: as in most published records, alphabetical as in the API
/// reference, and a third one.
#[rustfmt::skip]
const ORDERS: [[Field; 12]; 3] = [
    [Url, Id, ActionLabel, ActorId, SourceId, SourceType, SourceLabel, Action, ChangeDescription, IpAddress, CreatedAt, ActorName],
    [Action, ActionLabel, ActorId, ActorName, ChangeDescription, CreatedAt, Id, IpAddress, SourceId, SourceLabel, SourceType, Url],
    [CreatedAt, Id, Url, Action, ActionLabel, SourceType, SourceId, SourceLabel, ActorId, ActorName, IpAddress, ChangeDescription],
];

impl Event {
    /// Appends the JSON of the record. Its `created_at` shows `off` seconds more than
    /// `second`.
    pub(crate) fn write(&self, out: &mut Vec<u8>, context: &Context, (second, off): (i64, i64), layout: Layout) {
        let start = out.len();
        let mut rng = Rng::new(context.seed, self.index, TEXT);
        let odd = self.index >= FIRST_ODD && rng.one_in(300);
        // Drawn for every layout, so that both layouts have the same tokens.
        let carriage_returns = rng.one_in(2);
        let (open, after_colon, close) = match (layout, odd) {
            (Layout::AsServed, true) if carriage_returns => ("\r\n\t", " ", "\r\n"),
            (Layout::AsServed, true) => ("\n      ", " ", "\n    "),
            _ => ("", "", ""),
        };
        let order = match rng.below(10) {
            0..6 => &ORDERS[0],
            6..9 => &ORDERS[1],
            _ => &ORDERS[2],
        };
        out.push(b'{');
        let mut first = true;
        for &field in order {
            let absent = self.absent.filter(|&(absent, _)| absent == field).map(|(_, how)| how);
            let old = field == ActorName && self.person.is_some() && second < context.old_before;
            if absent == Some(Absence::Omitted) || old {
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(open.as_bytes());
            push_all(out, &["\"", field.name(), "\":", after_colon]);
            if absent == Some(Absence::Null) {
                out.extend_from_slice(b"null");
            } else {
                self.write_value(out, context, second + off, field, &mut rng);
            }
        }
        if rng.one_in(6) {
            let start = rng.below(EXTRAS.len() as u64) as usize;
            for extra in EXTRAS.iter().cycle().skip(start).take(1 + rng.below(4) as usize) {
                push_all(out, &[",", open, extra]);
            }
        }
        let missing = context.record_bytes.saturating_sub(out.len() - start);
        if missing > 0 {
            push_all(out, &[",", open, "\"details\":\""]);
            out.resize(out.len() + missing, b'x');
            out.push(b'"');
        }
        push_all(out, &[close, "}"]);
    }

    fn write_value(&self, out: &mut Vec<u8>, context: &Context, second: i64, field: Field, rng: &mut Rng) {
        match field {
            Url => {
                let tail = if rng.one_in(4) { "\"" } else { ".json\"" };
                push_all(out, &["\"https://", &context.subdomain, ".zendesk.com/api/v2/audit_logs/"]);
                push_number(out, self.id);
                out.extend_from_slice(tail.as_bytes());
            }
            Id => push_number(out, self.id),
            ActionLabel => push_all(out, &["\"", self.kind.action_label, "\""]),
            ActorId => push_number(out, self.actor_id().unwrap_or(-1)),
            ActorName => push_all(out, &["\"", self.person.map_or("Zendesk", person), "\""]),
            SourceId => match self.source_id {
                Some(id) => push_number(out, id),
                None => push_all(out, &["null"]),
            },
            SourceType => push_all(out, &["\"", self.kind.source_type, "\""]),
            SourceLabel => push_text(out, self.kind.source_label, context, rng),
            Action => push_all(out, &["\"", self.kind.action, "\""]),
            ChangeDescription => push_text(out, self.kind.change_description, context, rng),
            IpAddress => match self.ip {
                Some(ip) => write!(out, "\"{ip}\"").expect("a Vec takes every write"),
                None => push_all(out, &["null"]),
            },
            CreatedAt => push_date(out, second, &context.dates),
        }
    }
}

impl Field {
    const fn name(self) -> &'static str {
        match self {
            Url => "url",
            Id => "id",
            ActionLabel => "action_label",
            ActorId => "actor_id",
            ActorName => "actor_name",
            SourceId => "source_id",
            SourceType => "source_type",
            SourceLabel => "source_label",
            Action => "action",
            ChangeDescription => "change_description",
            IpAddress => "ip_address",
            CreatedAt => "created_at",
        }
    }
}

fn push_all(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends a `created_at` in the format of the options.
fn push_date(out: &mut Vec<u8>, second: i64, dates: &Dates) {
    let offset = dates.created_at_offset;
    let time = Timestamp::from_second(second + i64::from(offset)).unwrap_or_default();
    let text = time.to_string();
    let local = text.trim_end_matches('Z');
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs() / 60);
    match dates.created_at_format {
        DateFormat::Utc => write!(out, "\"{text}\""),
        DateFormat::Local => write!(out, "\"{local}\""),
        DateFormat::Offset => write!(out, "\"{local}{sign}{:02}:{:02}\"", minutes / 60, minutes % 60),
    }
    .expect("a Vec takes every write");
}

fn push_number(out: &mut Vec<u8>, number: impl std::fmt::Display) {
    write!(out, "{number}").expect("a Vec takes every write");
}

/// Appends a template of the vocabulary as a JSON string, with its placeholders replaced.
fn push_text(out: &mut Vec<u8>, template: &str, context: &Context, rng: &mut Rng) {
    out.push(b'"');
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        let name = rest.find('}').map_or("", |end| &rest[..=end]);
        match name {
            "{p}" => push_all(out, &[rng.pick(PEOPLE)]),
            "{n}" => push_number(out, rng.below(9_000) + 1),
            "{s}" => push_all(out, &[&context.subdomain]),
            "{long}" => (0..20 + rng.below(40)).for_each(|_| push_all(out, &[LONG_LINE])),
            _ => {
                out.push(b'{');
                rest = &rest[1..];
                continue;
            }
        }
        rest = &rest[name.len()..];
    }
    push_all(out, &[rest, "\""]);
}

/// Removes the white space between the tokens of a JSON text. Changes nothing else.
#[must_use]
pub fn compact(json: &str) -> String {
    let mut inside = false;
    let mut escaped = false;
    json.chars()
        .filter(|&c| {
            if inside {
                inside = escaped || c != '"';
                escaped = !escaped && c == '\\';
                return true;
            }
            inside = c == '"';
            !matches!(c, ' ' | '\t' | '\r' | '\n')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_removes_only_white_space_between_tokens() {
        for (spaced, expected) in [
            ("{ \"a\" :\r\n\t[ 1.10 , -2e5 ,null ] }\n", r#"{"a":[1.10,-2e5,null]}"#),
            (r#" "a b\" c\\" "#, r#""a b\" c\\""#),
            (r#"{"k": "\\\" : ,"}"#, r#"{"k":"\\\" : ,"}"#),
            ("\"\u{e9} \u{2028} \"", "\"\u{e9} \u{2028} \""),
            ("", ""),
        ] {
            assert_eq!(compact(spaced), expected);
        }
    }
}
