//! What a drill has found: every scenario with every program and policy, and what would help.

use std::collections::BTreeMap;

use attestation::{Policy, Time};

use super::outcome::{Course, Judgement, Outcome, Refused};
use super::policies::{Named, rehearsed};
use super::programs::Program;
use super::rehearsal::{Error, Ground, Plan, Rehearsal};
use super::remedy::{Remedy, candidates};
use super::scenario::{Scenario, Wanted};

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

    /// Plays everything; `progress` is told what comes next.
    pub(super) fn play(self, progress: impl Fn(String)) -> Result<Report, Error> {
        let ground = Ground::new(self.start)?;
        let mut stages = Vec::new();
        for program in &self.programs {
            stages.push(Stage::new(&self, &ground, program));
        }
        let mut acts: Vec<_> = self.scenarios.iter().map(|one| self.act(*one)).collect();
        for (policy, named) in self.policies.iter().enumerate() {
            for (program, stage) in stages.iter_mut().enumerate() {
                progress(format!(
                    "playing {} with {}",
                    stage.program.name, named.name
                ));
                let policy_here = rehearsed(&named.policy, ground.fingerprint());
                for act in &mut acts {
                    let row = stage.row(act.scenario, &policy_here)?;
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

    fn plan(&self, scenario: Scenario) -> Plan {
        Plan::of(scenario, self.start, self.end(), self.fetch_hours)
    }
}

/// One program's rehearsals.
struct Stage<'a> {
    drill: &'a Drill,
    ground: &'a Ground,
    program: &'a Program,
    plays: BTreeMap<Plan, Rehearsal<'a>>,
}

impl<'a> Stage<'a> {
    const fn new(drill: &'a Drill, ground: &'a Ground, program: &'a Program) -> Self {
        Self {
            drill,
            ground,
            program,
            plays: BTreeMap::new(),
        }
    }

    /// The rehearsal of a plan.
    fn play(&mut self, plan: &Plan) -> &mut Rehearsal<'a> {
        let (ground, program) = (self.ground, self.program);
        self.plays
            .entry(plan.clone())
            .or_insert_with(|| ground.rehearse(plan.clone(), program.played_by(plan.cast)))
    }

    fn seen(&mut self, scenario: Scenario, policy: &Policy) -> Result<(Course, Outcome), Error> {
        let plan = self.drill.plan(scenario);
        self.play(&plan).seen(policy)
    }

    /// What becomes of the program in a scenario; program and policy are not numbered yet.
    fn row(&mut self, scenario: Scenario, policy: &Policy) -> Result<Row, Error> {
        let (course, outcome) = self.seen(scenario, policy)?;
        let is_fit = self.is_fit(policy)?;
        let mut row = Row {
            program: 0,
            policy: 0,
            outcome: if is_fit { outcome } else { Outcome::Unfit },
            course,
            remedies: Vec::new(),
        };
        let refused = row.first_refusal().cloned();
        let plan = self.drill.plan(scenario);
        let claims = match row.outcome {
            Outcome::Falls { at, .. } => self.play(&plan).claims(at)?,
            _ => None,
        };
        let remedies = candidates(
            scenario,
            row.outcome,
            refused.as_ref(),
            claims.as_ref(),
            policy,
        );
        for remedy in remedies {
            let tried = self.tried(scenario, policy, &row, remedy)?;
            row.remedies.push(tried);
        }
        Ok(row)
    }

    /// Whether a policy takes the program before anything happens.
    fn is_fit(&mut self, policy: &Policy) -> Result<bool, Error> {
        let (course, _) = self.seen(Scenario::Calm, policy)?;
        Ok(course
            .first()
            .is_some_and(|span| span.verdict.is_accepted()))
    }

    /// Plays it again with something else done.
    fn tried(
        &mut self,
        scenario: Scenario,
        policy: &Policy,
        before: &Row,
        remedy: Remedy,
    ) -> Result<Tried, Error> {
        let (outcome, costs) = match &remedy {
            Remedy::Policy(amendment) => {
                let amended = amendment.apply(policy, self.program);
                let (_, outcome) = self.seen(scenario, &amended)?;
                (outcome, self.costs(scenario, policy, &amended)?)
            }
            Remedy::Work(work) => {
                let plan = work.apply(&self.drill.plan(scenario));
                let (_, outcome) = self.play(&plan).seen(policy)?;
                (outcome, Vec::new())
            }
        };
        let end = before
            .course
            .last()
            .map_or(Time::from_unix(0), |span| span.until);
        let (was, is) = (before.outcome.wrong_for(end), outcome.wrong_for(end));
        Ok(Tried {
            tells: remedy.tells(self.program),
            remedy,
            outcome,
            effect: match (outcome.is_good(), is < was) {
                (true, _) => Effect::Saves,
                (false, true) => Effect::Helps,
                (false, false) => Effect::Nothing,
            },
            costs,
        })
    }

    /// What another policy makes worse elsewhere.
    fn costs(
        &mut self,
        here: Scenario,
        policy: &Policy,
        amended: &Policy,
    ) -> Result<Vec<Cost>, Error> {
        let mut costs = Vec::new();
        for scenario in Scenario::ALL.into_iter().filter(|one| *one != here) {
            let (_, before) = self.seen(scenario, policy)?;
            let (_, outcome) = self.seen(scenario, amended)?;
            let end = self.drill.end();
            if outcome.wrong_for(end) > before.wrong_for(end) {
                costs.push(Cost { scenario, outcome });
            }
        }
        Ok(costs)
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

impl Wanted {
    /// As people are told.
    pub(super) const fn tells(self) -> &'static str {
        match self {
            Self::Accepted => "the program goes on serving",
            Self::Refused => "nobody trusts it any more",
        }
    }
}
