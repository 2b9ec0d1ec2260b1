//! The server's certificate, and whose certificates clients must have.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;

/// Why TLS cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{key}: {path}: {reason}")]
pub struct ServerTlsError {
    /// The key of the configuration.
    pub key: &'static str,
    /// The file.
    pub path: String,
    reason: String,
}

/// TLS with this certificate; with `client_ca`, only for clients whose certificate is signed by one of those.
///
/// # Errors
/// [`ServerTlsError`].
pub fn server_tls(
    cert: &Path,
    key: &Path,
    client_ca: Option<&Path>,
) -> Result<Arc<ServerConfig>, ServerTlsError> {
    let wrong = |name, path: &Path, reason: String| ServerTlsError {
        key: name,
        path: path.display().to_string(),
        reason,
    };
    let chain = certificates(cert).map_err(|reason| wrong("tls_cert_file", cert, reason))?;
    let secret =
        PrivateKeyDer::from_pem_file(key).map_err(|error| wrong("tls_key_file", key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong("tls_cert_file", cert, error.to_string()))?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let wrong = |reason: String| wrong("tls_client_ca_file", path, reason);
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path).map_err(wrong)? {
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| wrong(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder
        .with_single_cert(chain, secret)
        .map_err(|error| wrong("tls_cert_file", cert, format!("it does not fit to tls_key_file: {error}")))?;
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let all: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    if all.is_empty() { Err("no certificate in it".to_owned()) } else { Ok(all) }
}
