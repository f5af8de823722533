//! TLS: the certificate's files, read at the start and again when asked to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::validity::Validity;

/// A certificate and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and behind it those that lead to its authority.
    pub certificate: PathBuf,
    /// The private key: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
}

/// Why a certificate can't be used; each says which file, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file can't be read as PEM of its kind.
    #[error("{file}: {fault}")]
    File {
        /// The file.
        file: String,
        /// What is wrong, and what to do.
        fault: String,
    },
    /// The certificate's time is over.
    #[error("{file}: the certificate expired {days} days ago, put a new one there")]
    Expired {
        /// The certificate's file.
        file: String,
        /// Whole days.
        days: u64,
    },
    /// The certificate's time hasn't come.
    #[error("{file}: the certificate is not valid yet; check this machine's clock")]
    NotYetValid {
        /// The certificate's file.
        file: String,
    },
    /// Certificate and key don't belong together.
    #[error(
        "{key}: the key is not that of the certificate in {certificate}, which must come first in its file"
    )]
    Mismatch {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
    },
}

/// What new connections are accepted with.
pub struct Tls {
    files: TlsFiles,
    protocols: &'static [&'static str],
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files. `protocols` are those that clients can choose from (RFC 7301), the best first.
    ///
    /// # Errors
    ///
    /// [`TlsError`], naming the file.
    pub fn load(files: TlsFiles, protocols: &'static [&'static str]) -> Result<Self, TlsError> {
        let config = read(&files, protocols)?;
        Ok(Self {
            files,
            protocols,
            config: RwLock::new(config),
        })
    }

    /// Reads the files again. Connections that there are keep what they have; if the files can't be
    /// used, so do new ones.
    ///
    /// # Errors
    ///
    /// [`TlsError`], naming the file.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = read(&self.files, self.protocols)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// What accepts the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&config))
    }
}

fn read(files: &TlsFiles, protocols: &[&str]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = read_chain(&files.certificate)?;
    let key = read_key(&files.key)?;
    let unusable = |file: &Path, fault: String| TlsError::File {
        file: name(file),
        fault,
    };
    let builder = ServerConfig::builder_with_provider(ring::default_provider().into());
    let mut config = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&files.certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
                certificate: name(&files.certificate),
                key: name(&files.key),
            },
            rustls::Error::InvalidCertificate(_) => unusable(
                &files.certificate,
                format!("the certificate cannot be used: {error}"),
            ),
            error => unusable(&files.key, format!("the key cannot be used: {error}")),
        })?;
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Ok(Arc::new(config))
}

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(file, &error, "a certificate in PEM (BEGIN CERTIFICATE)"))?;
    let Some(first) = chain.first() else {
        let none = pem::Error::NoItemsFound;
        return Err(unreadable(
            file,
            &none,
            "a certificate in PEM (BEGIN CERTIFICATE)",
        ));
    };
    let Some(validity) = Validity::of(first) else {
        return Err(TlsError::File {
            file: name(file),
            fault: "the certificate is damaged, put it there again".to_owned(),
        });
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs().try_into().unwrap_or(i64::MAX));
    if now > validity.not_after {
        let days = now.abs_diff(validity.not_after) / (24 * 3600);
        return Err(TlsError::Expired {
            file: name(file),
            days,
        });
    }
    if now < validity.not_before {
        return Err(TlsError::NotYetValid { file: name(file) });
    }
    Ok(chain)
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file)
        .map_err(|error| unreadable(file, &error, "a private key in PEM (BEGIN PRIVATE KEY)"))
}

fn unreadable(file: &Path, error: &pem::Error, wanted: &str) -> TlsError {
    let fault = match error {
        pem::Error::Io(error) => format!("cannot be read: {error}"),
        _ => format!("there is no {wanted} in it"),
    };
    TlsError::File {
        file: name(file),
        fault: fault.replace("no a ", "no "),
    }
}

fn name(file: &Path) -> String {
    file.display().to_string()
}
