//! The engine from outside: frames in, frames out, with fixed entropy and committed keys.
//!
//! Each snapshot holds the worker's whole reply, and what its requester makes of it.

use std::sync::Mutex;
use std::time::Duration;

use protocol::Reason;
use protocol::answer::WorkOrderResult;
use protocol::requester::{Pending, Protection::*};
use sconce_tests::entropy::{FixedEntropy, NoEntropy};
use sconce_tests::keys;
use sconce_tests::orders::{Recipe, TestOrder};
use serde_json::{Value, json};
use worker::Engine;
use worker::engine::{Clock, SystemClock};
use workload::{Capabilities, Context, Description, Failure, OUTPUT_LIMIT};

fn engine() -> Engine {
    Engine::new(keys::worker(), |id| worker::table::find(id).or(unruly(id)))
}

/// Workloads that no honest table has.
fn unruly(id: &str) -> Option<&'static Description> {
    macro_rules! workload {
        ($id:literal, $run:expr) => {
            &Description {
                id: $id,
                doc: "",
                inputs: &[],
                capabilities: Capabilities::NONE,
                time_limit: Duration::from_secs(5),
                run: $run,
            }
        };
    }
    static TABLE: &[&Description] = &[
        workload!("fails", |_, _| Err(Failure::failed("out of luck"))),
        workload!("panics", |_: &Context<'_>, items: &[&[u8]]| panic!(
            "cannot stand {}",
            String::from_utf8_lossy(items[0])
        )),
        workload!("fills-output", |_, _| Ok(vec![b'x'; OUTPUT_LIMIT])),
        workload!("overfills-output", |_, _| Ok(vec![b'x'; OUTPUT_LIMIT + 1])),
        workload!("joins", |_: &Context<'_>, items: &[&[u8]]| Ok(
            items.join(&b'|')
        )),
        workload!("who", |context: &Context<'_>, _: &[&[u8]]| Ok([
            context.worker_id(),
            context.work_order_id(),
            context.requester_id(),
        ]
        .join(" ")
        .into_bytes())),
    ];
    TABLE.iter().find(|d| d.id == id).copied()
}

fn answer(frame: &[u8]) -> Value {
    let reply = engine().process(frame, &FixedEntropy::new("engine"), &SystemClock::new());
    serde_json::from_slice(&reply).unwrap()
}

/// The reply, and the outputs or the detail in clear.
fn transcript(order: &TestOrder) -> Value {
    read(answer(&order.frame()), &order.pending)
}

fn read(reply: Value, pending: &Pending) -> Value {
    if let Some(error) = reply.get("error") {
        let detail = error["data"]["detail"].as_str();
        let opened = detail.map(|detail| pending.open_detail(detail).unwrap());
        return json!({ "reply": reply, "detail": opened });
    }
    let result: WorkOrderResult = serde_json::from_value(reply["result"].clone()).unwrap();
    let key = keys::worker_signing().verifying_key();
    let outputs = pending.open_result(&result, &key).unwrap();
    let outputs: Vec<_> = outputs.iter().map(|o| String::from_utf8_lossy(o)).collect();
    json!({ "reply": reply, "outputs": outputs })
}

fn outputs(order: &TestOrder) -> Value {
    transcript(order)["outputs"].clone()
}

fn reason(order: &TestOrder) -> String {
    let reply = answer(&order.frame());
    reply["error"]["data"]["reason"]
        .as_str()
        .unwrap_or("none")
        .to_owned()
}

#[test]
fn hello() {
    insta::assert_json_snapshot!(transcript(&TestOrder::of("python-hello", "Mujtaba")));
}

#[test]
fn fibonacci() {
    insta::assert_json_snapshot!(transcript(&TestOrder::of("python-fib", "5")));
}

#[test]
fn transaction() {
    let order = TestOrder::of("secure-transaction", "100 100 50 50");
    insta::assert_json_snapshot!(transcript(&order));
}

#[test]
fn items_of_every_kind() {
    let inputs = [("a", Plain), ("b", Session), ("c", OwnKey), ("", Session)];
    insta::assert_json_snapshot!(transcript(&Recipe::new("joins", &inputs).seal()));
}

#[test]
fn avalon_iv_and_signature() {
    let key = keys::requester_signing();
    let order = Recipe {
        avalon_iv: true,
        signing_key: Some(&key),
        ..Recipe::new("python-hello", &[("Mujtaba", Session)])
    };
    insta::assert_json_snapshot!(transcript(&order.seal()));
}

#[test]
fn items_are_sorted_by_index_and_repeated_indices_keep_their_order() {
    let mut order = Recipe::new("joins", &[("a", Session), ("b", Session), ("c", Session)]).seal();
    let items = order.params["inData"].as_array_mut().unwrap();
    items.reverse();
    assert_eq!(outputs(&order), json!(["a|b|c"]));

    for item in order.params["inData"].as_array_mut().unwrap() {
        item["index"] = (-3).into();
    }
    order.rehash();
    assert_eq!(outputs(&order), json!(["c|b|a"]));
}

#[test]
fn clear_items_do_not_stick() {
    let order = Recipe::new("joins", &[("clear", Plain), ("secret", Session)]);
    assert_eq!(outputs(&order.seal()), json!(["clear|secret"]));
}

#[test]
fn the_context_names_the_order() {
    let order = TestOrder::of("who", "");
    let ids = order.pending.ids();
    let wanted = [ids.worker, ids.work_order, ids.requester].join(" ");
    assert_eq!(outputs(&order), json!([wanted]));
}

#[test]
fn ids_keep_their_case_and_prefix() {
    let mut order = TestOrder::of("python-hello", "x");
    order.params["requesterNonce"] = "0XaBc".into();
    order.params["requesterId"] = "FF".into();
    order.params["encryptedSessionKey"] = format!(
        "0x{}",
        order.params["encryptedSessionKey"].as_str().unwrap()
    )
    .into();
    order.rehash();
    let reply = answer(&order.frame());
    assert_eq!(reply["result"]["requesterId"], "FF");
}

#[test]
fn a_data_hash_is_checked() {
    let mut order = TestOrder::of("python-hello", "x");
    let digest = protocol::crypto::sha256(&[b"x"]);
    order.params["inData"][0]["dataHash"] = hex::encode_upper(digest).into();
    order.rehash();
    assert_eq!(outputs(&order), json!(["Hello x"]));

    TestOrder::flip_hex(&mut order.params["inData"][0]["dataHash"], 31);
    order.rehash();
    assert_eq!(reason(&order), Reason::OrderIntegrity.code());
}

#[test]
fn outputs_up_to_the_limit() {
    let full = outputs(&TestOrder::of("fills-output", ""));
    assert_eq!(full[0].as_str().unwrap().len(), OUTPUT_LIMIT);
}

#[test]
fn signup() {
    let frame = protocol::processor::signup_frame(1);
    insta::assert_json_snapshot!(answer(&frame));
}

mod errors {
    use super::*;

    #[test]
    fn unknown_workload() {
        insta::assert_json_snapshot!(transcript(&TestOrder::of("no-such-workload", "x")));
        let mut order = TestOrder::of("python-hello", "x");
        order.params["workloadId"] = "ff".into();
        order.rehash();
        insta::assert_json_snapshot!(transcript(&order));
    }

    #[test]
    fn refused_input() {
        insta::assert_json_snapshot!(transcript(&TestOrder::of("python-fib", "abc")));
    }

    #[test]
    fn failing_workload() {
        insta::assert_json_snapshot!(transcript(&TestOrder::of("fails", "")));
    }

    #[test]
    fn panicking_workload() {
        insta::assert_json_snapshot!(transcript(&TestOrder::of("panics", "secrets")));
    }

    #[test]
    fn output_over_the_limit() {
        insta::assert_json_snapshot!(transcript(&TestOrder::of("overfills-output", "")));
    }

    /// A clock that jumps ten seconds each time somebody looks at it.
    struct Jumping(Mutex<u64>);

    impl Clock for Jumping {
        fn elapsed(&self) -> Duration {
            let mut seconds = self.0.lock().unwrap();
            *seconds += 10;
            Duration::from_secs(*seconds)
        }
    }

    #[test]
    fn over_time() {
        let order = TestOrder::of("python-hello", "x");
        let entropy = FixedEntropy::new("engine");
        let reply = engine().process(&order.frame(), &entropy, &Jumping(Mutex::new(0)));
        let reply = serde_json::from_slice(&reply).unwrap();
        insta::assert_json_snapshot!(read(reply, &order.pending));
    }

    #[test]
    fn requester_signature() {
        let key = keys::requester_signing();
        let signed = || Recipe {
            signing_key: Some(&key),
            ..Recipe::new("python-hello", &[("x", Session)])
        };
        let mut wrong = signed().seal();
        wrong.params["requesterSignature"] = Value::from("MEQCIA==");
        insta::assert_json_snapshot!(transcript(&wrong));

        let mut without_key = signed().seal();
        without_key
            .params
            .as_object_mut()
            .unwrap()
            .remove("verifyingKey");
        let mut other_key = signed().seal();
        other_key.params["verifyingKey"] = keys::worker_signing().verifying_key().pem().into();
        let mut other_order = signed().seal();
        other_order.params["requesterNonce"] = "00".into();
        other_order.rehash();
        for order in [without_key, other_key, other_order] {
            assert_eq!(reason(&order), Reason::OrderSignature.code());
        }
    }

    #[test]
    fn no_randomness() {
        let order = TestOrder::of("python-hello", "x");
        let reply = engine().process(&order.frame(), &NoEntropy, &SystemClock::new());
        let reply: Value = serde_json::from_slice(&reply).unwrap();
        insta::assert_json_snapshot!(reply);
    }

    #[test]
    fn bad_frames() {
        let order = |text: &str| protocol::processor::order_frame(1, text);
        let envelope = |method: &str, params: &str| {
            let text =
                format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":9,"params":{params}}}"#);
            order(&text)
        };
        let replies: Vec<Value> = [
            b"".to_vec(),
            b"\xff\xfe".to_vec(),
            b"{".to_vec(),
            b"[]".to_vec(),
            br#"{"method":"ProcessWorkOrder"}"#.to_vec(),
            br#"{"method":"Nope","params":null}"#.to_vec(),
            br#"{"method":"GenerateNonce","params":null}"#.to_vec(),
            br#"{"method":"ProcessWorkOrder","params":{}}"#.to_vec(),
            order("{"),
            order("{}"),
            order(&"[".repeat(1000)),
            envelope("WorkerRetrieve", r#"{"workerId":"ab"}"#),
            envelope("WorkOrderSubmit", r#"{"workOrderId":"ab"}"#),
            envelope("WorkOrderSubmit", "{}"),
        ]
        .iter()
        .map(|frame| answer(frame))
        .collect();
        insta::assert_json_snapshot!(replies);
    }
}

mod integrity {
    use super::*;

    /// One change to an order, and a name for it.
    type Change = (&'static str, fn(&mut TestOrder));

    const CHANGES: &[Change] = &[
        ("session key flipped", |o| {
            TestOrder::flip_hex(&mut o.params["encryptedSessionKey"], 200);
        }),
        ("session key cut", |o| {
            o.params["encryptedSessionKey"] = "AB".into()
        }),
        ("session key of odd length", |o| {
            o.params["encryptedSessionKey"] = "ABC".into()
        }),
        ("session key above the modulus", |o| {
            o.params["encryptedSessionKey"] = "F".repeat(768).into();
        }),
        ("session key of 16 bytes", |o| o.set_session_key(&[1; 16])),
        ("session key of 24 bytes", |o| o.set_session_key(&[1; 24])),
        ("another session key", |o| {
            o.set_session_key(&[1; 32]);
            o.rehash();
        }),
        ("request hash flipped", |o| {
            TestOrder::flip_hex(&mut o.params["encryptedRequestHash"], 20);
        }),
        ("request hash cut", |o| {
            o.params["encryptedRequestHash"] = "00".into()
        }),
        ("request hash of odd length", |o| {
            o.params["encryptedRequestHash"] = "0".into()
        }),
        ("nonce changed", |o| {
            o.params["requesterNonce"] = "00".into()
        }),
        ("order id changed", |o| {
            o.params["workOrderId"] = "00".into()
        }),
        ("worker id changed", |o| o.params["workerId"] = "00".into()),
        ("worker id changed and hashed again", |o| {
            o.params["workerId"] = "00".into();
            o.rehash();
        }),
        ("workload id changed", |o| {
            o.params["workloadId"] = "00".into()
        }),
        ("requester id changed", |o| {
            o.params["requesterId"] = "00".into()
        }),
        ("item flipped", |o| {
            TestOrder::flip_base64(&mut o.params["inData"][0]["data"], 15)
        }),
        ("item flipped and hashed again", |o| {
            TestOrder::flip_base64(&mut o.params["inData"][0]["data"], 15);
            o.rehash();
        }),
        ("item shorter than a tag", |o| {
            o.params["inData"][0]["data"] = "AAAA".into();
            o.rehash();
        }),
        ("item dropped", |o| o.params["inData"] = json!([])),
        ("item marked as clear", |o| {
            o.params["inData"][0]["encryptedDataEncryptionKey"] = "-".into();
        }),
        ("wishes for outputs added", |o| {
            o.params["outData"] = json!([{"index": 0}])
        }),
        ("iv added", |o| {
            o.params["sessionKeyIv"] = "00".repeat(12).into()
        }),
        ("short iv", |o| {
            o.params["sessionKeyIv"] = "0011".into();
            o.rehash();
        }),
        ("data hash of something else", |o| {
            o.params["inData"][0]["dataHash"] = "00".repeat(32).into();
            o.rehash();
        }),
        ("data hash of odd length", |o| {
            o.params["inData"][0]["dataHash"] = "0".into();
            o.rehash();
        }),
        ("item key that is none", |o| {
            o.params["inData"][0]["encryptedDataEncryptionKey"] = "00ff".into();
            o.params["inData"][0]["iv"] = "00".repeat(12).into();
            o.rehash();
        }),
    ];

    const OWN_KEY_CHANGES: &[Change] = &[
        ("item key flipped", |o| {
            TestOrder::flip_hex(&mut o.params["inData"][0]["encryptedDataEncryptionKey"], 40);
            o.rehash();
        }),
        ("item iv absent", |o| {
            o.params["inData"][0]["iv"] = "".into();
            o.rehash();
        }),
        ("item iv flipped", |o| {
            TestOrder::flip_hex(&mut o.params["inData"][0]["iv"], 0);
            o.rehash();
        }),
    ];

    #[test]
    fn every_fault_gives_the_same_answer() {
        let session = CHANGES.iter().map(|change| (Session, change));
        let own_key = OWN_KEY_CHANGES.iter().map(|change| (OwnKey, change));
        let mut answers = Vec::new();
        for (protection, (name, change)) in session.chain(own_key) {
            let mut order = Recipe::new("python-hello", &[("Mujtaba", protection)]).seal();
            change(&mut order);
            let mut reply = answer(&order.frame());
            let id = reply["error"]["data"]["workOrderId"].take();
            assert_eq!(id, order.params["workOrderId"], "{name}: {reply}");
            answers.push((name, reply));
        }
        for (name, answer) in &answers {
            assert_eq!(*answer, answers[0].1, "{name}");
        }
        insta::assert_json_snapshot!(answers[0].1);
    }
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_get_an_answer(frame in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(answer(&frame).is_object());
        }

        /// Whatever single byte of an order's text changes, the answer is a refusal or the very
        /// same output: nothing in between.
        #[test]
        fn any_changed_byte_is_noticed_or_without_effect(at in 0usize..4000, bit in 0u8..8) {
            let order = TestOrder::of("python-hello", "Mujtaba");
            let mut text = order.request().into_bytes();
            let at = at % text.len();
            text[at] ^= 1 << bit;
            let Ok(text) = String::from_utf8(text) else { return Ok(()) };
            let reply = answer(&protocol::processor::order_frame(1, &text));
            if let Some(result) = reply.get("result") {
                let result: WorkOrderResult = serde_json::from_value(result.clone()).unwrap();
                let key = keys::worker_signing().verifying_key();
                let outputs = order.pending.open_result(&result, &key).unwrap();
                prop_assert_eq!(outputs[0].as_slice(), b"Hello Mujtaba");
            }
        }
    }
}

mod texts_without_ends {
    //! The request hash covers its texts with nothing between them.

    use super::*;

    /// A workload whose id continues another's.
    fn find(id: &str) -> Option<&'static Description> {
        static LONGER: Description = Description {
            id: "python-hello-2",
            doc: "",
            inputs: &[],
            capabilities: Capabilities::NONE,
            time_limit: Duration::from_secs(5),
            run: |_, _| Ok(b"the longer one".to_vec()),
        };
        (id == LONGER.id)
            .then_some(&LONGER)
            .or_else(|| worker::table::find(id))
    }

    fn answer(order: &TestOrder) -> Value {
        let engine = Engine::new(keys::worker(), find);
        let entropy = FixedEntropy::new("engine");
        let reply = engine.process(&order.frame(), &entropy, &SystemClock::new());
        serde_json::from_slice(&reply).unwrap()
    }

    #[test]
    fn an_order_for_a_workload_cannot_be_cut_into_one_for_another() {
        let mut order = TestOrder::of("python-hello-2", "x");
        let whole = answer(&order);
        assert!(whole.get("result").is_some(), "{whole}");

        let requester = order.params["requesterId"].as_str().unwrap();
        order.params["requesterId"] = format!("{}{requester}", hex::encode("-2")).into();
        order.params["workloadId"] = hex::encode("python-hello").into();
        let cut = answer(&order);
        assert_eq!(
            cut["error"]["data"]["reason"],
            Reason::OrderIntegrity.code(),
            "{cut}"
        );
    }

    #[test]
    fn our_requester_ids_never_continue_a_workloads() {
        for _ in 0..32 {
            let order = TestOrder::of("python-hello", "x");
            let id = hex::decode(order.params["requesterId"].as_str().unwrap()).unwrap();
            assert!(!id[0].is_ascii());
        }
    }

    #[test]
    fn an_initialisation_vector_stands_only_where_it_is_used() {
        // "deadbeef" could have been the start of the next item's clear text.
        let mut order = Recipe::new("joins", &[("a", Plain), ("b", Plain)]).seal();
        order.params["inData"][0]["iv"] = "deadbeef".into();
        order.rehash();
        assert_eq!(reason(&order), Reason::OrderIntegrity.code());
    }

    #[test]
    fn our_clear_items_never_follow_encrypted_ones() {
        // Otherwise both could be joined on the way to one clear item under the same hash.
        use protocol::requester::{BuildError, Input, Order};
        let key = keys::worker_decryption().encryption_key().unwrap();
        let order = |inputs: &[(&str, protocol::requester::Protection)]| {
            let inputs: Vec<_> = inputs
                .iter()
                .map(|(data, protection)| Input {
                    data: data.as_bytes(),
                    protection: *protection,
                })
                .collect();
            let order = Order {
                worker_id: &protocol::WorkerId::from_name(keys::WORKER),
                encryption_key: &key,
                workload: "joins",
                inputs: &inputs,
                signing_key: None,
                avalon_iv: false,
                response_timeout_ms: 0,
            };
            order.seal(&FixedEntropy::new("requester")).map(drop)
        };
        assert_eq!(order(&[("a", Plain), ("b", Plain), ("c", Session)]), Ok(()));
        for first in [Session, OwnKey] {
            let refused = order(&[("a", first), ("b", Plain)]);
            assert_eq!(refused, Err(BuildError::PlainAfterSealed));
        }
    }

    #[test]
    fn our_clear_items_carry_nothing_that_could_move_into_them() {
        let order = Recipe::new("joins", &[("a", Plain)]).seal();
        assert_eq!(order.params["inData"][0].get("dataHash"), None);
        assert_eq!(order.params["inData"][0].get("iv"), None);
    }
}
