//! Auditors: who has recomputed a head from the feed may add a signature to it.
//!
//! Theirs stand beside the directory's own, as `smh.auditor_signatures`: the log's promise is over the head
//! with the directory's, and must stay what it is.

use std::collections::BTreeMap;

use transparency::json;
use transparency::messages::{
    DigitallySigned, HashAlgorithm, MapHead, SignatureAlgorithm, Signatures, SignedMapHead,
};
use transparency::object_hash;
use transparency::signature::VerifyingKey;

use crate::{Auditors, Error, Refusal};

/// The keys of the auditors whose signatures are taken, by their ids.
#[derive(Clone, Debug, Default)]
pub struct AuditorKeys(BTreeMap<String, VerifyingKey>);

impl AuditorKeys {
    /// Those of a configuration.
    ///
    /// # Errors
    ///
    /// A text that is no P-256 key in PEM.
    pub fn new(auditors: &Auditors) -> Result<Self, Error> {
        let key = |pem: &String| match VerifyingKey::from_pem(pem) {
            Ok(key) => Ok((key.id().to_string(), key)),
            Err(fault) => Err(Error::Setting {
                setting: "auditors",
                fault: fault.to_string(),
            }),
        };
        auditors
            .keys
            .iter()
            .map(key)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The signatures in the body of `POST /v1/heads/{epoch}/signatures`: `{"signatures": {id: …}}`, as
    /// ids of keys and DER. Each has to be by an auditor and over this head.
    ///
    /// # Errors
    ///
    /// The first that is not, or a body without any.
    pub fn check(&self, head: &MapHead, body: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Refusal> {
        let body: SignedMapHead =
            json::read(body).map_err(|fault| Refusal::Body(fault.to_string()))?;
        if body.signatures.is_empty() {
            return Err(Refusal::Body("signatures: there is none".to_owned()));
        }
        let preimage = object_hash::map_head(head);
        let check = |(id, signed): (String, DigitallySigned)| {
            let stranger = Refusal::Credentials("a signature is by no auditor that is known here");
            let key = self.0.get(&id).ok_or(stranger)?;
            key.verify_signed(&preimage, &signed)
                .map_err(|fault| Refusal::Body(format!("signatures: {fault}")))?;
            Ok((id, signed.signature))
        };
        body.signatures.into_iter().map(check).collect()
    }
}

/// Signatures as they stand in an answer, of ids of keys and DER.
pub fn signatures(kept: Vec<(String, Vec<u8>)>) -> Signatures {
    let signed = |signature| DigitallySigned {
        hash_algorithm: HashAlgorithm::Sha256,
        sig_algorithm: SignatureAlgorithm::Ecdsa,
        signature,
    };
    let pair = |(id, der)| (id, signed(der));
    kept.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use transparency::signature::SigningKey;

    use super::*;

    fn key(number: u8) -> SigningKey {
        SigningKey::from_scalar(&[number; 32]).unwrap()
    }

    fn body(keys: &[&SigningKey], head: &MapHead) -> Vec<u8> {
        let sign = |key: &&SigningKey| {
            let signed = key.sign_digitally(&object_hash::map_head(head)).unwrap();
            (key.id().to_string(), signed)
        };
        let signed = SignedMapHead {
            signatures: keys.iter().map(sign).collect(),
            ..SignedMapHead::default()
        };
        json::write(&signed).unwrap()
    }

    #[test]
    fn only_auditors_and_only_over_the_head() {
        let (one, two, stranger) = (key(1), key(2), key(3));
        let known = AuditorKeys::new(&Auditors {
            threshold: 1,
            keys: vec![one.verifying_key().to_pem(), two.verifying_key().to_pem()],
        })
        .unwrap();
        let head = MapHead {
            realm: "sconce.localhost".to_owned(),
            epoch: 7,
            ..MapHead::default()
        };
        let taken = known.check(&head, &body(&[&one, &two], &head)).unwrap();
        assert_eq!(taken.len(), 2);
        let shown = signatures(taken);
        let preimage = object_hash::map_head(&head);
        one.verifying_key().verify_among(&preimage, &shown).unwrap();

        let code = |body: &[u8]| known.check(&head, body).unwrap_err().code();
        assert_eq!(
            code(&body(&[&one, &stranger], &head)),
            "directory.credentials"
        );
        let other = MapHead {
            epoch: 8,
            ..head.clone()
        };
        assert_eq!(code(&body(&[&one], &other)), "directory.body");
        for nothing in [
            "",
            "{}",
            "[]",
            r#"{"signatures":{}}"#,
            r#"{"signatures":1}"#,
        ] {
            assert_eq!(code(nothing.as_bytes()), "directory.body", "{nothing}");
        }
        let bad = Auditors {
            threshold: 0,
            keys: vec!["PEM".to_owned()],
        };
        assert_eq!(
            AuditorKeys::new(&bad).unwrap_err().code(),
            "directory.settings"
        );
    }
}
