//! The writing end of the pipe, which observes the written lines.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::alarm::Alarm;
use crate::world::{Pipe, World};

/// The writing end.
pub struct Stdout {
    pipe: Pipe,
    world: World,
    alarm: Alarm,
    /// The incomplete line.
    line: Vec<u8>,
    written: usize,
}

impl Stdout {
    /// Creates the writing end of a pipe.
    #[must_use]
    pub fn new(pipe: Pipe, world: World, alarm: Alarm) -> Self {
        Self { pipe, world, alarm, line: Vec::new(), written: 0 }
    }

    fn passed(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.ends_with(b"\n") {
                self.line.pop();
                let mut world = self.world.lock();
                world.written(&self.line);
                self.line.clear();
            }
        }
    }
}

impl AsyncWrite for Stdout {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.pipe).poll_write(task, bytes))?;
        self.passed(&bytes[..written]);
        let before = self.written;
        self.written += written;
        self.alarm.bytes(before, self.written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(task)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
