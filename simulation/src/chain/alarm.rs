//! The moment at which something happens to a sync.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::scenario::Trigger;

/// Rings once, when its moment has come; clones ring together.
#[derive(Clone, Debug)]
pub struct Alarm {
    trigger: Option<Trigger>,
    began: Instant,
    rung: Arc<Notify>,
}

impl Alarm {
    /// An alarm that counts from now on.
    #[must_use]
    pub fn new(trigger: Option<Trigger>) -> Self {
        Self { trigger, began: Instant::now(), rung: Arc::default() }
    }

    /// Takes the number of requests that have been sent.
    pub fn requests(&self, sent: usize) {
        if let Some(Trigger::Request(number)) = self.trigger
            && usize::try_from(number).is_ok_and(|number| sent == number)
        {
            self.rung.notify_one();
        }
    }

    /// Takes the number of bytes that have been written, before and now.
    pub fn bytes(&self, before: usize, now: usize) {
        if let Some(Trigger::Byte(number)) = self.trigger
            && before <= number
            && number < now
        {
            self.rung.notify_one();
        }
    }

    /// Waits for the moment.
    pub async fn rings(&self) {
        match self.trigger {
            None => std::future::pending().await,
            Some(Trigger::Time(milliseconds)) => sleep_until(self.began + Duration::from_millis(milliseconds)).await,
            Some(_) => self.rung.notified().await,
        }
    }
}
