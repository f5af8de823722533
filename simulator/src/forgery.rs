//! What an attacker would show a verifier, made with a platform's own keys: for tests alone.

use sgx::flags;

use crate::collateral::Draft;
use crate::error::Error;
use crate::history::Published;
use crate::pki::{Authorities, Charter, Pck};
use crate::platform::{Evidence, Platform};
use crate::quoting::Quoting;
use crate::secs::Secs;

/// Evidence that a verifier has to refuse, or to read with care. Nothing on the honest way makes any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Forgery {
    /// The quote bears, and is signed with, another attestation key than the quoting enclave vouches for.
    AttestationKey,
    /// The quote's header names this version.
    HeaderVersion(u16),
    /// The quote's header names a vendor that nobody knows.
    Vendor,
    /// The quoting enclave ran in debug mode.
    QeDebug,
    /// The quoting enclave is somebody else's.
    QeSigner,
    /// The quoting enclave is another product of the vendor.
    QeProduct,
    /// The quoting enclave's report is signed with a key that nobody certified.
    QeReportKey,
    /// The quoting enclave gives this many bytes of authentication data, where 32 are usual.
    QeAuthData(u16),
    /// The PCK certificate is of a machine of another family (FMSPC).
    Fmspc,
    /// The PCK certificate is of a machine with another provisioning enclave (PCE-ID).
    PceId,
    /// TCB info writes its FMSPC with lower-case digits. That is no lie, and to be accepted.
    FmspcLowercase,
    /// TCB info has no level.
    NoLevels,
    /// TCB info is signed with the PCK key, and its chain is the PCK's.
    TcbInfoSigner,
    /// TCB info's signature is that of other bytes.
    TcbInfoSignature,
    /// The certificate of the authority over PCKs does not make it one.
    PckCaIsNone,
    /// The list of revoked PCK certificates comes from the root instead of from the authority over PCKs.
    PckCrlIssuer,
    /// The root bears the name of Intel's.
    RootName,
}

impl Platform {
    /// Evidence of a time, forged in one way and otherwise as [`Platform::evidence`] gives it.
    ///
    /// # Errors
    ///
    /// [`Error::Encoding`].
    pub fn forge(
        &self,
        forgery: Forgery,
        secs: &Secs,
        report_data: &[u8; 64],
        now: u64,
    ) -> Result<Evidence, Error> {
        let forged = self.chartered(forgery)?;
        let report = forged.ereport(secs, &forged.quoting_target(now), report_data, now);
        let mut quoting = forged.quoting(&report, now)?;
        forgery.quoting(&mut quoting);
        if let Some(pck) = forgery.pck(forged.pck(forged.tcb(now))) {
            let pck = forged
                .authorities
                .certify(&pck, &forged.seed, &forged.settings)?;
            quoting.pck = pck.key.clone();
            quoting.chain = forged.authorities.pck_chain(&pck);
        }
        let published = Published::at(now, &forged.settings, &forged.events);
        let pck = forged.pck(forged.tcb(now));
        let pck = forged
            .authorities
            .certify(&pck, &forged.seed, &forged.settings)?;
        let mut draft = Draft::honest(&forged, &published);
        match forgery {
            Forgery::FmspcLowercase => draft.tcb_info.fmspc.make_ascii_lowercase(),
            Forgery::NoLevels => draft.tcb_info.levels = &[],
            Forgery::TcbInfoSigner => {
                draft.tcb_signer = &pck.key;
                draft.tcb_chain = forged.authorities.pck_chain(&pck);
            }
            Forgery::PckCrlIssuer => draft.pck_crl_issuer = &forged.authorities.root,
            _ => {}
        }
        let mut collateral = draft.collateral()?;
        if forgery == Forgery::TcbInfoSignature {
            collateral.tcb_info_signature = forged
                .authorities
                .tcb_signing
                .key
                .sign(collateral.qe_identity.as_bytes())
                .to_vec();
        }
        Ok(Evidence {
            quote: quoting.assemble()?,
            collateral,
            root: forged.root_der().to_vec(),
        })
    }

    /// The platform, with authorities as the forgery has them.
    fn chartered(&self, forgery: Forgery) -> Result<Self, Error> {
        let charter = match forgery {
            Forgery::PckCaIsNone => Charter {
                pck_ca_is_authority: false,
                ..Charter::HONEST
            },
            Forgery::RootName => Charter {
                root_name: "Intel SGX Root CA",
                ..Charter::HONEST
            },
            _ => return Ok(self.clone()),
        };
        Ok(Self {
            authorities: Authorities::new(&self.seed, &self.settings, &charter)?,
            ..self.clone()
        })
    }
}

impl Forgery {
    fn quoting(self, quoting: &mut Quoting) {
        // A key that is used for something, only not for this.
        let other = quoting.pck.clone();
        let qe = &mut quoting.qe_report;
        match self {
            Self::AttestationKey => quoting.attestation_key = other,
            Self::HeaderVersion(version) => quoting.version = Some(version),
            Self::Vendor => quoting.header.vendor = *b"nobody's vendor\0",
            Self::QeDebug => qe.attributes.flags |= flags::DEBUG,
            Self::QeSigner => qe.mrsigner.0 = [0x66; 32],
            Self::QeProduct => qe.isv_prod_id = 9,
            Self::QeReportKey => quoting.pck = quoting.attestation_key.clone(),
            Self::QeAuthData(length) => quoting.qe_auth_data = vec![0xa5; length.into()],
            _ => {}
        }
    }

    fn pck(self, honest: Pck) -> Option<Pck> {
        match self {
            Self::Fmspc => Some(Pck {
                fmspc: *b"OTHER\0",
                ..honest
            }),
            Self::PceId => Some(Pck {
                pce_id: [1, 0],
                ..honest
            }),
            _ => None,
        }
    }
}
