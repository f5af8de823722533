//! TLS to a listener: whom to believe that it is the listener.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::Error;

/// Who must vouch for a listener that is spoken to over TLS.
///
/// TLS hides who orders what from the network. Orders and answers themselves are encrypted and
/// signed whatever the listener is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    /// An authority that this system trusts.
    #[default]
    System,
    /// An authority whose certificate is in this PEM file, and no other.
    Authorities(PathBuf),
    /// Nobody: the listener must have the first certificate in this PEM file, whatever name and
    /// time are in it. For a listener of one's own, whose file it is.
    Certificate(PathBuf),
}

impl Trust {
    /// What connections are made with.
    pub(crate) fn config(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|fault| Error::Tls(fault.to_string()))?;
        let config = match self {
            Self::System => builder.with_root_certificates(system()?),
            Self::Authorities(file) => builder.with_root_certificates(authorities(file)?),
            Self::Certificate(file) => {
                let pinned = first(file)?;
                let verifier = Arc::new(Pinned { pinned, provider });
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(verifier)
            }
        };
        Ok(config.with_no_client_auth())
    }

    /// For a listener without TLS.
    pub(crate) fn nobody() -> Result<ClientConfig, Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|fault| Error::Tls(fault.to_string()))?;
        Ok(builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth())
    }
}

fn system() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(Error::Tls(
            "this system has no trusted authorities (package ca-certificates); name the \
             listener's own"
                .to_owned(),
        ));
    }
    Ok(roots)
}

fn authorities(file: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(file).map_err(|fault| unusable(file, &fault))?
    {
        let certificate = certificate.map_err(|fault| unusable(file, &fault))?;
        roots
            .add(certificate)
            .map_err(|fault| Error::Tls(format!("{}: {fault}", file.display())))?;
    }
    if roots.is_empty() {
        return Err(unusable(file, &pem::Error::NoItemsFound));
    }
    Ok(roots)
}

fn first(file: &Path) -> Result<CertificateDer<'static>, Error> {
    CertificateDer::from_pem_file(file).map_err(|fault| unusable(file, &fault))
}

fn unusable(file: &Path, fault: &pem::Error) -> Error {
    let file = file.display();
    Error::Tls(match fault {
        pem::Error::Io(fault) => format!("{file}: cannot be read: {fault}"),
        _ => format!("{file}: there is no certificate in PEM (BEGIN CERTIFICATE) in it"),
    })
}

/// Takes one certificate and no other.
#[derive(Debug)]
struct Pinned {
    pinned: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *shown == self.pinned {
            Ok(ServerCertVerified::assertion())
        } else {
            let fault = CertificateError::ApplicationVerificationFailure;
            Err(rustls::Error::InvalidCertificate(fault))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The fault of TLS that a connection failed for, if it was one.
pub(crate) fn fault_of<'a>(
    failure: &'a (dyn std::error::Error + 'static),
) -> Option<&'a rustls::Error> {
    let mut cause = Some(failure);
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref() {
            return Some(fault);
        }
        // An io::Error names as its source the source of what it wraps.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(fault) = wrapped.and_then(|wrapped| fault_of(wrapped)) {
            return Some(fault);
        }
        cause = error.source();
    }
    None
}
