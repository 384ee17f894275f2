//! TLS 1.2 and later. Certificates are always verified against the built-in roots and the operator's.
//!
//! There must not be a switch that weakens verification.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use super::failure::{Failure, Result};

/// Returns the TLS configuration of the client. `extra` is the value of `SSL_CERT_FILE`: the path of a file with
/// certificates in PEM form, to trust in addition to Mozilla's.
///
/// # Errors
/// If the file cannot be read or contains no certificate.
pub fn client_config(extra: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = extra {
        let unusable = |why: String| Failure::Certificates { path: path.to_owned(), why };
        let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            // System bundles may contain a certificate that webpki does not support; the others are used.
            added += usize::from(roots.add(certificate).is_ok());
        }
        if added == 0 {
            return Err(unusable("it contains no usable certificate in PEM form".to_owned()).into());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::Setup { why: error.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
