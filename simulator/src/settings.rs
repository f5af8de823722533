//! What a simulated platform is made as.

use serde::{Deserialize, Serialize};

use crate::hexadecimal;
use crate::tcb::{Level, QeLevel, Tcb, TcbStatus};

const DAY: u64 = 86_400;

/// What a platform is when it is made, and what its vendor says of it then. What happens later is
/// told by [`Change`](crate::Change)s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// When it is made, in seconds since 1970: all certificates are valid from then on.
    pub made: u64,
    /// Which authority certifies it.
    pub ca: Ca,
    /// FMSPC: family, model, stepping, platform type and custom SKU.
    #[serde(with = "hexadecimal")]
    pub fmspc: [u8; 6],
    /// PCE-ID: which provisioning certification enclave it has.
    #[serde(with = "hexadecimal")]
    pub pce_id: [u8; 2],
    /// Its security versions.
    pub tcb: Tcb,
    /// ISVSVN of its quoting enclave.
    pub qe_svn: u16,
    /// What the vendor says of such machines; the best first.
    pub levels: Vec<Level>,
    /// What the vendor says of quoting enclaves; the best first.
    pub qe_levels: Vec<QeLevel>,
    /// tcbEvaluationDataNumber at the beginning. Every advisory raises it.
    pub evaluation: u32,
    /// Seconds that TCB info, identity and list of revoked PCK certificates stay in force.
    pub lifetime: u64,
}

/// Which of the vendor's authorities certifies PCKs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ca {
    /// For machines with one socket.
    Processor,
    /// For machines that registered themselves: with a platform instance id and its configuration.
    Platform,
}

impl Settings {
    /// An up-to-date machine with two older levels below it, made at a time in seconds since 1970.
    /// Its documents stay in force for 30 days.
    #[must_use]
    pub fn new(made: u64) -> Self {
        let tcb = Self::CURRENT;
        Self {
            made,
            ca: Ca::Platform,
            fmspc: *b"SIM0\0\0",
            pce_id: [0, 0],
            tcb,
            qe_svn: 8,
            levels: vec![
                level(tcb, 1_710_288_000, TcbStatus::UpToDate, None),
                level(
                    Self::OLDER,
                    1_667_952_000,
                    TcbStatus::OutOfDate,
                    Some("SIM-SA-00003"),
                ),
                level(
                    Self::OLDEST,
                    1_515_024_000,
                    TcbStatus::Revoked,
                    Some("SIM-SA-00004"),
                ),
            ],
            qe_levels: vec![
                qe_level(8, 1_710_288_000, TcbStatus::UpToDate, None),
                qe_level(6, 1_667_952_000, TcbStatus::OutOfDate, Some("SIM-SA-00009")),
            ],
            evaluation: 17,
            lifetime: 30 * DAY,
        }
    }

    /// The security versions that a new platform has, and that nothing is known against.
    pub const CURRENT: Tcb = Tcb {
        components: [7, 9, 3, 3, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        pcesvn: 13,
    };

    /// Security versions that a patch is missing from.
    pub const OLDER: Tcb = Tcb {
        components: [5, 9, 3, 3, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        pcesvn: 11,
    };

    /// Security versions that the vendor has revoked.
    pub const OLDEST: Tcb = Tcb {
        components: [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        pcesvn: 5,
    };
}

fn level(tcb: Tcb, date: u64, status: TcbStatus, advisory: Option<&str>) -> Level {
    Level {
        tcb,
        date,
        status,
        advisories: advisory.into_iter().map(str::to_owned).collect(),
    }
}

fn qe_level(isv_svn: u16, date: u64, status: TcbStatus, advisory: Option<&str>) -> QeLevel {
    QeLevel {
        isv_svn,
        date,
        status,
        advisories: advisory.into_iter().map(str::to_owned).collect(),
    }
}
