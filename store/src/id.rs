//! Names of things in a store: opaque bytes, one type for each, so that they cannot be mixed up.

use std::fmt;

/// Defines an identifier made of opaque bytes.
macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// Takes the bytes as they are.
            pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
                Self(bytes.into())
            }

            /// The bytes, exactly as they were given.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Gives the bytes back.
            pub fn into_bytes(self) -> Vec<u8> {
                self.0
            }
        }

        impl From<Vec<u8>> for $name {
            fn from(bytes: Vec<u8>) -> Self {
                Self(bytes)
            }
        }

        impl From<&[u8]> for $name {
            fn from(bytes: &[u8]) -> Self {
                Self(bytes.to_vec())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.as_bytes().to_vec())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into_bytes())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.escape_ascii())
            }
        }
    };
}

opaque! {
    /// The group that records belong to: in Sconce the worker id.
    ///
    /// Queues and batches never reach over partitions, so an engine may place each elsewhere.
    PartitionId
}

opaque! {
    /// The id of a work order, unique over all partitions of an engine.
    OrderId
}

opaque! {
    /// What may be used once within a partition: in Sconce the requester id and its nonce.
    ReplayKey
}

opaque! {
    /// The key of a record in a [`Table`](crate::Table), ordered as bytes within its partition.
    Key
}

/// A 32-byte digest over everything in a submission, by which a repeat is told from another order
/// of the same id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Digest(pub [u8; 32]);

/// Proof of one lease of one order. Tokens of an order only grow, over restarts too, so the larger
/// of two belongs to the later lease.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token(pub u64);

/// The state of a record in a [`Table`](crate::Table). Every write gives a version that this key
/// never had before, also after the record was deleted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(pub u64);
