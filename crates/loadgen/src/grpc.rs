//! Unary gRPC on an HTTP/2 connection: the status is read from the trailers of every call.

use crate::{Target, call::Failure};
use bytes::{Buf, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request, StatusCode};
use tokio::net::TcpStream;

/// Largest answer that is read, so that a broken peer cannot fill memory.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;
const WINDOW: u32 = 1 << 20;

/// One HTTP/2 connection; clones share it, each call has a stream of its own.
#[derive(Clone)]
pub(crate) struct GrpcCaller {
    sender: SendRequest<Bytes>,
    head: Request<()>,
}

impl GrpcCaller {
    pub(crate) async fn new(stream: TcpStream, target: &Target) -> Result<Self, Failure> {
        let head = target.head().map_err(|error| Failure::Connect(error.to_string()))?;
        let (sender, connection) = h2::client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW * 4)
            .handshake(stream)
            .await
            .map_err(transport)?;
        // The task ends with the connection; calls see its error on their own streams.
        tokio::spawn(connection);
        Ok(Self { sender, head })
    }

    pub(crate) async fn call(&mut self, body: Bytes) -> Result<Bytes, Failure> {
        let mut sender = self.sender.clone().ready().await.map_err(transport)?;
        let (response, mut stream) =
            sender.send_request(self.head.clone(), false).map_err(transport)?;
        stream.send_data(body, true).map_err(transport)?;
        let response = response.await.map_err(transport)?;
        if response.status() != StatusCode::OK {
            return Err(Failure::Status(format!("http {}", response.status().as_u16())));
        }
        let (head, mut body) = response.into_parts();
        let message = read(&mut body).await?;
        match body.trailers().await.map_err(transport)? {
            Some(trailers) => status(&trailers)?,
            None => status(&head.headers)?,
        }
        unframe(message)
    }
}

/// The whole body; a body of one DATA frame is not copied.
async fn read(body: &mut h2::RecvStream) -> Result<Bytes, Failure> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(transport)?;
        body.flow_control().release_capacity(chunk.len()).map_err(transport)?;
        if first.is_empty() {
            first = chunk;
            continue;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&first);
        }
        if rest.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Failure::Transport("the answer is larger than 64 MiB".to_owned()));
        }
        rest.extend_from_slice(&chunk);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// `Ok` only where `grpc-status` is there and 0.
fn status(headers: &HeaderMap) -> Result<(), Failure> {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    match text("grpc-status") {
        Some("0") => Ok(()),
        Some(code) => {
            let message = text("grpc-message").unwrap_or_default();
            Err(Failure::Status(format!("grpc status {code}: {}", percent_decoded(message))))
        }
        None => Err(Failure::Transport("an answer without grpc-status".to_owned())),
    }
}

/// The message without its five-byte prefix.
fn unframe(mut framed: Bytes) -> Result<Bytes, Failure> {
    let wrong = |what: &str| Err(Failure::Transport(format!("a gRPC answer that {what}")));
    if framed.len() < 5 {
        return wrong("has no message");
    }
    if framed.get_u8() != 0 {
        return wrong("is compressed, though nothing was asked to be");
    }
    if framed.get_u32() as usize != framed.len() {
        return wrong("is not one whole message");
    }
    Ok(framed)
}

/// `message` behind the five-byte prefix that gRPC asks for.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    let mut framed = Vec::with_capacity(message.len() + 5);
    framed.push(0);
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(message);
    framed.into()
}

/// gRPC escapes what is not printable ASCII in a status message.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], escaped) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn transport(error: h2::Error) -> Failure {
    Failure::Transport(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_and_unframing_are_inverse_and_damage_is_seen() {
        assert_eq!(unframe(frame(b"abc")).unwrap(), Bytes::from_static(b"abc"));
        for damaged in [&b"\0\0"[..], b"\x01\0\0\0\x01a", b"\0\0\0\0\x02a"] {
            assert!(unframe(Bytes::copy_from_slice(damaged)).is_err());
        }
    }

    #[test]
    fn only_a_status_of_zero_is_success() {
        let mut headers = HeaderMap::new();
        assert!(matches!(status(&headers), Err(Failure::Transport(_))));
        headers.insert("grpc-status", "3".parse().unwrap());
        headers.insert("grpc-message", "no%20%C3%BC".parse().unwrap());
        let failure = status(&headers).unwrap_err();
        assert_eq!(failure.to_string(), "grpc status 3: no ü");
        headers.insert("grpc-status", "0".parse().unwrap());
        assert!(status(&headers).is_ok());
    }
}
