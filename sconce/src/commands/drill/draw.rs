//! A drill's report as a person reads it: a table, and for each scenario a timeline, the reasons and
//! what would help. No colour is needed, and no more than ASCII if the terminal has no more.

mod act;
mod lines;
mod table;
mod timeline;

use self::act::Drawing;
use self::lines::Lines;
use super::policies::Named;
use super::programs::{Program, Source};
use super::report::Report;

/// How it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// Whether the terminal has more than ASCII.
    pub(super) unicode: bool,
    /// Columns, at least [`NARROWEST`].
    pub(super) width: usize,
}

/// The narrowest drawing: a narrower terminal cuts or folds it.
pub(super) const NARROWEST: usize = 60;

/// The whole report.
pub(super) fn report(report: &Report, style: Style) -> String {
    let mut lines = Lines::new(style);
    head(report, &mut lines);
    lines.blank();
    table::draw(report, &mut lines);
    for act in &report.acts {
        lines.blank();
        Drawing { report, act, style }.draw(&mut lines);
    }
    lines.into_text()
}

/// The table alone.
pub(super) fn table(report: &Report, style: Style) -> String {
    let mut lines = Lines::new(style);
    table::draw(report, &mut lines);
    lines.into_text()
}

/// What the drill is about.
fn head(report: &Report, lines: &mut Lines) {
    let drill = &report.drill;
    let what = "Drill on a SIMULATED platform: no real evidence, no real advisory.";
    let when = format!("{} days from {}", drill.days, drill.start);
    let how = match drill.fetch_hours {
        1 => "collateral is fetched every hour".to_owned(),
        hours => format!("collateral is fetched every {hours} hours"),
    };
    lines.wrapped("", &format!("{what} {when}; {how}."));
    lines.blank();
    lines.push("Programs");
    let names = drill.programs.iter().map(|program| &program.name);
    let width = widest(names);
    for program in &drill.programs {
        lines.wrapped(
            &format!("  {:width$}  ", program.name),
            &of_program(program),
        );
    }
    lines.push("Policies");
    let width = widest(drill.policies.iter().map(|policy| &policy.name));
    for policy in &drill.policies {
        lines.wrapped(&format!("  {:width$}  ", policy.name), &of_policy(policy));
    }
}

fn widest<'a>(names: impl Iterator<Item = &'a String>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}

fn of_program(program: &Program) -> String {
    let source = match &program.source {
        Source::Sample => "a sample".to_owned(),
        Source::Image(path) => path.display().to_string(),
        Source::Policy => "made up to fit the policy".to_owned(),
    };
    let (measurement, signer) = (program.measurement(), program.signer());
    let (product, svn) = (program.secs.isv_prod_id, program.secs.isv_svn);
    let debug = match program.is_debug() {
        true => ", signed for debugging",
        false => "",
    };
    format!("{measurement}, signed by {signer}, product {product}, SVN {svn}{debug}; {source}")
}

fn of_policy(policy: &Named) -> String {
    let source = match &policy.file {
        Some(file) => file.display().to_string(),
        None => "a sample".to_owned(),
    };
    format!("{}; {source}", policy.tells())
}
