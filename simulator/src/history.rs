//! What has happened up to a time, to the machine and at the vendor's.

use crate::change::{Change, Event};
use crate::settings::Settings;
use crate::tcb::{Level, QeLevel, Tcb};

const DAY: u64 = 86_400;

/// The machine at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) tcb: Tcb,
    pub(crate) qe_svn: u16,
}

/// What the vendor says, as it was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// When it was written, in seconds since 1970.
    pub(crate) issued: u64,
    pub(crate) levels: Vec<Level>,
    pub(crate) qe_levels: Vec<QeLevel>,
    pub(crate) evaluation: u32,
    /// Security versions whose PCK certificates are revoked, and since when.
    pub(crate) revoked: Vec<(Tcb, u64)>,
    /// Since when the authority over PCKs is revoked.
    pub(crate) pck_ca_revoked: Option<u64>,
}

impl Machine {
    pub(crate) fn at(now: u64, settings: &Settings, events: &[Event]) -> Self {
        let mut machine = Self {
            tcb: settings.tcb,
            qe_svn: settings.qe_svn,
        };
        for event in up_to(now, events) {
            machine.take(&event.change);
        }
        machine
    }

    fn take(&mut self, change: &Change) {
        match change {
            Change::Tcb(tcb) => self.tcb = *tcb,
            Change::Qe { isv_svn } => self.qe_svn = *isv_svn,
            _ => {}
        }
    }
}

impl Published {
    pub(crate) fn at(now: u64, settings: &Settings, events: &[Event]) -> Self {
        let stopped = events
            .iter()
            .find(|event| event.change == Change::CollateralStops)
            .map(|event| event.at);
        let asked = stopped.map_or(now, |stopped| now.min(stopped));
        let asked = asked.max(settings.made);
        let mut published = Self {
            // The vendor writes its documents anew at midnight, and when there is something to say.
            issued: (asked - asked % DAY).max(settings.made),
            levels: settings.levels.clone(),
            qe_levels: settings.qe_levels.clone(),
            evaluation: settings.evaluation,
            revoked: Vec::new(),
            pck_ca_revoked: None,
        };
        let mut machine = Machine::at(0, settings, &[]);
        for event in up_to(asked, events) {
            machine.take(&event.change);
            if published.take(event, &machine) {
                published.issued = published.issued.max(event.at);
            }
        }
        published
    }

    /// Whether there is something to say of it.
    fn take(&mut self, event: &Event, machine: &Machine) -> bool {
        match &event.change {
            Change::Advisory(advisory) => {
                advisory.publish(&mut self.levels, event.at);
                self.evaluation = self.evaluation.saturating_add(1);
            }
            Change::QeAdvisory(advisory) => {
                advisory.publish(&mut self.qe_levels, event.at);
                self.evaluation = self.evaluation.saturating_add(1);
            }
            Change::RevokePck => {
                if !self.revoked.iter().any(|(tcb, _)| *tcb == machine.tcb) {
                    self.revoked.push((machine.tcb, event.at));
                }
            }
            Change::RevokePckCa => {
                self.pck_ca_revoked.get_or_insert(event.at);
            }
            Change::Tcb(_) | Change::Qe { .. } | Change::CollateralStops => return false,
        }
        true
    }
}

fn up_to(now: u64, events: &[Event]) -> impl Iterator<Item = &Event> {
    events.iter().take_while(move |event| event.at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Advisory, QeAdvisory};
    use crate::tcb::TcbStatus;

    const MADE: u64 = 1_748_736_000;

    fn event(at: u64, change: Change) -> Event {
        Event { at, change }
    }

    fn advisory(id: &str, status: TcbStatus, fixed_by: Option<Tcb>) -> Change {
        Change::Advisory(Advisory {
            id: id.to_owned(),
            status,
            fixed_by,
        })
    }

    #[test]
    fn documents_are_written_at_midnight_and_when_there_is_news() {
        let settings = Settings::new(MADE);
        let events = [event(
            MADE + DAY + 50,
            advisory("SIM-SA-1", TcbStatus::SwHardeningNeeded, None),
        )];
        let issued = |now| Published::at(now, &settings, &events).issued;
        assert_eq!(issued(0), MADE);
        assert_eq!(issued(MADE + 5), MADE);
        assert_eq!(issued(MADE + DAY + 49), MADE + DAY);
        assert_eq!(issued(MADE + DAY + 50), MADE + DAY + 50);
        assert_eq!(issued(MADE + 2 * DAY), MADE + 2 * DAY);
    }

    #[test]
    fn nothing_is_published_once_nobody_asks() {
        let settings = Settings::new(MADE);
        let events = [
            event(MADE + DAY, Change::CollateralStops),
            event(MADE + 2 * DAY, Change::RevokePckCa),
        ];
        let published = Published::at(MADE + 9 * DAY, &settings, &events);
        assert_eq!(published, Published::at(MADE + DAY, &settings, &events));
        assert_eq!(published.pck_ca_revoked, None);
    }

    #[test]
    fn an_advisory_makes_levels_fall_and_its_patch_a_new_one() {
        let settings = Settings::new(MADE);
        let mut fixed = settings.tcb;
        fixed.components[0] += 1;
        let events = [
            event(
                MADE,
                advisory("SIM-SA-1", TcbStatus::SwHardeningNeeded, None),
            ),
            event(
                MADE + 1,
                advisory("SIM-SA-2", TcbStatus::OutOfDate, Some(fixed)),
            ),
        ];
        let published = Published::at(MADE + 1, &settings, &events);
        let seen: Vec<_> = published
            .levels
            .iter()
            .map(|level| (level.tcb, level.status, level.advisories.join(" ")))
            .collect();
        let level = |tcb, status, advisories: &str| (tcb, status, advisories.to_owned());
        assert_eq!(
            seen,
            [
                level(fixed, TcbStatus::SwHardeningNeeded, "SIM-SA-1"),
                level(settings.tcb, TcbStatus::OutOfDate, "SIM-SA-1 SIM-SA-2"),
                level(
                    Settings::OLDER,
                    TcbStatus::OutOfDate,
                    "SIM-SA-00003 SIM-SA-1 SIM-SA-2"
                ),
                level(
                    Settings::OLDEST,
                    TcbStatus::Revoked,
                    "SIM-SA-00004 SIM-SA-1 SIM-SA-2"
                ),
            ]
        );
        assert_eq!(published.evaluation, settings.evaluation + 2);
    }

    #[test]
    fn an_advisory_on_the_quoting_enclave_does_the_same() {
        let settings = Settings::new(MADE);
        let events = [event(
            MADE,
            Change::QeAdvisory(QeAdvisory {
                id: "SIM-SA-3".to_owned(),
                status: TcbStatus::OutOfDate,
                fixed_by: Some(9),
            }),
        )];
        let levels = Published::at(MADE, &settings, &events).qe_levels;
        let seen: Vec<_> = levels
            .iter()
            .map(|level| (level.isv_svn, level.status))
            .collect();
        assert_eq!(
            seen,
            [
                (9, TcbStatus::UpToDate),
                (8, TcbStatus::OutOfDate),
                (6, TcbStatus::OutOfDate)
            ]
        );
    }

    #[test]
    fn the_certificate_of_the_time_is_revoked() {
        let settings = Settings::new(MADE);
        let events = [
            event(MADE + 1, Change::Tcb(Settings::OLDER)),
            event(MADE + 2, Change::RevokePck),
            event(MADE + 2, Change::RevokePck),
            event(MADE + 3, Change::Tcb(settings.tcb)),
        ];
        let published = Published::at(MADE + 3, &settings, &events);
        assert_eq!(published.revoked, [(Settings::OLDER, MADE + 2)]);
        assert_eq!(Machine::at(MADE + 3, &settings, &events).tcb, settings.tcb);
        assert_eq!(
            Machine::at(MADE + 2, &settings, &events).tcb,
            Settings::OLDER
        );
    }
}
