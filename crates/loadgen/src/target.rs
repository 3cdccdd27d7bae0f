//! Where the calls go.

/// How a call is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `inference.GRPCInferenceService/ModelInfer` over HTTP/2, tensors as raw contents.
    Grpc,
    /// `POST /v2/models/{name}/infer` over HTTP/1.1, tensors as JSON.
    Rest,
}

impl Protocol {
    /// The protocol called `name`: `grpc` or `rest`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "grpc" => Some(Self::Grpc),
            "rest" => Some(Self::Rest),
            _ => None,
        }
    }
}

/// One model of one server.
#[derive(Clone, Debug)]
pub struct Target {
    /// How calls are carried.
    pub protocol: Protocol,
    /// `host:port`.
    pub address: String,
    /// The model's name.
    pub model: String,
    /// Sent as `authorization: Bearer …`.
    pub api_key: Option<String>,
}

impl Target {
    /// The request path.
    pub(crate) fn path(&self) -> String {
        match self.protocol {
            Protocol::Grpc => "/inference.GRPCInferenceService/ModelInfer".to_owned(),
            Protocol::Rest => format!("/v2/models/{}/infer", percent_encoded(&self.model)),
        }
    }

    /// The request's head, made once and cloned for each call.
    pub(crate) fn head(&self) -> Result<http::Request<()>, http::Error> {
        let uri = match self.protocol {
            Protocol::Grpc => format!("http://{}{}", self.address, self.path()),
            Protocol::Rest => self.path(),
        };
        let mut head = http::Request::post(uri);
        head = match self.protocol {
            Protocol::Grpc => {
                head.header("content-type", "application/grpc").header("te", "trailers")
            }
            Protocol::Rest => {
                head.header("content-type", "application/json").header("host", &self.address)
            }
        };
        if let Some(key) = &self.api_key {
            head = head.header("authorization", format!("Bearer {key}"));
        }
        head.body(())
    }
}

/// `name` as one path segment.
fn percent_encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_path_segment_whatever_it_holds() {
        assert_eq!(percent_encoded("k-means_3.1~"), "k-means_3.1~");
        assert_eq!(percent_encoded("a b/ü?"), "a%20b%2F%C3%BC%3F");
    }
}
