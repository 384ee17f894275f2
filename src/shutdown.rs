//! SIGTERM and SIGINT as a shutdown request that the sync checks.
//!
//! The first signal never ends the process: the sync finishes its writes and ends by itself. The second
//! signal ends the process at once, in case the consumer of stdout no longer reads.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// A signal that requests a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, as from Ctrl-C.
    Interrupt,
    /// SIGTERM, as from a container runtime.
    Terminate,
}

impl Signal {
    /// Returns the exit code that a shell reports for the signal.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }

    /// Returns the name of the signal.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }
}

/// A request to shut down, made at most once. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    signal: Arc<OnceLock<Signal>>,
    requested: CancellationToken,
}

impl Shutdown {
    /// Requests the shutdown. Only the first signal counts; returns `true` for the first one.
    #[expect(clippy::must_use_candidate, reason = "a caller that requests the only shutdown ignores the result")]
    pub fn request(&self, signal: Signal) -> bool {
        let first = self.signal.set(signal).is_ok();
        self.requested.cancel();
        first
    }

    /// Requests the shutdown when the process receives a signal, and ends the process at the second signal.
    ///
    /// # Errors
    /// Fails if the system does not allow signal handlers.
    pub fn on_signals(self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            loop {
                let signal = tokio::select! {
                    biased;
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                };
                if !self.request(signal) {
                    std::process::exit(signal.exit_code().into());
                }
            }
        });
        Ok(())
    }

    /// Returns the signal, if a shutdown has been requested.
    #[must_use]
    pub fn signal(&self) -> Option<Signal> {
        self.signal.get().copied()
    }

    /// Waits until a shutdown is requested.
    pub async fn recv(&self) -> Signal {
        loop {
            self.requested.cancelled().await;
            if let Some(signal) = self.signal() {
                return signal;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_first_signal_counts() {
        let shutdown = Shutdown::default();
        let listener = shutdown.clone();
        assert_eq!(listener.signal(), None);
        assert!(shutdown.request(Signal::Terminate));
        assert!(!shutdown.request(Signal::Interrupt));
        assert_eq!(listener.recv().await, Signal::Terminate);
        assert_eq!(listener.signal().map(Signal::exit_code), Some(143));
    }
}
