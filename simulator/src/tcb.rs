//! Security versions: of the machine, and what the vendor says of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The security versions of a machine: its *trusted computing base*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tcb {
    /// One number for each component of microcode and firmware. On this platform they are CPUSVN too.
    pub components: [u8; 16],
    /// PCESVN: the version of the provisioning certification enclave.
    pub pcesvn: u16,
}

impl Tcb {
    /// Whether nothing of it is older than in another.
    #[must_use]
    pub fn reaches(&self, other: &Self) -> bool {
        self.pcesvn >= other.pcesvn
            && self
                .components
                .iter()
                .zip(other.components)
                .all(|(one, other)| *one >= other)
    }

    /// CPUSVN of a processor with these components.
    #[must_use]
    pub const fn cpusvn(&self) -> [u8; 16] {
        self.components
    }
}

/// What the vendor says of a machine, or of a quoting enclave, with certain security versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TcbStatus {
    /// Nothing is known against it.
    UpToDate,
    /// Programs have to be hardened themselves.
    #[serde(rename = "SWHardeningNeeded")]
    SwHardeningNeeded,
    /// The machine has to be configured otherwise.
    ConfigurationNeeded,
    /// Both.
    #[serde(rename = "ConfigurationAndSWHardeningNeeded")]
    ConfigurationAndSwHardeningNeeded,
    /// There is a patch that it has not.
    OutOfDate,
    /// There is a patch that it has not, and it has to be configured otherwise.
    OutOfDateConfigurationNeeded,
    /// It must not be trusted any more.
    Revoked,
}

impl TcbStatus {
    /// As TCB info writes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::UpToDate => "UpToDate",
            Self::SwHardeningNeeded => "SWHardeningNeeded",
            Self::ConfigurationNeeded => "ConfigurationNeeded",
            Self::ConfigurationAndSwHardeningNeeded => "ConfigurationAndSWHardeningNeeded",
            Self::OutOfDate => "OutOfDate",
            Self::OutOfDateConfigurationNeeded => "OutOfDateConfigurationNeeded",
            Self::Revoked => "Revoked",
        }
    }

    /// What holds when both do.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        use TcbStatus::{
            ConfigurationAndSwHardeningNeeded, ConfigurationNeeded, OutOfDate,
            OutOfDateConfigurationNeeded, Revoked, SwHardeningNeeded, UpToDate,
        };
        let both = [self, other];
        let configuration = both.iter().any(|one| {
            matches!(
                one,
                ConfigurationNeeded
                    | ConfigurationAndSwHardeningNeeded
                    | OutOfDateConfigurationNeeded
            )
        });
        let hardening = both
            .iter()
            .any(|one| matches!(one, SwHardeningNeeded | ConfigurationAndSwHardeningNeeded));
        let old = both
            .iter()
            .any(|one| matches!(one, OutOfDate | OutOfDateConfigurationNeeded));
        match (both.contains(&Revoked), old, configuration, hardening) {
            (true, ..) => Revoked,
            (_, true, true, _) => OutOfDateConfigurationNeeded,
            (_, true, false, _) => OutOfDate,
            (_, _, true, true) => ConfigurationAndSwHardeningNeeded,
            (_, _, true, false) => ConfigurationNeeded,
            (_, _, false, true) => SwHardeningNeeded,
            _ => UpToDate,
        }
    }
}

impl fmt::Display for TcbStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What the vendor says of machines that reach certain security versions, but none of a level above.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// What has to be reached.
    pub tcb: Tcb,
    /// When it came, in seconds since 1970.
    pub date: u64,
    /// What is said of it.
    pub status: TcbStatus,
    /// The advisories that apply to it, as in `SIM-SA-00003`.
    pub advisories: Vec<String>,
}

/// What the vendor says of quoting enclaves that reach a certain ISVSVN, but none of a level above.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QeLevel {
    /// What has to be reached.
    pub isv_svn: u16,
    /// When it came, in seconds since 1970.
    pub date: u64,
    /// What is said of it.
    pub status: TcbStatus,
    /// The advisories that apply to it.
    pub advisories: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::TcbStatus::{self, *};

    const ALL: [TcbStatus; 7] = [
        UpToDate,
        SwHardeningNeeded,
        ConfigurationNeeded,
        ConfigurationAndSwHardeningNeeded,
        OutOfDate,
        OutOfDateConfigurationNeeded,
        Revoked,
    ];

    #[test]
    fn two_statuses_are_never_better_than_one() {
        let severity = |status| ALL.iter().position(|one| *one == status);
        for one in ALL {
            for other in ALL {
                let both = one.and(other);
                assert_eq!(both, other.and(one));
                assert!(severity(both) >= severity(one), "{one} and {other}: {both}");
            }
            assert_eq!(one.and(UpToDate), one);
            assert_eq!(one.and(one), one);
        }
        assert_eq!(
            SwHardeningNeeded.and(ConfigurationNeeded),
            ConfigurationAndSwHardeningNeeded
        );
        assert_eq!(
            OutOfDate.and(ConfigurationNeeded),
            OutOfDateConfigurationNeeded
        );
    }
}
