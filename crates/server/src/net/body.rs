//! Bodies: requests' gathered within limits, responses' given in as few frames as can be.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::stream::InFlight;

/// Why a body did not arrive whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    Stalled,
    DeadlinePassed,
    Broken,
}

/// How much of a body is taken, and for how long it is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    pub(crate) bytes_max: usize,
    pub(crate) idle: Duration,
    pub(crate) deadline: Instant,
}

/// Gathers a body. One that arrived in one piece is not copied, and costs no timer.
pub(crate) async fn gather(
    body: &mut (impl Body<Data = Bytes> + Unpin),
    limits: BodyLimits,
) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > limits.bytes_max as u64 {
        return Err(BodyError::TooLarge);
    }
    let Some(first) = next_data(body, limits).await? else { return Ok(Bytes::new()) };
    if first.len() > limits.bytes_max {
        return Err(BodyError::TooLarge);
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    let Some(second) = next_data(body, limits).await? else { return Ok(first) };
    let mut whole = BytesMut::from(first);
    let mut next = Some(second);
    while let Some(data) = next {
        if whole.len().saturating_add(data.len()) > limits.bytes_max {
            return Err(BodyError::TooLarge);
        }
        whole.extend_from_slice(&data);
        next = next_data(body, limits).await?;
    }
    Ok(whole.freeze())
}

async fn next_data(
    body: &mut (impl Body<Data = Bytes> + Unpin),
    limits: BodyLimits,
) -> Result<Option<Bytes>, BodyError> {
    loop {
        let frame = match poll_once(body).await {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let idle_end = Instant::now() + limits.idle;
                let wait = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
                timeout_at(idle_end.min(limits.deadline), wait).await.map_err(|_| {
                    let stalled = idle_end < limits.deadline;
                    if stalled { BodyError::Stalled } else { BodyError::DeadlinePassed }
                })?
            }
        };
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

type Polled<B> = Poll<Option<Result<Frame<Bytes>, <B as Body>::Error>>>;

async fn poll_once<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Polled<B> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *body).poll_frame(cx))).await
}

/// Messages of a server stream, one data frame each; `None` ends it.
pub(crate) type Messages = Pin<Box<dyn Stream>>;

/// What a streaming response is made of.
pub(crate) trait Stream {
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;
}

/// A response's body. While it lives, its request counts as in flight.
pub(crate) struct Reply {
    data: Option<Bytes>,
    messages: Option<Messages>,
    trailers: Option<HeaderMap>,
    in_flight: Option<InFlight>,
}

impl Reply {
    /// One piece of data, or none.
    pub(crate) fn whole(data: Bytes) -> Self {
        let data = Some(data).filter(|data| !data.is_empty());
        Self { data, messages: None, trailers: None, in_flight: None }
    }

    /// One message, then trailers.
    pub(crate) fn unary(data: Bytes, trailers: HeaderMap) -> Self {
        Self { data: Some(data), messages: None, trailers: Some(trailers), in_flight: None }
    }

    /// Messages as they come, then trailers.
    pub(crate) fn streaming(messages: Messages, trailers: HeaderMap) -> Self {
        Self { data: None, messages: Some(messages), trailers: Some(trailers), in_flight: None }
    }

    pub(crate) fn hold(&mut self, in_flight: InFlight) {
        self.in_flight = Some(in_flight);
    }

    pub(crate) fn len(&self) -> usize {
        self.data.as_ref().map_or(0, Bytes::len)
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
        if let Some(data) = this.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(messages) = &mut this.messages {
            match messages.as_mut().poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Poll::Ready(None) => this.messages = None,
            }
        }
        Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.messages.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.messages {
            Some(_) => SizeHint::new(),
            None => SizeHint::with_exact(self.len() as u64),
        }
    }
}

/// A request's body, or the part of it that a test makes.
pub(crate) type RequestBody = Incoming;
