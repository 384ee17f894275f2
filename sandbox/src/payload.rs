//! The body of a response on the network: at once, in pieces, or truncated. Must not depend
//! on its content.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

/// The connection is closed on purpose.
#[derive(Debug)]
pub(crate) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed on purpose")
    }
}

impl std::error::Error for Closed {}

/// A body that is sent at once, truncated, or in pieces.
pub(crate) struct Payload {
    left: Option<Bytes>,
    /// Polls until the connection is closed, so that the bytes before are flushed.
    cut: Option<u8>,
    drip: Option<Drip>,
}

/// A body that is sent in pieces.
struct Drip {
    /// Bytes in a piece.
    size: usize,
    pause: Duration,
    until: Pin<Box<Sleep>>,
}

impl Payload {
    /// Creates a body that is sent at once.
    pub(crate) fn of(body: Bytes) -> Self {
        Self { left: Some(body), cut: None, drip: None }
    }

    /// Creates a body after which the connection is closed.
    pub(crate) fn cut_off(body: Bytes) -> Self {
        Self { cut: Some(3), ..Self::of(body) }
    }

    /// Removes and returns the bytes that have not been sent.
    pub(crate) fn take(&mut self) -> Bytes {
        self.left.take().unwrap_or_default()
    }

    /// Sends the rest in this number of pieces, with a pause before each.
    pub(crate) fn drip(&mut self, pieces: usize, pause: Duration) {
        let size = self.left.as_ref().map_or(0, Bytes::len).div_ceil(pieces.max(1)).max(1);
        self.drip = Some(Drip { size, pause, until: Box::pin(tokio::time::sleep(pause)) });
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        let this = &mut *self;
        if let (Some(drip), Some(left)) = (&mut this.drip, this.left.as_mut().filter(|left| !left.is_empty())) {
            std::task::ready!(drip.until.as_mut().poll(cx));
            drip.until.set(tokio::time::sleep(drip.pause));
            return Poll::Ready(Some(Ok(Frame::data(left.split_to(drip.size.min(left.len()))))));
        }
        if let Some(bytes) = self.left.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.cut {
            None => Poll::Ready(None),
            Some(0) => Poll::Ready(Some(Err(Closed))),
            Some(turns) => {
                self.cut = Some(turns - 1);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.left.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        match self.cut {
            None => SizeHint::with_exact(self.left.as_ref().map_or(0, Bytes::len) as u64),
            Some(_) => SizeHint::default(),
        }
    }
}
