//! What happens to a platform, and when.

use serde::{Deserialize, Serialize};

use crate::tcb::{Level, QeLevel, Tcb, TcbStatus};

/// Something that happens to a machine, or that its vendor makes known, in the ordinary course of
/// things. (What an attacker forges is a [`Forgery`](crate::Forgery).)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Change {
    /// The machine has other security versions from now on: it was patched, or somebody has put old
    /// microcode back. It gets another PCK certificate with them.
    Tcb(Tcb),
    /// The machine has another quoting enclave from now on.
    Qe {
        /// Its ISVSVN.
        isv_svn: u16,
    },
    /// The vendor publishes an advisory: the machines below a level fall.
    Advisory(Advisory),
    /// The vendor publishes an advisory on the quoting enclave: those below an ISVSVN fall.
    QeAdvisory(QeAdvisory),
    /// The vendor revokes the PCK certificate that the machine has just then. The one that it gets with
    /// other security versions is not revoked.
    RevokePck,
    /// The vendor revokes the authority that certifies PCKs.
    RevokePckCa,
    /// Nobody fetches collateral any more: what there is grows old.
    CollateralStops,
}

/// An advisory, as TCB info tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisory {
    /// Its name, as in `SIM-SA-00100`.
    pub id: String,
    /// What is said of the machines that it applies to, with what was said before.
    pub status: TcbStatus,
    /// What has to be reached for it not to apply. Without, it applies to all.
    pub fixed_by: Option<Tcb>,
}

/// An advisory on the quoting enclave, as its identity tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QeAdvisory {
    /// Its name, as in `SIM-SA-00101`.
    pub id: String,
    /// What is said of the quoting enclaves that it applies to, with what was said before.
    pub status: TcbStatus,
    /// The ISVSVN that has to be reached for it not to apply. Without, it applies to all.
    pub fixed_by: Option<u16>,
}

/// A change and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in seconds since 1970.
    pub at: u64,
    /// What.
    pub change: Change,
}

impl Advisory {
    /// Levels with this advisory published, at a time: those that it applies to fall, and one that it
    /// does not apply to stands above them.
    pub(crate) fn publish(&self, levels: &mut Vec<Level>, at: u64) {
        if let Some(fixed) = self.fixed_by
            && !levels.iter().any(|level| level.tcb == fixed)
        {
            let place = levels
                .iter()
                .position(|level| fixed.reaches(&level.tcb))
                .unwrap_or(levels.len());
            let below = levels.get(place);
            levels.insert(
                place,
                Level {
                    tcb: fixed,
                    date: at,
                    status: below.map_or(TcbStatus::UpToDate, |level| level.status),
                    advisories: below.map_or_else(Vec::new, |level| level.advisories.clone()),
                },
            );
        }
        for level in levels {
            if self.fixed_by.is_none_or(|fixed| !level.tcb.reaches(&fixed)) {
                level.status = level.status.and(self.status);
                add(&mut level.advisories, &self.id);
            }
        }
    }
}

impl QeAdvisory {
    /// As [`Advisory::publish`].
    pub(crate) fn publish(&self, levels: &mut Vec<QeLevel>, at: u64) {
        if let Some(fixed) = self.fixed_by
            && !levels.iter().any(|level| level.isv_svn == fixed)
        {
            let place = levels
                .iter()
                .position(|level| fixed >= level.isv_svn)
                .unwrap_or(levels.len());
            let below = levels.get(place);
            levels.insert(
                place,
                QeLevel {
                    isv_svn: fixed,
                    date: at,
                    status: below.map_or(TcbStatus::UpToDate, |level| level.status),
                    advisories: below.map_or_else(Vec::new, |level| level.advisories.clone()),
                },
            );
        }
        for level in levels {
            if self.fixed_by.is_none_or(|fixed| level.isv_svn < fixed) {
                level.status = level.status.and(self.status);
                add(&mut level.advisories, &self.id);
            }
        }
    }
}

fn add(advisories: &mut Vec<String>, id: &str) {
    if !advisories.iter().any(|one| one == id) {
        advisories.push(id.to_owned());
    }
}
