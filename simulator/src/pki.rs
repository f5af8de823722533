//! The pretended vendor's certificates and revocation lists.

mod extension;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CustomExtension, DistinguishedName, DnType, DnValue, IsCa, Issuer, KeyIdMethod,
    KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use crate::error::Error;
use crate::keys::{Seed, Signer};
use crate::settings::{Ca, Settings};

pub(crate) use extension::Pck;

/// What stands in every certificate, beside its own name.
const ORGANISATION: &str = "SIMULATION ONLY - NOT INTEL";
/// A country code that is nobody's (ISO 3166-1, user-assigned).
const COUNTRY: &str = "ZZ";
/// Where nothing is to be found: RFC 2606 keeps the name free.
const DISTRIBUTION_POINT: &str = "https://simulated.invalid/";

/// What a PCK and its certificate's serial number are derived for.
const PCK: &str = "pck";

/// Certificates of the root and of authorities are valid for so long.
const AUTHORITY_YEARS: i64 = 25;
/// PCK certificates are valid for so long.
const PCK_YEARS: i64 = 7;

/// What the authorities are called and may do. There is one honest charter; others are for
/// [`Forgery`](crate::Forgery).
pub(crate) struct Charter {
    pub(crate) root_name: &'static str,
    pub(crate) pck_ca_is_authority: bool,
}

impl Charter {
    pub(crate) const HONEST: Self = Self {
        root_name: "SIMULATED SGX Root CA",
        pck_ca_is_authority: true,
    };
}

/// The vendor's authorities.
#[derive(Clone)]
pub(crate) struct Authorities {
    pub(crate) root: Certified,
    /// Certifies machines.
    pub(crate) pck_ca: Certified,
    /// Signs TCB info and identities.
    pub(crate) tcb_signing: Certified,
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Certified {
    pub(crate) key: Signer,
    pub(crate) der: Vec<u8>,
    /// Of its certificate alone, with a line end behind it.
    pub(crate) pem: String,
    pub(crate) serial: [u8; 20],
    params: CertificateParams,
}

/// What a revocation list says.
pub(crate) struct Revocations {
    /// Serial numbers, and when each was revoked.
    pub(crate) serials: Vec<([u8; 20], u64)>,
    /// CRL number.
    pub(crate) number: u64,
    /// When it was issued.
    pub(crate) issued: u64,
    /// When there will be another.
    pub(crate) next: u64,
}

impl Authorities {
    pub(crate) fn new(seed: &Seed, settings: &Settings, charter: &Charter) -> Result<Self, Error> {
        let root = Template {
            name: charter.root_name,
            purpose: "root",
            role: Role::Authority { below: 1 },
            years: AUTHORITY_YEARS,
            list: "root.crl",
            pck: None,
        };
        let root = root.self_signed(seed, settings)?;
        let pck_ca = Template {
            name: match settings.ca {
                Ca::Processor => "SIMULATED SGX PCK Processor CA",
                Ca::Platform => "SIMULATED SGX PCK Platform CA",
            },
            purpose: "pck ca",
            role: if charter.pck_ca_is_authority {
                Role::Authority { below: 0 }
            } else {
                Role::Impostor
            },
            years: AUTHORITY_YEARS,
            list: "root.crl",
            pck: None,
        };
        let tcb_signing = Template {
            name: "SIMULATED SGX TCB Signing",
            purpose: "tcb signing",
            role: Role::Signer,
            years: AUTHORITY_YEARS,
            list: "root.crl",
            pck: None,
        };
        Ok(Self {
            pck_ca: pck_ca.signed_by(&root, seed, settings)?,
            tcb_signing: tcb_signing.signed_by(&root, seed, settings)?,
            root,
        })
    }

    /// The certificate of a machine.
    pub(crate) fn certify(
        &self,
        pck: &Pck,
        seed: &Seed,
        settings: &Settings,
    ) -> Result<Certified, Error> {
        let template = Template {
            name: "SIMULATED SGX PCK Certificate",
            purpose: PCK,
            role: Role::Signer,
            years: PCK_YEARS,
            list: match settings.ca {
                Ca::Processor => "processor.crl",
                Ca::Platform => "platform.crl",
            },
            pck: Some(pck),
        };
        template.signed_by(&self.pck_ca, seed, settings)
    }
}

impl Authorities {
    /// A machine's certificate, and those above it (PEM).
    pub(crate) fn pck_chain(&self, pck: &Certified) -> String {
        [&pck.pem, &self.pck_ca.pem, &self.root.pem]
            .map(String::as_str)
            .concat()
    }

    /// The certificate of one whom the root has certified, and the root's (PEM).
    pub(crate) fn chain(&self, one: &Certified) -> String {
        [one.pem.as_str(), &self.root.pem].concat()
    }
}

/// The serial number of a machine's certificate.
pub(crate) fn pck_serial(pck: &Pck, seed: &Seed) -> [u8; 20] {
    serial(seed, PCK, &pck.to_der())
}

impl Certified {
    /// A revocation list of this authority (DER).
    pub(crate) fn revoke(&self, revocations: &Revocations) -> Result<Vec<u8>, Error> {
        let revoked = |(serial, at): &([u8; 20], u64)| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(serial),
                revocation_time: moment(*at)?,
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
        };
        let params = CertificateRevocationListParams {
            this_update: moment(revocations.issued)?,
            next_update: moment(revocations.next)?,
            crl_number: SerialNumber::from(revocations.number),
            issuing_distribution_point: None,
            revoked_certs: revocations
                .serials
                .iter()
                .map(revoked)
                .collect::<Result<_, Error>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let mut issuer = self.params.clone();
        // A list can be had of one who may not sign it: verifiers have to see that themselves.
        issuer.key_usages = vec![KeyUsagePurpose::CrlSign];
        let list = params
            .signed_by(&Issuer::new(issuer, &self.key))
            .map_err(|why| encoding("a revocation list", &why))?;
        Ok(list.der().to_vec())
    }
}

/// What a certificate is to say.
struct Template<'a> {
    name: &'static str,
    /// What its key and serial number are derived for.
    purpose: &'static str,
    role: Role,
    years: i64,
    /// The revocation list that would name it.
    list: &'static str,
    pck: Option<&'a Pck>,
}

enum Role {
    /// Signs certificates and lists; so many authorities may stand between it and a signer.
    Authority { below: u8 },
    /// Signs anything but certificates.
    Signer,
    /// Would have to be an authority, and is none.
    Impostor,
}

impl Template<'_> {
    fn self_signed(&self, seed: &Seed, settings: &Settings) -> Result<Certified, Error> {
        let (key, serial, params) = self.prepare(seed, settings)?;
        let certificate = params
            .self_signed(&key)
            .map_err(|why| encoding("a certificate", &why))?;
        Ok(Certified::new(key, serial, params, &certificate))
    }

    fn signed_by(
        &self,
        issuer: &Certified,
        seed: &Seed,
        settings: &Settings,
    ) -> Result<Certified, Error> {
        let (key, serial, params) = self.prepare(seed, settings)?;
        let issuer = Issuer::from_params(&issuer.params, &issuer.key);
        let certificate = params
            .signed_by(&key, &issuer)
            .map_err(|why| encoding("a certificate", &why))?;
        Ok(Certified::new(key, serial, params, &certificate))
    }

    fn prepare(
        &self,
        seed: &Seed,
        settings: &Settings,
    ) -> Result<(Signer, [u8; 20], CertificateParams), Error> {
        let extension = self.pck.map(Pck::to_der).unwrap_or_default();
        // A machine with other security versions has another key, and so another certificate.
        let key = seed.signer(self.purpose, &[&extension]);
        let serial = serial(seed, self.purpose, &extension);
        let mut params = CertificateParams::default();
        params.distinguished_name = name(self.name)?;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.not_before = moment(settings.made)?;
        params.not_after = params
            .not_before
            .checked_add(Duration::days(self.years * 365))
            .ok_or_else(|| beyond(settings.made))?;
        params.use_authority_key_identifier_extension = true;
        params.key_identifier_method = KeyIdMethod::Sha256;
        params.crl_distribution_points = vec![CrlDistributionPoint {
            uris: vec![format!("{DISTRIBUTION_POINT}{}", self.list)],
        }];
        (params.is_ca, params.key_usages) = match self.role {
            Role::Authority { below } => (
                IsCa::Ca(BasicConstraints::Constrained(below)),
                vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
            ),
            Role::Signer => (
                IsCa::ExplicitNoCa,
                vec![
                    KeyUsagePurpose::DigitalSignature,
                    KeyUsagePurpose::ContentCommitment,
                ],
            ),
            Role::Impostor => (
                IsCa::ExplicitNoCa,
                vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
            ),
        };
        if self.pck.is_some() {
            params.custom_extensions = vec![CustomExtension::from_oid_content(Pck::OID, extension)];
        }
        Ok((key, serial, params))
    }
}

impl Certified {
    fn new(
        key: Signer,
        serial: [u8; 20],
        params: CertificateParams,
        certificate: &rcgen::Certificate,
    ) -> Self {
        Self {
            key,
            der: certificate.der().to_vec(),
            pem: certificate.pem(),
            serial,
            params,
        }
    }
}

fn name(common: &str) -> Result<DistinguishedName, Error> {
    let country = COUNTRY.try_into().map_err(|why| encoding("a name", &why))?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name.push(DnType::OrganizationName, ORGANISATION);
    name.push(DnType::CountryName, DnValue::PrintableString(country));
    Ok(name)
}

/// A positive number of exactly 20 bytes.
fn serial(seed: &Seed, purpose: &str, of: &[u8]) -> [u8; 20] {
    let mut serial = [0; 20];
    serial.copy_from_slice(&seed.derive("serial number", &[purpose.as_bytes(), of])[..20]);
    serial[0] = serial[0] & 0x3f | 0x40;
    serial
}

/// A second, counted from the begin of 1970.
pub(crate) fn moment(seconds: u64) -> Result<OffsetDateTime, Error> {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or_else(|| beyond(seconds))
}

fn beyond(seconds: u64) -> Error {
    Error::Encoding {
        what: "a time",
        why: format!("{seconds} seconds after 1970 is beyond the year 9999"),
    }
}

fn encoding(what: &'static str, why: &rcgen::Error) -> Error {
    Error::Encoding {
        what,
        why: why.to_string(),
    }
}
