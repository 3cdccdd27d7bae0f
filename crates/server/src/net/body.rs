//! Bodies: requests' gathered within limits, responses' given in as few frames as can be.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferrule_base::{Coded, ErrorCode};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::budget::{Budget, Share};
use super::sending::Handed;
use super::stream::InFlight;

/// What hyper reads a request's body from.
pub(crate) type RequestBody = Incoming;

/// Why a body did not arrive whole.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is larger than {max} bytes; send less at a time")]
    TooLarge { max: usize },
    #[error("too many bytes of requests are in memory; try again")]
    NoMemory,
    #[error("the body paused for more than {} s", idle.as_secs_f64())]
    Stalled { idle: Duration },
    #[error("the deadline passed before the body had arrived")]
    DeadlinePassed,
    #[error("the body broke off")]
    Broken,
}

impl Coded for BodyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } | Self::NoMemory => ErrorCode::ResourceExhausted,
            Self::Stalled { .. } | Self::DeadlinePassed => ErrorCode::DeadlineExceeded,
            Self::Broken => ErrorCode::Cancelled,
        }
    }
}

/// How much of a body is taken, and for how long it is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    pub(crate) bytes_max: usize,
    pub(crate) idle: Duration,
    pub(crate) deadline: Instant,
}

/// A whole body, counted against the memory budget while it lives.
#[derive(Debug)]
pub(crate) struct Gathered<'a> {
    pub(crate) bytes: Bytes,
    _share: Share<'a>,
}

/// A body announced as longer than this is not looked at before it is gathered: HTTP/1.1's
/// `100 Continue`, which the first look sends, must not invite what is too long.
const PEEK_BYTES_MAX: u64 = 16 << 10;

/// A request's body, of which a piece may have been read already.
pub(crate) struct Arriving {
    body: RequestBody,
    first: Bytes,
}

impl Arriving {
    pub(crate) fn new(body: RequestBody) -> Self {
        Self { body, first: Bytes::new() }
    }

    /// The body, if all of it is here by now: then no task has to wait for it.
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        let short = self.body.size_hint().lower() <= PEEK_BYTES_MAX;
        if short && self.first.is_empty() && !self.body.is_end_stream() {
            let mut cx = Context::from_waker(Waker::noop());
            // Whatever else comes is found again by whoever waits for the body.
            if let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut self.body).poll_frame(&mut cx) {
                self.first = frame.into_data().unwrap_or_default();
            }
        }
        self.body.is_end_stream().then(|| std::mem::take(&mut self.first))
    }

    /// Gives back what [`Arriving::take_whole`] took.
    pub(crate) fn put_back(&mut self, whole: Bytes) {
        self.first = whole;
    }

    /// The body from where reading stands.
    pub(crate) fn into_body(self) -> RequestBody {
        self.body
    }
}

/// Gathers a body, within limits on its size, its pauses and its time.
pub(crate) async fn gather(
    mut arriving: Arriving,
    limits: BodyLimits,
    budget: &Budget,
) -> Result<Gathered<'_>, BodyError> {
    let Arriving { body, first } = &mut arriving;
    let left = body.size_hint().lower();
    if left.saturating_add(first.len() as u64) > limits.bytes_max as u64 {
        return Err(BodyError::TooLarge { max: limits.bytes_max });
    }
    let mut share = budget.share();
    let mut whole = BytesMut::from(std::mem::take(first));
    take(&mut share, whole.len(), limits)?;
    while let Some(data) = next_data(body, limits).await? {
        take(&mut share, whole.len().saturating_add(data.len()), limits)?;
        if whole.is_empty() {
            whole = BytesMut::from(data);
        } else {
            whole.extend_from_slice(&data);
        }
    }
    Ok(Gathered { bytes: whole.freeze(), _share: share })
}

fn take(share: &mut Share<'_>, bytes: usize, limits: BodyLimits) -> Result<(), BodyError> {
    if bytes > limits.bytes_max {
        return Err(BodyError::TooLarge { max: limits.bytes_max });
    }
    if share.grow_to(bytes) { Ok(()) } else { Err(BodyError::NoMemory) }
}

async fn next_data(
    body: &mut (impl Body<Data = Bytes> + Unpin),
    limits: BodyLimits,
) -> Result<Option<Bytes>, BodyError> {
    loop {
        let now = Instant::now();
        let idle_end = now.checked_add(limits.idle).unwrap_or(now);
        let wait = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
        let frame = timeout_at(idle_end.min(limits.deadline), wait).await.map_err(|_| {
            let stalled = idle_end < limits.deadline;
            let idle = limits.idle;
            if stalled { BodyError::Stalled { idle } } else { BodyError::DeadlinePassed }
        })?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(BodyError::Broken),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Ok(Some(data)),
                Err(_trailers) => return Ok(None),
            },
        }
    }
}

/// The messages of a client's stream, one at a time.
pub(crate) struct Messages {
    body: RequestBody,
    waiting: BytesMut,
    bytes_max: usize,
}

impl Messages {
    pub(crate) fn new(body: RequestBody, bytes_max: usize) -> Self {
        Self { body, waiting: BytesMut::new(), bytes_max }
    }

    /// The next message, as `split` tells the first one from the rest; `None` after the last.
    pub(crate) async fn next<E: From<BodyError>>(
        &mut self,
        split: impl Fn(&Bytes) -> Result<Option<(Bytes, Bytes)>, E>,
    ) -> Result<Option<Bytes>, E> {
        loop {
            let waiting = self.waiting.split().freeze();
            if let Some((message, rest)) = split(&waiting)? {
                self.waiting = BytesMut::from(rest);
                return Ok(Some(message));
            }
            self.waiting = BytesMut::from(waiting);
            match poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await {
                None => return Ok(None),
                Some(Err(_)) => return Err(BodyError::Broken.into()),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { return Ok(None) };
                    if self.waiting.len().saturating_add(data.len()) > self.bytes_max {
                        return Err(BodyError::TooLarge { max: self.bytes_max }.into());
                    }
                    self.waiting.extend_from_slice(&data);
                }
            }
        }
    }
}

/// A response's data goes out in pieces of this many bytes, so that a peer that does not read holds
/// up its sending.
const PIECE_BYTES: usize = 16 << 10;
/// A reply longer than this gives its last byte alone: HTTP/2 takes a piece whole where the peer has
/// room for one byte of it, and asks for the last only when the rest is gone.
const UNSPLIT_BYTES_MAX: usize = 4 << 10;

/// How many of the `left` bytes go next.
fn piece_bytes(left: usize) -> usize {
    if left > UNSPLIT_BYTES_MAX { PIECE_BYTES.min(left.saturating_sub(1)) } else { left }
}

/// A response's body. While it lives, its request counts as in flight.
pub(crate) struct Reply {
    data: Bytes,
    stream: Option<mpsc::Receiver<Frame<Bytes>>>,
    trailers: Option<HeaderMap>,
    in_flight: Option<InFlight>,
}

impl Reply {
    /// Data, or none.
    pub(crate) fn whole(data: Bytes) -> Self {
        Self { data, stream: None, trailers: None, in_flight: None }
    }

    /// Data, then trailers.
    pub(crate) fn unary(data: Bytes, trailers: HeaderMap) -> Self {
        Self { trailers: Some(trailers), ..Self::whole(data) }
    }

    /// Frames as they come.
    pub(crate) fn streaming(stream: mpsc::Receiver<Frame<Bytes>>) -> Self {
        Self { stream: Some(stream), ..Self::whole(Bytes::new()) }
    }

    /// Counts the request as in flight for as long as this lives.
    pub(crate) fn hold(&mut self, in_flight: InFlight) {
        self.in_flight = Some(in_flight);
    }

    fn note(&self, handed: Handed) {
        if let Some(in_flight) = &self.in_flight {
            in_flight.note(handed);
        }
    }

    /// Bytes of data that are known already.
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if !this.data.is_empty() {
            this.note(Handed::Piece);
            let piece = this.data.split_to(piece_bytes(this.data.len()));
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if let Some(stream) = &mut this.stream {
            let next = stream.poll_recv(cx);
            this.note(if next.is_ready() { Handed::Piece } else { Handed::Nothing });
            return next.map(|frame| frame.map(Ok));
        }
        Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.stream.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.stream {
            Some(_) => SizeHint::new(),
            None => SizeHint::with_exact(self.len() as u64),
        }
    }
}
