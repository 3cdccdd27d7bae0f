//! TLS: certificate and key from PEM files, HTTP/2 and HTTP/1.1 by ALPN.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::{Config, ServerError};

/// What accepts TLS handshakes; `None` where none is configured.
pub(crate) fn acceptor(config: &Config) -> Result<Option<TlsAcceptor>, ServerError> {
    let (Some(cert), Some(key)) = (&config.tls_cert, &config.tls_key) else { return Ok(None) };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad_pem("certificate", cert, &error))?;
    if chain.is_empty() {
        return Err(ServerError::config(
            format!("{} holds no certificate", cert.display()),
            "give a PEM file with the server's certificate first",
        ));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| bad_pem("private key", key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| {
            let what = format!("{} and {} cannot be used: {error}", cert.display(), key.display());
            ServerError::config(what, "give a certificate and the private key it was made for")
        })?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(tls))))
}

fn bad_pem(what: &str, path: &Path, error: &impl std::fmt::Display) -> ServerError {
    ServerError::config(
        format!("no {what} can be read from {}: {error}", path.display()),
        "give a PEM file",
    )
}
