//! The messages as protocol buffers: their field numbers, and how they are read and written.

mod entries;
mod fields;
mod heads;
mod updates;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::messages::{
        Committed, DigitallySigned, Entry, EntryUpdate, HashAlgorithm, KeyValue, MapHead, Profile,
        PublicKey, SignatureAlgorithm, SignedKv, SignedMapHead, Timestamp,
    };
    use crate::protobuf::{Error, Writer};

    #[test]
    fn the_number_of_each_field() {
        let entry = Entry {
            commitment: vec![1, 2],
            authorized_keys: vec![PublicKey::P256(vec![3]), PublicKey::Ed25519(vec![])],
            previous: vec![4],
        };
        assert_eq!(
            entry.encode(),
            b"\x0a\x02\x01\x02\x12\x03\x1a\x01\x03\x12\x02\x0a\x00\x42\x01\x04"
        );
        let update = EntryUpdate {
            update: SignedKv {
                key_value: KeyValue {
                    key: vec![1],
                    value: vec![2],
                },
                signatures: [(
                    "k".to_owned(),
                    DigitallySigned {
                        hash_algorithm: HashAlgorithm::Sha256,
                        sig_algorithm: SignatureAlgorithm::Ecdsa,
                        signature: vec![3],
                    },
                )]
                .into(),
                previous: vec![4],
            },
            committed: Some(Committed {
                key: vec![5],
                data: vec![6],
            }),
        };
        let text = "12190a060a010112010212\
                    0c0a016b120708041001\
                    1a0103\
                    1a0104\
                    1a060a0105120106";
        assert_eq!(hex::encode(update.encode()), text);
        assert_eq!(EntryUpdate::decode(&update.encode()), Ok(update));
    }

    #[test]
    fn fields_that_are_not_known_are_passed_over() {
        let entry = Entry::decode(b"\x0a\x01\x01\x18\x05\x42\x01\x04\x7a\x01\x00").unwrap();
        assert_eq!(entry.previous, [4]);
        let other = PublicKey::decode(b"\x22\x01\x07").unwrap();
        assert_eq!(other, PublicKey::Other(b"\x22\x01\x07".to_vec()));
        assert_eq!(other.encode(), b"\x22\x01\x07");
    }

    #[test]
    fn what_could_be_two_things_is_refused() {
        let twice = |message, field| Err(Error::Twice { message, field });
        assert_eq!(
            Entry::decode(b"\x0a\x01\x01\x0a\x01\x01"),
            twice("Entry", 1)
        );
        assert_eq!(
            PublicKey::decode(b"\x0a\x00\x1a\x00").unwrap_err(),
            Error::Twice {
                message: "PublicKey",
                field: 3
            }
        );
        let app = b"\x0a\x03\x0a\x01a";
        assert_eq!(
            Profile::decode(&app.repeat(2)).unwrap_err(),
            Error::Twice {
                message: "Profile",
                field: 1
            }
        );
        assert_eq!(
            Profile::decode(app).unwrap().0,
            [("a".to_owned(), vec![])].into()
        );
        let wrong = Error::Type {
            message: "Committed",
            field: 2,
        };
        assert_eq!(Committed::decode(b"\x10\x01"), Err(wrong));
        let no_text = Error::Value {
            message: "Profile",
            field: 1,
        };
        assert_eq!(Profile::decode(b"\x0a\x03\x0a\x01\xff"), Err(no_text));
        let missing = Error::Missing {
            message: "SignedKV",
            field: 1,
        };
        assert_eq!(SignedKv::decode(b""), Err(missing));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let mut writer = Writer::new();
        writer.number(2, 1 << 63);
        MapHead::decode(&writer.finish()).unwrap_err();
        let mut writer = Writer::new();
        writer.number(2, 1_000_000_000);
        Timestamp::decode(&writer.finish()).unwrap_err();
        let mut writer = Writer::new();
        writer.number(1, 1 << 31);
        DigitallySigned::decode(&writer.finish()).unwrap_err();
    }

    proptest! {
        #[test]
        fn heads_are_read_as_they_are_written(
            realm: String,
            epoch in 0..1_u64 << 63,
            root: Vec<u8>,
            time in prop::option::of((-62_135_596_800..253_402_300_800_i64, 0..1_000_000_000_u32)),
            id: String,
        ) {
            let issue_time = time.map(|(seconds, nanos)| Timestamp { seconds, nanos });
            let head = SignedMapHead {
                map_head: Some(MapHead { realm, epoch, root, issue_time }),
                signatures: [(id.clone(), DigitallySigned::default())].into(),
                auditor_signatures: [(id, DigitallySigned::default())].into(),
            };
            prop_assert_eq!(SignedMapHead::decode(&head.encode()), Ok(head));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = SignedKv::decode(&bytes);
            let _ = Entry::decode(&bytes);
            let _ = Profile::decode(&bytes);
            let _ = SignedMapHead::decode(&bytes);
        }
    }
}
