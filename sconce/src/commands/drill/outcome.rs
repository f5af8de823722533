//! What comes of a policy in a scenario: the verdicts in their order, and what they amount to.

use super::course::Span;
use super::scenario::Wanted;
use attestation::{Stage, Time};

/// What was said of evidence at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is trusted.
    Accepted,
    /// It is not.
    Refused(Refused),
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// The check.
    pub(super) stage: Stage,
    /// The rules that do not hold, if it is the policy that refuses.
    pub(super) rules: Vec<Broken>,
    /// All of it in a line.
    pub(super) reason: String,
}

/// A rule of the policy that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) rule: &'static str,
    pub(super) claim: String,
    pub(super) wanted: String,
}

/// Verdicts in the course of time.
pub(super) type Course = Vec<Span<Judgement>>;

/// What a course amounts to, measured by what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The policy refuses the program from the beginning, whatever happens.
    Unfit,
    /// Accepted throughout, as it should be.
    Holds,
    /// Refused from `at` on, while it should serve; accepted again at `until`, if ever.
    Falls { at: Time, until: Option<Time> },
    /// Refused, as it should be: from the first second.
    KeptOut,
    /// Accepted from `from` on, although it should not be; refused at `until`, if ever.
    LetIn { from: Time, until: Option<Time> },
}

impl Judgement {
    pub(super) const fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }

    /// Whether both are the same answer for the same cause. Reasons may have the moment in them.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Accepted, Self::Accepted) => true,
            (Self::Refused(one), Self::Refused(other)) => {
                let names = |refused: &Refused| -> Vec<_> {
                    refused.rules.iter().map(|rule| rule.rule).collect()
                };
                one.stage == other.stage && names(one) == names(other)
            }
            _ => false,
        }
    }
}

impl Refused {
    /// Whether it is a policy that refuses: nothing that stands in one changes other refusals.
    pub(super) const fn is_of_policy(&self) -> bool {
        matches!(self.stage, Stage::Policy | Stage::PolicyDebug)
    }
}

impl Outcome {
    /// What a course amounts to; from `turn` on it matters what is `wanted`.
    pub(super) fn of(course: &[Span<Judgement>], wanted: Wanted, turn: Time) -> Self {
        let counts = |span: &&Span<Judgement>| span.until > turn;
        let mut spans = course.iter().filter(counts);
        let wrong =
            |span: &&Span<Judgement>| span.verdict.is_accepted() != (wanted == Wanted::Accepted);
        let first = spans.find(wrong);
        let next = spans.find(|span| !wrong(span)).map(|span| span.from);
        match (wanted, first) {
            (Wanted::Accepted, None) => Self::Holds,
            (Wanted::Refused, None) => Self::KeptOut,
            (Wanted::Accepted, Some(span)) => Self::Falls {
                at: span.from.max(turn),
                until: next,
            },
            (Wanted::Refused, Some(span)) => Self::LetIn {
                from: span.from.max(turn),
                until: next,
            },
        }
    }

    /// Its word in tables.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Unfit => "no fit",
            Self::Holds => "holds",
            Self::Falls { .. } => "FALLS",
            Self::KeptOut => "kept out",
            Self::LetIn { until: Some(_), .. } => "LATE",
            Self::LetIn { until: None, .. } => "LET IN",
        }
    }

    /// When the answer turned to what is not wanted, or too late to what is.
    pub(super) const fn moment(self) -> Option<Time> {
        match self {
            Self::Unfit | Self::Holds | Self::KeptOut => None,
            Self::Falls { at, .. } => Some(at),
            Self::LetIn { from, until: None } => Some(from),
            Self::LetIn { until, .. } => until,
        }
    }

    /// Whether all is as it should be.
    pub(super) const fn is_good(self) -> bool {
        matches!(self, Self::Unfit | Self::Holds | Self::KeptOut)
    }

    /// Seconds, before `end`, in which the answer was not the wanted one.
    pub(super) fn wrong_for(self, end: Time) -> u64 {
        let (from, until) = match self {
            Self::Unfit | Self::Holds | Self::KeptOut => return 0,
            Self::Falls { at, until } => (at, until),
            Self::LetIn { from, until } => (from, until),
        };
        until.unwrap_or(end).unix().saturating_sub(from.unix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_unix(seconds)
    }

    fn refused() -> Judgement {
        Judgement::Refused(Refused {
            stage: Stage::Policy,
            rules: Vec::new(),
            reason: String::new(),
        })
    }

    /// Accepted and refused in turn, from these moments on.
    fn course(moments: &[u64], end: u64) -> Course {
        let ends = moments.iter().skip(1).copied().chain([end]);
        let spans = moments.iter().copied().zip(ends).enumerate();
        spans
            .map(|(index, (from, until))| Span {
                from: at(from),
                until: at(until),
                verdict: if index % 2 == 0 {
                    Judgement::Accepted
                } else {
                    refused()
                },
            })
            .collect()
    }

    #[test]
    fn what_is_wanted_decides_what_an_answer_is_worth() {
        use Outcome::*;
        use Wanted::*;
        let cases = [
            (&[0][..], Accepted, 0, Holds),
            (
                &[0, 10],
                Accepted,
                0,
                Falls {
                    at: at(10),
                    until: None,
                },
            ),
            (
                &[0, 10, 20],
                Accepted,
                0,
                Falls {
                    at: at(10),
                    until: Some(at(20)),
                },
            ),
            (&[0, 10], Refused, 10, KeptOut),
            (
                &[0, 10],
                Refused,
                4,
                LetIn {
                    from: at(4),
                    until: Some(at(10)),
                },
            ),
            (
                &[0],
                Refused,
                4,
                LetIn {
                    from: at(4),
                    until: None,
                },
            ),
            (
                &[0, 10, 20],
                Refused,
                10,
                LetIn {
                    from: at(20),
                    until: None,
                },
            ),
        ];
        for (moments, wanted, turn, outcome) in cases {
            let found = Outcome::of(&course(moments, 100), wanted, at(turn));
            assert_eq!(found, outcome, "{moments:?} {wanted:?} {turn}");
        }
    }

    #[test]
    fn time_is_counted_while_the_answer_is_wrong() {
        let end = at(100);
        let late = Outcome::LetIn {
            from: at(4),
            until: Some(at(10)),
        };
        assert_eq!(late.wrong_for(end), 6);
        assert_eq!(
            Outcome::Falls {
                at: at(30),
                until: None
            }
            .wrong_for(end),
            70
        );
        assert_eq!(Outcome::Holds.wrong_for(end), 0);
    }
}
