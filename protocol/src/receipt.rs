//! Receipts: what a requester states about a work order, and what it or the worker add to it later
//! (wire facts, 3.9).
//!
//! A receipt is signed by the key that it names, and bound to its order by the order's request hash.
//! Each update is signed by that key or by the worker's. So everybody may read receipts and carry
//! them around; only those two can say something new.

mod record;
mod response;
mod update;

use serde::{Deserialize, Serialize};

use crate::crypto::KeyError;

pub use record::{Draft, Receipt, VerifiedReceipt};
pub use response::{ResponseId, response_hash, response_text};
pub use update::{Update, UpdateDraft, UpdateIndex, VerifiedUpdate};

/// The only rules of signing on this wire, as `signatureRules` names them.
pub const SIGNATURE_RULES: &str = "SHA-256/SECP256K1";

/// Longest PEM text of a key, in bytes; a secp256k1 key has about 180.
pub const MAX_KEY: usize = 1024;

/// Longest base64 text of a signature, in bytes; DER needs at most 96.
pub const MAX_SIGNATURE: usize = 128;

/// Longest `updateData`, in bytes.
pub const MAX_UPDATE_DATA: usize = 1024;

/// What a receipt says of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub enum ReceiptStatus {
    /// 0: not looked at yet.
    Pending,
    /// 1: done and accepted; nothing more is said.
    Completed,
    /// 2: processed; only "completed" may follow.
    Processed,
    /// 3: the order failed.
    Failed,
    /// 4: the order was rejected.
    Rejected,
}

impl ReceiptStatus {
    /// Every status, in the order of their codes.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Completed,
        Self::Processed,
        Self::Failed,
        Self::Rejected,
    ];

    /// The status of this code.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The code on the wire.
    pub const fn code(self) -> i64 {
        match self {
            Self::Pending => 0,
            Self::Completed => 1,
            Self::Processed => 2,
            Self::Failed => 3,
            Self::Rejected => 4,
        }
    }

    /// A word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Processed => "processed",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
        }
    }

    /// The status of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether an update of type `next` may follow.
    pub const fn allows(self, next: Self) -> bool {
        match self {
            Self::Completed => false,
            Self::Processed => matches!(next, Self::Completed | Self::Processed),
            Self::Pending | Self::Failed | Self::Rejected => true,
        }
    }

    /// Whether an update of this type must carry the [`response_hash`].
    pub const fn names_response(self) -> bool {
        matches!(self, Self::Completed | Self::Processed)
    }
}

/// The number isn't a receipt status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a receipt status: expected 0 to 4")]
pub struct NotAStatus;

impl TryFrom<i64> for ReceiptStatus {
    type Error = NotAStatus;

    fn try_from(code: i64) -> Result<Self, NotAStatus> {
        Self::from_code(code).ok_or(NotAStatus)
    }
}

impl From<ReceiptStatus> for i64 {
    fn from(status: ReceiptStatus) -> Self {
        status.code()
    }
}

/// Why a receipt or an update isn't believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotVerified {
    /// `receiptVerificationKey` is no key.
    #[error("the receipt's verification key cannot be read: {0}")]
    Key(#[from] KeyError),
    /// The signature isn't of that key over this text.
    #[error("the receipt's signature is not valid")]
    Signature,
    /// An update names a key that is neither the creator's nor the worker's.
    #[error("the update is signed by somebody who has no part in the order")]
    ForeignKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names() {
        for status in ReceiptStatus::ALL {
            assert_eq!(ReceiptStatus::from_code(status.code()), Some(status));
            assert_eq!(ReceiptStatus::from_name(status.name()), Some(status));
        }
        for code in [-1, 5, i64::MAX] {
            assert_eq!(ReceiptStatus::from_code(code), None);
        }
        assert!(serde_json::from_str::<ReceiptStatus>("5").is_err());
        assert_eq!(serde_json::to_string(&ReceiptStatus::Failed).unwrap(), "3");
    }

    #[test]
    fn what_may_follow() {
        let followers = |code| -> Vec<i64> {
            let status = ReceiptStatus::from_code(code).unwrap();
            let all = ReceiptStatus::ALL.into_iter();
            all.filter(|next| status.allows(*next))
                .map(i64::from)
                .collect()
        };
        assert_eq!(followers(0), [0, 1, 2, 3, 4]);
        assert!(followers(1).is_empty());
        assert_eq!(followers(2), [1, 2]);
        assert_eq!(followers(3), [0, 1, 2, 3, 4]);
        assert_eq!(followers(4), [0, 1, 2, 3, 4]);
    }
}
