//! The pipe between stdout and the platform: bounded, and read quickly, slowly, or with a pause.
//!
//! It must not parse the content.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::scenario::{Consumer, Lost};

/// Both ends of a pipe; clones share it.
#[derive(Clone, Debug)]
pub struct Pipe(Arc<Mutex<State>>, Arc<Notify>);

#[derive(Debug)]
struct State {
    capacity: usize,
    consumer: Consumer,
    /// The written bytes that have not been read yet.
    content: Vec<u8>,
    read: Vec<u8>,
    closed: bool,
    writer: Option<Waker>,
    /// The time since which the writer waits for room.
    full_since: Option<Instant>,
    /// The total time of its earlier waits.
    blocked: Duration,
    /// `true` if the consumer has paused.
    stopped: bool,
}

impl Pipe {
    /// Creates an empty pipe.
    #[must_use]
    pub fn new(capacity: usize, consumer: Consumer) -> Self {
        let state = State {
            capacity: capacity.max(1),
            consumer,
            content: Vec::new(),
            read: Vec::new(),
            closed: false,
            writer: None,
            full_since: None,
            blocked: Duration::ZERO,
            stopped: false,
        };
        Self(Arc::new(Mutex::new(state)), Arc::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads like its consumer, forever; must be dropped with the sync.
    pub async fn consume(self) {
        let Some(wait) = self.state().next_read() else { return };
        loop {
            // Without data, no time passes.
            self.1.notified().await;
            sleep(wait).await;
            let mut state = self.state();
            state.read_some();
            if !state.content.is_empty() {
                self.1.notify_one();
            }
            if let Some(writer) = state.writer.take() {
                writer.wake();
            }
        }
    }

    /// Closes the reading end.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        if let Some(writer) = state.writer.take() {
            writer.wake();
        }
    }

    /// Returns the time for which the writer has waited for the consumer. Must be called on the sync's
    /// runtime.
    #[must_use]
    pub fn blocked(&self) -> Duration {
        let state = self.state();
        state.blocked + state.full_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Returns the rest of the data for the consumer after the writer has ended.
    #[must_use]
    pub fn drain(&self, lost: Lost) -> Vec<u8> {
        let mut state = self.state();
        let keep = match lost {
            Lost::Nothing => state.content.len(),
            Lost::Half => state.content.len() / 2,
            Lost::Everything => 0,
        };
        let content = std::mem::take(&mut state.content);
        if !state.closed {
            state.read.extend_from_slice(&content[..keep]);
        }
        std::mem::take(&mut state.read)
    }
}

impl State {
    /// Returns the time of the next read; `None` if the consumer reads at once.
    fn next_read(&self) -> Option<Duration> {
        match self.consumer {
            Consumer::Quick => None,
            Consumer::Slow(_, every) => Some(Duration::from_millis(every)),
            Consumer::Stops(_, seconds) => Some(Duration::from_secs(seconds)),
        }
    }

    fn read_some(&mut self) {
        let most = match self.consumer {
            Consumer::Slow(bytes, _) => bytes.min(self.content.len()),
            Consumer::Quick => self.content.len(),
            Consumer::Stops(..) => {
                self.stopped = !self.content.is_empty();
                self.content.len()
            }
        };
        self.read.extend(self.content.drain(..most));
    }

    fn is_reading(&self) -> bool {
        match self.consumer {
            Consumer::Quick => true,
            Consumer::Slow(..) => false,
            Consumer::Stops(from, _) => self.stopped || self.read.len() < from,
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if state.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.is_reading() {
            state.read.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        let room = state.capacity.saturating_sub(state.content.len());
        if room == 0 {
            state.full_since.get_or_insert_with(Instant::now);
            state.writer = Some(task.waker().clone());
            return Poll::Pending;
        }
        if let Some(since) = state.full_since.take() {
            state.blocked += since.elapsed();
        }
        let written = room.min(bytes.len());
        state.content.extend_from_slice(&bytes[..written]);
        self.1.notify_one();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.state().closed { Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) } else { Poll::Ready(Ok(())) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
