//! A histogram for the terminal.

use hdrhistogram::Histogram;

/// Values between two bounds, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bin {
    /// Included.
    pub(super) from: u64,
    /// Not included.
    pub(super) to: u64,
    pub(super) count: u64,
}

/// Steps within a tenfold, coarser and coarser: the finest with which the rows fit is taken.
const STEPS: [&[f64]; 3] = [
    &[1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2],
    &[1.0, 1.5, 2.2, 3.3, 4.7, 6.8],
    &[1.0, 2.2, 4.7],
];

/// Most rows of a chart.
const MOST_ROWS: usize = 24;

/// The bins from the lowest value to the highest, empty ones between them included.
pub(super) fn bins(values: &Histogram<u64>) -> Vec<Bin> {
    if values.is_empty() {
        return Vec::new();
    }
    let (low, high) = (values.min(), values.max());
    let bins = STEPS.map(|steps| between(&bounds(steps), low, high));
    let fitting = bins.iter().find(|bins| bins.len() <= MOST_ROWS);
    let mut bins = fitting.or(bins.last()).cloned().unwrap_or_default();
    for value in values.iter_recorded() {
        let at = value.value_iterated_to();
        // Bounds are coarser than values, which are told apart by three digits.
        let bin = bins.iter_mut().rfind(|bin| bin.from <= at);
        if let Some(bin) = bin {
            bin.count += value.count_at_value();
        }
    }
    bins
}

/// From a microsecond to ten hours.
fn bounds(steps: &[f64]) -> Vec<u64> {
    let decades = (0..=10).map(|power| 10_f64.powi(power));
    let bounds = decades.flat_map(|decade| steps.iter().map(move |step| decade * step));
    let mut bounds: Vec<_> = bounds.map(|bound| bound.round() as u64).collect();
    bounds.dedup();
    bounds
}

fn between(bounds: &[u64], low: u64, high: u64) -> Vec<Bin> {
    let pairs = bounds.windows(2).map(|pair| Bin {
        from: pair[0],
        to: pair[1],
        count: 0,
    });
    pairs
        .filter(|bin| bin.to > low && bin.from <= high)
        .collect()
}

/// Rows of text, with the marks in the rows that they fall into. Lengths grow with the logarithm
/// of the count, so that the few slow ones are seen beside the many others.
pub(super) fn draw(
    bins: &[Bin],
    marks: &[(&str, u64)],
    width: usize,
    unicode: bool,
) -> Vec<String> {
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(0);
    let digits = most.to_string().len();
    bins.iter()
        .map(|bin| {
            let names: Vec<_> = marks
                .iter()
                .filter(|(_, at)| (bin.from..bin.to).contains(at))
                .map(|(name, _)| *name)
                .collect();
            let bar = bar(share(bin.count, most) * width as f64, unicode);
            let row = format!(
                "{:>8} {} {bar:<width$} {:>digits$}  {}",
                time(bin.from, unicode),
                if unicode { '│' } else { '|' },
                bin.count,
                names.join(" ")
            );
            row.trim_end().to_owned()
        })
        .collect()
}

/// From 0 to 1; a single one is seen.
fn share(count: u64, most: u64) -> f64 {
    let log = |count: u64| ((count + 1) as f64).ln();
    if most == 0 {
        0.0
    } else {
        log(count) / log(most)
    }
    .min(1.0)
}

fn bar(length: f64, unicode: bool) -> String {
    if !unicode {
        return "#".repeat(length.round() as usize);
    }
    let eighths = (length * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    bar.extend(
        " ▏▎▍▌▋▊▉"
            .chars()
            .nth(eighths % 8)
            .filter(|part| *part != ' '),
    );
    bar
}

/// Microseconds in a unit that fits.
pub(super) fn time(micros: u64, unicode: bool) -> String {
    let millis = micros as f64 / 1e3;
    match micros {
        0..1_000 => format!("{micros} {}", micros_unit(unicode)),
        1_000..10_000 => format!("{millis:.2} ms"),
        10_000..100_000 => format!("{millis:.1} ms"),
        100_000..1_000_000 => format!("{millis:.0} ms"),
        _ => format!("{:.2} s", millis / 1e3),
    }
}

pub(super) fn micros_unit(unicode: bool) -> &'static str {
    if unicode { "µs" } else { "us" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[(u64, u64)]) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_max(3_600_000_000, 3).unwrap();
        for (value, count) in values {
            histogram.record_n(*value, *count).unwrap();
        }
        histogram
    }

    #[test]
    fn every_value_is_in_one_bin() {
        for case in [
            vec![(1, 1)],
            vec![(2_000, 10), (2_345, 1000), (9_999, 3), (31_000, 1)],
            vec![(1, 5), (3_599_000_000, 2)],
        ] {
            let bins = bins(&values(&case));
            let total: u64 = case.iter().map(|(_, count)| count).sum();
            assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), total);
            assert!(bins.len() <= MOST_ROWS || case[0].0 == 1, "{}", bins.len());
            assert!(bins.is_sorted_by(|a, b| a.to == b.from));
            assert!(bins[0].count > 0 && bins[bins.len() - 1].count > 0);
        }
        assert_eq!(bins(&values(&[])), []);
    }

    #[test]
    fn charts() {
        let bins = bins(&values(&[(900, 3), (1_100, 1500), (1_300, 40), (3_500, 1)]));
        let marks = [("p50", 1_100), ("p99", 1_300), ("max", 3_500)];
        let draw = |unicode| draw(&bins, &marks, 20, unicode).join("\n");
        insta::assert_snapshot!("chart", draw(true));
        insta::assert_snapshot!("chart_in_ascii", draw(false));
        assert!(draw(false).is_ascii());
    }
}
