//! The platform: it keeps what it has received, and hands a STATE to the next sync.
//!
//! It must not know the history; what it has received is judged elsewhere.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::scenario::HandBack;

/// A STATE, and the events whose records stood before it.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The protocol's state; null for none.
    pub state: Value,
    /// What has been delivered up to it, by the index of the event.
    pub delivered: Rc<Vec<bool>>,
}

/// What the platform has.
#[derive(Debug)]
pub struct Platform {
    /// All STATEs so far; the first one is none.
    checkpoints: Vec<Checkpoint>,
    /// The `credentials` of the configuration.
    pub credentials: Value,
}

impl Platform {
    /// A platform with a new connection, for a history of so many events.
    #[must_use]
    pub fn new(credentials: Value, events: usize) -> Self {
        let nothing = Checkpoint { state: Value::Null, delivered: Rc::new(vec![false; events]) };
        Self { checkpoints: vec![nothing], credentials }
    }

    /// Takes a STATE.
    pub fn take(&mut self, checkpoint: Checkpoint) {
        self.checkpoints.push(checkpoint);
    }

    /// Returns the STATE for the next sync.
    #[must_use]
    pub fn hand_back(&self, which: HandBack) -> Checkpoint {
        let last = self.checkpoints.len() - 1;
        let index = match which {
            HandBack::Last => last,
            HandBack::Older(before) => last.saturating_sub(before),
        };
        self.checkpoints[index].clone()
    }
}

impl Checkpoint {
    /// Returns the content of a state file.
    #[must_use]
    pub fn file(&self) -> Value {
        if self.state.is_null() { Value::Null } else { json!([self.state]) }
    }
}
