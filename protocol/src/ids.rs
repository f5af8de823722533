//! Ids on the wire: hex text that is compared and hashed exactly as it was sent.
//!
//! Avalon never normalises them: `AB` and `ab` are two ids. Decoding drops an optional `0x`.

use std::fmt;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// A non-empty hex text: optional `0x` or `0X`, then digits of either case, at most
/// [`HexText::MAX_ID`] characters where it is an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HexText(String);

/// The text isn't hex as Avalon's schema has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hex text: expected an optional 0x and at least one hex digit")]
pub struct NotHex;

impl HexText {
    /// Longest id that is accepted, in characters. Avalon's are 64; ids become storage keys.
    pub const MAX_ID: usize = 256;

    /// Checks the form; the text is kept as it is.
    pub fn new(text: impl Into<String>) -> Result<Self, NotHex> {
        let text = text.into();
        if is_hex(&text) {
            Ok(Self(text))
        } else {
            Err(NotHex)
        }
    }

    /// Lower-case hex of these bytes, of which there must be some.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self(hex::encode(bytes))
    }

    /// The text as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes it stands for; `None` for an odd number of digits.
    pub fn decode(&self) -> Option<Vec<u8>> {
        decode(&self.0)
    }
}

impl TryFrom<String> for HexText {
    type Error = NotHex;

    fn try_from(text: String) -> Result<Self, NotHex> {
        Self::new(text)
    }
}

impl From<HexText> for String {
    fn from(text: HexText) -> Self {
        text.0
    }
}

/// Whether `text` has the form of Avalon's hex members (wire facts, 3.0).
pub fn is_hex(text: &str) -> bool {
    let digits = strip_prefix(text);
    // Without a way out before the end, many bytes are looked at together.
    !digits.is_empty()
        && digits
            .bytes()
            .fold(true, |good, b| good & b.is_ascii_hexdigit())
}

/// The bytes of a hex text, without its optional prefix.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    hex::decode(strip_prefix(text)).ok()
}

fn strip_prefix(text: &str) -> &str {
    text.strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(HexText);

        impl $name {
            /// Checks form and length (at most [`HexText::MAX_ID`] characters).
            pub fn new(text: impl Into<String>) -> Result<Self, NotHex> {
                let text = HexText::new(text)?;
                if text.as_str().len() > HexText::MAX_ID { return Err(NotHex); }
                Ok(Self(text))
            }

            /// The id as it was sent.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl From<&$name> for HexText {
            fn from(id: &$name) -> Self {
                id.0.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

id! {
    /// Names one work order; chosen by the requester, 32 random bytes in hex by custom.
    WorkOrderId
}
id! {
    /// Names a worker: lower-case hex SHA-256 of its name by custom.
    WorkerId
}
id! {
    /// Names a workload: hex of its UTF-8 name.
    WorkloadId
}
id! {
    /// Names a requester; chosen by the requester, often at random for each order.
    RequesterId
}

impl WorkerId {
    /// The id of the worker called `name`: lower-case hex SHA-256 of its UTF-8 text.
    pub fn from_name(name: &str) -> Self {
        Self(HexText(hex::encode(digest(&SHA256, name.as_bytes()))))
    }
}

impl WorkloadId {
    /// The id of the workload called `name`. An empty name has none.
    pub fn from_name(name: &str) -> Result<Self, NotHex> {
        Self::new(hex::encode(name))
    }

    /// The name; `None` if the id is no hex of a UTF-8 text.
    pub fn name(&self) -> Option<String> {
        String::from_utf8(self.0.decode()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_texts() {
        for good in ["a", "0xA", "0Xff", "DEADbeef"] {
            assert!(is_hex(good), "{good}");
        }
        for bad in ["", "0x", "xyz", "0|ab", "ab\n", " ab", "ab ", "é"] {
            assert!(!is_hex(bad), "{bad:?}");
        }
    }

    #[test]
    fn worker_id_of_a_name() {
        assert_eq!(
            WorkerId::from_name("graphene-worker-1").as_str(),
            "1e9ba3f5f133751c1664ab27ffcfa8b77ded410b254be92dc1b4119c30237ff3"
        );
    }

    #[test]
    fn workload_names_survive() {
        let id = WorkloadId::from_name("python-hello").unwrap();
        assert_eq!(id.as_str(), "707974686f6e2d68656c6c6f");
        assert_eq!(id.name().as_deref(), Some("python-hello"));
        assert_eq!(WorkloadId::new("ff").unwrap().name(), None);
        assert_eq!(WorkloadId::new("fff").unwrap().name(), None);
    }

    #[test]
    fn case_is_kept_and_long_ids_are_refused() {
        assert_ne!(WorkerId::new("AB"), WorkerId::new("ab"));
        assert!(WorkOrderId::new("a".repeat(257)).is_err());
    }
}
