//! The embedded engine passes the suite through a bad connection.

mod common;

mod doubled_calls_without_hints {
    use sconce_store::conformance::Chaotic;

    sconce_store::conformance!(Chaotic::doubling(super::common::Redb, 1));
}

mod lost_answers {
    use sconce_store::conformance::Chaotic;

    sconce_store::conformance!(Chaotic::forgetful(super::common::Redb, 2); every_order_ends_once);
}
