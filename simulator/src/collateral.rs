//! What the vendor says of a platform, as DCAP verifiers are given it.

use serde::{Deserialize, Serialize};

use crate::documents::{self, QeIdentity, TcbInfo};
use crate::error::Error;
use crate::history::Published;
use crate::keys::Signer;
use crate::pki::{self, Authorities, Certified, Revocations};
use crate::platform::Platform;
use crate::quoting;

/// Collateral with Intel's member names.
///
/// TCB info and identity are texts: what is signed are their exact bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collateral {
    /// The certificate of the authority that certifies PCKs, and the root's (PEM).
    pub pck_crl_issuer_chain: String,
    /// What the root has revoked (DER).
    #[serde(with = "octets")]
    pub root_ca_crl: Vec<u8>,
    /// Which PCK certificates are revoked (DER).
    #[serde(with = "octets")]
    pub pck_crl: Vec<u8>,
    /// The certificate of the TCB info's signer, and the root's (PEM).
    pub tcb_info_issuer_chain: String,
    /// TCB info (JSON, version 3).
    pub tcb_info: String,
    /// r and s, 64 bytes, over the TCB info's bytes.
    #[serde(with = "octets")]
    pub tcb_info_signature: Vec<u8>,
    /// The certificate of the identity's signer, and the root's (PEM).
    pub qe_identity_issuer_chain: String,
    /// Which quoting enclaves are the vendor's (JSON, version 2).
    pub qe_identity: String,
    /// r and s, 64 bytes, over the identity's bytes.
    #[serde(with = "octets")]
    pub qe_identity_signature: Vec<u8>,
}

impl Collateral {
    /// As JSON, over several lines.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "texts and hex digits can always be written"
    )]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("nothing but texts");
        text.push('\n');
        text
    }
}

/// What collateral is put together from. There is one honest way to fill it in, [`Draft::honest`];
/// others are for [`Forgery`](crate::Forgery).
pub(crate) struct Draft<'a> {
    pub(crate) authorities: &'a Authorities,
    pub(crate) tcb_info: TcbInfo<'a>,
    pub(crate) qe_identity: QeIdentity<'a>,
    /// Signs TCB info.
    pub(crate) tcb_signer: &'a Signer,
    /// What leads from that signer to the root (PEM).
    pub(crate) tcb_chain: String,
    /// Issues the list of revoked PCK certificates.
    pub(crate) pck_crl_issuer: &'a Certified,
    root_revocations: Revocations,
    pck_revocations: Revocations,
}

impl<'a> Draft<'a> {
    pub(crate) fn honest(platform: &'a Platform, published: &'a Published) -> Self {
        let authorities = &platform.authorities;
        let settings = &platform.settings;
        let issued = published.issued;
        let next = issued.saturating_add(settings.lifetime);
        let revocations = |serials: Vec<_>, next| Revocations {
            number: 1 + serials.len() as u64,
            serials,
            issued,
            next,
        };
        let pcks = published.revoked.iter().map(|(tcb, at)| {
            let serial = pki::pck_serial(&platform.pck(*tcb), &platform.seed);
            (serial, *at)
        });
        let authorities_revoked = published
            .pck_ca_revoked
            .map(|at| (authorities.pck_ca.serial, at));
        Self {
            authorities,
            tcb_info: TcbInfo {
                issued,
                next,
                fmspc: documents::upper(&settings.fmspc),
                pce_id: settings.pce_id,
                evaluation: published.evaluation,
                levels: &published.levels,
            },
            qe_identity: QeIdentity {
                issued,
                next,
                evaluation: published.evaluation,
                enclave: quoting::enclave(settings.qe_svn),
                levels: &published.qe_levels,
            },
            tcb_signer: &authorities.tcb_signing.key,
            tcb_chain: authorities.chain(&authorities.tcb_signing),
            pck_crl_issuer: &authorities.pck_ca,
            pck_revocations: revocations(pcks.collect(), next),
            root_revocations: revocations(
                authorities_revoked.into_iter().collect(),
                issued.saturating_add(ROOT_LIST_LIFETIME),
            ),
        }
    }

    pub(crate) fn collateral(&self) -> Result<Collateral, Error> {
        let authorities = self.authorities;
        let tcb_info = self.tcb_info.to_json()?;
        let qe_identity = self.qe_identity.to_json()?;
        let signer = &authorities.tcb_signing;
        Ok(Collateral {
            pck_crl_issuer_chain: authorities.chain(&authorities.pck_ca),
            root_ca_crl: authorities.root.revoke(&self.root_revocations)?,
            pck_crl: self.pck_crl_issuer.revoke(&self.pck_revocations)?,
            tcb_info_issuer_chain: self.tcb_chain.clone(),
            tcb_info_signature: self.tcb_signer.sign(tcb_info.as_bytes()).to_vec(),
            tcb_info,
            qe_identity_issuer_chain: authorities.chain(signer),
            qe_identity_signature: signer.key.sign(qe_identity.as_bytes()).to_vec(),
            qe_identity,
        })
    }
}

/// Seconds that the root's revocation list stays in force: a year, as Intel's does.
const ROOT_LIST_LIFETIME: u64 = 365 * 86_400;

/// Bytes in JSON: hex digits.
mod octets {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
