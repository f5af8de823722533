//! Metrics as the listener gives them out: text in the format of OpenMetrics, as our own
//! `monitor` writes it.

use std::collections::BTreeMap;

/// What was given out at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scrape {
    /// By name; of each sample its labels as they were written, and its value.
    samples: BTreeMap<String, Vec<(String, f64)>>,
}

/// Counts of a histogram, by upper bound in seconds; each with those below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buckets(Vec<(f64, f64)>);

impl Scrape {
    /// Lines that aren't samples are passed over.
    pub(super) fn parse(text: &str) -> Self {
        let mut scrape = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, labels, value)) = sample(line) {
                let samples = scrape.samples.entry(name.to_owned()).or_default();
                samples.push((labels.to_owned(), value));
            }
        }
        scrape
    }

    /// All samples of this name together; `None` if there is none.
    pub(super) fn sum(&self, name: &str) -> Option<f64> {
        let samples = self.samples.get(name)?;
        Some(samples.iter().map(|(_, value)| value).sum())
    }

    /// The sample with this label.
    pub(super) fn with(&self, name: &str, key: &str, wanted: &str) -> Option<f64> {
        let mut samples = self.samples.get(name)?.iter();
        samples
            .find(|(labels, _)| label(labels, key) == Some(wanted))
            .map(|(_, value)| *value)
    }

    /// Samples by one of their labels.
    pub(super) fn by(&self, name: &str, key: &str) -> BTreeMap<String, f64> {
        let samples = self.samples.get(name).into_iter().flatten();
        samples
            .filter_map(|(labels, value)| Some((label(labels, key)?.to_owned(), *value)))
            .collect()
    }

    /// A histogram without labels of its own.
    pub(super) fn buckets(&self, name: &str) -> Buckets {
        let samples = self.samples.get(&format!("{name}_bucket"));
        let mut buckets: Vec<_> = samples
            .into_iter()
            .flatten()
            .filter_map(|(labels, count)| {
                let bound = label(labels, "le")?;
                let bound = bound.strip_prefix('+').unwrap_or(bound).parse().ok()?;
                Some((bound, *count))
            })
            .collect();
        buckets.sort_by(|a: &(f64, f64), b| a.0.total_cmp(&b.0));
        Buckets(buckets)
    }
}

impl Buckets {
    /// What came since `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let before = |bound: f64| {
            let mut all = earlier.0.iter();
            all.find(|(one, _)| *one == bound)
                .map_or(0.0, |(_, count)| *count)
        };
        let new = self.0.iter();
        Self(
            new.map(|(bound, count)| (*bound, count - before(*bound)))
                .collect(),
        )
    }

    /// The value below which this share of all lies, in seconds, as if those of a bucket were
    /// spread evenly. `None` without any.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let (_, total) = self.0.last()?;
        let rank = total * share;
        let mut lower = (0.0, 0.0);
        for (bound, count) in &self.0 {
            if *count > 0.0 && *count >= rank {
                // Beyond the last bound nothing is known.
                if bound.is_infinite() {
                    return Some(lower.0);
                }
                let inside = (rank - lower.1) / (count - lower.1).max(1.0);
                return Some(lower.0 + (bound - lower.0) * inside);
            }
            lower = (*bound, *count);
        }
        None
    }
}

/// `name{labels} value`, where the labels may be missing.
fn sample(line: &str) -> Option<(&str, &str, f64)> {
    let (front, value) = line.rsplit_once(' ')?;
    let (name, labels) = match front.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (front, ""),
    };
    Some((name, labels, value.parse().ok()?))
}

/// The value of a label. Ours need no escapes: they are names of workers, and codes.
fn label<'a>(labels: &'a str, key: &str) -> Option<&'a str> {
    labels.split(',').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        (name == key).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_found_by_name_and_label() {
        let scrape = Scrape::parse(
            "# TYPE a counter\na_total{reason=\"x\"} 2\na_total{reason=\"y\"} 3\nb 1.5\nnonsense\n# EOF\n",
        );
        assert_eq!(scrape.sum("a_total"), Some(5.0));
        assert_eq!(scrape.with("a_total", "reason", "y"), Some(3.0));
        assert_eq!(scrape.with("a_total", "reason", "z"), None);
        assert_eq!(scrape.sum("b"), Some(1.5));
        assert_eq!(scrape.sum("c"), None);
        assert_eq!(scrape.by("a_total", "reason")["x"], 2.0);
    }

    #[test]
    fn quantiles_of_what_came_since() {
        let parse = |counts: [u32; 4]| {
            let bounds = ["0.001", "0.01", "0.1", "+Inf"];
            let lines = bounds.iter().zip(counts);
            let text: String = lines
                .map(|(le, count)| format!("h_bucket{{le=\"{le}\"}} {count}\n"))
                .collect();
            Scrape::parse(&text).buckets("h")
        };
        let (before, after) = (parse([5, 5, 5, 5]), parse([5, 105, 105, 106]));
        let since = after.since(&before);
        let median = since.quantile(0.5).unwrap();
        assert!((0.005..0.006).contains(&median), "{median}");
        assert_eq!(since.quantile(1.0), Some(0.1));
        assert_eq!(after.since(&after).quantile(0.5), None);
        assert_eq!(Buckets::default().quantile(0.5), None);
    }
}
