//! The quoting enclave: makes quotes of reports.

use ring::digest;
use sgx::quote::{
    Body, Certification, CertificationKind, Header, INTEL_VENDOR, Signature, Version,
};
use sgx::{Attributes, Mrenclave, Mrsigner, Report, ReportBody, flags};

use crate::error::Error;
use crate::history::Machine;
use crate::keys::{Seed, Signer};
use crate::pki::Certified;
use crate::secs::Secs;

/// What stands in the header, for who looks at the bytes: a place for the platform's id, which it is too.
pub const USER_DATA: [u8; 20] = *b"SIMULATED PLATFORM\0\0";

/// The quoting enclave of a machine.
pub(crate) fn enclave(isv_svn: u16) -> Secs {
    let digest = |of: &str| {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, of.as_bytes()).as_ref());
        bytes
    };
    let plain = Attributes::PLAIN;
    Secs {
        attributes: Attributes {
            flags: plain.flags | flags::INIT | flags::PROVISIONKEY,
            ..plain
        },
        isv_prod_id: 1,
        isv_svn,
        ..Secs::new(
            Mrenclave(digest(&format!("simulated quoting enclave {isv_svn}"))),
            Mrsigner(digest("signer of the simulated quoting enclave")),
        )
    }
}

/// What a quote is put together from. There is one honest way to fill it in,
/// [`Quoting::honest`]; others are for [`Forgery`](crate::Forgery).
pub(crate) struct Quoting {
    pub(crate) header: Header,
    /// The version that the header names, if it is another than the format's.
    pub(crate) version: Option<u16>,
    pub(crate) body: ReportBody,
    /// Signs the quote, and its public half stands there.
    pub(crate) attestation_key: Signer,
    /// Whose public half the quoting enclave vouches for.
    pub(crate) vouched_for: Signer,
    /// What the processor says of the quoting enclave; without what it says itself.
    pub(crate) qe_report: ReportBody,
    pub(crate) qe_auth_data: Vec<u8>,
    /// Signs that report.
    pub(crate) pck: Signer,
    /// PEM.
    pub(crate) chain: String,
}

impl Quoting {
    /// As the quoting enclave does it, with a report whose MAC it has checked.
    pub(crate) fn honest(
        report: &Report,
        machine: &Machine,
        seed: &Seed,
        pck: &Certified,
        chain: String,
    ) -> Self {
        let enclave = enclave(machine.qe_svn);
        // It seals its key: the enclave of another version, or on a processor of another, makes a new one.
        let attestation_key = seed.signer(
            "attestation",
            &[&machine.tcb.cpusvn(), &machine.qe_svn.to_be_bytes()],
        );
        Self {
            header: Header {
                version: Version::V3,
                qe_svn: machine.qe_svn,
                pce_svn: machine.tcb.pcesvn,
                vendor: INTEL_VENDOR,
                user_data: USER_DATA,
            },
            version: None,
            body: report.body,
            vouched_for: attestation_key.clone(),
            attestation_key,
            qe_report: enclave.report_body(machine.tcb.cpusvn(), [0; 64]),
            qe_auth_data: (0..32).collect(),
            pck: pck.key.clone(),
            chain,
        }
    }

    pub(crate) fn assemble(&self) -> Result<Vec<u8>, Error> {
        let mut qe_report = self.qe_report;
        let vouched_for = vouch(&self.vouched_for.public(), &self.qe_auth_data);
        qe_report.report_data[..32].copy_from_slice(&vouched_for);
        let qe_report = qe_report.to_bytes();

        let body = Body::Sgx(self.body);
        let mut signed =
            sgx::quote::to_be_signed(&self.header, &body).map_err(|why| encoding(&why))?;
        self.rename(&mut signed);
        let signature = Signature {
            isv_signature: &self.attestation_key.sign(&signed),
            attestation_key: &self.attestation_key.public(),
            qe_report_bytes: &qe_report,
            qe_report_signature: &self.pck.sign(&qe_report),
            qe_auth_data: &self.qe_auth_data,
            certification: Certification {
                kind: CertificationKind::PckChain,
                data: self.chain.as_bytes(),
            },
        };
        let mut quote =
            sgx::quote::encode(&self.header, &body, &signature).map_err(|why| encoding(&why))?;
        self.rename(&mut quote);
        Ok(quote)
    }

    fn rename(&self, quote: &mut [u8]) {
        if let Some(version) = self.version {
            quote[..2].copy_from_slice(&version.to_le_bytes());
        }
    }
}

/// What the quoting enclave says of the attestation key.
fn vouch(attestation_key: &[u8; 64], auth_data: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(attestation_key);
    context.update(auth_data);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

fn encoding(why: &sgx::quote::Unencodable) -> Error {
    Error::Encoding {
        what: "a quote",
        why: why.to_string(),
    }
}
