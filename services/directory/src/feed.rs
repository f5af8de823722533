//! The auditors' feed: every update that was applied, in its order, and the head that came of them.
//!
//! `GET /v1/mutations?epoch=E&start=S&page_size=N` answers with a [`Page`]. An auditor that reads all
//! pages of all epochs can compute each root again.

use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use transparency::messages::{Committed, Profile, SignedKv, SignedMapHead};

use crate::Refusal;
use crate::apps::AVALON_WORKER;
use crate::engine::Engine;
use crate::storage::{FeedItem, Head, Storage};

/// Updates on a page when a request doesn't say how many.
pub const PAGE: usize = 64;

/// Most updates on a page.
pub const LARGEST_PAGE: usize = 1024;

/// A page is full when what is on it has this many bytes, and has one update at least.
pub const PAGE_BYTES: usize = 1 << 20;

/// Updates of one epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The epoch.
    #[serde(default, with = "decimal", skip_serializing_if = "is_zero")]
    pub epoch: u64,
    /// How many updates the epoch applied.
    #[serde(default, with = "decimal", skip_serializing_if = "is_zero")]
    pub count: u64,
    /// Updates, from the one that was asked for on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mutations: Vec<Mutation>,
    /// Where the next page begins; 0 if this is the last.
    #[serde(default, with = "decimal", skip_serializing_if = "is_zero")]
    pub next_start: u64,
    /// The epoch's head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smh: Option<SignedMapHead>,
    /// The head's SCT.
    #[serde(default, with = "bytes", skip_serializing_if = "Vec::is_empty")]
    pub smh_sct: Vec<u8>,
}

/// An update that was applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mutation {
    /// Its number within the epoch, from 0.
    #[serde(default, with = "decimal", skip_serializing_if = "is_zero")]
    pub number: u64,
    /// The update, as its owner signed it; its members stand beside the others.
    #[serde(flatten)]
    pub update: SignedKv,
    /// What opens the commitment, where it is no secret: of workers' entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<Committed>,
    /// Whose entry it is, where `committed` is there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_id: String,
    /// The user's VRF output, 65 bytes, where `committed` is there.
    #[serde(default, with = "bytes", skip_serializing_if = "Vec::is_empty")]
    pub vrf: Vec<u8>,
    /// The proof that it is the user's, 64 bytes, where `committed` is there.
    #[serde(default, with = "bytes", skip_serializing_if = "Vec::is_empty")]
    pub vrf_proof: Vec<u8>,
}

impl Page {
    /// The page that begins with update `start` of the epoch of a head, with at most `size` updates; 0
    /// means [`PAGE`]. `smh` is the same head as answers show it.
    ///
    /// # Errors
    ///
    /// The epoch has not so many updates, or the store can't be read.
    pub fn of<E: Engine>(
        storage: &Storage<E>,
        head: &Head,
        smh: SignedMapHead,
        start: u64,
        size: u64,
    ) -> Result<Self, Refusal> {
        let count = u64::from(head.mutations);
        let Some(from) = u32::try_from(start).ok().filter(|_| start <= count) else {
            let (epoch, number) = (head.epoch, head.mutations);
            return Err(Refusal::Range(format!(
                "start: epoch {epoch} has {number} updates"
            )));
        };
        let size = usize::try_from(size).unwrap_or(LARGEST_PAGE);
        let size = if size == 0 {
            PAGE
        } else {
            size.min(LARGEST_PAGE)
        };
        let mut mutations = Vec::new();
        let (mut next, mut bytes) = (from, 0);
        // In small portions: an update may have 100 KiB.
        'full: while u64::from(next) < count && mutations.len() < size {
            let portion = PORTION.min(size - mutations.len());
            let items = storage
                .mutations(head.epoch, next, portion)
                .map_err(internal)?;
            if items.is_empty() {
                return Err(internal("the feed has a hole"));
            }
            for item in items {
                if !mutations.is_empty() && bytes >= PAGE_BYTES {
                    break 'full;
                }
                bytes += item.update.len() + item.committed.len();
                next = item.number + 1;
                mutations.push(Mutation::of(storage, &item)?);
            }
        }
        let last = u64::from(next) >= count;
        Ok(Self {
            epoch: head.epoch,
            count,
            mutations,
            next_start: if last { 0 } else { u64::from(next) },
            smh: Some(smh),
            smh_sct: head.sct.clone(),
        })
    }
}

impl Mutation {
    fn of<E: Engine>(storage: &Storage<E>, item: &FeedItem) -> Result<Self, Refusal> {
        let update = SignedKv::decode(&item.update).map_err(internal)?;
        let mut mutation = Self {
            number: u64::from(item.number),
            update,
            ..Self::default()
        };
        let Some(committed) = public(&item.committed) else {
            return Ok(mutation);
        };
        if let Some(record) = storage.user(&item.user).map_err(internal)?
            && let Some(proof) = record.proof
        {
            mutation.vrf = record.vrf.to_vec();
            mutation.vrf_proof = proof.to_vec();
        }
        mutation.user_id.clone_from(&item.user);
        mutation.committed = Some(committed);
        Ok(mutation)
    }
}

/// Most updates that are read from the store at once.
const PORTION: usize = 16;

/// What anybody may see of an entry: a worker's, whose data is public. Whatever else there is in a profile
/// is its owner's secret, and then so is all of it.
fn public(committed: &[u8]) -> Option<Committed> {
    let committed = Committed::decode(committed).ok()?;
    let profile = Profile::decode(&committed.data).ok()?;
    let public = profile.0.keys().eq([AVALON_WORKER]);
    public.then_some(committed)
}

fn internal(fault: impl std::fmt::Display) -> Refusal {
    tracing::error!(%fault, "the feed cannot be read");
    Refusal::Internal
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

mod decimal {
    use serde::de::Error as _;

    use super::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::witness::decimal(&text)
            .ok_or_else(|| D::Error::custom("a number is not written in decimal"))
    }
}

mod bytes {
    use base64::Engine as _;
    use serde::de::Error as _;

    use super::{Deserialize as _, Deserializer, STANDARD, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<Vec<u8>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(text)
            .map_err(|_| D::Error::custom("bytes are not in base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_zero_is_left_out() {
        let empty = Page::default();
        assert_eq!(serde_json::to_string(&empty).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Page>("{}").unwrap(), empty);
        let page = Page {
            epoch: 7,
            count: 1,
            mutations: vec![Mutation {
                user_id: "worker".to_owned(),
                vrf: vec![4; 65],
                vrf_proof: vec![1; 64],
                ..Mutation::default()
            }],
            next_start: 1,
            smh: None,
            smh_sct: vec![0],
        };
        let text = serde_json::to_string(&page).unwrap();
        assert!(text.starts_with(r#"{"epoch":"7","count":"1","mutations":[{"key_value":"#));
        assert_eq!(serde_json::from_str::<Page>(&text).unwrap(), page);
        for bad in [
            r#"{"epoch":"07"}"#,
            r#"{"epoch":7}"#,
            r#"{"smh_sct":"?"}"#,
            r#"{"mutations":[{}]}"#,
        ] {
            assert!(serde_json::from_str::<Page>(bad).is_err(), "{bad}");
        }
    }
}
