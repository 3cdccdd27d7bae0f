//! gRPC's message framing: one flag byte, four bytes of length, the message.

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message;

use ferrule_base::ErrorCode;

use super::status::Status;

const HEAD_BYTES: usize = 5;

/// The one message of a unary call's body, not copied.
pub(super) fn message(body: &Bytes) -> Result<Bytes, Status> {
    let (message, rest) = split(body)?.ok_or_else(|| {
        invalid(format!("expected one message, got a body of {} bytes", body.len()))
    })?;
    if rest.is_empty() {
        return Ok(message);
    }
    Err(invalid(format!("expected one message, got {} bytes after it", rest.len())))
}

/// The first message of `body` and what follows; `None` where it is not whole yet.
pub(super) fn split(body: &Bytes) -> Result<Option<(Bytes, Bytes)>, Status> {
    let Some((&[compressed, a, b, c, d], rest)) = body.split_first_chunk::<HEAD_BYTES>() else {
        return Ok(None);
    };
    if compressed != 0 {
        let text = "the message is compressed; send it with grpc-encoding identity";
        return Err(Status::new(ErrorCode::Unimplemented, text));
    }
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if rest.len() < length {
        return Ok(None);
    }
    let end = HEAD_BYTES.saturating_add(length);
    Ok(Some((body.slice(HEAD_BYTES..end), body.slice(end..))))
}

/// A message as one frame.
pub(super) fn encode(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(length.saturating_add(HEAD_BYTES));
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.encode_raw(&mut frame);
    frame.freeze()
}

/// Decodes a message.
pub(super) fn decode<M: Message + Default>(bytes: Bytes) -> Result<M, Status> {
    M::decode(bytes).map_err(|error| invalid(format!("the message cannot be decoded: {error}")))
}

fn invalid(text: String) -> Status {
    Status::new(ErrorCode::InvalidArgument, text)
}
