//! One order through the engine, beside the least that its cryptography costs.
//!
//! `limit` is one RSA-3072 OAEP decryption and one secp256k1 signature: no worker that keeps the
//! protocol can be faster. Read the figures as ratios within one run.
//!
//! The group `refusals` shows that whatever is wrong with an order's cryptography takes the same
//! time to find: a difference here would tell an attacker what it was.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use protocol::SystemEntropy;
use protocol::requester::Protection;
use serde_json::Value;
use tests::keys;
use tests::orders::{Recipe, TestOrder};
use worker::Engine;
use worker::engine::SystemClock;

fn orders(c: &mut Criterion) {
    let engine = Engine::new(keys::worker(), worker::table::find);
    let (entropy, clock) = (SystemEntropy::new(), SystemClock::new());
    let mut group = c.benchmark_group("order");

    let (decryption, signing) = (keys::worker_decryption(), keys::worker_signing());
    let public = decryption.encryption_key().expect("a public key");
    let sealed = public.seal(&[7; 32]).expect("a sealed key");
    group.bench_function("limit", |b| {
        b.iter(|| {
            let key = decryption.open(black_box(&sealed)).expect("opens");
            (key, signing.sign(black_box(&[7; 32])))
        });
    });
    let ten = [("x", Protection::Session); 10];
    let recipes = [
        (
            "hello",
            Recipe::new("python-hello", &[("Mujtaba", Protection::Session)]),
        ),
        (
            "fibonacci 1000",
            Recipe::new("python-fib", &[("1000", Protection::Session)]),
        ),
        ("ten items", Recipe::new("python-hello", &ten)),
        (
            "an item with its own key",
            Recipe::new("python-hello", &[("x", Protection::OwnKey)]),
        ),
    ];
    for (name, recipe) in recipes {
        let frame = recipe.seal().frame();
        group.bench_function(name, |b| {
            b.iter(|| engine.process(black_box(&frame), &entropy, &clock));
        });
    }
    group.finish();
}

fn refusals(c: &mut Criterion) {
    let engine = Engine::new(keys::worker(), worker::table::find);
    let (entropy, clock) = (SystemEntropy::new(), SystemClock::new());
    let mut group = c.benchmark_group("refusals");
    type Change = fn(&mut TestOrder);
    let changes: [(&str, Change); 5] = [
        ("session key does not open", |o| {
            TestOrder::flip_hex(&mut o.params["encryptedSessionKey"], 200);
        }),
        ("session key too short", |o| o.set_session_key(&[1; 16])),
        ("session key cut", |o| {
            o.params["encryptedSessionKey"] = Value::from("AB")
        }),
        ("request hash differs", |o| {
            o.params["requesterNonce"] = Value::from("00")
        }),
        ("item does not open", |o| {
            TestOrder::flip_base64(&mut o.params["inData"][0]["data"], 15);
            o.rehash();
        }),
    ];
    for (name, change) in changes {
        let mut order = TestOrder::of("python-hello", "Mujtaba");
        change(&mut order);
        let frame = order.frame();
        group.bench_function(name, |b| {
            b.iter(|| engine.process(black_box(&frame), &entropy, &clock));
        });
    }
    group.finish();
}

criterion_group!(benches, orders, refusals);
criterion_main!(benches);
