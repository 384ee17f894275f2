//! The trigger of an event during a sync.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::scenario::Trigger;

/// Fires once, when its trigger is reached; clones fire together.
#[derive(Clone, Debug)]
pub struct Alarm {
    trigger: Option<Trigger>,
    began: Instant,
    rung: Arc<Notify>,
}

impl Alarm {
    /// Creates an alarm that counts from now on.
    #[must_use]
    pub fn new(trigger: Option<Trigger>) -> Self {
        Self { trigger, began: Instant::now(), rung: Arc::default() }
    }

    /// Processes the number of sent requests.
    pub fn requests(&self, sent: usize) {
        if let Some(Trigger::Request(number)) = self.trigger
            && usize::try_from(number).is_ok_and(|number| sent == number)
        {
            self.rung.notify_one();
        }
    }

    /// Processes the number of written bytes, before and now.
    pub fn bytes(&self, before: usize, now: usize) {
        if let Some(Trigger::Byte(number)) = self.trigger
            && before <= number
            && number < now
        {
            self.rung.notify_one();
        }
    }

    /// Waits until the alarm fires.
    pub async fn fired(&self) {
        match self.trigger {
            None => std::future::pending().await,
            Some(Trigger::Time(milliseconds)) => sleep_until(self.began + Duration::from_millis(milliseconds)).await,
            Some(_) => self.rung.notified().await,
        }
    }
}
