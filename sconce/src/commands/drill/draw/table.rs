//! One line for each scenario, policy and program.

use attestation::Time;

use super::lines::{Lines, lasting};
use crate::commands::drill::outcome::{Outcome, Refused};
use crate::commands::drill::report::{Act, Report, Row};

const HEADINGS: [&str; 6] = ["SCENARIO", "POLICY", "PROGRAM", "RESULT", "MOMENT", "WHERE"];

const POLICY: usize = 1;
const PROGRAM: usize = 2;

/// The shortest that a name is cut to.
const SHORTEST: usize = 6;

pub(super) fn draw(report: &Report, lines: &mut Lines) {
    let mut rows = vec![HEADINGS.map(str::to_owned).to_vec()];
    for act in &report.acts {
        rows.extend(act.rows.iter().map(|row| cells(report, act, row)));
    }
    let mut widths = widths(&rows);
    if !report.drill.tells_programs_apart() {
        // A column that says nothing.
        widths[PROGRAM] = 0;
    }
    shrink(&mut widths, lines.width());
    let mut above = String::new();
    for row in &rows {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            // A scenario is named once.
            let shown = if index == 0 && *cell == above {
                ""
            } else {
                cell
            };
            if width > 0 {
                line += &format!("{:width$}  ", lines.cut(shown, width));
            }
        }
        above = row.first().cloned().unwrap_or_default();
        lines.push(line);
    }
    lines.blank();
    lines.wrapped(
        "",
        "FALLS: refused while it should serve. LET IN: accepted while it should be refused. LATE: \
         let in, and refused at that moment. WHERE: the rule or check that refuses. The platform \
         is SIMULATED.",
    );
}

fn widths(rows: &[Vec<String>]) -> [usize; HEADINGS.len()] {
    let mut widths = [0; HEADINGS.len()];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    widths
}

/// Takes from the names what is too much for the lines.
fn shrink(widths: &mut [usize; HEADINGS.len()], room: usize) {
    let shown = widths.iter().filter(|width| **width > 0).count();
    let used = widths.iter().sum::<usize>() + 2 * (shown - 1);
    let mut over = used.saturating_sub(room);
    for column in [PROGRAM, POLICY] {
        let least = SHORTEST.min(widths[column]);
        let less = over.min(widths[column] - least);
        widths[column] -= less;
        over -= less;
    }
}

fn cells(report: &Report, act: &Act, row: &Row) -> Vec<String> {
    let drill = &report.drill;
    let policy = drill.policies.get(row.policy).map_or("", |one| &one.name);
    let program = drill.programs.get(row.program).map_or("", |one| &one.name);
    let moment = row.outcome.moment().map(|at| at.to_string());
    vec![
        act.scenario.name().to_owned(),
        policy.to_owned(),
        program.to_owned(),
        result(row.outcome, act.plan.end),
        moment.unwrap_or_default(),
        row.first_refusal().map(place).unwrap_or_default(),
    ]
}

/// The word, and how long it lasted where it ended.
fn result(outcome: Outcome, end: Time) -> String {
    let word = outcome.word();
    match outcome {
        Outcome::Falls { until: Some(_), .. } | Outcome::LetIn { until: Some(_), .. } => {
            format!("{word} {}", lasting(outcome.wrong_for(end)))
        }
        _ => word.to_owned(),
    }
}

/// The first rule that does not hold and how many more, or the check.
pub(super) fn place(refused: &Refused) -> String {
    let rule = refused.rules.first().map(|broken| broken.rule);
    match (rule, refused.rules.len()) {
        (Some(rule), 1) => rule.to_owned(),
        (Some(rule), more) => format!("{rule} +{}", more - 1),
        (None, _) => refused.stage.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_way_to_what_matters() {
        let mut widths = [16, 20, 10, 16, 20, 12];
        shrink(&mut widths, 100);
        assert_eq!(widths, [16, 20, 6, 16, 20, 12], "programs first");
        shrink(&mut widths, 95);
        assert_eq!(widths, [16, 15, 6, 16, 20, 12]);
        shrink(&mut widths, 60);
        assert_eq!(widths, [16, 6, 6, 16, 20, 12], "the rest stays whole");
        let mut widths = [16, 7, 0, 16, 20, 11];
        shrink(&mut widths, 80);
        assert_eq!(widths, [16, 7, 0, 16, 20, 11], "it fits");
    }
}
