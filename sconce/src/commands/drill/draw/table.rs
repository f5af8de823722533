//! One line for each scenario, policy and program.

use attestation::Time;

use super::lines::{Lines, lasting};
use crate::commands::drill::outcome::Outcome;
use crate::commands::drill::report::{Act, Report, Row};

const HEADINGS: [&str; 6] = ["SCENARIO", "POLICY", "PROGRAM", "RESULT", "MOMENT", "WHERE"];

/// The column of programs, which says nothing where there is only one.
const PROGRAM: usize = 2;

pub(super) fn draw(report: &Report, lines: &mut Lines) {
    let mut rows = vec![HEADINGS.map(str::to_owned).to_vec()];
    for act in &report.acts {
        rows.extend(act.rows.iter().map(|row| cells(report, act, row)));
    }
    if report.drill.programs.len() == 1 {
        for row in &mut rows {
            row.remove(PROGRAM);
        }
    }
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut above = String::new();
    for row in &rows {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // A scenario is named once.
            let shown = if index == 0 && *cell == above {
                ""
            } else {
                cell
            };
            line += &format!("{shown:<width$}  ");
        }
        above = row.first().cloned().unwrap_or_default();
        lines.push(line);
    }
}

fn cells(report: &Report, act: &Act, row: &Row) -> Vec<String> {
    let drill = &report.drill;
    let policy = drill.policies.get(row.policy).map_or("", |one| &one.name);
    let program = drill.programs.get(row.program).map_or("", |one| &one.name);
    let end = act.plan.end;
    let place = match row.outcome {
        Outcome::Holds | Outcome::KeptOut => String::new(),
        Outcome::LetIn { until: None, .. } => "nowhere".to_owned(),
        _ => row
            .first_refusal()
            .map_or_else(String::new, |refused| refused.place()),
    };
    vec![
        act.scenario.name().to_owned(),
        policy.to_owned(),
        program.to_owned(),
        word(row.outcome, end),
        moment(row.outcome).map_or_else(String::new, |at| at.to_string()),
        place,
    ]
}

/// The word, and how long it lasted where that is known.
fn word(outcome: Outcome, end: Time) -> String {
    let lost = lasting(outcome.wrong_for(end));
    match outcome {
        Outcome::Falls { until: Some(_), .. } => format!("FALLS {lost}"),
        Outcome::LetIn { until: Some(_), .. } => format!("LATE {lost}"),
        _ => outcome.word().to_owned(),
    }
}

/// When the answer turned: to what was not wanted, or too late to what was.
const fn moment(outcome: Outcome) -> Option<Time> {
    match outcome {
        Outcome::Unfit | Outcome::Holds | Outcome::KeptOut => None,
        Outcome::Falls { at, .. } => Some(at),
        Outcome::LetIn { from, until: None } => Some(from),
        Outcome::LetIn { until, .. } => until,
    }
}
