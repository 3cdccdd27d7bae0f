//! The practical limit of gRPC: tonic decodes the same request and encodes the same response as
//! our server, with no model between.
//!
//! usage: tonic-echo PORT

use std::error::Error;

use bytes::Bytes;
use ferrule_proto::inference::model_infer_response::InferOutputTensor;
use ferrule_proto::inference::{ModelInferRequest, ModelInferResponse};
use service::g_r_p_c_inference_service_server::{GRPCInferenceService, GRPCInferenceServiceServer};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

mod service {
    include!(concat!(env!("OUT_DIR"), "/inference.GRPCInferenceService.rs"));
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Echo;

#[tonic::async_trait]
impl GRPCInferenceService for Echo {
    async fn model_infer(
        &self,
        request: Request<ModelInferRequest>,
    ) -> Result<Response<ModelInferResponse>, Status> {
        let request = request.into_inner();
        if request.raw_input_contents.is_empty() {
            return Err(Status::invalid_argument("expected raw_input_contents"));
        }
        Ok(Response::new(ModelInferResponse {
            model_name: request.model_name,
            model_version: "1".to_owned(),
            id: request.id,
            outputs: vec![InferOutputTensor {
                name: "label".to_owned(),
                datatype: "INT32".to_owned(),
                shape: vec![1],
                ..Default::default()
            }],
            raw_output_contents: vec![Bytes::from_static(&[1, 0, 0, 0])],
            ..Default::default()
        }))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("usage: tonic-echo PORT")?.parse()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        tonic::transport::Server::builder()
            .add_service(GRPCInferenceServiceServer::new(Echo))
            .serve_with_incoming(no_delay(listener))
            .await?;
        Ok(())
    })
}

/// Accepted connections with Nagle's algorithm off, as tonic's own listener has it.
fn no_delay(
    listener: tokio::net::TcpListener,
) -> impl tokio_stream::Stream<Item = std::io::Result<tokio::net::TcpStream>> {
    use tokio_stream::StreamExt;
    TcpListenerStream::new(listener).map(|stream| {
        let stream = stream?;
        stream.set_nodelay(true)?;
        Ok(stream)
    })
}
