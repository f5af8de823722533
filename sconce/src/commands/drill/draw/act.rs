//! One scenario: a timeline, and for the policies that do not do what they should the reason and what
//! would help.

use attestation::Time;

use super::Style;
use super::lines::{Lines, lasting};
use super::timeline::Axis;
use crate::commands::drill::outcome::Outcome;
use crate::commands::drill::report::{Act, Effect, Report, Row, Tried};

/// A scenario to be drawn.
pub(super) struct Drawing<'a> {
    pub(super) report: &'a Report,
    pub(super) act: &'a Act,
    pub(super) style: Style,
}

/// Rows that are told of at once: the same came of them, for the same reason, and the same would help.
struct Group<'a> {
    first: &'a Row,
    names: Vec<String>,
}

impl Drawing<'_> {
    pub(super) fn draw(&self, lines: &mut Lines) {
        let scenario = self.act.scenario;
        lines.rule(scenario.name());
        let wanted = self.act.plan.wanted.tells();
        let tells = capital(scenario.tells());
        lines.wrapped("", &format!("{tells}. Wanted: {wanted}."));
        lines.blank();
        self.timeline(lines);
        for group in self.groups() {
            lines.blank();
            self.group(&group, lines);
        }
    }

    fn timeline(&self, lines: &mut Lines) {
        let labels: Vec<_> = self.act.rows.iter().map(|row| self.name(row)).collect();
        let widest = labels.iter().map(|label| label.chars().count()).max();
        let margin = widest.unwrap_or(0).min(lines.width() / 2);
        let axis = Axis {
            start: self.act.plan.start,
            end: self.act.plan.end,
            width: lines.width() - margin - 4,
            style: self.style,
        };
        let mut line = |label: &str, drawing: &str| {
            let label: String = label.chars().take(margin).collect();
            lines.push(format!("  {label:margin$}  {drawing}"));
        };
        axis.scale().iter().for_each(|scale| line("", scale));
        let events: Vec<Time> = self.act.plan.events.iter().map(|event| event.at).collect();
        if !events.is_empty() {
            line("", &axis.marks(&events));
        }
        for (row, label) in self.act.rows.iter().zip(&labels) {
            match row.outcome {
                Outcome::Unfit => line(label, &unfit(row)),
                _ => line(label, &axis.course(&row.course)),
            }
        }
        line("", &self.style.legend());
        for (index, event) in self.act.plan.events.iter().enumerate() {
            let tells = event.what.tells(self.act.plan.cast);
            lines.wrapped(&format!("  {}  {}  ", index + 1, event.at), &tells);
        }
    }

    /// What is to be told, in the order of the rows.
    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for row in self.act.rows.iter().filter(|row| !row.outcome.is_good()) {
            let like = groups.iter_mut().find(|group| {
                group.first.outcome == row.outcome
                    && group.first.first_refusal() == row.first_refusal()
                    && group.first.remedies == row.remedies
            });
            match like {
                Some(group) => group.names.push(self.name(row)),
                None => groups.push(Group {
                    first: row,
                    names: vec![self.name(row)],
                }),
            }
        }
        groups
    }

    /// What went wrong, why, and what would help.
    fn group(&self, group: &Group<'_>, lines: &mut Lines) {
        let (row, names) = (group.first, group.names.join("; "));
        lines.wrapped("  ", &format!("{names}: {}", self.moment(row.outcome)));
        let falls = matches!(row.outcome, Outcome::Falls { .. });
        if let Some(refused) = row.first_refusal() {
            lines.wrapped(
                "    ",
                &format!("Refused at stage {}. {}", refused.stage, refused.reason),
            );
            if falls && !refused.is_of_policy() {
                lines.wrapped("    ", "No policy changes that: none is asked any more.");
            }
        }
        lines.push(match (row.remedies.is_empty(), falls) {
            (true, _) => "    Nothing is known that would help.",
            (false, true) => "    What would save it:",
            (false, false) => "    What would keep it out:",
        });
        for tried in &row.remedies {
            self.tried(tried, lines);
        }
    }

    fn tried(&self, tried: &Tried, lines: &mut Lines) {
        let (word, result) = match tried.effect {
            Effect::Saves => ("yes", String::new()),
            Effect::Helps => ("partly", format!(": {}", self.moment(tried.outcome))),
            Effect::Nothing => ("no", format!(": {}", self.moment(tried.outcome))),
        };
        let tells = &tried.tells;
        lines.wrapped(&format!("      {word:6}  "), &format!("{tells}{result}"));
        for cost in &tried.costs {
            let (scenario, worse) = (cost.scenario.name(), cost.outcome);
            let moment = worse
                .moment()
                .map_or_else(String::new, |at| format!(" at {at}"));
            let what = format!("but in {scenario}: {}{moment}", worse.word());
            lines.wrapped("                ", &what);
        }
    }

    fn name(&self, row: &Row) -> String {
        let drill = &self.report.drill;
        let policy = drill.policies.get(row.policy).map_or("", |one| &one.name);
        let program = drill.programs.get(row.program).map_or("", |one| &one.name);
        match drill.tells_programs_apart() {
            true => format!("{policy}, {program}"),
            false => policy.to_owned(),
        }
    }

    /// When, and for how long.
    fn moment(&self, outcome: Outcome) -> String {
        let lost = lasting(outcome.wrong_for(self.act.plan.end));
        let word = outcome.word();
        match outcome {
            Outcome::Unfit | Outcome::Holds | Outcome::KeptOut => word.to_owned(),
            Outcome::Falls { at, until: None } => format!("{word} at {at}, {}", self.after(at)),
            Outcome::Falls {
                at,
                until: Some(until),
            } => {
                let after = self.after(at);
                format!("{word} at {at}, {after}; accepted again at {until}, {lost} later")
            }
            Outcome::LetIn { from, until: None } => {
                format!("{word} at {from}, {}, and never refused", self.after(from))
            }
            Outcome::LetIn {
                from,
                until: Some(until),
            } => format!("{word}: accepted from {from} on, refused from {until} on, {lost} later"),
        }
    }

    /// How long after the last event before it.
    fn after(&self, at: Time) -> String {
        let mut events = self.act.plan.events.iter().enumerate();
        let before = events.rfind(|(_, event)| event.at <= at);
        let (since, what) = match before {
            Some((index, event)) => (event.at, format!("event {}", index + 1)),
            None => (self.act.plan.start, "the begin".to_owned()),
        };
        match at.unix() - since.unix() {
            0 => format!("at {what}"),
            seconds => format!("{} after {what}", lasting(seconds)),
        }
    }
}

/// Why there is nothing to see.
fn unfit(row: &Row) -> String {
    let place = row.first_refusal().map(super::table::place);
    format!(
        "refused before anything happens: {}",
        place.unwrap_or_default()
    )
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
