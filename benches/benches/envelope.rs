//! Reading and writing JSON, without any cryptography.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use protocol::envelope::{self, Limits};
use protocol::methods::submit::Submit;
use protocol::processor::{Request, order_frame};
use tests::orders::TestOrder;

fn envelopes(c: &mut Criterion) {
    let order = TestOrder::of("python-hello", "Mujtaba");
    let (body, frame) = (order.request(), order.frame());
    let mut group = c.benchmark_group("envelope");
    group.bench_function("read a submitted order", |b| {
        b.iter(|| {
            let request = envelope::parse(black_box(&body), Limits::default()).expect("a request");
            Submit::parse(&request.params)
                .expect("an order")
                .work_order_id
        });
    });
    group.bench_function("write the frame for a worker", |b| {
        b.iter(|| order_frame(1, black_box(&body)));
    });
    group.bench_function("read the frame", |b| {
        b.iter(|| Request::parse(black_box(&frame)).is_ok());
    });
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(1024 * 1024));
    group.bench_function("refuse a body of 1 MiB", |b| {
        b.iter(|| envelope::parse(black_box(&large), Limits::default()).is_err());
    });
    group.finish();
}

criterion_group!(benches, envelopes);
criterion_main!(benches);
