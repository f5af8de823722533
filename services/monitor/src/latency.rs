//! Latency histograms, all with the same bounds, so that they can be compared.

use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of the buckets in seconds, from 100 µs to 100 s: six in each tenfold, in steps of
/// about 1.5, so that a quantile read from them is at most half off.
pub(crate) fn histogram() -> Histogram {
    let decades = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];
    let steps = [1.0, 1.5, 2.2, 3.3, 4.7, 6.8];
    let bounds = decades
        .into_iter()
        .flat_map(|decade| steps.map(|step| rounded(decade * step)));
    Histogram::new(bounds.chain([100.0]))
}

/// Without what binary fractions add: 0.00015 and not 0.00015000000000000001.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}
