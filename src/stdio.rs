//! The stdout and stderr that the process inherits, written without a buffer.
//!
//! A parent such as ssh, node or an asyncio program may hand over a pipe with `O_NONBLOCK`. Writing to it
//! when it is full fails with `EAGAIN`, which means "later" and is not a failure. This file must not
//! clear the flag: it belongs to the pipe, which other processes share.

use std::io::{self, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, retry_on_intr, write};

/// A descriptor that is written directly. No descriptor is opened for it.
#[derive(Debug)]
pub struct Inherited<F>(F);

impl<F: AsFd> Inherited<F> {
    /// Writes to this descriptor, such as [`std::io::stdout()`], and past any buffer that it has.
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

/// Blocks until there is room, or until the reader is gone, which the next write reports.
fn wait_until_writable(descriptor: &impl AsFd) -> io::Result<()> {
    let mut descriptors = [PollFd::new(descriptor, PollFlags::OUT)];
    retry_on_intr(|| poll(&mut descriptors, None))?;
    // Some systems cannot wait for every kind of file. Trying again at once would use up a processor.
    if descriptors[0].revents().contains(PollFlags::NVAL) { Err(Errno::AGAIN.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use rustix::fs::{OFlags, fcntl_setfl};

    use super::*;

    #[test]
    fn a_full_pipe_that_does_not_block_is_waited_for() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        fcntl_setfl(&writer, OFlags::NONBLOCK).expect("the flag is set");
        let sent: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        let thread = std::thread::spawn(move || Inherited::new(writer).write_all(&sent));
        let mut read = Vec::new();
        reader.read_to_end(&mut read).expect("it can be read");
        assert!(read == expected, "{} bytes came", read.len());
        thread.join().expect("no panic").expect("no failure");
    }

    #[test]
    fn a_reader_that_leaves_a_full_pipe_ends_the_wait() {
        let (reader, writer) = io::pipe().expect("a pipe");
        fcntl_setfl(&writer, OFlags::NONBLOCK).expect("the flag is set");
        let thread = std::thread::spawn(move || Inherited::new(writer).write_all(&vec![0; 1 << 20]));
        // The first byte shows that the pipe is being written.
        (&reader).read_exact(&mut [0]).expect("a byte");
        drop(reader);
        let error = thread.join().expect("no panic").expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
