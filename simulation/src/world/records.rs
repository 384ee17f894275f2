//! The records of a history: as the API serves them, and as they must be emitted.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use source_zendesk_audit_logs::second::Second;

use crate::scenario::{Event, Form};

/// All records, by the index of their event.
#[derive(Debug, Default)]
pub struct Records {
    served: Vec<Vec<u8>>,
    by_text: HashMap<Vec<u8>, usize, FixedState>,
}

impl Records {
    /// Creates the records of these events, each with a payload of this size in bytes.
    #[must_use]
    pub fn of(events: &[Event], payload: usize) -> Self {
        let mut records = Self::default();
        for (index, event) in events.iter().enumerate() {
            let text = text(event, payload);
            let emitted = text.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
            records.by_text.insert(emitted, index);
            records.served.push(text);
        }
        records
    }

    /// Returns the record as the API serves it.
    #[must_use]
    pub fn served(&self, index: usize) -> &[u8] {
        &self.served[index]
    }

    /// Returns the event whose emitted record has this JSON.
    #[must_use]
    pub fn find(&self, emitted: &[u8]) -> Option<usize> {
        self.by_text.get(emitted).copied()
    }
}

fn text(event: &Event, payload: usize) -> Vec<u8> {
    let Event { id, shown, form, .. } = *event;
    let at = Second::from_unix(shown);
    let mut text = match form {
        Form::Plain => format!(r#"{{"id":{id},"created_at":"{at}","ip":1.0}}"#),
        Form::Undated => format!(r#"{{"id":{id},"created_at":null}}"#),
        Form::Anonymous => format!(r#"{{"created_at":"{at}","n":{id}}}"#),
        Form::OddId => format!(r#"{{"id":"x{id}","created_at":"{at}"}}"#),
        Form::Spaced => format!("{{ \"id\": {id},\r\n \"created_at\" :\n\"{at}\", \"x\":\"\\n\\u00e9\" }}"),
    }
    .into_bytes();
    if payload > 0 {
        text.pop();
        text.extend_from_slice(br#","payload":""#);
        // Text without repetition, which does not compress: the held records then take their size in memory.
        let mut random = fastrand::Rng::with_seed(id.unsigned_abs());
        text.extend(std::iter::repeat_with(|| random.alphanumeric() as u8).take(payload));
        text.extend_from_slice(b"\"}");
    }
    text
}
