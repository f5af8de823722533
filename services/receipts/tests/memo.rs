//! The bytes that are kept of an order, whatever they are.

use proptest::prelude::*;
use sconce_receipts::OrderMemo;

proptest! {
    #[test]
    fn any_bytes_are_a_memo_that_is_written_the_same_or_none(version in 0u8..3, body in prop::collection::vec(any::<u8>(), 50..80), id in prop_oneof!["-?[0-9]{0,45}", any::<String>()]) {
        let bytes = [&[version], &body[..], id.as_bytes()].concat();
        if let Some(memo) = OrderMemo::decode(&bytes) {
            prop_assert_eq!(version, 1);
            prop_assert!(bytes.len() <= 105);
            prop_assert_eq!(memo.encode(), bytes);
        }
    }

    #[test]
    fn what_is_kept_is_read_back(hashes in any::<[u8; 32]>(), parties in any::<[u8; 32]>(), id in "-?[0-9]{1,39}") {
        let bytes = [&[1], &hashes[..], &parties, id.as_bytes()].concat();
        let memo = OrderMemo::decode(&bytes).unwrap();
        prop_assert_eq!(memo.request_hash(), &hashes);
        prop_assert_eq!(memo.submit_id(), Some(id.as_str()));
    }
}
