//! What clients and a key directory tell each other.

use transparency::json;
use transparency::messages::{
    Committed, DigitallySigned, Entry, EntryUpdate, GetEntryResponse, HashAlgorithm, History,
    LeafProof, LogProof, MapHead, SignatureAlgorithm, SignedMapHead, Timestamp,
};

use crate::kt_protobuf::GOOD;

/// Texts of each kind.
pub(super) fn texts() -> Vec<Vec<u8>> {
    let update = update();
    let entry = Entry::decode(&update.update.key_value.value).expect("it is one");
    let (absent, present) = (answer(None), answer(Some(&update)));
    let history = History {
        values: vec![absent.clone(), present.clone()],
        next_start: 2,
    };
    let bare = json::write(&update).expect("it has no time");
    let wrapped = [
        br#"{"user_id":"alice","entry_update":"#,
        bare.as_slice(),
        b"}",
    ]
    .concat();
    let forms = br#"{"update":{"key_value":{"key":null,"more":[{}]},"signatures":{"a":"AQ==","b":{"hash_algorithm":4,"sig_algorithm":1}}}}"#;
    vec![
        json::write(&absent).expect("its time is one"),
        json::write_put_answer(&present).expect("its time is one"),
        json::write(&history).expect("its times are times"),
        json::write(&entry).expect("it has no time"),
        bare,
        wrapped,
        forms.to_vec(),
    ]
}

/// Messages of each kind, and changes.
pub(super) fn messages() -> Vec<Vec<u8>> {
    let update = update();
    let committed = update.committed.clone().unwrap_or_default();
    let head = answer(None).smh.unwrap_or_default();
    vec![
        GOOD.to_vec(),
        update.update.encode(),
        update.update.key_value.value.clone(),
        committed.encode(),
        committed.data,
        head.encode(),
        vec![0, 5, 1, 1, 0x80, 0xff],
    ]
}

fn update() -> EntryUpdate {
    EntryUpdate::decode(GOOD).expect("it is one")
}

/// About an absent user, or the one of an update.
fn answer(update: Option<&EntryUpdate>) -> GetEntryResponse {
    let signed = DigitallySigned {
        hash_algorithm: HashAlgorithm::Sha256,
        sig_algorithm: SignatureAlgorithm::Ecdsa,
        signature: vec![0x30, 6, 2, 1, 1, 2, 1, 1],
    };
    let leaf_data = update.map(|update| update.update.key_value.value.clone());
    let committed: Option<Committed> = update.and_then(|update| update.committed.clone());
    GetEntryResponse {
        vrf: vec![4; 65],
        vrf_proof: vec![5; 64],
        committed,
        leaf_proof: Some(LeafProof {
            leaf_data: leaf_data.unwrap_or_default(),
            neighbors: vec![vec![], vec![6; 32]],
        }),
        smh: Some(SignedMapHead {
            map_head: Some(MapHead {
                realm: "example.com".to_owned(),
                epoch: 1,
                root: vec![7; 32],
                issue_time: Some(Timestamp {
                    seconds: 1_800_000_000,
                    nanos: 120_000_000,
                }),
            }),
            signatures: [("0".repeat(64), signed.clone())].into(),
            auditor_signatures: [("1".repeat(64), signed)].into(),
        }),
        smh_sct: vec![8; 120],
        vrf_suite: "P256-SHA512-BOUND".to_owned(),
        log_proof: Some(LogProof {
            leaf_index: 1,
            tree_size: 2,
            audit_path: vec![vec![9; 32]],
            checkpoint: "example.com/heads\n2\nCQ==\n".to_owned(),
        }),
        update: update.map(|update| update.update.clone()),
    }
}
