//! Which resource a path names, and which methods it answers.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;

/// A model, and the version where the path names one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ModelPath<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) version: Option<Cow<'a, str>>,
}

/// The longest path, `v2/models/{model}/versions/{version}/infer`, has as many segments.
const SEGMENTS_MAX: usize = 6;

/// A resource of the REST interface.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    Live,
    Ready,
    ServerMetadata,
    ModelMetadata(ModelPath<'a>),
    ModelReady(ModelPath<'a>),
    Infer(ModelPath<'a>),
    /// The statistics of one model, or of all.
    Statistics(Option<ModelPath<'a>>),
    RepositoryIndex,
    Load(Cow<'a, str>),
    Unload(Cow<'a, str>),
    /// TensorFlow Serving's model status.
    Status(ModelPath<'a>),
    Predict(ModelPath<'a>),
    Metrics,
    OpenApi,
}

impl<'a> Route<'a> {
    /// The resource at `path`; `None` where there is none.
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = [""; SEGMENTS_MAX];
        let mut count = 0usize;
        for segment in path.split('/') {
            *segments.get_mut(count)? = segment;
            count = count.saturating_add(1);
        }
        match segments.get(..count)? {
            ["v2", rest @ ..] => Self::parse_v2(rest),
            ["v1", "models", rest @ ..] => Self::parse_v1(rest),
            ["healthz"] => Some(Self::Live),
            ["readyz"] => Some(Self::Ready),
            ["metrics"] => Some(Self::Metrics),
            ["openapi.json"] => Some(Self::OpenApi),
            _ => None,
        }
    }

    fn parse_v2(segments: &[&'a str]) -> Option<Self> {
        Some(match *segments {
            [] => Self::ServerMetadata,
            ["health", "live"] => Self::Live,
            ["health", "ready"] => Self::Ready,
            ["models", "stats"] => Self::Statistics(None),
            ["models", name] => Self::ModelMetadata(model(name, None)?),
            ["models", name, "versions", version] => {
                Self::ModelMetadata(model(name, Some(version))?)
            }
            ["models", name, action] => Self::of_action(action, model(name, None)?)?,
            ["models", name, "versions", version, action] => {
                Self::of_action(action, model(name, Some(version))?)?
            }
            ["repository", "index"] => Self::RepositoryIndex,
            ["repository", "models", name, "load"] => Self::Load(decode(name)?),
            ["repository", "models", name, "unload"] => Self::Unload(decode(name)?),
            _ => return None,
        })
    }

    fn of_action(action: &str, model: ModelPath<'a>) -> Option<Self> {
        Some(match action {
            "infer" => Self::Infer(model),
            "ready" => Self::ModelReady(model),
            "stats" => Self::Statistics(Some(model)),
            _ => return None,
        })
    }

    fn parse_v1(segments: &[&'a str]) -> Option<Self> {
        let (name, version) = match *segments {
            [name] => (name, None),
            [name, "versions", version] => (name, Some(version)),
            _ => return None,
        };
        let last = version.unwrap_or(name);
        let Some((last, verb)) = last.split_once(':') else {
            return Some(Self::Status(model(name, version)?));
        };
        let (name, version) = match version {
            Some(_) => (name, Some(last)),
            None => (last, None),
        };
        if verb == "predict" { Some(Self::Predict(model(name, version)?)) } else { None }
    }

    /// The methods that this resource answers, as the `Allow` header lists them.
    pub(crate) fn allow(&self) -> &'static str {
        match self {
            Self::Infer(_)
            | Self::Predict(_)
            | Self::RepositoryIndex
            | Self::Load(_)
            | Self::Unload(_) => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// Whether this resource answers `method` (`OPTIONS` aside, which all do).
    pub(crate) fn answers(&self, method: &Method) -> bool {
        match self.allow().starts_with("POST") {
            true => method == Method::POST,
            false => method == Method::GET || method == Method::HEAD,
        }
    }
}

fn model<'a>(name: &'a str, version: Option<&'a str>) -> Option<ModelPath<'a>> {
    let version = match version {
        Some(version) => Some(decode(version)?),
        None => None,
    };
    Some(ModelPath { name: decode(name)?, version })
}

/// Decodes a segment once: what is encoded twice stays encoded, and a decoded `/` splits nothing.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if segment.is_empty() {
        return None;
    }
    percent_decode_str(segment).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, version: Option<&str>) -> ModelPath<'static> {
        ModelPath {
            name: Cow::Owned(name.to_owned()),
            version: version.map(|version| Cow::Owned(version.to_owned())),
        }
    }

    #[test]
    fn every_documented_path_has_its_route() {
        let cases = [
            ("/v2", Route::ServerMetadata),
            ("/v2/", Route::ServerMetadata),
            ("/v2/health/live", Route::Live),
            ("/healthz", Route::Live),
            ("/v2/health/ready", Route::Ready),
            ("/readyz", Route::Ready),
            ("/v2/models/m", Route::ModelMetadata(named("m", None))),
            ("/v2/models/m/versions/2", Route::ModelMetadata(named("m", Some("2")))),
            ("/v2/models/m/ready", Route::ModelReady(named("m", None))),
            ("/v2/models/m/versions/2/ready", Route::ModelReady(named("m", Some("2")))),
            ("/v2/models/m/infer", Route::Infer(named("m", None))),
            ("/v2/models/m/versions/2/infer", Route::Infer(named("m", Some("2")))),
            ("/v2/models/stats", Route::Statistics(None)),
            ("/v2/models/m/stats", Route::Statistics(Some(named("m", None)))),
            ("/v2/models/m/versions/2/stats", Route::Statistics(Some(named("m", Some("2"))))),
            ("/v2/repository/index", Route::RepositoryIndex),
            ("/v2/repository/models/m/load", Route::Load("m".into())),
            ("/v2/repository/models/m/unload", Route::Unload("m".into())),
            ("/v1/models/m", Route::Status(named("m", None))),
            ("/v1/models/m/versions/2", Route::Status(named("m", Some("2")))),
            ("/v1/models/m:predict", Route::Predict(named("m", None))),
            ("/v1/models/m/versions/2:predict", Route::Predict(named("m", Some("2")))),
            ("/metrics", Route::Metrics),
            ("/openapi.json", Route::OpenApi),
        ];
        for (path, route) in cases {
            assert_eq!(Route::parse(path), Some(route), "{path}");
        }
    }

    #[test]
    fn other_paths_have_none() {
        for path in [
            "",
            "*",
            "/",
            "//v2",
            "/v2//",
            "/v3",
            "/v2/models",
            "/v2/models/",
            "/v2/models//infer",
            "/v2/models/m/infer/x",
            "/v2/models/m/versions//infer",
            "/v2/models/m/versions",
            "/v1/models/m:classify",
            "/v1/models/m:",
            "/v1/models/:predict",
            "/V2",
            "/v2/models/%ff",
            "/a/b/c/d/e/f/g/h/i/j",
        ] {
            assert_eq!(Route::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_segment_is_decoded_once() {
        let route = Route::parse("/v2/models/a%2Fb%252e/infer");
        assert_eq!(route, Some(Route::Infer(named("a/b%2e", None))));
    }
}
