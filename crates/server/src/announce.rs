//! What a started server says: where it is, and a first request to paste.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde_json::json;

use crate::{App, Server, log};

/// Widest input that an example is written out for.
const EXAMPLE_COLUMNS_MAX: i64 = 16;

pub(crate) fn print(server: &Server) {
    let app = server.app();
    let scheme = if app.config.tls_cert.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", server.http_address());
    let served: Vec<String> = app
        .registry
        .loaded()
        .iter()
        .map(|served| format!("{} (version {})", served.name, served.version))
        .collect();
    log::info(format_args!("serving {}", served.join(", ")));
    log::info(format_args!("REST {url}  gRPC {}", server.grpc_address()));
    let reachable = format!("{scheme}://{}", reachable(server.http_address()));
    if let Some(command) = curl(app, &reachable) {
        log::info(format_args!("try  {command}"));
    }
}

/// An address that this machine reaches the server at, where it listens on all.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// A command that asks the first model for one prediction.
fn curl(app: &App, url: &str) -> Option<String> {
    let served = app.registry.loaded().into_iter().next()?;
    let input = served.model.signature().inputs.first()?;
    let columns = input.shape.get(1).copied().filter(|columns| *columns <= EXAMPLE_COLUMNS_MAX)?;
    let zeros = vec![0.0; usize::try_from(columns).ok()?];
    let body = json!({ "inputs": [{
        "name": input.name, "shape": [1, columns], "datatype": input.dtype.oip_name(), "data": zeros,
    }] });
    let key = app.keys.as_ref().map_or("", |_| " -H \"Authorization: Bearer $KEY\"");
    let quoted = body.to_string().replace('\'', "'\\''");
    Some(format!("curl{key} {url}/v2/models/{}/infer -d '{quoted}'", served.name))
}
