//! Bodies that are no JSON, or JSON of another shape than a request's.

use protocol::Reason::{RequestEnvelope, RequestJson};

use crate::case::{Case, body};

pub(crate) fn cases() -> Vec<Case> {
    let no_json = NO_JSON
        .iter()
        .map(|(name, text)| body(name, *text, 2, RequestJson));
    let other = OTHER_SHAPES
        .iter()
        .map(|(name, text)| body(name, *text, 2, RequestEnvelope));
    let envelopes = ENVELOPES
        .iter()
        .map(|(name, code, jsonrpc, id, method, params)| {
            let text =
                format!(r#"{{"jsonrpc":{jsonrpc},"id":{id},"method":{method},"params":{params}}}"#);
            body(name, text, *code, RequestEnvelope)
        });
    no_json.chain(other).chain(envelopes).collect()
}

const NO_JSON: &[(&str, &str)] = &[
    ("nothing", ""),
    ("a blank", " "),
    ("a brace", "{"),
    ("the other brace", "}"),
    ("words", "hello"),
    ("a word cut short", "nul"),
    ("two values", "{} {}"),
    ("a byte order mark", "\u{feff}{}"),
    ("a trailing comma", r#"{"jsonrpc":"2.0",}"#),
    ("single quotes", "{'a':1}"),
    ("a comment", "{/* */}"),
    ("a leading zero", r#"{"a":01}"#),
    ("NaN", r#"{"a":NaN}"#),
    ("a line feed in a string", "{\"a\":\"\n\"}"),
    ("a string without end", r#"{"a":"b"#),
    ("an escape that is none", r#"{"a":"\x41"}"#),
    ("NUL", "\0"),
    ("XML", "<methodCall/>"),
];

const OTHER_SHAPES: &[(&str, &str)] = &[
    ("a number", "7"),
    ("a number beyond all", "1e999"),
    ("null", "null"),
    ("true", "true"),
    ("a text", r#""x""#),
    ("an empty array", "[]"),
    (
        "a batch",
        r#"[{"jsonrpc":"2.0","id":1,"method":"WorkerLookUp","params":{"workerType":1}}]"#,
    ),
    ("an empty object", "{}"),
    (
        "no version",
        r#"{"id":1,"method":"WorkerLookUp","params":{"workerType":1}}"#,
    ),
    ("no method", r#"{"jsonrpc":"2.0","id":1,"params":{"a":1}}"#),
    (
        "no id",
        r#"{"jsonrpc":"2.0","method":"WorkerLookUp","params":{"workerType":1}}"#,
    ),
    (
        "no parameters",
        r#"{"jsonrpc":"2.0","id":1,"method":"WorkerLookUp"}"#,
    ),
    (
        "a member more",
        r#"{"jsonrpc":"2.0","id":1,"method":"WorkerLookUp","params":{"a":1},"x":1}"#,
    ),
    (
        "a member twice",
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"WorkerLookUp","params":{"a":1}}"#,
    ),
    (
        "a member twice, once in disguise",
        r#"{"jsonrpc":"2.0","id":1,"\u0069d":2,"method":"WorkerLookUp","params":{"a":1}}"#,
    ),
    (
        "a member in capitals",
        r#"{"jsonrpc":"2.0","ID":1,"method":"WorkerLookUp","params":{"a":1}}"#,
    ),
];

/// Name, code, and the members of an envelope.
type Envelope = (
    &'static str,
    i64,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const ENVELOPES: &[Envelope] = &[
    (
        "another version",
        2,
        r#""1.0""#,
        "1",
        r#""WorkerLookUp""#,
        r#"{"workerType":1}"#,
    ),
    (
        "a version that is a number",
        2,
        "2.0",
        "1",
        r#""WorkerLookUp""#,
        r#"{"workerType":1}"#,
    ),
    (
        "a text as id",
        2,
        r#""2.0""#,
        r#""1""#,
        r#""WorkerLookUp""#,
        r#"{"workerType":1}"#,
    ),
    (
        "null as id",
        2,
        r#""2.0""#,
        "null",
        r#""WorkerLookUp""#,
        r#"{"workerType":1}"#,
    ),
    (
        "a truth as id",
        2,
        r#""2.0""#,
        "true",
        r#""WorkerLookUp""#,
        r#"{"workerType":1}"#,
    ),
    (
        "a fraction as id",
        2,
        r#""2.0""#,
        "1.5",
        r#""WorkerLookUp""#,
        r#"{"workerType":1}"#,
    ),
    (
        "a whole fraction as id",
        -32600,
        r#""2.0""#,
        "1.0",
        r#""WorkerLookUp""#,
        r#"{"workerType":1}"#,
    ),
    (
        "a method that is a number",
        2,
        r#""2.0""#,
        "1",
        "7",
        r#"{"workerType":1}"#,
    ),
    (
        "another method",
        2,
        r#""2.0""#,
        "1",
        r#""WorkOrderCancel""#,
        r#"{"a":1}"#,
    ),
    (
        "a method in small letters",
        2,
        r#""2.0""#,
        "1",
        r#""workerlookup""#,
        r#"{"workerType":1}"#,
    ),
    (
        "a method with a NUL",
        2,
        r#""2.0""#,
        "1",
        r#""WorkerLookUp\u0000""#,
        r#"{"workerType":1}"#,
    ),
    (
        "a method of the specification that nobody has",
        2,
        r#""2.0""#,
        "1",
        r#""EncryptionKeyGet""#,
        r#"{"a":1}"#,
    ),
    (
        "empty parameters",
        2,
        r#""2.0""#,
        "1",
        r#""WorkerLookUp""#,
        "{}",
    ),
    (
        "parameters as an array",
        2,
        r#""2.0""#,
        "1",
        r#""WorkerLookUp""#,
        "[1]",
    ),
    (
        "parameters as a text",
        2,
        r#""2.0""#,
        "1",
        r#""WorkerLookUp""#,
        r#""x""#,
    ),
    (
        "parameters that are null",
        2,
        r#""2.0""#,
        "1",
        r#""WorkerLookUp""#,
        "null",
    ),
    (
        "a parameter twice",
        2,
        r#""2.0""#,
        "1",
        r#""WorkerLookUp""#,
        r#"{"workerType":1,"workerType":2}"#,
    ),
    (
        "a lone surrogate as name",
        2,
        r#""2.0""#,
        "1",
        r#""WorkerLookUp""#,
        r#"{"\ud800":1}"#,
    ),
];
