//! A connection's bytes, watched, so that peers who stall can be told from those who wait.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::sending::Handed;

/// What a connection has done so far. Shared by its stream, its requests and its watchdog, all
/// on one thread.
#[derive(Debug)]
pub(crate) struct Activity {
    /// Requests whose response is not yet handed over.
    pub(crate) in_flight: Cell<u32>,
    /// Since when nothing is in flight.
    pub(crate) idle_since: Cell<Instant>,
    /// Since when a request's head has been arriving.
    pub(crate) head_since: Cell<Option<Instant>>,
    /// When bytes last moved.
    pub(crate) moved: Cell<Instant>,
    /// Since when the peer has taken none of what waits to be written.
    pub(crate) blocked_since: Cell<Option<Instant>>,
    /// When the connection's present turn on its thread began.
    pub(crate) turn: Cell<Instant>,
    /// Bytes read.
    pub(crate) read: Cell<u64>,
    /// What the reply that was asked last gave, since somebody last cleared this.
    pub(crate) handed: Cell<Option<Handed>>,
}

impl Activity {
    pub(crate) fn new() -> Rc<Self> {
        let now = Instant::now();
        Rc::new(Self {
            in_flight: Cell::new(0),
            idle_since: Cell::new(now),
            head_since: Cell::new(None),
            moved: Cell::new(now),
            blocked_since: Cell::new(None),
            turn: Cell::new(now),
            read: Cell::new(0),
            handed: Cell::new(None),
        })
    }

    fn did_read(&self, bytes: usize) {
        let now = Instant::now();
        self.moved.set(now);
        self.read.set(self.read.get().saturating_add(bytes as u64));
        if self.in_flight.get() == 0 && self.head_since.get().is_none() {
            self.head_since.set(Some(now));
        }
    }

    fn did_write(&self, result: &Poll<io::Result<usize>>) {
        match result {
            Poll::Ready(Ok(1..)) => {
                self.moved.set(Instant::now());
                self.blocked_since.set(None);
            }
            Poll::Ready(_) => {}
            Poll::Pending => self.did_block(),
        }
    }

    fn did_flush(&self, result: &Poll<io::Result<()>>) {
        match result {
            Poll::Ready(_) => self.blocked_since.set(None),
            Poll::Pending => self.did_block(),
        }
    }

    fn did_block(&self) {
        if self.blocked_since.get().is_none() {
            self.blocked_since.set(Some(Instant::now()));
        }
    }
}

/// One request in flight; its end is noted when this is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Rc<Activity>);

impl InFlight {
    pub(crate) fn begin(activity: &Rc<Activity>) -> Self {
        activity.in_flight.set(activity.in_flight.get().saturating_add(1));
        activity.head_since.set(None);
        Self(Rc::clone(activity))
    }

    /// Notes what the reply gave when it was asked for a frame.
    pub(crate) fn note(&self, handed: Handed) {
        self.0.handed.set(Some(handed));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let left = self.0.in_flight.get().saturating_sub(1);
        self.0.in_flight.set(left);
        if left == 0 {
            self.0.idle_since.set(Instant::now());
        }
    }
}

/// A byte stream that notes what moves.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    inner: S,
    activity: Rc<Activity>,
}

impl<S> Watched<S> {
    pub(crate) fn new(inner: S, activity: Rc<Activity>) -> Self {
        Self { inner, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.remaining();
        let result = Pin::new(&mut this.inner).poll_read(cx, buf);
        let bytes = before.saturating_sub(buf.remaining());
        if bytes > 0 {
            this.activity.did_read(bytes);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write(cx, bytes);
        this.activity.did_write(&result);
        result
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write_vectored(cx, slices);
        this.activity.did_write(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_flush(cx);
        this.activity.did_flush(&result);
        result
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
