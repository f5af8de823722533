//! A timeline of verdicts, as wide as the terminal.

use attestation::Time;

use super::Style;
use crate::commands::drill::course::Span;
use crate::commands::drill::outcome::Judgement;

const DAY: u64 = 86_400;

/// A drawing of a stretch of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) start: Time,
    pub(super) end: Time,
    /// Columns of the drawing itself.
    pub(super) width: usize,
    pub(super) style: Style,
}

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// Nobody is there to be judged.
    Empty,
    Accepted,
    Refused,
    /// Both, within the time of the column.
    Both,
}

impl Axis {
    /// The column of a moment.
    fn column(&self, at: Time) -> usize {
        let from_start = at.unix().saturating_sub(self.start.unix());
        let column = u128::from(from_start) * self.width as u128 / u128::from(self.length());
        (column as usize).min(self.width.saturating_sub(1))
    }

    fn length(&self) -> u64 {
        self.end.unix().saturating_sub(self.start.unix()).max(1)
    }

    /// The first second of a column.
    fn begin(&self, column: usize) -> u64 {
        let offset = u128::from(self.length()) * column as u128;
        self.start.unix() + offset.div_ceil(self.width as u128) as u64
    }

    /// Two lines: dates, and below them a scale with a tick at each.
    pub(super) fn scale(&self) -> [String; 2] {
        let mut dates = vec![' '; self.width];
        let mut ticks = vec![self.style.line(); self.width];
        let mut free = 0;
        for day in self.days() {
            let column = self.column(day);
            let label = date(day);
            if column < free || column + label.len() > self.width {
                continue;
            }
            for (cell, char) in dates[column..].iter_mut().zip(label.chars()) {
                *cell = char;
            }
            ticks[column] = self.style.tick();
            free = column + label.len() + 2;
        }
        [trimmed(&dates), ticks.into_iter().collect()]
    }

    /// Days to mark: each, or each week where there are many.
    fn days(&self) -> impl Iterator<Item = Time> {
        let days = self.length() / DAY;
        let step = if days > 12 { 7 } else { 1 };
        let (first, end) = (self.start.unix(), self.end.unix());
        (first..end)
            .step_by((step * DAY) as usize)
            .map(Time::from_unix)
    }

    /// A line with the events' numbers at their moments; those that find no place stand at the next.
    pub(super) fn marks(&self, events: &[Time]) -> String {
        let mut line = vec![' '; self.width];
        for (index, event) in events.iter().enumerate() {
            let number = char::from_digit(index as u32 + 1, 36).unwrap_or('*');
            let wanted = self.column(*event);
            if let Some(cell) = line[wanted..].iter_mut().find(|cell| **cell == ' ') {
                *cell = number;
            }
        }
        trimmed(&line)
    }

    /// A line with a sign a column.
    pub(super) fn course(&self, course: &[Span<Judgement>]) -> String {
        let cells = (0..self.width).map(|column| {
            let begin = self.begin(column);
            let end = self.begin(column + 1).max(begin + 1);
            let within =
                |span: &&Span<Judgement>| span.from.unix() < end && span.until.unix() > begin;
            let seen = course.iter().filter(within);
            let cell = seen.fold(Cell::Empty, |cell, span| {
                cell.with(span.verdict.is_accepted())
            });
            self.style.sign(cell)
        });
        trimmed(&cells.collect::<Vec<_>>())
    }
}

impl Cell {
    const fn with(self, accepted: bool) -> Self {
        match (self, accepted) {
            (Self::Empty | Self::Accepted, true) => Self::Accepted,
            (Self::Empty | Self::Refused, false) => Self::Refused,
            _ => Self::Both,
        }
    }
}

impl Style {
    const fn line(self) -> char {
        if self.unicode { '─' } else { '-' }
    }

    const fn tick(self) -> char {
        if self.unicode { '┬' } else { '+' }
    }

    const fn sign(self, cell: Cell) -> char {
        match (cell, self.unicode) {
            (Cell::Empty, _) => ' ',
            (Cell::Accepted, true) => '━',
            (Cell::Accepted, false) => '=',
            (Cell::Refused, true) => '×',
            (Cell::Refused, false) => 'x',
            (Cell::Both, true) => '╳',
            (Cell::Both, false) => '*',
        }
    }

    /// What the signs mean.
    pub(super) fn legend(self) -> String {
        format!(
            "{} accepted   {} refused   {} both within one column",
            self.sign(Cell::Accepted),
            self.sign(Cell::Refused),
            self.sign(Cell::Both)
        )
    }
}

/// As in `Nov 20`.
fn date(day: Time) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = day.to_string();
    let month = text.get(5..7).and_then(|month| month.parse().ok());
    let month = month.and_then(|month: usize| MONTHS.get(month - 1));
    format!(
        "{} {}",
        month.unwrap_or(&"???"),
        text.get(8..10).unwrap_or("??")
    )
}

fn trimmed(line: &[char]) -> String {
    line.iter().collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use attestation::Stage;

    use super::*;
    use crate::commands::drill::outcome::Refused;

    const START: u64 = 1_767_225_600;

    fn axis(days: u64, width: usize, unicode: bool) -> Axis {
        Axis {
            start: Time::from_unix(START),
            end: Time::from_unix(START + days * DAY),
            width,
            style: Style { unicode, width: 80 },
        }
    }

    fn span(from: u64, until: u64, accepted: bool) -> Span<Judgement> {
        let verdict = match accepted {
            true => Judgement::Accepted,
            false => Judgement::Refused(Refused {
                stage: Stage::Time,
                rules: Vec::new(),
                reason: String::new(),
            }),
        };
        Span {
            from: Time::from_unix(START + from),
            until: Time::from_unix(START + until),
            verdict,
        }
    }

    #[test]
    fn weeks_are_marked_where_days_do_not_fit() {
        let [dates, ticks] = axis(28, 56, false).scale();
        assert_eq!(dates, "Jan 01        Jan 08        Jan 15        Jan 22");
        let ticks = [ticks.len(), ticks.matches('+').count()];
        assert_eq!(ticks, [56, 4]);
        let [dates, _] = axis(7, 56, false).scale();
        assert_eq!(
            dates,
            "Jan 01  Jan 02  Jan 03  Jan 04  Jan 05  Jan 06  Jan 07"
        );
        let [dates, _] = axis(365, 20, false).scale();
        assert_eq!(dates, "Jan 01  May 28");
    }

    #[test]
    fn a_column_shows_both_answers_however_short_one_is() {
        let course = [
            span(0, 86_400, true),
            span(86_400, 86_401, false),
            span(86_401, 4 * DAY, true),
            span(4 * DAY, 10 * DAY, false),
        ];
        assert_eq!(axis(10, 10, false).course(&course), "=*==xxxxxx");
        assert_eq!(axis(10, 10, true).course(&course), "━╳━━××××××");
        let late = [span(5 * DAY, 10 * DAY, true)];
        assert_eq!(axis(10, 10, false).course(&late), "     =====");
        assert_eq!(axis(10, 20, false).course(&late), "          ==========");
    }

    #[test]
    fn events_at_one_moment_stand_beside_each_other() {
        let at = |days: u64| Time::from_unix(START + days * DAY);
        let marks = axis(10, 10, false).marks(&[at(1), at(1), at(5), at(10)]);
        assert_eq!(marks, " 12  3   4");
    }

    #[test]
    fn columns_hold_whatever_the_width() {
        for (days, width) in [(1, 7), (3, 50), (400, 33), (2, 200)] {
            let axis = axis(days, width, true);
            for column in 0..width {
                let begin = Time::from_unix(axis.begin(column));
                assert_eq!(axis.column(begin), column, "{days} days, {width} columns");
            }
        }
    }
}
