//! Verification: from a trust anchor to what a quote says.
//!
//! The order is that of DCAP: the lists of what is revoked, the platform's certificates, the vendor's
//! documents, the quoting enclave, the quote, and last the level that the platform has reached. Nothing
//! is read out of a document before its signature has been checked.

use sgx::quote::{CertificationKind, Quote};

use crate::chain::{Pck, PckCa, PckCrl, RootCrl, TcbSigner};
use crate::claims::{Claims, Evaluation, Origin, Platform, VerifiedQuote};
use crate::collateral::Collateral;
use crate::qe_identity::QeIdentity;
use crate::reached::Reached;
use crate::refusal::{Refusal, Signed};
use crate::tcb::{Level, Status, advisories};
use crate::tcb_info::TcbInfo;
use crate::x509::{Chains, Document, RevocationList};
use crate::{Time, TrustAnchor};

/// Verifies a quote with its collateral, at the time `now`, under one trust anchor.
///
/// What comes out is genuine; whether it is what somebody wants, and on a platform that is good
/// enough, is for [`Policy::appraise`](crate::Policy::appraise).
///
/// # Errors
///
/// The first check that fails: see [`Refusal::stage`].
pub fn verify(
    quote: &[u8],
    collateral: &Collateral,
    anchor: &TrustAnchor,
    now: Time,
) -> Result<VerifiedQuote, Refusal> {
    let quote = Quote::parse(quote)?;
    Ok(Verified::of(&quote, collateral, anchor, now)?.quote)
}

/// Everything that one quote needed.
pub(crate) struct Verified {
    pub(crate) collateral: VerifiedCollateral,
    pub(crate) pck: Pck,
    pub(crate) quote: VerifiedQuote,
}

impl Verified {
    pub(crate) fn of(
        quote: &Quote<'_>,
        collateral: &Collateral,
        anchor: &TrustAnchor,
        now: Time,
    ) -> Result<Self, Refusal> {
        let mut chains = Chains::default();
        let lists = Lists::verify(collateral, anchor, &mut chains)?;
        let pck = pck(quote, anchor, &lists, &mut chains)?;
        lists.check_revoked(anchor)?;
        pck.check_revoked(&lists.root_crl, &lists.pck_crl)?;
        lists.check_time(anchor, now)?;
        pck.check_time(now)?;
        let documents = Documents::verify(collateral, anchor, &lists, &mut chains)?;
        documents.check_time(now)?;
        let collateral = VerifiedCollateral {
            anchor: anchor.clone(),
            lists,
            documents,
        };
        let quote = collateral.judge(quote, &pck, now)?;
        Ok(Self {
            collateral,
            pck,
            quote,
        })
    }
}

/// Collateral that is the vendor's: everything about it has been checked that no quote is needed for.
///
/// Only [`Collateral::verify`] makes one. It may be kept, and used at any time: each use checks anew
/// what is in force.
///
/// ```
/// # use sconce_attestation::{Time, VerifiedCollateral};
/// fn until(known: VerifiedCollateral) -> Time {
///     known.expires()
/// }
/// ```
/// ```compile_fail,E0451
/// # use sconce_attestation::{TrustAnchor, VerifiedCollateral};
/// fn forge(known: VerifiedCollateral, anchor: TrustAnchor) -> VerifiedCollateral {
///     VerifiedCollateral { anchor, ..known }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct VerifiedCollateral {
    anchor: TrustAnchor,
    lists: Lists,
    documents: Documents,
}

impl Collateral {
    /// Verifies the part of the work that is the same for all quotes of a kind of platform, once.
    ///
    /// # Errors
    ///
    /// The first check that fails.
    pub fn verify(&self, anchor: &TrustAnchor, now: Time) -> Result<VerifiedCollateral, Refusal> {
        let mut chains = Chains::default();
        let lists = Lists::verify(self, anchor, &mut chains)?;
        lists.check_revoked(anchor)?;
        lists.check_time(anchor, now)?;
        let documents = Documents::verify(self, anchor, &lists, &mut chains)?;
        documents.check_time(now)?;
        Ok(VerifiedCollateral {
            anchor: anchor.clone(),
            lists,
            documents,
        })
    }
}

impl VerifiedCollateral {
    /// Verifies a quote, as [`verify`] does.
    ///
    /// # Errors
    ///
    /// The first check that fails; that the collateral is in force is one of them.
    pub fn verify(&self, quote: &[u8], now: Time) -> Result<VerifiedQuote, Refusal> {
        let quote = Quote::parse(quote)?;
        let pck = self.pck(&quote)?;
        self.appraise(&quote, &pck, now)
    }

    /// The vendor's levels of the platform.
    #[must_use]
    pub const fn tcb_info(&self) -> &TcbInfo {
        &self.documents.tcb_info
    }

    /// The vendor's quoting enclave.
    #[must_use]
    pub const fn qe_identity(&self) -> &QeIdentity {
        &self.documents.qe_identity
    }

    /// The last second in which all of it is in force.
    #[must_use]
    pub fn expires(&self) -> Time {
        self.lists.until(&self.anchor).min(self.documents.until())
    }

    /// Refuses a time at which part of it is not in force.
    pub(crate) fn check_time(&self, now: Time) -> Result<(), Refusal> {
        self.lists.check_time(&self.anchor, now)?;
        self.documents.check_time(now)
    }

    /// The platform that a quote's certificates lead to: certified and not revoked.
    pub(crate) fn pck(&self, quote: &Quote<'_>) -> Result<Pck, Refusal> {
        let pck = pck(quote, &self.anchor, &self.lists, &mut Chains::default())?;
        pck.check_revoked(&self.lists.root_crl, &self.lists.pck_crl)?;
        Ok(pck)
    }

    /// Judges a quote of a platform that [`VerifiedCollateral::pck`] has found.
    pub(crate) fn appraise(
        &self,
        quote: &Quote<'_>,
        pck: &Pck,
        now: Time,
    ) -> Result<VerifiedQuote, Refusal> {
        self.check_time(now)?;
        pck.check_time(now)?;
        self.judge(quote, pck, now)
    }

    /// Judges a quote, when what is in force has been checked.
    fn judge(&self, quote: &Quote<'_>, pck: &Pck, now: Time) -> Result<VerifiedQuote, Refusal> {
        let (tcb_info, qe_identity) = (self.tcb_info(), self.qe_identity());
        let tee = quote.body().tee();
        qe_identity.check_is_for(tee)?;
        let qe = quoting_enclave(quote, pck, qe_identity)?.clone();
        check_isv_signature(quote)?;

        let extension = pck.extension();
        tcb_info.check_is_for(tee, extension.fmspc, extension.pce_id)?;
        let reached = Reached::of(quote.body(), &extension.tcb, tcb_info)?;
        let claims = Claims {
            origin: Origin::of(&self.anchor),
            quote_version: quote.header().version,
            body: *quote.body(),
            status: reached.status().and(qe.status),
            advisories: advisories(reached.levels().chain([&qe])),
            platform: reached.platform,
            tdx_module: reached.tdx_module,
            current: reached.current,
            qe,
            evaluation: Evaluation {
                tcb_info: tcb_info.evaluation,
                qe_identity: qe_identity.evaluation,
            },
            pck: Platform {
                extension: extension.clone(),
                ca: self.lists.ca.certificate().common_name().into(),
            },
            verified: now,
            expires: self.expires().min(pck.until()),
        };
        refuse_revoked(&claims)?;
        Ok(VerifiedQuote::new(claims))
    }
}

/// What is revoked, and the CA that the platforms are certified by.
#[derive(Debug, Clone)]
struct Lists {
    root_crl: RootCrl,
    ca: PckCa,
    pck_crl: PckCrl,
}

impl Lists {
    fn verify<'t>(
        collateral: &'t Collateral,
        anchor: &TrustAnchor,
        chains: &mut Chains<'t>,
    ) -> Result<Self, Refusal> {
        let list = RevocationList::from_der(Document::RootCrl, &collateral.root_ca_crl)?;
        let root_crl = anchor.root_crl(list)?;
        let chain = chains.pck_ca(collateral.pck_crl_issuer_chain.as_bytes())?;
        let ca = anchor.pck_ca(&chain)?;
        let list = RevocationList::from_der(Document::PckCrl, &collateral.pck_crl)?;
        let pck_crl = ca.crl(list)?;
        Ok(Self {
            root_crl,
            ca,
            pck_crl,
        })
    }

    fn check_revoked(&self, anchor: &TrustAnchor) -> Result<(), Refusal> {
        Ok(self.root_crl.check(anchor, &self.ca, &[])?)
    }

    fn check_time(&self, anchor: &TrustAnchor, now: Time) -> Result<(), Refusal> {
        anchor.root().check_time(now)?;
        self.root_crl.list().check_time(now)?;
        self.ca.certificate().check_time(now)?;
        self.pck_crl.list().check_time(now)?;
        Ok(())
    }

    fn until(&self, anchor: &TrustAnchor) -> Time {
        let lists = self
            .root_crl
            .list()
            .until()
            .min(self.pck_crl.list().until());
        let certificates = anchor.root().until().min(self.ca.certificate().until());
        lists.min(certificates)
    }
}

/// The vendor's documents, and whose signatures they have.
#[derive(Debug, Clone)]
struct Documents {
    tcb_info_signer: TcbSigner,
    /// If it is another one than the TCB info's.
    qe_identity_signer: Option<TcbSigner>,
    tcb_info: TcbInfo,
    qe_identity: QeIdentity,
}

impl Documents {
    fn verify<'t>(
        collateral: &'t Collateral,
        anchor: &TrustAnchor,
        lists: &Lists,
        chains: &mut Chains<'t>,
    ) -> Result<Self, Refusal> {
        let mut signer = |chain: &'t str| -> Result<TcbSigner, Refusal> {
            let signer = anchor.tcb_signer(&chains.tcb_signing(chain.as_bytes())?)?;
            lists.root_crl.check(anchor, &lists.ca, &[&signer])?;
            Ok(signer)
        };
        let tcb_info_chain = &collateral.tcb_info_issuer_chain;
        let qe_identity_chain = &collateral.qe_identity_issuer_chain;

        let tcb_info_signer = signer(tcb_info_chain)?;
        let tcb_info = &collateral.tcb_info;
        if !tcb_info_signer.signed(tcb_info.as_bytes(), &collateral.tcb_info_signature) {
            return Err(Refusal::Signature(Signed::TcbInfo));
        }
        let tcb_info = TcbInfo::from_json(tcb_info)?;

        let qe_identity_signer = if qe_identity_chain == tcb_info_chain {
            None
        } else {
            Some(signer(qe_identity_chain)?)
        };
        let qe_identity = &collateral.qe_identity;
        if !qe_identity_signer
            .as_ref()
            .unwrap_or(&tcb_info_signer)
            .signed(qe_identity.as_bytes(), &collateral.qe_identity_signature)
        {
            return Err(Refusal::Signature(Signed::QeIdentity));
        }
        Ok(Self {
            tcb_info_signer,
            qe_identity_signer,
            tcb_info,
            qe_identity: QeIdentity::from_json(qe_identity)?,
        })
    }

    fn check_time(&self, now: Time) -> Result<(), Refusal> {
        self.signers()
            .try_for_each(|signer| signer.certificate().check_time(now))?;
        for (document, from, until) in [
            (
                Signed::TcbInfo,
                self.tcb_info.issued,
                self.tcb_info.next_update,
            ),
            (
                Signed::QeIdentity,
                self.qe_identity.issued,
                self.qe_identity.next_update,
            ),
        ] {
            if now < from {
                return Err(Refusal::NotYet {
                    document,
                    from,
                    now,
                });
            }
            if now > until {
                return Err(Refusal::Expired {
                    document,
                    until,
                    now,
                });
            }
        }
        Ok(())
    }

    fn until(&self) -> Time {
        let documents = self.tcb_info.next_update.min(self.qe_identity.next_update);
        self.signers()
            .map(|signer| signer.certificate().until())
            .fold(documents, Time::min)
    }

    fn signers(&self) -> impl Iterator<Item = &TcbSigner> {
        [
            Some(&self.tcb_info_signer),
            self.qe_identity_signer.as_ref(),
        ]
        .into_iter()
        .flatten()
    }
}

/// The platform that a quote's certificates lead to.
fn pck<'t>(
    quote: &Quote<'t>,
    anchor: &TrustAnchor,
    lists: &Lists,
    chains: &mut Chains<'t>,
) -> Result<Pck, Refusal> {
    let certification = &quote.signature().certification;
    let kind = certification.kind;
    if kind != CertificationKind::PckChain {
        return Err(Refusal::Certification { kind });
    }
    Ok(anchor.pck(&chains.pck(certification.data)?, &lists.ca)?)
}

/// Checks that the platform vouches for the quoting enclave and this for the attestation key; the
/// level of the quoting enclave.
fn quoting_enclave<'d>(
    quote: &Quote<'_>,
    pck: &Pck,
    identity: &'d QeIdentity,
) -> Result<&'d Level, Refusal> {
    let signature = quote.signature();
    if !pck
        .key()
        .verifies(signature.qe_report_bytes, signature.qe_report_signature)
    {
        return Err(Refusal::QeReportSignature);
    }
    let report = signature.qe_report().map_err(Refusal::QeReport)?;
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    digest.update(signature.attestation_key);
    digest.update(signature.qe_auth_data);
    let mut wanted = [0; 64];
    wanted[..32].copy_from_slice(digest.finish().as_ref());
    if report.report_data != wanted {
        return Err(Refusal::QeReportData);
    }
    Ok(identity.appraise(&report)?)
}

/// Checks the quote's own signature. A key that is no point of the curve verifies nothing.
fn check_isv_signature(quote: &Quote<'_>) -> Result<(), Refusal> {
    let signature = quote.signature();
    let key = crate::x509::PublicKey::from_coordinates(signature.attestation_key);
    if key.verifies(quote.signed(), signature.isv_signature) {
        Ok(())
    } else {
        Err(Refusal::IsvSignature)
    }
}

/// Whatever a policy says, what the vendor has revoked is refused.
fn refuse_revoked(claims: &Claims) -> Result<(), Refusal> {
    for (part, level) in claims.levels() {
        if level.status == Status::Revoked {
            return Err(Refusal::Revoked {
                part,
                date: level.date,
                advisories: level.advisories.clone(),
            });
        }
    }
    Ok(())
}
