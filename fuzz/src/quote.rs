//! Quotes; reports, targets and key requests beside them.

use std::str::from_utf8;

use sgx::quote::{
    Body, Certification, CertificationKind, Error, Header, INTEL_VENDOR, Quote, Signature,
    TdReport, Tee, Version, encode,
};
use sgx::{KeyRequest, Report, ReportBody, TargetInfo, TdDigest};

/// `data` is all of that: a quote; a structure that is as long; a text; and changes (where, as two
/// bytes, and to what) to a quote whose form the first byte chooses.
pub fn run(data: &[u8]) {
    check(data);
    structures(data);
    if let Ok(digest) = from_utf8(data).unwrap_or_default().parse::<TdDigest>() {
        let text = digest.to_string();
        assert!(data.eq_ignore_ascii_case(text.as_bytes()));
    }
    let Some((form, changes)) = data.split_first() else {
        return;
    };
    let mut quote = sample(*form);
    let (changes, _) = changes.as_chunks::<3>();
    for [high, low, to] in changes {
        let at = usize::from(u16::from_be_bytes([*high, *low]));
        let length = quote.len();
        quote[at % length] = *to;
    }
    check(&quote);
}

/// What is read is written as it was.
fn check(bytes: &[u8]) {
    match Quote::parse(bytes) {
        Ok(quote) => {
            let again = encode(quote.header(), quote.body(), quote.signature());
            let again = again.expect("what was read can be written");
            let rest = bytes.strip_prefix(&again[..]).expect("the same bytes");
            assert!(rest.is_empty() || quote.body().tee() == Tee::Tdx);
            assert!(rest.iter().all(|byte| *byte == 0));
            assert!(again.starts_with(quote.signed()));
            assert_eq!(quote.header().vendor, INTEL_VENDOR);
            let signed = quote.signature().qe_report_bytes;
            if let Ok(report) = quote.signature().qe_report() {
                assert_eq!(report.to_bytes(), *signed);
            }
        }
        Err(error) => {
            assert_eq!(error.to_string().lines().count(), 1);
            if let Error::Truncated { offset, left, .. } = error {
                assert!(offset + left <= bytes.len());
            }
        }
    }
}

fn structures(data: &[u8]) {
    if let Ok(bytes) = data.try_into()
        && let Ok(report) = Report::parse(bytes)
    {
        assert_eq!(report.to_bytes(), *bytes);
        assert_eq!(
            TargetInfo::of(&report.body).mrenclave,
            report.body.mrenclave
        );
    }
    if let Ok(bytes) = data.try_into()
        && let Ok(target) = TargetInfo::parse(bytes)
    {
        assert_eq!(target.to_bytes(), *bytes);
    }
    if let Ok(bytes) = data.try_into()
        && let Ok(request) = KeyRequest::parse(bytes)
    {
        assert_eq!(request.to_bytes(), *bytes);
    }
}

/// One of each version and body, by a number.
pub(crate) fn sample(form: u8) -> Vec<u8> {
    let enclave = || Body::Sgx(ReportBody::parse(&[0; ReportBody::SIZE]).expect("zeros"));
    let td_1_0 = || Body::Tdx(TdReport::parse_1_0(&[1; TdReport::SIZE_1_0]));
    let td_1_5 = || Body::Tdx(TdReport::parse_1_5(&[2; TdReport::SIZE_1_5]));
    let (version, body) = match form % 6 {
        0 => (Version::V3, enclave()),
        1 => (Version::V4, enclave()),
        2 => (Version::V4, td_1_0()),
        3 => (Version::V5, enclave()),
        4 => (Version::V5, td_1_0()),
        _ => (Version::V5, td_1_5()),
    };
    let header = Header {
        version,
        qe_svn: 8,
        pce_svn: 13,
        vendor: INTEL_VENDOR,
        user_data: [3; 20],
    };
    let signature = Signature {
        isv_signature: &[4; 64],
        attestation_key: &[5; 64],
        qe_report_bytes: &[0; ReportBody::SIZE],
        qe_report_signature: &[6; 64],
        qe_auth_data: &[7; 32],
        certification: Certification {
            kind: CertificationKind::PckChain,
            data: b"certificates",
        },
    };
    encode(&header, &body, &signature).expect("a quote")
}
