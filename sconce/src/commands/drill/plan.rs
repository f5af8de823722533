//! When what happens, and what operators do meanwhile.

use attestation::Time;

use super::scenario::{Cast, Event, Happening, Scenario, Wanted};

const HOUR: u64 = 3_600;

/// A scenario with its moments, and what operators do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Plan {
    pub(super) start: Time,
    /// The first second after it.
    pub(super) end: Time,
    /// How often collateral is fetched.
    pub(super) fetch_hours: u32,
    /// When it is fetched besides.
    extra_fetches: Vec<Time>,
    /// What happens, in order.
    pub(super) events: Vec<Event>,
    /// Who is judged.
    pub(super) cast: Cast,
    /// What should become of it.
    pub(super) wanted: Wanted,
}

impl Plan {
    /// The scenario as it is told.
    pub(super) fn of(scenario: Scenario, start: Time, end: Time, fetch_hours: u32) -> Self {
        Self {
            start,
            end,
            fetch_hours,
            extra_fetches: Vec::new(),
            events: scenario.events(start),
            cast: scenario.cast(),
            wanted: scenario.wanted(),
        }
    }

    /// When it begins to matter what is wanted.
    pub(super) fn turn(&self) -> Time {
        let first = self.events.first().map(|event| event.at);
        match self.wanted {
            Wanted::Accepted => self.start,
            Wanted::Refused => first.unwrap_or(self.start),
        }
    }

    /// When there is somebody to judge.
    pub(super) fn entrance(&self) -> Time {
        let entrance = self
            .events
            .iter()
            .find(|event| event.what == Happening::Entrance);
        entrance.map_or(self.start, |event| event.at)
    }

    /// When collateral is fetched: at the begin, every so many hours while its service is there, and
    /// when that comes back.
    pub(super) fn fetches(&self) -> Vec<Time> {
        let usual = hours(self.start, self.end, self.fetch_hours);
        let usual = usual.chain(self.extra_fetches.iter().copied());
        let usual = usual.filter(|at| self.has_service(*at));
        let back = self.moments_of(Happening::ServiceBack);
        let mut fetches: Vec<_> = usual.chain(back).collect();
        fetches.sort_unstable();
        fetches.dedup();
        fetches
    }

    /// Has collateral fetched every hour between two moments.
    pub(super) fn fetch_hourly(&mut self, from: Time, until: Time) {
        let hours = hours(self.start, until, 1).filter(|at| *at > from);
        self.extra_fetches.extend(hours);
    }

    fn has_service(&self, at: Time) -> bool {
        let of_service =
            |event: &&Event| matches!(event.what, Happening::ServiceLost | Happening::ServiceBack);
        let last = self
            .events
            .iter()
            .rfind(|event| event.at <= at && of_service(event));
        last.is_none_or(|event| event.what == Happening::ServiceBack)
    }

    fn moments_of(&self, what: Happening) -> impl Iterator<Item = Time> {
        let those = self.events.iter().filter(move |event| event.what == what);
        those.map(|event| event.at)
    }
}

/// Every so many hours from `start` on, before `end`.
fn hours(start: Time, end: Time, every: u32) -> impl Iterator<Item = Time> {
    let step = u64::from(every.max(1)) * HOUR;
    let (start, end) = (start.unix(), end.unix());
    (start..end)
        .step_by(usize::try_from(step).unwrap_or(usize::MAX))
        .map(Time::from_unix)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * HOUR;

    fn plan(scenario: Scenario) -> Plan {
        let (start, end) = (Time::from_unix(0), Time::from_unix(14 * DAY));
        Plan::of(scenario, start, end, 24)
    }

    #[test]
    fn collateral_is_fetched_while_there_is_a_service() {
        assert_eq!(plan(Scenario::Calm).fetches().len(), 14);
        let mut stale = plan(Scenario::StaleCollateral);
        let days = |plan: &Plan| -> Vec<u64> {
            plan.fetches().iter().map(|at| at.unix() / HOUR).collect()
        };
        assert_eq!(days(&stale), [0, 24]);
        stale.events.push(Event {
            at: Time::from_unix(11 * DAY + 5 * HOUR),
            what: Happening::ServiceBack,
        });
        assert_eq!(days(&stale), [0, 24, 11 * 24 + 5, 12 * 24, 13 * 24]);
    }

    #[test]
    fn hours_are_added_to_the_usual_fetches() {
        let mut plan = plan(Scenario::RevokedPck);
        let at = |hours: u64| Time::from_unix(hours * HOUR);
        plan.fetch_hourly(Time::from_unix(21 * HOUR + 1), at(25));
        let hours: Vec<u64> = plan.fetches().iter().map(|at| at.unix() / HOUR).collect();
        assert_eq!(hours[..6], [0, 22, 23, 24, 48, 72]);
    }

    #[test]
    fn it_matters_what_is_wanted_from_the_first_event_on() {
        let first = |scenario: Scenario| scenario.events(Time::from_unix(0))[0].at;
        for scenario in Scenario::ALL {
            let plan = plan(scenario);
            let turn = match plan.wanted {
                Wanted::Accepted => Time::from_unix(0),
                Wanted::Refused => first(scenario),
            };
            assert_eq!(plan.turn(), turn, "{scenario:?}");
            let entrance = match plan.cast {
                Cast::Genuine => Time::from_unix(0),
                _ => first(scenario),
            };
            assert_eq!(plan.entrance(), entrance, "{scenario:?}");
        }
    }
}
