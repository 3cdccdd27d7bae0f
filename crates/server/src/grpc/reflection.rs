//! gRPC's server reflection: our .proto files, for generic clients.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use ferrule_base::ErrorCode;
use ferrule_proto::DESCRIPTORS;
use ferrule_proto::reflection::server_reflection_request::MessageRequest;
use ferrule_proto::reflection::server_reflection_response::MessageResponse;
use ferrule_proto::reflection::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
};
use http::Response;
use http_body::Frame;
use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

use super::frame;
use super::status::{self, Code, Status};
use crate::lifecycle::Stage;
use crate::net::body::{Messages, Reply, RequestBody};
use crate::net::connection::Connection;

/// Longest request, bytes: a name and little else.
const MESSAGE_BYTES_MAX: usize = 4096;
/// How long a stream may say nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// Our files by name and by every symbol in them.
struct Index {
    services: Vec<String>,
    files: BTreeMap<String, Bytes>,
    symbols: BTreeMap<String, Bytes>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index =
        Index { services: Vec::new(), files: BTreeMap::new(), symbols: BTreeMap::new() };
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
    set.file.iter().for_each(|file| index.add(file));
    index
});

impl Index {
    fn add(&mut self, file: &FileDescriptorProto) {
        let bytes = Bytes::from(file.encode_to_vec());
        let package = file.package();
        self.files.insert(file.name().to_owned(), bytes.clone());
        for service in &file.service {
            let name = format!("{package}.{}", service.name());
            for method in &service.method {
                self.symbols.insert(format!("{name}.{}", method.name()), bytes.clone());
            }
            self.symbols.insert(name.clone(), bytes.clone());
            self.services.push(name);
        }
        let mut open: Vec<(String, &DescriptorProto)> =
            file.message_type.iter().map(|message| (package.to_owned(), message)).collect();
        while let Some((scope, message)) = open.pop() {
            let name = format!("{scope}.{}", message.name());
            open.extend(message.nested_type.iter().map(|inner| (name.clone(), inner)));
            for inner in &message.enum_type {
                self.symbols.insert(format!("{name}.{}", inner.name()), bytes.clone());
            }
            self.symbols.insert(name, bytes.clone());
        }
    }

    fn answer(&self, request: &MessageRequest) -> MessageResponse {
        let file = |found: Option<&Bytes>, name: &str| match found {
            Some(bytes) => MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
                file_descriptor_proto: vec![bytes.clone()],
            }),
            None => not_found(format!("there is no {name:?} here")),
        };
        match request {
            MessageRequest::FileByFilename(name) => file(self.files.get(name), name),
            MessageRequest::FileContainingSymbol(name) => file(self.symbols.get(name), name),
            MessageRequest::FileContainingExtension(_) => {
                not_found("no message here has extensions".to_owned())
            }
            MessageRequest::AllExtensionNumbersOfType(name) if self.symbols.contains_key(name) => {
                let base_type_name = name.clone();
                MessageResponse::AllExtensionNumbersResponse(ExtensionNumberResponse {
                    base_type_name,
                    extension_number: Vec::new(),
                })
            }
            MessageRequest::AllExtensionNumbersOfType(name) => file(None, name),
            MessageRequest::ListServices(_) => {
                let service = self.services.iter().cloned().map(|name| ServiceResponse { name });
                let service = service.collect();
                MessageResponse::ListServicesResponse(ListServiceResponse { service })
            }
        }
    }
}

fn not_found(error_message: String) -> MessageResponse {
    let error_code = Code::NotFound as i32;
    MessageResponse::ErrorResponse(ErrorResponse { error_code, error_message })
}

/// Answers each message of the stream, in order, until the caller or the server goes.
pub(super) fn stream(connection: &Rc<Connection>, body: RequestBody) -> Response<Reply> {
    let mut stages = connection.worker.stages.clone();
    status::streaming(move |sender| async move {
        let mut messages = Messages::new(body, MESSAGE_BYTES_MAX);
        loop {
            let next = tokio::select! {
                next = tokio::time::timeout(PATIENCE, messages.next(frame::split)) => next,
                () = stages.reach(Stage::Closing) => {
                    let text = "the server is shutting down";
                    return Err(Status::new(ErrorCode::Unavailable, text));
                }
            };
            let silent = |_| Status::new(ErrorCode::DeadlineExceeded, "the stream fell silent");
            let Some(message) = next.map_err(silent)?? else { return Ok(()) };
            if sender.send(Frame::data(answer(message)?)).await.is_err() {
                return Ok(());
            }
        }
    })
}

/// The frame that answers one message of the stream.
pub(super) fn answer(message: Bytes) -> Result<Bytes, Status> {
    Ok(frame::encode(&reply(frame::decode(message)?)))
}

fn reply(request: ServerReflectionRequest) -> ServerReflectionResponse {
    let answer = match &request.message_request {
        Some(wanted) => INDEX.answer(wanted),
        None => MessageResponse::ErrorResponse(ErrorResponse {
            error_code: Code::InvalidArgument as i32,
            error_message: "the request asks for nothing".to_owned(),
        }),
    };
    ServerReflectionResponse {
        valid_host: request.host.clone(),
        original_request: Some(request),
        message_response: Some(answer),
    }
}
