//! The request hash, for small and large orders.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use protocol::hash::{self, Ids, ItemTexts};

fn hashing(c: &mut Criterion) {
    let id = "ab".repeat(32);
    let ids = Ids {
        nonce: "5a53588bfb6dff6c9a7d75c95979ff1f",
        work_order: &id,
        worker: &id,
        workload: "707974686f6e2d68656c6c6f",
        requester: &id,
    };
    let mut group = c.benchmark_group("request hash");
    for (name, length) in [("32 bytes", 32), ("1 MiB", 1024 * 1024)] {
        let data = "A".repeat(length);
        let items = [ItemTexts {
            data: &data,
            ..ItemTexts::default()
        }];
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(name, |b| {
            b.iter(|| hash::request(ids, black_box(&items), &[]))
        });
    }
    group.finish();
}

criterion_group!(benches, hashing);
criterion_main!(benches);
