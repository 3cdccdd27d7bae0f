//! Listening sockets and the loops that accept from them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::connection::Face;
use super::worker::Lanes;
use crate::lifecycle::{Stage, Stages};
use crate::{Config, ServerError};

/// How long accepting rests after the system ran out of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// Binds the address of `face`.
pub(crate) fn bind(config: &Config, face: Face) -> Result<TcpListener, ServerError> {
    let (port, option) = match face {
        Face::Http => (config.http_port, "--http-port"),
        Face::Grpc => (config.grpc_port, "--grpc-port"),
    };
    let address = config.address(port)?;
    listen(address).map_err(|source| ServerError::Bind {
        address: address.to_string(),
        hint: hint(&source, option),
        source,
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn hint(error: &io::Error, option: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "another program has this port; give another by {option}, or 0 for any free one"
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 need a privilege; give another by {option}")
        }
        io::ErrorKind::AddrNotAvailable => "give an address of this machine by --host".to_owned(),
        _ => format!("give another address by --host and {option}"),
    }
}

/// Accepts until the server closes its doors. No error of one connection ends it.
pub(crate) async fn accept(listener: TcpListener, face: Face, lanes: Lanes, mut stages: Stages) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Ok(stream) = stream.into_std() {
                        lanes.hand_over(stream, face);
                    }
                }
                Err(error) => rest_after(&error).await,
            },
            () = stages.reach(Stage::Closing) => break,
        }
    }
    if let Ok(listener) = listener.into_std() {
        accept_waiting(&listener, face, &lanes);
    }
}

/// Accepts those whom the system has let in already: to close the socket would break them off.
fn accept_waiting(listener: &TcpListener, face: Face, lanes: &Lanes) {
    while let Ok((stream, _)) = listener.accept() {
        lanes.hand_over(stream, face);
    }
}

/// Rests where trying again at once would spin: out of descriptors, buffers or memory. Anything
/// else was that connection's own end.
async fn rest_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tokio::time::sleep(PAUSE).await;
    }
}
