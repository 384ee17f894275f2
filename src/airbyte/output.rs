//! The only writer of stdout, and of the plain text for a user at a terminal.
//!
//! A separate thread writes, behind a bounded channel: a consumer that stops reading stops the connector
//! without blocking the runtime that handles the requests in flight. A stdout that never blocks needs no
//! thread; a task writes to it. The channel is first in, first out, so a STATE never overtakes the records
//! that it covers. The result of every write is checked: after the first failure, nothing more is written and
//! every call fails.

use std::future::poll_fn;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use tokio::io::AsyncWrite;
use tokio::sync::{mpsc, oneshot};

use super::failure::OutputError;
use super::message::{Level, Log, Message};
use super::plain::plain;

type Result<T> = std::result::Result<T, OutputError>;

/// The number of chunks that may wait for a slow consumer. A page of records is one chunk.
const WAITING: usize = 8;

/// The largest number of warnings that are kept for the end of a sync.
const MOST_WARNINGS: usize = 20;

enum Job {
    Write(Vec<u8>),
    /// Writes plain text for the user, in order with the messages.
    Terminal(String),
    Flush(oneshot::Sender<()>),
}

/// A handle that emits messages. Clones write to the same stdout.
#[derive(Clone)]
pub struct Output {
    jobs: mpsc::Sender<Job>,
    failure: Arc<OnceLock<OutputError>>,
    level: Level,
    has_terminal: bool,
    /// The warnings from [`Output::warn`].
    warnings: Arc<Mutex<Vec<String>>>,
}

/// The queue of jobs and their result. [`Jobs::run`] processes it.
pub struct Jobs {
    waiting: mpsc::Receiver<Job>,
    failure: Arc<OnceLock<OutputError>>,
}

/// The thread that writes.
pub struct Writer {
    thread: JoinHandle<()>,
    failure: Arc<OnceLock<OutputError>>,
}

impl Output {
    /// Starts the thread that writes. LOG messages below `level` are skipped. `terminal` gets plain text; failures to
    /// write it are ignored.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        mut to: Box<dyn Write + Send>,
        level: Level,
        mut terminal: Option<Box<dyn Write + Send>>,
    ) -> Result<(Self, Writer)> {
        let (output, jobs) = Self::new(level, terminal.is_some());
        let failure = Arc::clone(&output.failure);
        let Jobs { mut waiting, failure: failed } = jobs;
        let thread = std::thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || {
                while let Some(job) = waiting.blocking_recv() {
                    if let Err(error) = perform(&mut to, terminal.as_mut(), job) {
                        let _ = failed.set(OutputError::from(&error));
                        return;
                    }
                }
            })
            .map_err(|error| OutputError::Failed { why: error.to_string() })?;
        Ok((output, Writer { thread, failure }))
    }

    /// Creates an output without a thread: nothing is written until [`Jobs::run`] is polled.
    #[must_use]
    pub fn on_a_task(level: Level) -> (Self, Jobs) {
        Self::new(level, false)
    }

    fn new(level: Level, has_terminal: bool) -> (Self, Jobs) {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let failure = Arc::new(OnceLock::new());
        (
            Self { jobs, failure: Arc::clone(&failure), level, has_terminal, warnings: Arc::default() },
            Jobs { waiting, failure },
        )
    }

    /// Emits whole lines.
    ///
    /// # Errors
    /// If stdout is closed or cannot be written.
    pub async fn lines(&self, lines: Vec<u8>) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        self.push(Job::Write(lines)).await
    }

    /// Emits a message.
    ///
    /// # Errors
    /// See [`Output::lines`].
    pub async fn send(&self, message: &Message) -> Result<()> {
        let line = message.to_line().map_err(|_| OutputError::Defect)?;
        self.lines(line).await?;
        if self.has_terminal
            && let Some(text) = plain(message)
        {
            self.push(Job::Terminal(text)).await?;
        }
        Ok(())
    }

    /// Returns `true` if LOG messages of this level are emitted.
    #[must_use]
    pub fn logs(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Emits a WARN and keeps it for the summary at the end of the sync. A repeated warning is kept once.
    ///
    /// # Errors
    /// See [`Output::lines`].
    pub async fn warn(&self, message: impl Into<String>) -> Result<()> {
        let message = message.into();
        self.keep(&message);
        self.log(Level::Warn, message).await
    }

    fn keep(&self, warning: &str) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < MOST_WARNINGS && !warnings.iter().any(|kept| kept == warning) {
            warnings.push(warning.to_owned());
        }
    }

    /// Returns the warnings so far.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Emits a LOG message, if its level is enabled.
    ///
    /// # Errors
    /// See [`Output::lines`].
    pub async fn log(&self, level: Level, message: impl Into<String>) -> Result<()> {
        if !self.logs(level) {
            return Ok(());
        }
        let message = message.into();
        self.send(&Message::Log { log: Log { level, message } }).await
    }

    /// Waits until everything so far has been written and flushed.
    ///
    /// # Errors
    /// See [`Output::lines`].
    pub async fn flush(&self) -> Result<()> {
        let (done, flushed) = oneshot::channel();
        self.push(Job::Flush(done)).await?;
        flushed.await.map_err(|_| self.failure())
    }

    async fn push(&self, job: Job) -> Result<()> {
        self.jobs.send(job).await.map_err(|_| self.failure())
    }

    fn failure(&self) -> OutputError {
        self.failure.get().cloned().unwrap_or(OutputError::Closed)
    }
}

impl Jobs {
    /// Writes until all [`Output`]s are dropped.
    ///
    /// # Errors
    /// If a write failed.
    pub async fn run(mut self, to: &mut (impl AsyncWrite + Unpin)) -> Result<()> {
        while let Some(job) = self.waiting.recv().await {
            if let Err(error) = perform_async(to, job).await {
                let kind = OutputError::from(&error);
                let _ = self.failure.set(kind.clone());
                return Err(kind);
            }
        }
        Ok(())
    }
}

impl Writer {
    /// Waits until everything is written and the thread has ended. All [`Output`]s must have been dropped.
    ///
    /// # Errors
    /// If a write failed.
    pub fn finish(self) -> Result<()> {
        if self.thread.join().is_err() {
            return Err(OutputError::Defect);
        }
        match self.failure.get() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

impl From<&io::Error> for OutputError {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Failed { why: error.to_string() },
        }
    }
}

async fn perform_async(to: &mut (impl AsyncWrite + Unpin), job: Job) -> io::Result<()> {
    match job {
        Job::Write(lines) => {
            let mut rest = &lines[..];
            while !rest.is_empty() {
                match poll_fn(|task| Pin::new(&mut *to).poll_write(task, rest)).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    written => rest = &rest[written..],
                }
            }
        }
        Job::Terminal(_) => {}
        Job::Flush(done) => {
            poll_fn(|task| Pin::new(&mut *to).poll_flush(task)).await?;
            // The caller may have been cancelled.
            let _ = done.send(());
        }
    }
    Ok(())
}

fn perform(to: &mut dyn Write, terminal: Option<&mut Box<dyn Write + Send>>, job: Job) -> std::io::Result<()> {
    match job {
        Job::Write(lines) => to.write_all(&lines),
        Job::Terminal(text) => {
            if let Some(terminal) = terminal {
                // A closed terminal must not end a sync.
                let _ = terminal.write_all(text.as_bytes());
            }
            Ok(())
        }
        Job::Flush(done) => {
            to.flush()?;
            // The caller may have been cancelled.
            let _ = done.send(());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use super::*;

    struct Closed(io::ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Err(self.0.into())
        }
    }

    /// Accepts one byte at a time, up to a total.
    struct Narrow {
        taken: Vec<u8>,
        most: usize,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            if self.taken.len() == self.most {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            self.taken.push(bytes[0]);
            Poll::Ready(Ok(1))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_task_writes_the_same_as_a_thread_and_a_closed_pipe_ends_it() {
        for (most, ends) in [(usize::MAX, None), (4, Some(OutputError::Closed))] {
            let (output, jobs) = Output::on_a_task(Level::Info);
            let writer = tokio::spawn(async move {
                let mut narrow = Narrow { taken: Vec::new(), most };
                let end = jobs.run(&mut narrow).await;
                (narrow.taken, end)
            });
            output.lines(b"{\"one\":1}\n".to_vec()).await.expect("it is open");
            let flushed = output.flush().await;
            assert_eq!(flushed.err(), ends);
            drop(output);
            let (taken, end) = writer.await.expect("it ends");
            assert!(b"{\"one\":1}\n".starts_with(&taken), "{taken:?}");
            assert_eq!(taken.len(), most.min(10));
            assert_eq!(end.err(), ends);
        }
    }

    #[tokio::test]
    async fn a_failed_write_fails_every_call_after_it() {
        for (kind, closed) in [(io::ErrorKind::BrokenPipe, true), (io::ErrorKind::StorageFull, false)] {
            let (output, writer) = Output::start(Box::new(Closed(kind)), Level::Info, None).expect("starts");
            let error = async {
                loop {
                    output.log(Level::Info, "x").await?;
                    output.flush().await?;
                }
            };
            let error: OutputError = match error.await {
                Err(error) => error,
                Ok(()) => unreachable!("the loop ends with an error"),
            };
            assert_eq!(error == OutputError::Closed, closed);
            drop(output);
            assert_eq!(writer.finish(), Err(error));
        }
    }
}
