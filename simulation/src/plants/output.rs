//! Defects of the output.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use serde_json::Value;
use tokio::io::AsyncWrite;

use super::Plant;

/// A stdout with a defect.
pub struct Planted {
    plant: Plant,
    inner: Pin<Box<dyn AsyncWrite + Send>>,
    /// The incomplete line.
    line: Vec<u8>,
    /// Complete lines that are held back.
    held: Vec<u8>,
    /// The bytes to write for the accepted ones.
    rest: Vec<u8>,
    /// The number of accepted bytes.
    taken: Option<usize>,
    records: u64,
}

impl Planted {
    /// Plants a defect before a stdout.
    pub fn new(plant: Plant, inner: Pin<Box<dyn AsyncWrite + Send>>) -> Self {
        Self { plant, inner, line: Vec::new(), held: Vec::new(), rest: Vec::new(), taken: None, records: 0 }
    }

    fn take(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.take_line(line);
            }
        }
    }

    fn take_line(&mut self, line: Vec<u8>) {
        let is = |kind: &str| line.starts_with(format!(r#"{{"type":"{kind}""#).as_bytes());
        let (record, state) = (is("RECORD"), is("STATE"));
        self.records += u64::from(record);
        match self.plant {
            Plant::StateBeforeRecords | Plant::StateCoversMore if record => {
                if self.plant == Plant::StateCoversMore {
                    self.rest.append(&mut self.held);
                }
                self.held.extend(line);
            }
            Plant::RecordsKept if record => self.held.extend(line),
            Plant::RecordsKept => {
                if state {
                    self.rest.append(&mut self.held);
                }
                self.rest.extend(line);
            }
            Plant::StateBeforeRecords if state => {
                self.rest.extend(line);
                self.rest.append(&mut self.held);
            }
            Plant::StateCoversMore if state => {
                self.held.clear();
                self.rest.extend(line);
            }
            Plant::LookBackRemoved if state => self.rest.extend(without_look_back(&line)),
            Plant::PairEmittedLate if is("CONTROL") => self.held.extend(line),
            Plant::PairEmittedLate => {
                self.rest.extend(line);
                self.rest.append(&mut self.held);
            }
            Plant::RecordRewritten if record => {
                self.rest.extend(String::from_utf8_lossy(&line).replace(":1.0", ":1").into_bytes());
            }
            Plant::LineDropped if record && self.records.is_multiple_of(50) => {}
            _ => self.rest.extend(line),
        }
    }
}

/// Returns a STATE after which the next sync starts at the cursor.
fn without_look_back(line: &[u8]) -> Vec<u8> {
    let Ok(mut message) = serde_json::from_slice::<Value>(line) else { return line.to_vec() };
    let state = &mut message["state"]["stream"]["stream_state"];
    if state["created_at"].is_string() {
        state["seen_since"] = state["created_at"].clone();
    }
    format!("{message}\n").into_bytes()
}

impl AsyncWrite for Planted {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.taken.is_none() {
            this.take(bytes);
            this.taken = Some(bytes.len());
        }
        // The same bytes are offered until everything that results from them is written.
        while !this.rest.is_empty() {
            let written = ready!(this.inner.as_mut().poll_write(task, &this.rest))?;
            this.rest.drain(..written);
        }
        Poll::Ready(Ok(this.taken.take().unwrap_or_default()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_flush(task)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
