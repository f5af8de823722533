//! The embedded engine passes the suite.

mod common;

sconce_store::conformance!(common::Redb);
