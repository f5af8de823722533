//! A drill's report as one JSON object.

use attestation::Time;
use serde_json::{Value, json};

use super::outcome::{Judgement, Outcome, Refused};
use super::policies::Named;
use super::programs::{Program, Source};
use super::report::{Act, Cost, Effect, Report, Row, Tried};
use super::scenario::{Cast, Wanted};

/// The object; `docs/drills.md` describes it.
pub(super) fn view(report: &Report) -> Value {
    let drill = &report.drill;
    let acts = report.acts.iter().map(|one| act(report, one));
    json!({
        "simulated": true,
        "start": drill.start.to_string(),
        "end": drill.end().to_string(),
        "fetchHours": drill.fetch_hours,
        "programs": drill.programs.iter().map(program).collect::<Vec<_>>(),
        "policies": drill.policies.iter().map(policy).collect::<Vec<_>>(),
        "scenarios": acts.collect::<Vec<_>>(),
    })
}

fn program(program: &Program) -> Value {
    let (source, from) = match &program.source {
        Source::Sample => ("sample", None),
        Source::Image(path) => ("image", Some(path.display().to_string())),
        Source::Policy => ("policy", None),
    };
    json!({
        "name": program.name,
        "measurement": program.measurement().to_string(),
        "signer": program.signer().to_string(),
        "product": program.secs.isv_prod_id,
        "svn": program.secs.isv_svn,
        "source": source,
        "from": from,
    })
}

fn policy(policy: &Named) -> Value {
    json!({
        "name": policy.name,
        "file": policy.file,
        "policy": policy.policy,
    })
}

fn act(report: &Report, act: &Act) -> Value {
    let events = act.plan.events.iter().map(
        |event| json!({ "at": event.at.to_string(), "what": event.what.tells(act.plan.cast) }),
    );
    let rows = act.rows.iter().map(|one| row(report, one));
    json!({
        "name": act.scenario.name(),
        "tells": act.scenario.tells(),
        "judged": cast(act.plan.cast),
        "wanted": match act.plan.wanted {
            Wanted::Accepted => "accepted",
            Wanted::Refused => "refused",
        },
        "events": events.collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
    })
}

const fn cast(cast: Cast) -> &'static str {
    match cast {
        Cast::Genuine => "program",
        Cast::NewRelease => "next-release",
        Cast::OldRelease => "older-release",
        Cast::Impostor => "impostor",
    }
}

fn row(report: &Report, row: &Row) -> Value {
    let drill = &report.drill;
    let spans = row.course.iter().map(|span| {
        let (accepted, refused) = match &span.verdict {
            Judgement::Accepted => (true, None),
            Judgement::Refused(refused) => (false, Some(refusal(refused))),
        };
        json!({
            "from": span.from.to_string(),
            "until": span.until.to_string(),
            "accepted": accepted,
            "refusal": refused,
        })
    });
    let remedies = row.remedies.iter().map(|one| tried(one, drill.end()));
    json!({
        "policy": drill.policies.get(row.policy).map(|one| &one.name),
        "program": drill.programs.get(row.program).map(|one| &one.name),
        "outcome": outcome(row.outcome, drill.end()),
        "refusal": row.first_refusal().map(refusal),
        "spans": spans.collect::<Vec<_>>(),
        "remedies": remedies.collect::<Vec<_>>(),
    })
}

fn outcome(outcome: Outcome, end: Time) -> Value {
    let (word, from, until) = match outcome {
        Outcome::Unfit => ("no-fit", None, None),
        Outcome::Holds => ("holds", None, None),
        Outcome::Falls { at, until } => ("falls", Some(at), until),
        Outcome::KeptOut => ("kept-out", None, None),
        Outcome::LetIn { from, until } => ("let-in", Some(from), until),
    };
    json!({
        "word": word,
        "from": from.map(|at| at.to_string()),
        "until": until.map(|at| at.to_string()),
        "seconds": outcome.wrong_for(end),
    })
}

fn refusal(refused: &Refused) -> Value {
    let rules = refused.rules.iter().map(
        |broken| json!({ "rule": broken.rule, "claim": broken.claim, "wanted": broken.wanted }),
    );
    json!({
        "stage": refused.stage.name(),
        "reason": refused.reason,
        "rules": rules.collect::<Vec<_>>(),
    })
}

fn tried(tried: &Tried, end: Time) -> Value {
    let costs = tried.costs.iter().map(|cost: &Cost| {
        json!({
            "scenario": cost.scenario.name(),
            "outcome": outcome(cost.outcome, end),
        })
    });
    json!({
        "what": tried.tells,
        "changes": tried.remedy.changes(),
        "effect": match tried.effect {
            Effect::Saves => "saves",
            Effect::Helps => "helps",
            Effect::Nothing => "nothing",
        },
        "outcome": outcome(tried.outcome, end),
        "costs": costs.collect::<Vec<_>>(),
    })
}
