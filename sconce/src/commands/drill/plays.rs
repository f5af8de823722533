//! What becomes of one program: its rehearsals, judged by a policy and by what might be done about it.

use std::collections::BTreeMap;

use attestation::Policy;

use super::outcome::{Course, Outcome};
use super::plan::Plan;
use super::programs::Program;
use super::rehearsal::{Error, Ground, Rehearsal};
use super::remedy::{Remedy, candidates};
use super::report::{Cost, Drill, Effect, Row, Tried};
use super::scenario::Scenario;

/// One program's rehearsals: a plan is played once, whatever policies then ask of it.
pub(super) struct Plays<'a> {
    drill: &'a Drill,
    ground: &'a Ground,
    pub(super) program: &'a Program,
    plays: BTreeMap<Plan, Rehearsal<'a>>,
}

impl<'a> Plays<'a> {
    pub(super) const fn new(drill: &'a Drill, ground: &'a Ground, program: &'a Program) -> Self {
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
    pub(super) fn row(&mut self, scenario: Scenario, policy: &Policy) -> Result<Row, Error> {
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
        let end = self.drill.end();
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
