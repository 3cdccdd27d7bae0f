//! One call over an open connection, and what became of it.

use crate::{Protocol, Target, grpc::GrpcCaller, rest::RestCaller};
use bytes::Bytes;
use std::time::Duration;

/// How a call failed; the text is what errors are counted by.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No connection could be opened.
    Connect(String),
    /// The connection broke, or the peer broke the protocol: a new one is needed.
    Transport(String),
    /// The server answered with an error; the connection is still good.
    Status(String),
    /// No answer in time.
    Timeout,
}

impl Failure {
    /// The connection cannot take another call.
    pub(crate) fn needs_reconnect(&self) -> bool {
        !matches!(self, Self::Status(_))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(cause) => write!(f, "cannot connect: {cause}"),
            Self::Transport(cause) => write!(f, "connection: {cause}"),
            Self::Status(status) => f.write_str(status),
            Self::Timeout => f.write_str("no answer in time"),
        }
    }
}

/// An open connection, or one stream of it.
#[derive(Clone)]
pub(crate) enum Caller {
    Grpc(GrpcCaller),
    Rest(RestCaller),
}

impl Caller {
    /// Opens a connection to `target`.
    pub(crate) async fn connect(target: &Target, timeout: Duration) -> Result<Self, Failure> {
        let opening = async {
            let stream = tokio::net::TcpStream::connect(&target.address)
                .await
                .map_err(|error| Failure::Connect(error.to_string()))?;
            stream.set_nodelay(true).map_err(|error| Failure::Connect(error.to_string()))?;
            match target.protocol {
                Protocol::Grpc => GrpcCaller::new(stream, target).await.map(Self::Grpc),
                Protocol::Rest => RestCaller::new(stream, target).await.map(Self::Rest),
            }
        };
        tokio::time::timeout(timeout, opening).await.unwrap_or(Err(Failure::Timeout))
    }

    /// Sends `body` and returns the body of a successful answer.
    pub(crate) async fn call(&mut self, body: Bytes, timeout: Duration) -> Result<Bytes, Failure> {
        let answer = async {
            match self {
                Self::Grpc(caller) => caller.call(body).await,
                Self::Rest(caller) => caller.call(body).await,
            }
        };
        tokio::time::timeout(timeout, answer).await.unwrap_or(Err(Failure::Timeout))
    }
}
