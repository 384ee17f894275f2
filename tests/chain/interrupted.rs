//! Runs commands in this process and interrupts them in the middle of their output.
//!
//! It must not know what the output means.

use std::io::{ErrorKind, Write};
use std::sync::{Arc, Mutex, PoisonError};

use source_zendesk_audit_logs::shutdown::{Shutdown, Signal};

use crate::harness::Connection;

/// An interruption of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kill {
    /// A shutdown request, as by SIGTERM.
    Stop,
    /// stdout is closed, usually in the middle of a line.
    ClosedStdout,
    /// SIGKILL of the program itself.
    Sigkill,
}

/// How a sync ended, as seen by the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code, also after a shutdown request.
    Orderly(u8),
    /// Killed at an arbitrary point.
    Killed,
}

/// Runs a command in this process. `kill` is applied after this number of bytes of output.
pub fn run(connection: &mut Connection, arguments: &[String], kill: Option<(Kill, usize)>) -> (Vec<u8>, Ended) {
    let shutdown = Shutdown::default();
    connection.signals = Some(shutdown.clone());
    let received = Arc::default();
    let stdout = Stdout { received: Arc::clone(&received), kill, shutdown };
    let code = connection.command_into(arguments, Box::new(stdout));
    let stdout = std::mem::take(&mut *received.lock().unwrap_or_else(PoisonError::into_inner));
    (stdout, if code == 141 { Ended::Killed } else { Ended::Orderly(code) })
}

/// A stdout that requests a shutdown or closes after a number of bytes.
struct Stdout {
    received: Arc<Mutex<Vec<u8>>>,
    kill: Option<(Kill, usize)>,
    shutdown: Shutdown,
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = bytes.len();
        match self.kill {
            Some((Kill::Stop, after)) if received.len() + taken > after => {
                self.shutdown.request(Signal::Terminate);
            }
            Some((Kill::ClosedStdout, after)) => {
                taken = taken.min(after.saturating_sub(received.len()));
                if taken == 0 {
                    return Err(ErrorKind::BrokenPipe.into());
                }
            }
            _ => {}
        }
        received.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
