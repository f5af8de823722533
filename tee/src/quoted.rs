//! Whether what a platform calls a quote is one, and over what was asked.

use sgx::quote::{Quote, Tee};

/// Finds a quote that is not in its form, of another kind of platform, or over other report data, as when
/// another thread was answered. `Err` says what it is. No signature is checked.
pub(crate) fn check(bytes: &[u8], tee: Tee, report_data: &[u8; 64]) -> Result<(), &'static str> {
    let Ok(quote) = Quote::parse(bytes) else {
        return Err("no quote");
    };
    if quote.body().tee() != tee {
        return Err("a quote of another kind of platform");
    }
    if quote.body().report_data() != report_data {
        return Err("a quote over other report data");
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use sgx::quote::{
        Body, Certification, CertificationKind, Header, INTEL_VENDOR, Signature, TdReport, Version,
        encode,
    };
    use sgx::{Attributes, Miscselect, Mrenclave, Mrsigner, ReportBody};

    use super::*;

    /// What a platform says of an enclave of this version.
    pub(crate) fn report(report_data: [u8; 64]) -> ReportBody {
        ReportBody {
            cpusvn: [5; 16],
            miscselect: Miscselect(0),
            cet_attributes: 0,
            isv_ext_prod_id: [0; 16],
            attributes: Attributes::PLAIN,
            mrenclave: Mrenclave([1; 32]),
            mrsigner: Mrsigner([2; 32]),
            config_id: [0; 64],
            isv_prod_id: 1,
            isv_svn: 4,
            config_svn: 0,
            isv_family_id: [0; 16],
            report_data,
        }
    }

    /// A quote in its form, signed by nobody.
    pub(crate) fn quote(tee: Tee, report_data: [u8; 64]) -> Vec<u8> {
        let (version, body) = match tee {
            Tee::Sgx => (Version::V3, Body::Sgx(report(report_data))),
            Tee::Tdx => {
                let mut td = TdReport::parse_1_0(&[0; TdReport::SIZE_1_0]);
                td.report_data = report_data;
                (Version::V4, Body::Tdx(td))
            }
        };
        let header = Header {
            version,
            qe_svn: 0,
            pce_svn: 0,
            vendor: INTEL_VENDOR,
            user_data: [0; 20],
        };
        let qe_report = report([0; 64]).to_bytes();
        let signature = Signature {
            isv_signature: &[0; 64],
            attestation_key: &[0; 64],
            qe_report_bytes: &qe_report,
            qe_report_signature: &[0; 64],
            qe_auth_data: &[0; 32],
            certification: Certification {
                kind: CertificationKind::PckChain,
                data: b"-",
            },
        };
        encode(&header, &body, &signature).unwrap()
    }

    #[test]
    fn only_a_quote_over_what_was_asked_passes() {
        let good = quote(Tee::Sgx, [3; 64]);
        assert_eq!(check(&good, Tee::Sgx, &[3; 64]), Ok(()));
        assert!(check(&good, Tee::Sgx, &[4; 64]).is_err());
        assert!(check(&good, Tee::Tdx, &[3; 64]).is_err());
        assert!(check(&good[1..], Tee::Sgx, &[3; 64]).is_err());
        assert!(check(b"", Tee::Sgx, &[3; 64]).is_err());
        let machine = quote(Tee::Tdx, [3; 64]);
        assert_eq!(check(&machine, Tee::Tdx, &[3; 64]), Ok(()));
    }
}
