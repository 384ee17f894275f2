//! The platform: it keeps the received data, and passes a STATE to the next sync.
//!
//! It must not know the history; other modules judge the received data.

use std::rc::Rc;

use serde_json::{Value, json};

use super::Passed;
use crate::scenario::HandBack;

/// A STATE, and the events whose records were before it.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The protocol's state; null for none.
    pub state: Value,
    /// The delivered events up to the STATE, by their index.
    pub delivered: Rc<Vec<bool>>,
    /// The values of the sync that wrote it; `None` for no state.
    pub passed: Option<Passed>,
}

/// The data of the platform.
#[derive(Debug)]
pub struct Platform {
    /// All STATEs so far, after an initial empty one.
    checkpoints: Vec<Checkpoint>,
    /// The `credentials` of the configuration.
    pub credentials: Value,
}

impl Platform {
    /// Creates a platform with a new connection, for a history of this number of events.
    #[must_use]
    pub fn new(credentials: Value, events: usize) -> Self {
        Self { checkpoints: vec![Self::nothing(events)], credentials }
    }

    /// Forgets all STATEs: the next sync begins without one.
    pub fn start_over(&mut self, events: usize) -> Checkpoint {
        self.checkpoints = vec![Self::nothing(events)];
        self.hand_back(HandBack::Last)
    }

    fn nothing(events: usize) -> Checkpoint {
        Checkpoint { state: Value::Null, delivered: Rc::new(vec![false; events]), passed: None }
    }

    /// Adds a STATE.
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
