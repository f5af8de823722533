//! What the attribute makes of a function, and what it says of one that cannot be a workload.

use std::time::Duration;

use workload::{Capabilities, Context, Failure, Input, workload};

/// Greets.
///
/// Politely.
#[workload("greet", time = "250ms", secrets)]
fn greet(context: &Context<'_>, name: String, r#type: u8) -> Result<String, Failure> {
    match r#type {
        0 => Err(Failure::input("no type")),
        _ => Ok(format!("{name} {type} {}", context.requester_id(), type = r#type)),
    }
}

#[workload("defaults")]
const fn defaults() -> &'static str {
    "nothing"
}

mod elsewhere {
    pub(crate) use workload as renamed;
}

#[workload("elsewhere", crate = elsewhere::renamed, network, files,)]
fn r#match(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.reverse();
    bytes
}

const CONTEXT: fn() -> Context<'static> = || Context::new("worker", "order", "requester");

#[test]
fn the_function_stays_callable() {
    assert_eq!(
        greet(&CONTEXT(), "Ada".into(), 1).unwrap(),
        "Ada 1 requester"
    );
    const { assert!(defaults().len() == 7) };
    assert_eq!(r#match(vec![1, 2]), [2, 1]);
}

#[test]
fn a_description_stands_beside_it() {
    let description = __workload_greet;
    assert_eq!(description.id, "greet");
    assert_eq!(description.doc, "Greets.\n\nPolitely.");
    assert_eq!(description.time_limit, Duration::from_millis(250));
    assert_eq!(
        description.capabilities,
        Capabilities {
            secrets: true,
            ..Capabilities::NONE
        }
    );
    assert_eq!(
        description.inputs,
        [
            Input {
                name: "name",
                kind: "String"
            },
            Input {
                name: "type",
                kind: "u8"
            }
        ]
    );
}

#[test]
fn what_is_not_said_has_defaults() {
    let description = __workload_defaults;
    assert_eq!(description.doc, "");
    assert_eq!(description.time_limit, Duration::from_secs(5));
    assert_eq!(description.capabilities, Capabilities::NONE);
    assert!(description.inputs.is_empty());
}

#[test]
fn descriptions_run_their_functions() {
    let run = |items: &[&[u8]]| (__workload_greet.run)(&CONTEXT(), items);
    assert_eq!(run(&[b"Ada 1"]).unwrap(), b"Ada 1 requester");
    assert_eq!(run(&[b"Ada", b"1"]).unwrap(), b"Ada 1 requester");
    assert_eq!(run(&[b"Ada 0"]), Err(Failure::input("no type")));
    assert_eq!(
        run(&[b"Ada x"]),
        Err(Failure::input(
            "input `type`: expected a whole number from 0 to 255"
        ))
    );
    assert_eq!(
        (__workload_defaults.run)(&CONTEXT(), &[]).unwrap(),
        b"nothing"
    );
    assert_eq!(
        (__workload_match.run)(&CONTEXT(), &[b"a b"]).unwrap(),
        b"b a"
    );
}

#[test]
fn misuse_is_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
