//! What a verdict does in the course of time: spans of one verdict each, with their exact bounds.

use attestation::Time;

/// A time in which a verdict stays the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span<V> {
    /// Its first second.
    pub(super) from: Time,
    /// The first second after it.
    pub(super) until: Time,
    /// What was said in its first second.
    pub(super) verdict: V,
}

/// Finds where the verdict changes, to the second, from the first of `breaks` to `end`.
///
/// `breaks` are the moments at which something happens, ascending; between two of them nothing
/// changes but the time, so a verdict that is the same at both ends of such an interval is taken to be
/// the same within. `same` compares two verdicts.
pub(super) fn course<V>(
    breaks: &[Time],
    end: Time,
    mut judge: impl FnMut(Time) -> V,
    same: impl Fn(&V, &V) -> bool,
) -> Vec<Span<V>> {
    let mut spans: Vec<Span<V>> = Vec::new();
    let ends = breaks.iter().skip(1).copied().chain([end]);
    for (from, until) in breaks.iter().copied().zip(ends) {
        if from >= until {
            continue;
        }
        let last = Time::from_unix(until.unix() - 1);
        let (mut at, mut now) = (from, judge(from));
        let then = judge(last);
        while !same(&now, &then) {
            let (turn, next) = turn(at, last, &now, &mut judge, &same);
            push(&mut spans, at, turn, now, &same);
            (at, now) = (turn, next);
        }
        push(&mut spans, at, until, now, &same);
    }
    spans
}

/// The first second found between `from` and `last` whose verdict is no longer that of `from`; the one of
/// `last` is another.
fn turn<V>(
    from: Time,
    last: Time,
    old: &V,
    judge: &mut impl FnMut(Time) -> V,
    same: &impl Fn(&V, &V) -> bool,
) -> (Time, V) {
    let (mut low, mut high) = (from.unix(), last.unix());
    let mut found = None;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let verdict = judge(Time::from_unix(middle));
        if same(old, &verdict) {
            low = middle;
        } else {
            high = middle;
            found = Some(verdict);
        }
    }
    let high = Time::from_unix(high);
    (high, found.unwrap_or_else(|| judge(high)))
}

fn push<V>(
    spans: &mut Vec<Span<V>>,
    from: Time,
    until: Time,
    verdict: V,
    same: &impl Fn(&V, &V) -> bool,
) {
    match spans.last_mut() {
        Some(span) if span.until == from && same(&span.verdict, &verdict) => span.until = until,
        _ => spans.push(Span {
            from,
            until,
            verdict,
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans(breaks: &[u64], end: u64, judge: impl FnMut(u64) -> u8) -> Vec<(u64, u64, u8)> {
        let mut judge = judge;
        let breaks: Vec<_> = breaks.iter().copied().map(Time::from_unix).collect();
        let found = course(
            &breaks,
            Time::from_unix(end),
            |at| judge(at.unix()),
            PartialEq::eq,
        );
        found
            .into_iter()
            .map(|span| (span.from.unix(), span.until.unix(), span.verdict))
            .collect()
    }

    #[test]
    fn changes_are_found_to_the_second() {
        let judge = |at| u8::from(at >= 86_401) + u8::from(at >= 90_000);
        assert_eq!(
            spans(&[0, 50, 100_000], 200_000, judge),
            [(0, 86_401, 0), (86_401, 90_000, 1), (90_000, 200_000, 2)]
        );
    }

    #[test]
    fn breaks_that_change_nothing_are_not_seen() {
        assert_eq!(spans(&[0, 10, 10, 20], 30, |_| 7), [(0, 30, 7)]);
    }

    #[test]
    fn a_change_at_a_break_and_in_the_last_second_is_found() {
        let judge = |at| u8::from(at >= 10) + u8::from(at >= 29);
        assert_eq!(
            spans(&[0, 10], 30, judge),
            [(0, 10, 0), (10, 29, 1), (29, 30, 2)]
        );
    }

    #[test]
    fn few_questions_are_asked() {
        let mut asked = 0;
        let judge = |at| {
            asked += 1;
            u8::from(at >= 1_234_567)
        };
        assert_eq!(spans(&[0], 10_000_000, judge).len(), 2);
        assert!(asked < 40, "{asked}");
    }

    proptest! {
        #[test]
        fn whatever_changes_once_between_two_breaks_is_found(turns in prop::collection::vec(1_u64..1000, 1..6)) {
            let mut at = 0;
            let turns: Vec<u64> = turns.into_iter().map(|step| { at += step; at }).collect();
            // A break before each turn, somewhere.
            let mut breaks = vec![0];
            breaks.extend(turns.windows(2).map(|pair| pair[0].midpoint(pair[1]).max(pair[0])));
            let judge = |at: u64| turns.iter().filter(|turn| at >= **turn).count() as u8;
            let found = spans(&breaks, at + 5, judge);
            let bounds: Vec<u64> = found.iter().skip(1).map(|span| span.0).collect();
            prop_assert_eq!(bounds, turns);
        }
    }
}
