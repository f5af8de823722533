//! Files that evidence is judged by. None is read beyond what it may have.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use attestation::x509::{Certificate, Document};
use attestation::{Collateral, Fingerprint, INTEL_ROOT, Policy, TrustAnchor};
use sconify::terminal::harmless;
use sgx::quote;

use super::Code;
use crate::failure::Failure;

/// Revocation lists of large fleets have some hundred KB.
const COLLATERAL: usize = 16 << 20;
const CERTIFICATE: usize = 64 << 10;
const POLICY: usize = 1 << 20;

/// Reads a policy: TOML, or JSON if the file's name ends so.
pub(crate) fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let unusable = |fault: String| {
        Code::Policy
            .failure(format_args!("{}: {fault}", shown(path)))
            .advised("docs/attestation.md has a policy that can be used, line by line")
    };
    let bytes = bounded(path, POLICY)?;
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    if is_json {
        return Policy::from_json(&bytes).map_err(|fault| unusable(harmless(&fault.to_string())));
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|fault| unusable(format!("byte {} is no UTF-8", fault.valid_up_to())))?;
    toml::from_str(text).map_err(|fault| unusable(toml_fault(text, &fault)))
}

/// Where a text is no TOML, or no policy, in a line.
fn toml_fault(text: &str, fault: &toml::de::Error) -> String {
    let message = harmless(fault.message());
    let before = fault.span().and_then(|span| text.get(..span.start));
    match before {
        // What concerns the whole policy has the whole text as its place.
        None | Some("") => message,
        Some(before) => {
            let line = 1 + before.matches('\n').count();
            format!("line {line}: {message}")
        }
    }
}

/// Reads a quote. One that is too long is cut off where the verifier sees that it is.
pub(super) fn read_quote(path: &Path) -> Result<Vec<u8>, Failure> {
    read(path, quote::MAX_SIZE + 1).map_err(|fault| unusable(path, fault))
}

pub(super) fn read_collateral(path: &Path) -> Result<Collateral, Failure> {
    let bytes = bounded(path, COLLATERAL)?;
    Collateral::from_json(&bytes)
        .map_err(|fault| unusable(path, harmless(&fault.to_string())))
        .map_err(|failure| {
            failure.advised("it is JSON with Intel's member names: docs/attestation.md")
        })
}

/// The trust anchor: Intel's root, or a simulated one that is named by its fingerprint.
pub(super) fn read_anchor(
    path: Option<&Path>,
    fingerprint: Option<Fingerprint>,
) -> Result<TrustAnchor, Failure> {
    let Some(path) = path else {
        return match fingerprint {
            None => Ok(TrustAnchor::intel()),
            Some(_) => Err(Code::Input
                .failure("--trust-root names a simulated root, and --root gives none")
                .advised("give the root's certificate too: --root FILE (DER)")),
        };
    };
    let der = bounded(path, CERTIFICATE)?;
    if der.starts_with(b"-----BEGIN") {
        return Err(unusable(path, "it is PEM, and --root takes DER")
            .advised("openssl x509 -in FILE -outform der -out root.der"));
    }
    match fingerprint {
        Some(fingerprint) => TrustAnchor::simulated(&der, fingerprint).map_err(|fault| {
            super::verify::refused(fault.stage(), &format!("{}: {fault}", shown(path)))
        }),
        None if der == INTEL_ROOT => Ok(TrustAnchor::intel()),
        None => {
            Certificate::from_der(Document::Root, &der)
                .map_err(|fault| unusable(path, harmless(&fault.to_string())))?;
            Err(super::verify::refused(
                attestation::Stage::Root,
                &format!("{}: not Intel's root, and no other is trusted", shown(path)),
            )
            .advised(
                "the root of a simulated platform takes --trust-root with its fingerprint, and a policy \
                 that allows simulation",
            ))
        }
    }
}

fn bounded(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let bytes = read(path, limit + 1).map_err(|fault| unusable(path, fault))?;
    if bytes.len() > limit {
        let fault = format!("it has more than {limit} bytes, which nothing of its kind has");
        return Err(unusable(path, fault));
    }
    Ok(bytes)
}

/// As much as `limit` of a file.
fn read(path: &Path, limit: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit as u64).read_to_end(&mut bytes))
        .map_err(|fault| fault.to_string())?;
    Ok(bytes)
}

fn unusable(path: &Path, fault: impl std::fmt::Display) -> Failure {
    Code::Input.failure(format_args!("{}: {fault}", shown(path)))
}

fn shown(path: &Path) -> String {
    harmless(&path.to_string_lossy())
}
