//! HTTP/1.1 with keep-alive, one call in flight a connection.

use crate::{Target, call::Failure, grpc::ANSWER_BYTES_MAX};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::{net::TcpStream, sync::Mutex};

/// One HTTP/1.1 connection.
#[derive(Clone)]
pub(crate) struct RestCaller {
    sender: Arc<Mutex<SendRequest<Full<Bytes>>>>,
    head: Request<()>,
}

impl RestCaller {
    pub(crate) async fn new(stream: TcpStream, target: &Target) -> Result<Self, Failure> {
        let head = target.head().map_err(|error| Failure::Connect(error.to_string()))?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(transport)?;
        // The task ends with the connection; a call on it sees the error itself.
        tokio::spawn(connection);
        Ok(Self { sender: Arc::new(Mutex::new(sender)), head })
    }

    pub(crate) async fn call(&mut self, body: Bytes) -> Result<Bytes, Failure> {
        let mut sender = self.sender.lock().await;
        sender.ready().await.map_err(transport)?;
        let request = self.head.clone().map(|()| Full::new(body));
        let response = sender.send_request(request).await.map_err(transport)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| Failure::Transport(error.to_string()))?
            .to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        Err(Failure::Status(format!("http {}: {}", status.as_u16(), error_text(&body))))
    }
}

/// The `error` of a JSON body, else the start of the body.
fn error_text(body: &[u8]) -> String {
    let said = serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|value| value.get("error")?.as_str().map(str::to_owned));
    said.unwrap_or_else(|| String::from_utf8_lossy(body).chars().take(200).collect())
}

fn transport(error: hyper::Error) -> Failure {
    Failure::Transport(error.to_string())
}
