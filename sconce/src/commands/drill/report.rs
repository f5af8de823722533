//! What a drill has found: every scenario with every program and policy, and what would help.

use attestation::Time;

use super::outcome::{Course, Judgement, Outcome, Refused};
use super::plan::Plan;
use super::plays::Plays;
use super::policies::{Named, rehearsed};
use super::programs::{Program, Source};
use super::rehearsal::{Error, Ground};
use super::remedy::Remedy;
use super::scenario::Scenario;

/// What a drill is about.
#[derive(Debug, Clone)]
pub(super) struct Drill {
    pub(super) start: Time,
    pub(super) days: u32,
    pub(super) fetch_hours: u32,
    pub(super) programs: Vec<Program>,
    pub(super) policies: Vec<Named>,
    /// Those that are told of.
    pub(super) scenarios: Vec<Scenario>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) drill: Drill,
    /// In the order of the drill's scenarios.
    pub(super) acts: Vec<Act>,
}

/// A scenario that was played.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub(super) scenario: Scenario,
    pub(super) plan: Plan,
    /// A row for each policy and program.
    pub(super) rows: Vec<Row>,
}

/// What became of a program under a policy.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Which of the drill's programs.
    pub(super) program: usize,
    /// Which of the drill's policies.
    pub(super) policy: usize,
    pub(super) outcome: Outcome,
    pub(super) course: Course,
    /// What was tried against it, if it is not as it should be.
    pub(super) remedies: Vec<Tried>,
}

/// Something that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tried {
    pub(super) remedy: Remedy,
    /// What it is, in a line.
    pub(super) tells: String,
    pub(super) outcome: Outcome,
    pub(super) effect: Effect,
    /// Scenarios in which it makes things worse.
    pub(super) costs: Vec<Cost>,
}

/// How much something helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// All is as it should be.
    Saves,
    /// Less time is lost.
    Helps,
    /// As it was, or worse.
    Nothing,
}

/// What a change makes worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) scenario: Scenario,
    pub(super) outcome: Outcome,
}

impl Drill {
    /// The first second after it.
    pub(super) fn end(&self) -> Time {
        Time::from_unix(self.start.unix() + u64::from(self.days) * 86_400)
    }

    /// Whether a policy's name does not say already which program it is asked about.
    pub(super) fn tells_programs_apart(&self) -> bool {
        let made_up = |program: &Program| program.source == Source::Policy;
        self.programs.len() > 1 && !self.programs.iter().all(made_up)
    }

    /// Plays everything; `progress` is told what comes next.
    pub(super) fn play(self, progress: impl Fn(String)) -> Result<Report, Error> {
        let ground = Ground::new(self.start)?;
        let programs = self.programs.iter();
        let mut programs: Vec<_> = programs
            .map(|program| Plays::new(&self, &ground, program))
            .collect();
        let mut acts: Vec<_> = self.scenarios.iter().map(|one| self.act(*one)).collect();
        for (policy, named) in self.policies.iter().enumerate() {
            let rehearsed = rehearsed(&named.policy, ground.fingerprint());
            for (program, plays) in programs.iter_mut().enumerate() {
                if !plays.program.concerns(&named.name) {
                    continue;
                }
                progress(format!("judging {} by {}", plays.program.name, named.name));
                for act in &mut acts {
                    let row = plays.row(act.scenario, &rehearsed)?;
                    act.rows.push(Row {
                        program,
                        policy,
                        ..row
                    });
                }
            }
        }
        Ok(Report { drill: self, acts })
    }

    fn act(&self, scenario: Scenario) -> Act {
        Act {
            scenario,
            plan: self.plan(scenario),
            rows: Vec::new(),
        }
    }

    /// A scenario as this drill plays it.
    pub(super) fn plan(&self, scenario: Scenario) -> Plan {
        Plan::of(scenario, self.start, self.end(), self.fetch_hours)
    }
}

impl Row {
    /// The refusal that was not wanted, or the one that ended an acceptance that was not.
    pub(super) fn first_refusal(&self) -> Option<&Refused> {
        let moment = match self.outcome {
            Outcome::Falls { at, .. } => Some(at),
            Outcome::LetIn { until, .. } => until,
            _ => None,
        };
        let is_it = |from: Time| moment.is_none_or(|moment| from >= moment);
        self.course.iter().find_map(|span| match &span.verdict {
            Judgement::Refused(refused) if is_it(span.from) => Some(refused),
            _ => None,
        })
    }
}
