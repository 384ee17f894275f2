//! SIGTERM and SIGINT, as a wish that the sync can look at.
//!
//! The first signal never ends the process: the sync ends when it has put its affairs in order. The
//! second one does, at once, for a sync whose consumer no longer reads.

use tokio::sync::watch;

/// A signal that asks to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, as from Ctrl-C.
    Interrupt,
    /// SIGTERM, as from a container runtime.
    Terminate,
}

impl Signal {
    /// The exit code that a shell reports for it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }
}

/// Where the wish is put.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Option<Signal>>);

/// Where the wish is looked at.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Option<Signal>>);

/// A wish that nobody has uttered yet.
#[must_use]
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(None);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Utters it; the first signal counts. Returns whether it is that.
    #[expect(clippy::must_use_candidate, reason = "whoever stops by hand does not care")]
    pub fn stop(&self, signal: Signal) -> bool {
        self.0.send_if_modified(|wish| {
            let first = wish.is_none();
            wish.get_or_insert(signal);
            first
        })
    }

    /// Utters it when one of the process's signals arrives, and ends the process with the second.
    ///
    /// # Errors
    /// If the system lets nobody listen.
    pub fn on_signals(self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            loop {
                let signal = tokio::select! {
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                };
                if !self.stop(signal) {
                    std::process::exit(signal.exit_code().into());
                }
            }
        });
        Ok(())
    }
}

impl Stop {
    /// The signal, if one has come.
    #[must_use]
    pub fn requested(&self) -> Option<Signal> {
        *self.0.borrow()
    }

    /// Waits for a signal.
    pub async fn wait(&self) -> Signal {
        let mut wish = self.0.clone();
        if let Ok(signal) = wish.wait_for(Option::is_some).await
            && let Some(signal) = *signal
        {
            return signal;
        }
        // Nobody is left who could utter it.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_signal_counts() {
        let (stopper, stop) = stop();
        assert_eq!(stop.requested(), None);
        assert!(stopper.stop(Signal::Terminate));
        assert!(!stopper.stop(Signal::Interrupt));
        assert_eq!(stop.wait().await, Signal::Terminate);
        assert_eq!(stop.requested().map(Signal::exit_code), Some(143));
    }
}
