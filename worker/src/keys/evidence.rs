//! A quote over a worker's keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::report_data;
use sgx::quote::{self, Body, Quote};
use tee::Tee;

use super::WorkerKeys;

/// Why a worker has no evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoEvidence {
    /// The platform gave no quote.
    #[error("error[{code}]: {fault}; the worker has no quote over its keys", code = .fault.code())]
    Platform {
        /// Why.
        fault: tee::Error,
    },
    /// The platform's quote is not in its form.
    #[error("the platform's quote is none")]
    Form(#[from] quote::Error),
    /// The quote says nothing of an enclave.
    #[error("the platform's quote is of a virtual machine, not of an enclave")]
    Machine,
}

impl WorkerKeys {
    /// These keys, with what a platform says of the program that has them: the signup carries a quote
    /// over its public keys, and the measurement that stands in it. Nothing is published by a directory.
    ///
    /// # Errors
    ///
    /// [`NoEvidence`] if the platform gives no quote of an enclave.
    pub fn attested(mut self, platform: &dyn Tee) -> Result<Self, NoEvidence> {
        let signup = &mut self.signup;
        let said = report_data::worker_keys(
            &self.worker_id,
            &signup.verifying_key,
            &signup.encryption_key,
            &[],
        );
        let evidence = platform
            .evidence(&said)
            .map_err(|fault| NoEvidence::Platform { fault })?;
        let Body::Sgx(report) = *Quote::parse(&evidence)?.body() else {
            return Err(NoEvidence::Machine);
        };
        signup.mrenclave = report.mrenclave.to_string();
        signup.quote = STANDARD.encode(&evidence);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::os::unix::fs::OpenOptionsExt as _;

    use link::report::Refusal;
    use tee::{SealingKey, Wanted};

    use super::*;
    use crate::keys::{DevelopmentKeyFile, KeySource as _};

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
    fn without_a_quote_there_are_no_keys() {
        let folder = tempfile::tempdir().unwrap();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.path().join("keys"))
            .unwrap();
        let source = DevelopmentKeyFile::new("w", file);
        let refused = |platform: Gives| source.keys().unwrap().attested(&platform).err().unwrap();

        let none = refused(Gives(None));
        assert!(
            none.to_string().starts_with("error[tee.refused]: "),
            "{none}"
        );
        assert!(matches!(refused(Gives(Some(b"x"))), NoEvidence::Form(_)));
    }
}
