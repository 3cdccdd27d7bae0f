//! The Host check: a web page whose name was made to point to this machine must not be able to use a
//! server that is there for local programs only.

use std::net::IpAddr;

use http::{Request, Uri, header};

use crate::App;

/// Whether the request may name the host that it names. Only a loopback server without keys asks:
/// with keys, a page has none to send; beyond loopback, the name is the operator's affair.
pub(crate) fn is_allowed<B>(request: &Request<B>, app: &App) -> bool {
    if !app.checks_host {
        return true;
    }
    let mut values = request.headers().get_all(header::HOST).iter();
    let named = match (request.uri().host(), values.next(), values.next()) {
        (Some(host), _, None) => Some(host.to_owned()),
        (None, Some(value), None) => value.to_str().ok().and_then(host_of),
        _ => None,
    };
    named.is_some_and(|host| is_local(&host) || is_listed(&host, &app.config.allowed_hosts))
}

fn host_of(authority: &str) -> Option<String> {
    let uri: Uri =
        Uri::builder().scheme("http").authority(authority).path_and_query("/").build().ok()?;
    uri.host().map(str::to_owned)
}

fn is_local(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_listed(host: &str, listed: &[String]) -> bool {
    listed.iter().any(|allowed| host.eq_ignore_ascii_case(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_loopback_and_listed_ones_are_local() {
        let local = |authority: &str| host_of(authority).is_some_and(|host| is_local(&host));
        for good in ["localhost", "LocalHost:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:8080"] {
            assert!(local(good), "{good}");
        }
        for bad in ["", "evil.example", "localhost.evil.example", "10.0.0.1", "127.0.0.1.nip.io"] {
            assert!(!local(bad), "{bad}");
        }
        assert!(is_listed("Models.internal", &["models.internal".to_owned()]));
    }
}
