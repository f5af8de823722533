//! A quote over a worker's keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::report_data;
use sgx::quote::{self, Body, CertificationKind, Quote};
use tee::Tee;

use super::WorkerKeys;

/// Why a worker has no evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoEvidence {
    /// The platform gave no quote.
    #[error("{0}; the worker has no quote over its keys")]
    Platform(#[from] tee::Error),
    /// The platform's quote is not in its form.
    #[error("the platform's quote is none")]
    Form(#[from] quote::Error),
    /// The quote says nothing of an enclave.
    #[error("the platform's quote is of a virtual machine, not of an enclave")]
    Machine,
}

impl WorkerKeys {
    /// These keys, with what a platform says of the program that has them: the signup carries a quote
    /// over its public keys, the one for directories among them, the measurement that stands in it, and what the
    /// vendor says of the platform.
    ///
    /// # Errors
    ///
    /// [`NoEvidence`] if the platform gives no quote of an enclave.
    pub fn attested(mut self, platform: &dyn Tee, generation: u64) -> Result<Self, NoEvidence> {
        let signup = &mut self.signup;
        let said = report_data::worker_keys(
            &self.worker_id,
            &signup.verifying_key,
            &signup.encryption_key,
            &self.directory_key,
        );
        let evidence = platform.evidence(&said)?;
        let quote = Quote::parse(&evidence)?;
        let Body::Sgx(report) = *quote.body() else {
            return Err(NoEvidence::Machine);
        };
        signup.mrenclave = report.mrenclave.to_string();
        signup.certificates = certificates(&quote);
        signup.collateral = platform.collateral()?;
        signup.generation = generation;
        signup.quote = STANDARD.encode(&evidence);
        Ok(self)
    }
}

/// The certificates that a quote brings, if it does. Intel's end in a zero byte.
fn certificates(quote: &Quote<'_>) -> String {
    let certification = &quote.signature().certification;
    let text = match certification.kind {
        CertificationKind::PckChain => std::str::from_utf8(certification.data).ok(),
        _ => None,
    };
    text.unwrap_or_default().trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use link::report::Refusal;
    use protocol::crypto::rsa::DecryptionKey;
    use protocol::crypto::secp256k1::SigningKey;
    use tee::{SealingKey, Wanted};

    use super::*;

    /// A platform that gives these bytes as a quote, or nothing.
    struct Gives(Option<&'static [u8]>);

    impl Tee for Gives {
        fn kind(&self) -> sgx::Kind {
            sgx::Kind::Sim
        }

        fn evidence(&self, _: &[u8; 64]) -> Result<Vec<u8>, tee::Error> {
            let given = self.0.map(<[u8]>::to_vec);
            given.ok_or_else(|| Refusal::Failed.into())
        }

        fn sealing_key(&self, _: &Wanted) -> Result<SealingKey, tee::Error> {
            Err(Refusal::Failed.into())
        }
    }

    #[test]
    fn without_a_quote_there_is_no_evidence() {
        let refused = |given| {
            let signing = SigningKey::from_bytes(&[7; 32]).unwrap();
            let keys = WorkerKeys::new("w", signing, DecryptionKey::generate().unwrap());
            keys.unwrap().attested(&Gives(given), 1).err().unwrap()
        };
        assert!(matches!(refused(None), NoEvidence::Platform(_)));
        assert!(matches!(refused(Some(b"x")), NoEvidence::Form(_)));
    }
}
