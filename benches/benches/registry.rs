//! Finding a workload by its id.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use worker::table;

fn look_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("registry");
    for id in ["python-fib", "secure-transaction", "no-such-workload"] {
        group.bench_function(id, |b| b.iter(|| table::find(black_box(id)).is_some()));
    }
    group.finish();
}

criterion_group!(benches, look_up);
criterion_main!(benches);
