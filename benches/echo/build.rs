//! Generates tonic's server code for the one call that is measured, over the messages that our
//! server uses.

use tonic_prost_build::manual::{Builder, Method, Service};

fn main() {
    let infer = Method::builder()
        .name("model_infer")
        .route_name("ModelInfer")
        .input_type("ferrule_proto::inference::ModelInferRequest")
        .output_type("ferrule_proto::inference::ModelInferResponse")
        .codec_path("tonic_prost::ProstCodec")
        .build();
    let service =
        Service::builder().name("GRPCInferenceService").package("inference").method(infer).build();
    Builder::new().build_client(false).compile(&[service]);
}
