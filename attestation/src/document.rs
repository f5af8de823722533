//! What TCB info and identities have in common.

use alloc::vec::Vec;
use core::cmp::Reverse;

use serde::Deserialize;

use crate::json::{AdvisoryId, Date, Object};
use crate::tcb::{Level, Status};

/// A member of `tcbLevels`: what it takes to reach the level, and the level.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct LevelMembers<T> {
    tcb: Object<T>,
    tcb_date: Date,
    tcb_status: Status,
    #[serde(rename = "advisoryIDs", default)]
    advisory_ids: Vec<AdvisoryId>,
}

/// What it takes to reach a level of a single version number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Isvsvn<T> {
    isvsvn: T,
}

/// Levels of a single version number, in the order in which they are tried: the highest first,
/// whatever the document's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ladder<T>(Vec<(T, Level)>);

impl<T> LevelMembers<T> {
    pub(crate) fn into_parts(self) -> (T, Level) {
        let level = Level {
            status: self.tcb_status,
            date: self.tcb_date.0,
            advisories: self.advisory_ids.into_iter().map(|id| id.0).collect(),
        };
        (self.tcb.0, level)
    }
}

impl<T: Ord + Copy> Ladder<T> {
    /// The highest level that a version reaches.
    pub(crate) fn reached_by(&self, version: T) -> Option<&Level> {
        self.0
            .iter()
            .find(|(least, _)| *least <= version)
            .map(|(_, level)| level)
    }
}

impl<T: Ord + Copy> From<Vec<Object<LevelMembers<Isvsvn<T>>>>> for Ladder<T> {
    fn from(members: Vec<Object<LevelMembers<Isvsvn<T>>>>) -> Self {
        let mut levels: Vec<(T, Level)> = members
            .into_iter()
            .map(|Object(members)| {
                let (tcb, level) = members.into_parts();
                (tcb.isvsvn, level)
            })
            .collect();
        levels.sort_by_key(|(isvsvn, _)| Reverse(*isvsvn));
        Self(levels)
    }
}
