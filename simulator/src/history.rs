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
