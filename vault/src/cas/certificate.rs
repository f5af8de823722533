//! Making certificates.

use attestation::Time;
use protocol::crypto::pem;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use session::{Endpoint, Secret, SecretKind};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// For how long certificates are valid, in seconds, if the session does not say.
const VALIDITY: u64 = YEAR;
const VALIDITY_OF_CA: u64 = 10 * YEAR;
const MAX_VALIDITY: u64 = 50 * YEAR;
/// Clocks of others may be behind by so much.
const BEFORE: u64 = 5 * MINUTE;

/// A certificate's issuer: what the session says of it, and its key in PEM.
pub(super) struct Signer<'a> {
    pub(super) secret: &'a Secret,
    pub(super) key: &'a str,
}

/// The certificate that `secret` describes, for the key `key` (PEM), in PEM. It signs itself without `issuer`.
pub(super) fn make(
    secret: &Secret,
    key: &str,
    issuer: Option<&Signer<'_>>,
    now: Time,
) -> Result<String, &'static str> {
    let key = read(key)?;
    let mut params = subject(secret)?;
    let seconds = match &secret.valid_for {
        Some(text) => duration(text).ok_or(
            "valid_for is a number and seconds, minutes, hours, days, weeks or years, at most 50 years",
        )?,
        None if secret.kind == Some(SecretKind::X509Ca) => VALIDITY_OF_CA,
        None => VALIDITY,
    };
    let begin = date_time_ymd(1970, 1, 1);
    let at = |unix: u64| begin + std::time::Duration::from_secs(unix);
    params.not_before = at(now.unix().saturating_sub(BEFORE));
    params.not_after = at(now.unix().saturating_add(seconds));
    let made = match issuer {
        None => params.self_signed(&key),
        Some(issuer) => {
            params.use_authority_key_identifier_extension = true;
            let issuer = Issuer::new(subject(issuer.secret)?, read(issuer.key)?);
            params.signed_by(&key, &issuer)
        }
    };
    let made = made.map_err(|_| "the certificate can't be made")?;
    Ok(pem::encode("CERTIFICATE", made.der()))
}

fn read(key: &str) -> Result<KeyPair, &'static str> {
    KeyPair::from_pem(key)
        .map_err(|_| "a certificate's key is P-256, P-384, Ed25519 or RSA, as PKCS#8 in PEM")
}

/// Everything but the time.
fn subject(secret: &Secret) -> Result<CertificateParams, &'static str> {
    let names = secret.dns.iter().flat_map(|dns| dns.as_slice());
    let names: Vec<String> = names.cloned().collect();
    let mut params = CertificateParams::new(names)
        .map_err(|_| "dns holds a text that is no name of a server")?;
    params.distinguished_name = DistinguishedName::new();
    let common_name = secret.common_name.as_ref().unwrap_or(&secret.name);
    params
        .distinguished_name
        .push(DnType::CommonName, common_name.as_str());
    if secret.kind == Some(SecretKind::X509Ca) {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    } else {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = match secret.endpoint {
            Some(Endpoint::Server) => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Some(Endpoint::Client) => vec![ExtendedKeyUsagePurpose::ClientAuth],
            None => vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ],
        };
    }
    Ok(params)
}

/// Seconds, from a text as `90 days`.
fn duration(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let unit = match unit.trim() {
        "s" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => MINUTE,
        "h" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7 * DAY,
        "y" | "year" | "years" => YEAR,
        _ => return None,
    };
    let seconds = number.checked_mul(unit)?;
    (1..=MAX_VALIDITY).contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [
            ("90 days", 90 * DAY),
            ("1 year", YEAR),
            ("12h", 12 * HOUR),
            ("30 m", 1800),
            ("50 years", 50 * YEAR),
        ] {
            assert_eq!(duration(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            "days",
            "0 days",
            "-1 days",
            "51 years",
            "1 fortnight",
            "1.5 days",
            "99999999999999999999 s",
            "9223372036854775807 weeks",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
