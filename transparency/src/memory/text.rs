//! Hashes in JSON: standard base64, with padding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::map::Hash;

fn decode<E: serde::de::Error>(text: &str) -> Result<Hash, E> {
    let bytes = STANDARD.decode(text).map_err(E::custom)?;
    let found = bytes.len();
    bytes
        .try_into()
        .map_err(|_| E::custom(format_args!("a hash has 32 bytes, not {found}")))
}

/// One hash.
pub(super) mod hash {
    use super::{Engine, Hash, STANDARD};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        hash: &Hash,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(hash))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Hash, D::Error> {
        super::decode(&String::deserialize(deserializer)?)
    }
}

/// One hash, or `null`.
pub(super) mod maybe_hash {
    use super::{Engine, Hash, STANDARD};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        hash: &Option<Hash>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        hash.map(|hash| STANDARD.encode(hash)).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Hash>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| super::decode(&text))
            .transpose()
    }
}

/// Hashes in their order.
pub(super) mod hashes {
    use super::{Engine, Hash, STANDARD};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        hashes: &[Hash],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(hashes.iter().map(|hash| STANDARD.encode(hash)))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Hash>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| super::decode(text)).collect()
    }
}

/// Roots by their epochs.
pub(super) mod roots {
    use super::{Engine, Hash, STANDARD};
    use serde::{Deserialize, Deserializer, Serializer};
    use std::collections::BTreeMap;

    pub(in super::super) fn serialize<S: Serializer>(
        roots: &BTreeMap<u64, Hash>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            roots
                .iter()
                .map(|(epoch, root)| (epoch, STANDARD.encode(root))),
        )
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<u64, Hash>, D::Error> {
        let texts = BTreeMap::<u64, String>::deserialize(deserializer)?;
        texts
            .into_iter()
            .map(|(epoch, text)| Ok((epoch, super::decode(&text)?)))
            .collect()
    }
}
