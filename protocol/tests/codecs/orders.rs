//! A requester's half: what it builds is read by the worker's reader, and hashes the same.

use std::sync::LazyLock;

use proptest::prelude::*;
use sconce_protocol::crypto::rsa::{DecryptionKey, EncryptionKey};
use sconce_protocol::json::Members;
use sconce_protocol::methods::submit::Submit;
use sconce_protocol::requester::{BuildError, Input, Order, Protection};
use sconce_protocol::{SystemEntropy, WorkerId, hash};

use crate::support::{bytes, text};

static KEY: LazyLock<EncryptionKey> =
    LazyLock::new(|| DecryptionKey::generate().unwrap().encryption_key().unwrap());

proptest! {
    #[test]
    fn orders_are_read_as_they_were_built(
        workload in text(),
        inputs in prop::collection::vec((bytes(), 0..3u8), 0..5),
        avalon_iv in any::<bool>(),
        response_timeout_ms in any::<i64>(),
    ) {
        let protections = [Protection::Plain, Protection::Session, Protection::OwnKey];
        let inputs: Vec<_> = inputs
            .iter()
            .map(|(data, kind)| Input { data, protection: protections[usize::from(*kind)] })
            .collect();
        let worker_id = WorkerId::from_name("w");
        let order = Order {
            worker_id: &worker_id,
            encryption_key: &KEY,
            workload: &workload,
            inputs: &inputs,
            signing_key: None,
            avalon_iv,
            response_timeout_ms,
        };
        let sealed = match order.seal(&SystemEntropy::new()) {
            Ok(sealed) => sealed,
            Err(BuildError::EmptyPlain | BuildError::PlainAfterSealed | BuildError::Workload(_)) => return Ok(()),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        };
        let members = Members::parse(&sealed.params).unwrap();
        // Clear inputs that are the same at the same place cannot be: indices differ.
        let read = Submit::parse(&members).unwrap();
        prop_assert_eq!(hash::of_submit(&read), sealed.request_hash);
        prop_assert_eq!(read.workload_id.name(), Some(workload.clone()));
        prop_assert_eq!(read.in_data.len(), inputs.len());
        prop_assert_eq!(read.response_timeout_ms, response_timeout_ms);
    }
}
