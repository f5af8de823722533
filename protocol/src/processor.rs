//! Frames between a manager and a worker (wire facts, 6.1): one JSON text each way.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::envelope::ErrorObject;
use crate::json::{self, Members};
use crate::reason::{Reason, client_code_of_foreign};

/// What a manager asks of a worker: of one that owns its keys ("singleton"), or of a [pool](crate::pool)'s.
#[derive(Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// `ProcessWorkerSignup`: the public keys, please.
    Signup,
    /// `ProcessWorkOrder`: a client's whole JSON-RPC request, as text.
    Order(Cow<'a, str>),
    /// `GenerateNonce`, in a pool: so many hex digits.
    Nonce(u64),
    /// `VerifyUniqueIdSignature`, in a pool: has the unique key signed itself and the nonce?
    UniqueKey {
        /// Hex of the key's PEM text.
        key: Cow<'a, str>,
        /// Hex of its DER signature.
        signature: Cow<'a, str>,
    },
    /// `ProcessWorkerSignup`, in a pool: a quote with this unique key (hex of its PEM text) in it, please.
    PoolSignup(Cow<'a, str>),
    /// `ProcessWorkOrder`, in a pool.
    PoolOrder {
        /// A client's whole JSON-RPC request.
        request: Cow<'a, str>,
        /// The order's keys: [`OrderKeys`](crate::pool::OrderKeys), as text.
        keys: Cow<'a, str>,
    },
}

/// A frame that is no request. The texts begin as Avalon's worker's do, without its inner
/// exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadFrame {
    /// Not JSON, not an object, or a member is missing.
    #[error("JSON Error: not a JSON-RPC request with method and params")]
    Envelope,
    /// The method isn't one of those above.
    #[error("Unsupported method")]
    Method,
    /// The order isn't a text that holds JSON.
    #[error("Error loading JSON: params must be the text of a JSON-RPC request")]
    Order,
    /// The method's parameters are others.
    #[error("JSON Error: the method has other params")]
    Params,
}

impl BadFrame {
    /// The reason on the wire.
    pub const fn reason(self) -> Reason {
        match self {
            BadFrame::Envelope | BadFrame::Order | BadFrame::Params => Reason::RequestJson,
            BadFrame::Method => Reason::RequestEnvelope,
        }
    }
}

impl<'a> Request<'a> {
    /// Reads a frame. Other members than `method` and `params` are ignored, as Avalon does.
    pub fn parse(frame: &'a [u8]) -> Result<Self, BadFrame> {
        let text = std::str::from_utf8(frame).map_err(|_| BadFrame::Envelope)?;
        let members = Members::parse(text).map_err(|_| BadFrame::Envelope)?;
        let member = |name| members.get(name).ok_or(BadFrame::Envelope);
        let method = json::string(member("method")?).ok_or(BadFrame::Envelope)?;
        let params = member("params")?;
        match method.as_ref() {
            "ProcessWorkerSignup" => match Params::of(params) {
                Ok(params) if params.has(UNIQUE_KEY) => {
                    params.text(UNIQUE_KEY).map(Self::PoolSignup)
                }
                _ => Ok(Self::Signup),
            },
            "ProcessWorkOrder" => Self::order(params),
            "GenerateNonce" => Ok(Self::Nonce(Params::of(params)?.number("nonce_size")?)),
            "VerifyUniqueIdSignature" => {
                let params = Params::of(params)?;
                Ok(Self::UniqueKey {
                    key: params.text(UNIQUE_KEY)?,
                    signature: params.text("uniqueVerificationKeySignature")?,
                })
            }
            _ => Err(BadFrame::Method),
        }
    }

    /// An order: its text, or a list of that and the text of its keys.
    fn order(params: &'a RawValue) -> Result<Self, BadFrame> {
        if let Some(request) = json::string(params) {
            return Ok(Self::Order(request));
        }
        let list: Option<[&RawValue; 2]> = json::read(params);
        let [request, keys] = list.ok_or(BadFrame::Order)?.map(json::string);
        match (request, keys) {
            (Some(request), Some(keys)) => Ok(Self::PoolOrder { request, keys }),
            _ => Err(BadFrame::Order),
        }
    }
}

const UNIQUE_KEY: &str = "uniqueVerificationKey";

/// Parameters by name.
struct Params<'a>(Members<'a>);

impl<'a> Params<'a> {
    fn of(params: &'a RawValue) -> Result<Self, BadFrame> {
        Members::of(params).map(Self).map_err(|_| BadFrame::Params)
    }

    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    fn text(&self, name: &str) -> Result<Cow<'a, str>, BadFrame> {
        let text = self.0.get(name).and_then(json::string);
        text.ok_or(BadFrame::Params)
    }

    fn number(&self, name: &str) -> Result<u64, BadFrame> {
        let number = self.0.get(name).and_then(json::read);
        number.ok_or(BadFrame::Params)
    }
}

/// The frame that asks for a worker's keys.
pub fn signup_frame(id: u64) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","method":"ProcessWorkerSignup","id":{id},"params":null}}"#)
        .into_bytes()
}

/// The frame that hands a client's request text to a worker.
pub fn order_frame(id: u64, request: &str) -> Vec<u8> {
    // A string can always be written as JSON.
    let text = serde_json::to_string(request).unwrap_or_default();
    format!(r#"{{"jsonrpc":"2.0","method":"ProcessWorkOrder","id":{id},"params":{text}}}"#)
        .into_bytes()
}

/// The bare object that answers `ProcessWorkerSignup`. Workers that are not Sconce's have the members up
/// to `quote` only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signup {
    /// Empty: the worker keeps its keys itself.
    pub sealed_data: String,
    /// PEM secp256k1 public key.
    pub verifying_key: String,
    /// PEM RSA public key.
    pub encryption_key: String,
    /// Hex DER signature of the one under the other.
    pub encryption_key_signature: String,
    /// Hex, or empty outside an enclave.
    pub mrenclave: String,
    /// Base64, or empty outside an enclave.
    pub quote: String,
    /// What the platform's vendor says of it: the JSON text of DCAP's collateral, or empty.
    #[serde(default)]
    pub collateral: String,
    /// The platform's certificate and those above it, as the quote holds them: PEM, or empty.
    #[serde(default)]
    pub certificates: String,
    /// Which of the worker's keys these are: 1 for its first, more for later ones. 0: nobody counts.
    #[serde(default)]
    pub generation: u64,
    /// The public key that signs the worker's entry in a key directory: SubjectPublicKeyInfo (DER) in base64, or
    /// empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub directory_key: String,
}

/// A worker's answer to an order.
#[derive(Debug)]
pub enum Outcome {
    /// The `result` object as it came.
    Result(Box<RawValue>),
    /// What went wrong.
    Error(ErrorObject),
}

#[derive(Deserialize)]
struct ReplyFrame {
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

impl Outcome {
    /// Reads a reply frame; `None` if it's neither a result nor an error.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        // Without this an array of the two members' values would do.
        let object = frame.trim_ascii_start().starts_with(b"{");
        let reply: ReplyFrame = serde_json::from_slice(frame).ok().filter(|_| object)?;
        match (reply.result, reply.error) {
            (Some(result), None) => Some(Self::Result(result)),
            (None, Some(error)) => Some(Self::Error(error)),
            _ => None,
        }
    }

    /// The outcome as a client shall see it: `{"result":…}` or `{"error":…}` as JSON, codes mapped
    /// (wire facts 3.4), naming the order.
    ///
    /// Of an error without one of our reasons only the code and a text of Avalon's are kept: other
    /// programs put inner exceptions into their texts, and with them parts of inputs.
    pub fn for_client(self, work_order_id: &str) -> Vec<u8> {
        match self {
            Self::Result(result) => format!(r#"{{"result":{}}}"#, result.get()).into_bytes(),
            Self::Error(mut error) => {
                match error.reason() {
                    Some(reason) => error.code = reason.client_code(),
                    None => {
                        error = ErrorObject {
                            code: client_code_of_foreign(error.code),
                            message: foreign_text(&error.message).into(),
                            data: None,
                        }
                    }
                }
                let error = error.about(work_order_id);
                let text = serde_json::to_string(&error).unwrap_or_default();
                format!(r#"{{"error":{text}}}"#).into_bytes()
            }
        }
    }
}

/// The text that stands for one of another program.
fn foreign_text(text: &str) -> &'static str {
    let of_avalon = [Reason::WorkloadFailed.text(), Reason::OrderIntegrity.text()];
    let known = of_avalon.into_iter().find(|known| *known == text);
    known.unwrap_or("The worker reported a failure")
}

/// A worker's reply frame that carries a result, which must be JSON; `id` is the inner request's.
pub fn result_frame(id: &RawValue, result: &str) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, id.get()).into_bytes()
}

/// A worker's reply frame that carries an error; `id` is the inner request's, or 0.
pub fn error_frame(id: Option<&RawValue>, error: &ErrorObject) -> Vec<u8> {
    let error = serde_json::to_string(error).unwrap_or_default();
    let id = id.map_or("0", RawValue::get);
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_back() {
        assert_eq!(Request::parse(&signup_frame(7)), Ok(Request::Signup));
        let text = "{\"a\": \"\\\"\u{1}é\"}";
        let frame = order_frame(8, text);
        assert_eq!(Request::parse(&frame), Ok(Request::Order(text.into())));
    }

    #[test]
    fn frames_of_pools() {
        let read = |frame: &'static str| Request::parse(frame.as_bytes());
        assert_eq!(
            read(r#"{"method":"GenerateNonce","params":{"nonce_size":32}}"#),
            Ok(Request::Nonce(32))
        );
        assert_eq!(
            read(
                r#"{"method":"VerifyUniqueIdSignature","params":{"uniqueVerificationKey":"0a",
                    "uniqueVerificationKeySignature":"0b"}}"#
            ),
            Ok(Request::UniqueKey {
                key: "0a".into(),
                signature: "0b".into()
            })
        );
        assert_eq!(
            read(r#"{"method":"ProcessWorkerSignup","params":{"uniqueVerificationKey":"0a"}}"#),
            Ok(Request::PoolSignup("0a".into()))
        );
        assert_eq!(
            read(r#"{"method":"ProcessWorkOrder","params":["{}","keys"]}"#),
            Ok(Request::PoolOrder {
                request: "{}".into(),
                keys: "keys".into()
            })
        );
        for bad in [
            r#"{"method":"GenerateNonce","params":{"nonce_size":-1}}"#,
            r#"{"method":"GenerateNonce","params":null}"#,
            r#"{"method":"VerifyUniqueIdSignature","params":{"uniqueVerificationKey":"0a"}}"#,
            r#"{"method":"ProcessWorkerSignup","params":{"uniqueVerificationKey":7}}"#,
        ] {
            assert_eq!(read(bad), Err(BadFrame::Params), "{bad}");
        }
        for bad in ["[]", r#"["a"]"#, r#"["a","b","c"]"#, r#"["a",1]"#] {
            let frame = format!(r#"{{"method":"ProcessWorkOrder","params":{bad}}}"#);
            let read = Request::parse(frame.as_bytes());
            assert_eq!(read, Err(BadFrame::Order), "{bad}");
        }
    }

    #[test]
    fn bad_frames() {
        let cases: [(&[u8], BadFrame); 6] = [
            (b"{", BadFrame::Envelope),
            (b"\xff", BadFrame::Envelope),
            (br#"{"method":"ProcessWorkOrder"}"#, BadFrame::Envelope),
            (br#"{"method":"Nope","params":null}"#, BadFrame::Method),
            (
                br#"{"method":"ProcessWorkOrder","params":{}}"#,
                BadFrame::Order,
            ),
            (br#"{"method":7,"params":null}"#, BadFrame::Envelope),
        ];
        for (frame, fault) in cases {
            assert_eq!(Request::parse(frame), Err(fault));
        }
    }

    #[test]
    fn codes_are_mapped_for_clients() {
        let show = |frame: &[u8]| {
            let outcome = Outcome::parse(frame).unwrap().for_client("ab");
            String::from_utf8(outcome).unwrap()
        };
        assert_eq!(
            show(br#"{"error":{"code":-12,"message":"m"}}"#),
            r#"{"error":{"code":9,"message":"The worker reported a failure","data":{"workOrderId":"ab"}}}"#
        );
        let own = error_frame(None, &ErrorObject::for_manager(Reason::OrderIntegrity));
        assert_eq!(
            show(&own),
            r#"{"error":{"code":1,"message":"Work order integrity check failed","data":{"workOrderId":"ab","reason":"order.integrity"}}}"#
        );
        assert_eq!(
            show(br#"{"id":1,"result":{"a": 1}}"#),
            r#"{"result":{"a": 1}}"#
        );
        for text in [
            "Error processing work load",
            "Work order integrity check failed",
        ] {
            let foreign =
                show(&format!(r#"{{"error":{{"code":2,"message":"{text}"}}}}"#).into_bytes());
            assert!(foreign.contains(text), "{foreign}");
        }
        let talkative = br#"{"error":{"code":2,"message":"Error processing work load: secret",
            "data":{"reason":"secret","detail":"secret","workOrderId":"secret"}}}"#;
        assert_eq!(
            show(talkative),
            r#"{"error":{"code":1,"message":"The worker reported a failure","data":{"workOrderId":"ab"}}}"#
        );
        assert!(Outcome::parse(b"{}").is_none());
        assert!(Outcome::parse(b"[{\"a\":1}]").is_none());
        assert!(Outcome::parse(br#"{"result":1,"error":{"code":1,"message":""}}"#).is_none());
    }
}
