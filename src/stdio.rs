//! The stdout and stderr that the process inherits, written without a buffer.
//!
//! A parent such as ssh, node or an asyncio program may pass a pipe with `O_NONBLOCK`. A write to a full pipe
//! then fails with `EAGAIN`, which means "try again later" and is not a failure. This file must not clear the
//! flag: it belongs to the pipe, which other processes share.

use std::io::{self, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, retry_on_intr, write};

/// Writes directly to a file descriptor that is already open.
#[derive(Debug)]
pub struct Inherited<F>(F);

impl<F: AsFd> Inherited<F> {
    /// Writes to this descriptor, such as [`std::io::stdout()`], and bypasses its buffer.
    pub fn new(descriptor: F) -> Self {
        Self(descriptor)
    }
}

impl<F: AsFd> Write for Inherited<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match write(&self.0, bytes) {
                Err(Errno::AGAIN) => wait_until_writable(&self.0)?,
                result => return Ok(result?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Blocks until there is room or the reader has closed the pipe. The next write reports a closed pipe.
fn wait_until_writable(descriptor: &impl AsFd) -> io::Result<()> {
    let mut descriptors = [PollFd::new(descriptor, PollFlags::OUT)];
    retry_on_intr(|| poll(&mut descriptors, None))?;
    // Some systems cannot wait for every kind of file. An immediate retry would use a whole CPU.
    if descriptors[0].revents().contains(PollFlags::NVAL) { Err(Errno::AGAIN.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use rustix::fs::{OFlags, fcntl_setfl};

    use super::*;

    #[test]
    fn a_write_waits_for_a_full_non_blocking_pipe() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        fcntl_setfl(&writer, OFlags::NONBLOCK).expect("the flag is set");
        let sent: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        let thread = std::thread::spawn(move || Inherited::new(writer).write_all(&sent));
        let mut read = Vec::new();
        reader.read_to_end(&mut read).expect("it can be read");
        assert!(read == expected, "{} bytes were read", read.len());
        thread.join().expect("no panic").expect("no failure");
    }

    #[test]
    fn the_wait_ends_when_the_reader_closes_a_full_pipe() {
        let (reader, writer) = io::pipe().expect("a pipe");
        fcntl_setfl(&writer, OFlags::NONBLOCK).expect("the flag is set");
        let thread = std::thread::spawn(move || Inherited::new(writer).write_all(&vec![0; 1 << 20]));
        // The first byte shows that the write has started.
        (&reader).read_exact(&mut [0]).expect("a byte");
        drop(reader);
        let error = thread.join().expect("no panic").expect_err("there is no reader");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
