//! The JSON-RPC envelope (wire facts, section 2), with Avalon's texts for what is wrong with it.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{self, Members, NotAnObject, Shape};
use crate::reason::Reason;

/// A request whose envelope is in order; `params` has at least one member.
#[derive(Debug)]
pub struct Request<'a> {
    /// An integer of any size, to be echoed as it was written.
    pub id: &'a RawValue,
    /// The method's name, not looked at yet.
    pub method: Cow<'a, str>,
    /// The parameters.
    pub params: Members<'a>,
}

/// The `error` object of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorObject {
    /// See [`Reason::client_code`] and [`Reason::worker_code`].
    pub code: i64,
    /// A text for people; clients should rely on code and reason.
    pub message: Cow<'static, str>,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<ErrorData>>,
}

/// The `error.data` object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorData {
    /// The order that it's about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_order_id: Option<String>,
    /// [`Reason::code`]; absent in replies of Avalon's own programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'static, str>>,
    /// The workload's own message for the requester alone: base64 of `iv ‖ ciphertext ‖ tag`
    /// under the session key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// With `worker.lost`: `false` when the worker never began with the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<bool>,
    /// With `limit.rate`: when the same request may come again, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorObject {
    /// What a client sees for `reason`, with the table's own text.
    pub fn for_client(reason: Reason) -> Self {
        Self::new(reason, reason.client_code(), reason.text())
    }

    /// What a worker answers for `reason`.
    pub fn for_manager(reason: Reason) -> Self {
        Self::new(reason, reason.worker_code(), reason.text())
    }

    fn new(reason: Reason, code: i64, message: &'static str) -> Self {
        Self {
            code,
            message: Cow::Borrowed(message),
            data: Some(Box::new(ErrorData {
                reason: Some(Cow::Borrowed(reason.code())),
                ..ErrorData::default()
            })),
        }
    }

    /// The same with another text.
    pub fn saying(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// The same, naming the order.
    pub fn about(mut self, work_order_id: &str) -> Self {
        self.data.get_or_insert_default().work_order_id = Some(work_order_id.to_owned());
        self
    }

    /// The same, saying when the request may come again; whole milliseconds, rounded up.
    pub fn again_after(mut self, wait: Duration) -> Self {
        let wait = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        self.data.get_or_insert_default().retry_after_ms = Some(wait);
        self
    }

    /// The reason in it, if it's one of ours.
    pub fn reason(&self) -> Option<Reason> {
        Reason::from_code(self.data.as_ref()?.reason.as_deref()?)
    }
}

/// A body that is refused before its method is looked at.
#[derive(Debug)]
pub struct Refused<'a> {
    /// The id to answer with, where one could be read.
    pub id: Option<&'a RawValue>,
    /// What to answer.
    pub error: ErrorObject,
}

/// Bounds on a body, besides its length.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Deepest nesting of arrays and objects.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 16 }
    }
}

/// JSON-RPC's own code for a request that isn't one; Avalon's dispatcher gives it for an id that
/// is a whole number written as a fraction.
const INVALID_REQUEST: i64 = -32600;

/// Reads the envelope of `body`: exactly `jsonrpc`, `id`, `method` and `params`.
pub fn parse<'a>(body: &'a str, limits: Limits) -> Result<Request<'a>, Refused<'a>> {
    let refuse = |id, reason: Reason, text: Cow<'static, str>| {
        let error = ErrorObject::for_client(reason).saying(text);
        Refused { id, error }
    };
    if json::depth(body.as_bytes()) > limits.depth {
        let text = Reason::LimitDepth.text().into();
        return Err(refuse(None, Reason::LimitDepth, text));
    }
    let members = Members::parse(body).map_err(|fault| {
        let (reason, text) = match fault {
            NotAnObject::NotJson => (Reason::RequestJson, Reason::RequestJson.text().into()),
            NotAnObject::Members => (Reason::RequestEnvelope, MEMBERS_FAULT.into()),
            NotAnObject::OtherShape(shape) => (Reason::RequestEnvelope, other_shape(shape)),
        };
        refuse(None, reason, text)
    })?;
    let id = members.get("id").filter(|id| json::is_integer(id));
    read_members(&members).map_err(|(code, text)| {
        let mut refused = refuse(id, Reason::RequestEnvelope, text);
        refused.error.code = code;
        refused
    })
}

const MEMBERS: [&str; 4] = ["jsonrpc", "method", "id", "params"];
const MEMBERS_FAULT: &str = "A member is given twice, or there are too many members";
const EMPTY_PARAMS: &str = "Empty params in the request";

fn read_members<'a>(members: &Members<'a>) -> Result<Request<'a>, (i64, Cow<'static, str>)> {
    let refuse = |text: &'static str| (Reason::RequestEnvelope.client_code(), text.into());
    check_names(members, &MEMBERS, &[])
        .map_err(|text| (Reason::RequestEnvelope.client_code(), text.into()))?;
    let member = |name| members.get(name).ok_or_else(|| refuse(EMPTY_PARAMS));

    let id = member("id")?;
    if !json::is_integer(id) {
        let whole = json::read::<f64>(id).is_some_and(|n| n.fract() == 0.0);
        return Err(if whole {
            (INVALID_REQUEST, "Invalid Request".into())
        } else {
            refuse("Invalid data format for id")
        });
    }
    if json::string(member("jsonrpc")?).as_deref() != Some("2.0") {
        return Err(refuse("Invalid data format or value for jsonrpc"));
    }
    let method = json::string(member("method")?).ok_or_else(|| refuse(UNKNOWN_METHOD))?;
    let params = Members::of(member("params")?).map_err(|fault| match fault {
        NotAnObject::Members => refuse(MEMBERS_FAULT),
        _ => refuse(EMPTY_PARAMS),
    })?;
    if params.is_empty() {
        return Err(refuse(EMPTY_PARAMS));
    }
    Ok(Request { id, method, params })
}

/// Avalon's text for a method that isn't there.
pub const UNKNOWN_METHOD: &str = "Invalid data format for method or method not supported";

// Avalon answers these by accident; its texts are matched because the vectors hold them.
fn other_shape(shape: Shape) -> Cow<'static, str> {
    match shape {
        Shape::Array { empty: true } => EMPTY_PARAMS.into(),
        Shape::Array { empty: false } | Shape::String => "'error_msg'".into(),
        Shape::Number => "object of type 'int' has no len()".into(),
        Shape::Bool => "object of type 'bool' has no len()".into(),
        Shape::Null => "object of type 'NoneType' has no len()".into(),
        Shape::Object => MEMBERS_FAULT.into(),
    }
}

/// Refuses members that are neither `required` nor `optional`, then names the first absent one of
/// `required`, in the words of Avalon's schema library.
pub(crate) fn check_names(
    members: &Members<'_>,
    required: &[&str],
    optional: &[&str],
) -> Result<(), String> {
    let unknown: Vec<String> = members
        .names()
        .filter(|name| !required.contains(name) && !optional.contains(name))
        .map(|name| format!("'{}'", shortened(name)))
        .collect();
    if !unknown.is_empty() {
        let verb = if unknown.len() == 1 { "was" } else { "were" };
        let names = unknown.join(", ");
        return Err(format!(
            "Additional properties are not allowed ({names} {verb} unexpected)"
        ));
    }
    match required.iter().find(|name| members.get(name).is_none()) {
        Some(name) => Err(format!("'{name}' is a required property")),
        None => Ok(()),
    }
}

/// At most 40 characters of a name that somebody made up.
fn shortened(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(40) {
        Some((at, _)) => Cow::Owned(format!("{}…", &name[..at])),
        None => Cow::Borrowed(name),
    }
}

/// A reply that carries `result`, which must be JSON.
pub fn success(id: &RawValue, result: &RawValue) -> Vec<u8> {
    reply(r#"{"result":"#, result.get(), id.get())
}

/// A reply that carries `error`; `id` is null where none could be read.
pub fn failure(id: Option<&RawValue>, error: &ErrorObject) -> Vec<u8> {
    // ErrorObject is made of strings and numbers: writing it can't fail.
    let error = serde_json::to_string(error).unwrap_or_default();
    reply(r#"{"error":"#, &error, id.map_or("null", RawValue::get))
}

/// In memory of the very size: results may be large.
fn reply(begin: &str, content: &str, id: &str) -> Vec<u8> {
    [begin, content, r#","id":"#, id, r#","jsonrpc":"2.0"}"#]
        .concat()
        .into_bytes()
}

/// A reply as its receiver reads it: lenient, for Avalon's early errors lack `id` and `jsonrpc`.
#[derive(Debug, Deserialize)]
pub struct Reply {
    /// Present on success.
    #[serde(default)]
    pub result: Option<Box<RawValue>>,
    /// Present on failure (and on some of Avalon's successes: codes 0 and 5).
    #[serde(default)]
    pub error: Option<ErrorObject>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> (i64, String) {
        let error = parse(body, Limits::default()).unwrap_err().error;
        (error.code, error.message.into_owned())
    }

    #[test]
    fn texts_of_avalon() {
        let cases = [
            ("1", "object of type 'int' has no len()"),
            ("[]", "Empty params in the request"),
            (r#"[{"a":1}]"#, "'error_msg'"),
            (
                r#"{"jsonrpc":"2.0","method":"m","id":1,"params":{}}"#,
                "Empty params in the request",
            ),
            (
                r#"{"jsonrpc":"2.0","method":"m","id":1}"#,
                "'params' is a required property",
            ),
            (
                r#"{"jsonrpc":"2.0","method":"m","id":true,"params":{"a":1}}"#,
                "Invalid data format for id",
            ),
            (
                r#"{"jsonrpc":"2.0","method":"m","id":1,"params":{"a":1},"x":1,"y":1}"#,
                "Additional properties are not allowed ('x', 'y' were unexpected)",
            ),
        ];
        for (body, text) in cases {
            assert_eq!(refusal(body), (2, text.to_owned()), "{body}");
        }
    }

    #[test]
    fn whole_fractions_are_invalid_requests() {
        let body = r#"{"jsonrpc":"2.0","method":"m","id":7.0,"params":{"a":1}}"#;
        assert_eq!(refusal(body), (-32600, "Invalid Request".to_owned()));
        let body = r#"{"jsonrpc":"2.0","method":"m","id":7.5,"params":{"a":1}}"#;
        assert_eq!(refusal(body).0, 2);
    }

    #[test]
    fn ids_of_any_size_are_echoed() {
        let body = r#"{"jsonrpc":"2.0","method":"m","id":-123456789012345678901234567890,"params":{"a":1}}"#;
        let request = parse(body, Limits::default()).unwrap();
        let reply = success(request.id, request.id);
        let text = String::from_utf8(reply).unwrap();
        assert!(
            text.contains(r#""id":-123456789012345678901234567890,"#),
            "{text}"
        );
    }

    #[test]
    fn deep_bodies_are_refused_before_parsing() {
        let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let refused = parse(&body, Limits::default()).unwrap_err();
        assert_eq!(refused.error.reason(), Some(Reason::LimitDepth));
    }
}
