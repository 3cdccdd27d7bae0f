//! What a started server says: where it is, and a first request to paste.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ferrule_artifact::TensorSpec;
use ferrule_base::DType;
use serde_json::{Value, json};

use crate::{App, Server, log};

/// Elements of the largest input that an example is written out for.
const EXAMPLE_ELEMENTS_MAX: usize = 64;

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
    let inputs: Vec<Value> =
        served.model.signature().inputs.iter().map(zeros).collect::<Option<_>>()?;
    let key = app.keys.as_ref().map_or("", |_| " -H \"Authorization: Bearer $KEY\"");
    let quoted = json!({ "inputs": inputs }).to_string().replace('\'', "'\\''");
    Some(format!("curl{key} {url}/v2/models/{}/infer -d '{quoted}'", served.name))
}

/// Zeros for an input, one for each size that is open; `None` where they are too many to write out.
fn zeros(input: &TensorSpec) -> Option<Value> {
    let shape: Vec<i64> = input.shape.iter().map(|&size| if size < 0 { 1 } else { size }).collect();
    let count = shape.iter().try_fold(1i64, |all, &size| all.checked_mul(size))?;
    let count = usize::try_from(count).ok().filter(|&count| count <= EXAMPLE_ELEMENTS_MAX)?;
    let zero = match input.dtype {
        DType::Bool => json!(false),
        DType::Fp16 | DType::Bf16 | DType::Fp32 | DType::Fp64 => json!(0.0),
        _ => json!(0),
    };
    Some(json!({
        "name": input.name,
        "shape": shape,
        "datatype": input.dtype.oip_name(),
        "data": vec![zero; count],
    }))
}
