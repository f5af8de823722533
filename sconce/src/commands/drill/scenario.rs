//! What may happen to a platform, to its vendor's collateral and to a program's signer; told as events
//! at fixed moments after the begin of a drill.

use attestation::Time;

/// The advisory that is published during a drill.
pub(super) const ADVISORY: &str = "SIM-SA-00042";

/// The advisory that the installed firmware has closed and the one before it has not.
pub(super) const OLD_ADVISORY: &str = "SIM-SA-00003";

/// The advisory about the quoting enclave.
pub(super) const QE_ADVISORY: &str = "SIM-SA-00043";

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A course of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Scenario {
    /// Nothing happens but time.
    Calm,
    /// An advisory is published tomorrow, and nobody installs the patch.
    Advisory,
    /// An advisory is published tomorrow; the patch is installed nine days later.
    LatePatch,
    /// The quoting enclave gets out of date.
    QeOutdated,
    /// The collateral's service can no longer be reached.
    StaleCollateral,
    /// The program's next release is rolled out.
    NewRelease,
    /// The platform's certificate is revoked.
    RevokedPck,
    /// The host goes back to an older firmware.
    LoweredSvn,
    /// The host starts an older release of the program.
    OldRelease,
    /// Somebody else signs a program with the signing key.
    StolenKey,
}

/// What should become of the program that is judged, once the first event has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    /// It goes on serving.
    Accepted,
    /// Nobody trusts it any more.
    Refused,
}

/// Who is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Cast {
    /// The program itself.
    Genuine,
    /// Its next release: another measurement, the next SVN.
    NewRelease,
    /// The release before it: another measurement, the SVN before.
    OldRelease,
    /// A program of whoever stole the signing key, with the highest SVN there is.
    Impostor,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Happening {
    /// The vendor publishes [`ADVISORY`]: platforms without the patch are out of date.
    AdvisoryPublished,
    /// The patch is installed, the platform certified anew.
    Patched,
    /// The vendor publishes [`QE_ADVISORY`]: the quoting enclave is out of date.
    QeAdvisoryPublished,
    /// The next quoting enclave is installed.
    QeUpdated,
    /// The collateral's service is lost.
    ServiceLost,
    /// It is back.
    ServiceBack,
    /// The platform's certificate is on the revocation list.
    PckRevoked,
    /// An older firmware is loaded, and the platform certified with its SVN.
    Downgraded,
    /// From now on others are judged than the program: see [`Scenario::cast`].
    Entrance,
}

/// A happening and its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) at: Time,
    pub(super) what: Happening,
}

impl Scenario {
    /// All of them: first those that a service should survive.
    pub(super) const ALL: [Self; 10] = [
        Self::Calm,
        Self::Advisory,
        Self::LatePatch,
        Self::QeOutdated,
        Self::StaleCollateral,
        Self::NewRelease,
        Self::RevokedPck,
        Self::LoweredSvn,
        Self::OldRelease,
        Self::StolenKey,
    ];

    /// Its name on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Advisory => "advisory",
            Self::LatePatch => "late-patch",
            Self::QeOutdated => "qe-outdated",
            Self::StaleCollateral => "stale-collateral",
            Self::NewRelease => "new-release",
            Self::RevokedPck => "revoked-pck",
            Self::LoweredSvn => "lowered-svn",
            Self::OldRelease => "old-release",
            Self::StolenKey => "stolen-key",
        }
    }

    /// What happens, in a line.
    pub(super) const fn tells(self) -> &'static str {
        match self {
            Self::Calm => "nothing happens but time",
            Self::Advisory => "an advisory is published tomorrow, and nobody installs the patch",
            Self::LatePatch => "an advisory is published tomorrow, and patched nine days later",
            Self::QeOutdated => "the quoting enclave gets out of date tomorrow",
            Self::StaleCollateral => "from tomorrow on no new collateral can be fetched",
            Self::NewRelease => "the program's next release is rolled out",
            Self::RevokedPck => "the platform's key leaked; its certificate is revoked",
            Self::LoweredSvn => "the host goes back to a firmware with a known hole",
            Self::OldRelease => "the host starts an older release of the program, with its bugs",
            Self::StolenKey => "a thief signs a program of his own with your signing key",
        }
    }

    /// What should come of it.
    pub(super) const fn wanted(self) -> Wanted {
        match self {
            Self::Calm
            | Self::Advisory
            | Self::LatePatch
            | Self::QeOutdated
            | Self::StaleCollateral
            | Self::NewRelease => Wanted::Accepted,
            Self::RevokedPck | Self::LoweredSvn | Self::OldRelease | Self::StolenKey => {
                Wanted::Refused
            }
        }
    }

    /// Who is judged in it.
    pub(super) const fn cast(self) -> Cast {
        match self {
            Self::NewRelease => Cast::NewRelease,
            Self::OldRelease => Cast::OldRelease,
            Self::StolenKey => Cast::Impostor,
            _ => Cast::Genuine,
        }
    }

    /// What happens in a drill that begins at `start`, in order.
    pub(super) fn events(self, start: Time) -> Vec<Event> {
        use Happening as H;
        // Nobody waits for a full hour, so that no moment is by chance that of a fetch.
        let after = |days: u64, hours: u64, what| Event {
            at: Time::from_unix(start.unix() + days * DAY + hours * HOUR + 20 * MINUTE),
            what,
        };
        match self {
            Self::Calm => Vec::new(),
            Self::Advisory => vec![after(1, 9, H::AdvisoryPublished)],
            Self::LatePatch => vec![after(1, 9, H::AdvisoryPublished), after(10, 14, H::Patched)],
            Self::QeOutdated => vec![after(1, 9, H::QeAdvisoryPublished)],
            Self::StaleCollateral => vec![after(1, 9, H::ServiceLost)],
            Self::RevokedPck => vec![after(2, 12, H::PckRevoked)],
            Self::LoweredSvn => vec![after(3, 2, H::Downgraded)],
            Self::NewRelease | Self::OldRelease | Self::StolenKey => {
                vec![after(3, 2, H::Entrance)]
            }
        }
    }
}

impl Wanted {
    /// As people are told.
    pub(super) const fn tells(self) -> &'static str {
        match self {
            Self::Accepted => "the program goes on serving",
            Self::Refused => "nobody trusts it any more",
        }
    }
}

impl Happening {
    /// What happens, in a few words; `cast` enters.
    pub(super) fn tells(self, cast: Cast) -> String {
        match self {
            Self::AdvisoryPublished => {
                format!("{ADVISORY} is published: this platform is out of date")
            }
            Self::Patched => "the patch is installed, the platform certified anew".to_owned(),
            Self::QeAdvisoryPublished => {
                format!("{QE_ADVISORY} is published: the quoting enclave is out of date")
            }
            Self::QeUpdated => "the next quoting enclave is installed".to_owned(),
            Self::ServiceLost => "the collateral's service cannot be reached".to_owned(),
            Self::ServiceBack => "the collateral's service is back".to_owned(),
            Self::PckRevoked => "the platform's certificate is revoked".to_owned(),
            Self::Downgraded => {
                format!("older firmware is loaded, open to {OLD_ADVISORY}")
            }
            Self::Entrance => match cast {
                Cast::Genuine => "the program is started".to_owned(),
                Cast::NewRelease => "the next release is started".to_owned(),
                Cast::OldRelease => "the older release is started".to_owned(),
                Cast::Impostor => "the thief's program is started".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for scenario in Scenario::ALL {
            let value = scenario.to_possible_value();
            assert_eq!(value.unwrap().get_name(), scenario.name());
        }
        assert_eq!(Scenario::ALL, Scenario::value_variants());
    }

    #[test]
    fn events_come_in_order_and_in_the_shortest_drill() {
        let start = Time::from_unix(1_000_000);
        for scenario in Scenario::ALL {
            let moments: Vec<_> = scenario
                .events(start)
                .iter()
                .map(|event| event.at)
                .collect();
            assert!(moments.is_sorted(), "{scenario:?}");
            let last = moments.last().map_or(0, |last| last.unix() - start.unix());
            assert!(last < 14 * DAY, "{scenario:?}");
        }
    }

    #[test]
    fn every_line_fits() {
        for scenario in Scenario::ALL {
            assert!(scenario.name().len() <= 16);
            assert!(scenario.tells().len() <= 64, "{scenario:?}");
        }
    }
}
