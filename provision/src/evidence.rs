//! Quotes with their collateral, and whether a vault's are good.

use std::fmt;
use std::str::FromStr;

use attestation::policy::{Program, SgxProgram};
use attestation::x509::Chain;
use attestation::{Collateral, Fingerprint, Policy, Time, TrustAnchor, VerifiedEvidence};
use protocol::{Entropy, EntropyFailed, report_data};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use sgx::quote::{Body, CertificationKind, Quote};
use sgx::{Digest, Kind};

use crate::key::is_public_key;
use crate::text::{Base64, Hex, NotHex};
use crate::{Error, MINIMUM_VAULT_SVN, VAULT_PRODUCT};

/// A quote and what the platform's vendor says of the platform.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The quote.
    pub quote: Base64,
    /// Its collateral: the JSON text that [`Collateral::from_json`] reads.
    pub collateral: Box<RawValue>,
}

/// The name that a vault gave itself when it first started: 16 random bytes, written as 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Realm(String);

/// What a vault says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultEvidence {
    /// The public key of its TLS certificate, which signs its releases too (SubjectPublicKeyInfo, DER).
    pub key: Base64,
    /// Its realm.
    pub realm: Realm,
    /// A quote over both.
    pub evidence: Evidence,
}

/// Which vaults a program takes secrets from: those of its own signer, at least as strict as itself.
#[derive(Debug, Clone)]
pub struct VaultPolicy {
    /// MRSIGNER of the program, which has to be the vault's.
    pub signer: Digest,
    /// Whether the program may be debugged: then so may the vault.
    pub debug: bool,
    /// Where the program's own evidence leads to, which is where the vault's has to lead.
    pub anchor: TrustAnchor,
}

/// A vault whose evidence has been verified: nothing else makes one.
///
/// ```compile_fail,E0451
/// # use sconce_provision::{Realm, Vault};
/// fn forge(key: Vec<u8>, realm: Realm, evidence: sconce_attestation::VerifiedEvidence) -> Vault {
///     Vault { key, realm, evidence }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Vault {
    key: Vec<u8>,
    realm: Realm,
    evidence: VerifiedEvidence,
}

impl Vault {
    /// Its public key (SubjectPublicKeyInfo, DER).
    #[must_use]
    pub fn key_der(&self) -> &[u8] {
        &self.key
    }

    /// Its realm.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// What was verified.
    pub fn evidence(&self) -> &VerifiedEvidence {
        &self.evidence
    }
}

impl VaultEvidence {
    /// Whether it is of a vault that the policy takes.
    ///
    /// # Errors
    ///
    /// [`Error`] that says what is wrong with it.
    pub fn verify(&self, policy: &VaultPolicy, now: Time) -> Result<Vault, Error> {
        self.verify_by(&policy.policy(), &policy.anchor, now)
    }

    /// Whether it is of a vault that any policy takes, which has to name the program itself.
    ///
    /// # Errors
    ///
    /// [`Error`] that says what is wrong with it.
    pub fn verify_by(
        &self,
        policy: &Policy,
        anchor: &TrustAnchor,
        now: Time,
    ) -> Result<Vault, Error> {
        if !is_public_key(&self.key.0) {
            return Err(Error::VaultKey);
        }
        let collateral = self.evidence.collateral()?;
        let quote = attestation::verify(&self.evidence.quote.0, &collateral, anchor, now)?;
        let said = report_data::vault(&self.key.0, self.realm.as_str());
        let evidence = policy
            .appraise(quote, now, Some(&said))
            .map_err(|verdict| Error::VaultPolicy(Box::new(verdict)))?;
        Ok(Vault {
            key: self.key.0.clone(),
            realm: self.realm.clone(),
            evidence,
        })
    }
}

impl VaultPolicy {
    /// What a program demands of a vault, by the program's own quote, which its processor gave it: the
    /// processor, not the host, thereby says who signed the program and which root vouches for them both.
    ///
    /// # Errors
    ///
    /// [`Error::OwnQuote`] if the processor gave no quote of an enclave.
    pub fn of_own(quote: &[u8], kind: Kind) -> Result<Self, Error> {
        let quote = Quote::parse(quote).map_err(|_| Error::OwnQuote)?;
        let Body::Sgx(report) = quote.body() else {
            return Err(Error::OwnQuote);
        };
        let (anchor, of) = match kind {
            Kind::Sim => (simulated_anchor(&quote)?, Kind::Sim),
            _ => (TrustAnchor::intel(), Kind::Sgx),
        };
        Ok(Self {
            signer: Digest::Mrsigner(of, report.mrsigner),
            debug: report.attributes.is_debug(),
            anchor,
        })
    }

    /// The same as a policy: a vault of this signer, up to date.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let mut policy = Policy::strict(Program::Sgx(SgxProgram {
            signers: vec![self.signer],
            product: Some(VAULT_PRODUCT),
            minimum_svn: Some(MINIMUM_VAULT_SVN),
            ..SgxProgram::default()
        }));
        policy.allow_debug = self.debug;
        if let Some(root) = self.anchor.simulated_fingerprint() {
            policy.allow_sim = true;
            policy.simulated_roots = vec![root];
        }
        policy
    }
}

/// The root that a quote's own certificates lead to.
fn simulated_anchor(quote: &Quote<'_>) -> Result<TrustAnchor, Error> {
    let certification = &quote.signature().certification;
    let chain = match certification.kind {
        CertificationKind::PckChain => Chain::pck(certification.data).ok(),
        _ => None,
    };
    let root = chain.as_ref().and_then(|chain| chain.certificates().last());
    let root = root.ok_or(Error::OwnQuote)?;
    TrustAnchor::simulated(root, Fingerprint::of(root)).map_err(|_| Error::OwnQuote)
}

impl Evidence {
    /// A quote and its collateral's JSON text.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] if that is no JSON.
    pub fn new(quote: Vec<u8>, collateral: &str) -> Result<Self, Error> {
        let collateral = RawValue::from_string(collateral.to_owned());
        Ok(Self {
            quote: Base64(quote),
            collateral: collateral.map_err(|error| Error::Form {
                what: "collateral",
                fault: error.to_string(),
            })?,
        })
    }

    /// The collateral, read.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn collateral(&self) -> Result<Collateral, attestation::CollateralError> {
        Collateral::from_json(self.collateral.get().as_bytes())
    }
}

impl Realm {
    /// A fresh one.
    ///
    /// # Errors
    ///
    /// There is no randomness.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyFailed> {
        let bytes: [u8; 16] = entropy.bytes()?;
        Ok(Self(hex::encode(bytes)))
    }

    /// Its 32 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Realm {
    type Err = NotHex;

    fn from_str(text: &str) -> Result<Self, NotHex> {
        let Hex(_) = text.parse::<Hex<16>>()?;
        Ok(Self(text.to_owned()))
    }
}

impl Serialize for Realm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Realm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Hex(bytes) = Hex::<16>::deserialize(deserializer)?;
        Ok(Self(hex::encode(bytes)))
    }
}
