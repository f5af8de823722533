//! A drill's report as a person reads it: a table, and for each scenario a timeline, the reasons and
//! what would help. No colour is needed, and no more than plain letters if the terminal has no others.

mod lines;
mod table;
mod timeline;

use attestation::Time;
use sgx::Digest;

use self::lines::{Lines, lasting};
use self::timeline::Axis;
use super::outcome::Outcome;
use super::policies::Named;
use super::programs::{Program, Source};
use super::report::{Act, Cost, Effect, Report, Row, Tried};

/// How it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// Whether the terminal has more than ASCII.
    pub(super) unicode: bool,
    /// Columns.
    pub(super) width: usize,
}

/// The narrowest drawing: what is wider is cut by the terminal.
const NARROWEST: usize = 60;

/// The whole report.
pub(super) fn report(report: &Report, style: Style) -> String {
    let mut lines = Lines::new(style.width.max(NARROWEST));
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
    let mut lines = Lines::new(style.width.max(NARROWEST));
    table::draw(report, &mut lines);
    lines.into_text()
}

/// What the drill is about.
fn head(report: &Report, lines: &mut Lines) {
    let drill = &report.drill;
    lines.wrapped(
        "",
        &format!(
            "Drill on a SIMULATED platform: no real evidence, no real advisory. {} days from {}; \
         collateral is fetched every {}, quotes are made anew after every event.",
            drill.days,
            drill.start,
            lasting(u64::from(drill.fetch_hours) * 3_600),
        ),
    );
    lines.blank();
    lines.push("Programs");
    let width = drill
        .programs
        .iter()
        .map(|one| one.name.chars().count())
        .max();
    for program in &drill.programs {
        lines.wrapped(&label(&program.name, width), &identity(program));
    }
    lines.push("Policies");
    let width = drill
        .policies
        .iter()
        .map(|one| one.name.chars().count())
        .max();
    for policy in &drill.policies {
        lines.wrapped(&label(&policy.name, width), &of_policy(policy));
    }
}

fn label(name: &str, width: Option<usize>) -> String {
    format!("  {name:<0$}  ", width.unwrap_or(0))
}

fn identity(program: &Program) -> String {
    let source = match &program.source {
        Source::Sample => "a sample".to_owned(),
        Source::Image(path) => format!("of {}", path.display()),
        Source::Policy(policy) => format!("made up to fit {policy}"),
    };
    format!(
        "{}, signed by {}, product {}, SVN {}; {source}",
        short(program.measurement()),
        short(program.signer()),
        program.secs.isv_prod_id,
        program.secs.isv_svn
    )
}

fn of_policy(policy: &Named) -> String {
    match &policy.file {
        Some(file) => format!("{}; {}", policy.tells(), file.display()),
        None => format!("{}; a sample", policy.tells()),
    }
}

/// A digest with its kind and as much of it as tells it from others.
fn short(digest: Digest) -> String {
    let text = digest.to_string();
    let (kind, digits) = text.rsplit_once(':').unwrap_or(("", &text));
    format!("{kind}:{}", digits.get(..12).unwrap_or(digits))
}

/// One scenario.
struct Drawing<'a> {
    report: &'a Report,
    act: &'a Act,
    style: Style,
}

impl Drawing<'_> {
    fn draw(&self, lines: &mut Lines) {
        let scenario = self.act.scenario;
        lines.rule(scenario.name(), self.style.unicode);
        lines.wrapped(
            "",
            &format!(
                "{}. Wanted: {}.",
                capital(scenario.tells()),
                self.act.plan.wanted.tells()
            ),
        );
        lines.blank();
        self.timeline(lines);
        for row in &self.act.rows {
            if !row.outcome.is_good() {
                lines.blank();
                self.row(row, lines);
            }
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
            lines.push(format!("  {label:<margin$}  {drawing}"));
        };
        axis.scale().iter().for_each(|scale| line("", scale));
        let events: Vec<Time> = self.act.plan.events.iter().map(|event| event.at).collect();
        if !events.is_empty() {
            line("", &axis.marks(&events));
        }
        for (row, label) in self.act.rows.iter().zip(&labels) {
            match row.outcome {
                Outcome::Unfit => line(label, "(refused from the begin: another program)"),
                _ => line(label, &axis.course(&row.course)),
            }
        }
        lines.push(format!("  {:margin$}  {}", "", self.style.legend()));
        for (index, event) in self.act.plan.events.iter().enumerate() {
            let tells = event.what.tells(self.act.plan.cast);
            lines.wrapped(&format!("  {}  {}  ", index + 1, event.at), &tells);
        }
    }

    /// What went wrong with a policy, why, and what would help.
    fn row(&self, row: &Row, lines: &mut Lines) {
        lines.wrapped(
            "  ",
            &format!("{}: {}", self.name(row), self.moment(row.outcome)),
        );
        if let Some(refused) = row.first_refusal() {
            lines.wrapped("    ", &format!("{} ({})", refused.reason, refused.place()));
            if matches!(row.outcome, Outcome::Falls { .. }) && !refused.is_of_policy() {
                lines.wrapped(
                    "    ",
                    "No policy changes that: it is refused before any is asked.",
                );
            }
        }
        let saves = matches!(row.outcome, Outcome::Falls { .. });
        let what = if saves { "save it" } else { "keep it out" };
        match row.remedies.is_empty() {
            true => lines.push("    Nothing else was tried."),
            false => lines.push(format!("    What would {what}:")),
        }
        for tried in &row.remedies {
            self.tried(tried, lines);
        }
    }

    fn tried(&self, tried: &Tried, lines: &mut Lines) {
        let word = match tried.effect {
            Effect::Saves => "yes   ",
            Effect::Helps => "partly",
            Effect::Nothing => "no    ",
        };
        let result = match tried.effect {
            Effect::Saves => String::new(),
            Effect::Helps | Effect::Nothing => format!(": {}", self.moment(tried.outcome)),
        };
        lines.wrapped(
            &format!("      {word}  "),
            &format!("{}{result}", tried.tells),
        );
        for cost in &tried.costs {
            lines.wrapped("                ", &self.cost(cost));
        }
    }

    fn cost(&self, cost: &Cost) -> String {
        format!(
            "but then {}: {}",
            cost.scenario.name(),
            self.moment(cost.outcome)
        )
    }

    fn name(&self, row: &Row) -> String {
        let drill = &self.report.drill;
        let policy = drill.policies.get(row.policy).map_or("", |one| &one.name);
        let program = drill.programs.get(row.program).map_or("", |one| &one.name);
        match drill.programs.len() {
            1 => policy.to_owned(),
            _ => format!("{policy}, {program}"),
        }
    }

    /// When, and for how long.
    fn moment(&self, outcome: Outcome) -> String {
        let end = self.act.plan.end;
        let lost = lasting(outcome.wrong_for(end));
        let word = outcome.word();
        match outcome {
            Outcome::Unfit | Outcome::Holds | Outcome::KeptOut => word.to_owned(),
            Outcome::Falls { at, until: None } => {
                format!("{word} at {at}, {}", self.after(at))
            }
            Outcome::Falls {
                at,
                until: Some(until),
            } => format!(
                "FALLS at {at}, {}; back at {until}, after {lost}",
                self.after(at)
            ),
            Outcome::LetIn { from, until: None } => {
                format!("{word} at {from}, and not refused until the end")
            }
            Outcome::LetIn {
                from,
                until: Some(until),
            } => format!("{word}: accepted from {from} until {until}, for {lost}"),
        }
    }

    /// How long after the last event before it.
    fn after(&self, at: Time) -> String {
        let events = self.act.plan.events.iter().enumerate();
        let before = events.filter(|(_, event)| event.at <= at).next_back();
        let (since, what) = match before {
            Some((index, event)) => (event.at, format!("event {}", index + 1)),
            None => (self.act.plan.start, "the begin".to_owned()),
        };
        match at.unix() - since.unix() {
            0 => format!("with {what}"),
            seconds => format!("{} after {what}", lasting(seconds)),
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
