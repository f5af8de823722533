//! JSON objects and JSON-RPC.

use proptest::prelude::*;
use sconce_protocol::Reason;
use sconce_protocol::envelope::{self, ErrorObject, Limits, Reply};
use sconce_protocol::json::{self, Members, NotAnObject};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::support::{bytes, damage, json, survives, text};

fn reasons() -> impl Strategy<Value = Reason> {
    prop::sample::select(Reason::ALL)
}

/// How deep a value nests.
fn depth_of(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth_of).max(),
        Value::Object(members) => members.values().map(depth_of).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or(0)
}

proptest! {
    #[test]
    fn objects_are_read_member_by_member(value in json()) {
        let written = value.to_string();
        match (Members::parse(&written), value.as_object()) {
            (Ok(members), Some(object)) => {
                prop_assert_eq!(members.names().count(), object.len());
                for (name, value) in object {
                    let found = members.get(name).unwrap();
                    prop_assert_eq!(&json::read::<Value>(found).unwrap(), value);
                    let string = json::string(found);
                    prop_assert_eq!(string.as_deref(), value.as_str());
                    prop_assert_eq!(json::integer(found), value.as_i64());
                    prop_assert_eq!(json::array(found).map(|items| items.len()), value.as_array().map(Vec::len));
                }
            }
            (Err(NotAnObject::OtherShape(_)), None) => {}
            (read, _) => prop_assert!(false, "{:?}", read),
        }
    }

    #[test]
    fn depth_is_that_of_the_value(value in json()) {
        prop_assert_eq!(json::depth(value.to_string().as_bytes()), depth_of(&value));
    }

    #[test]
    fn any_text_has_a_depth_and_a_shape(bytes in bytes(), text in text()) {
        prop_assert!(json::depth(&bytes) <= bytes.len());
        let _ = Members::parse(&text);
        if let Ok(raw) = serde_json::from_str::<&RawValue>(&text) {
            let _ = (json::shape(raw), json::string(raw), json::integer(raw), json::array(raw));
        }
    }

    #[test]
    fn requests_are_read_back(id in "-?(0|[1-9][0-9]{0,40})", method in text(), params in json()) {
        let method = serde_json::to_string(&method).unwrap();
        let body = format!(r#"{{"params":{params},"jsonrpc":"2.0","method":{method},"id":{id}}}"#);
        let good = params.as_object().is_some_and(|params| !params.is_empty());
        match envelope::parse(&body, Limits::default()) {
            Ok(request) => {
                prop_assert!(good);
                prop_assert_eq!(request.id.get(), id);
                prop_assert_eq!(serde_json::to_string(&request.method).unwrap(), method);
            }
            Err(refused) => {
                prop_assert!(!good, "{:?}", refused);
                prop_assert_eq!(refused.error.reason(), Some(Reason::RequestEnvelope));
                prop_assert_eq!(refused.id.map(RawValue::get), Some(id.as_str()));
            }
        }
    }

    #[test]
    fn a_depth_over_the_limit_is_refused_as_such(value in json(), limit in 0usize..6) {
        let body = json!({ "params": value }).to_string();
        let refused = envelope::parse(&body, Limits { depth: limit }).unwrap_err();
        let deep = refused.error.reason() == Some(Reason::LimitDepth);
        prop_assert_eq!(deep, 1 + depth_of(&value) > limit);
    }

    #[test]
    fn damaged_requests_get_a_reason_and_an_answer(params in json(), damage in damage()) {
        let body = json!({ "jsonrpc": "2.0", "method": "WorkerLookUp", "id": 7, "params": params });
        let Ok(body) = String::from_utf8(damage.of(body.to_string().as_bytes())) else { return Ok(()) };
        if let Err(refused) = envelope::parse(&body, Limits::default()) {
            prop_assert!(refused.error.reason().is_some());
            let reply = envelope::failure(refused.id, &refused.error);
            let reply: Reply = serde_json::from_slice(&reply).unwrap();
            prop_assert_eq!(reply.error, Some(refused.error));
        }
    }

    #[test]
    fn replies_are_read_back(id in any::<i64>(), result in json(), reason in reasons(), message in text(), order in text()) {
        let (id, result) = (to_raw_value(&id).unwrap(), to_raw_value(&result).unwrap());
        let reply: Value = serde_json::from_slice(&envelope::success(&id, &result)).unwrap();
        prop_assert_eq!(&reply["id"], &json::read::<Value>(&id).unwrap());
        prop_assert_eq!(&reply["result"], &json::read::<Value>(&result).unwrap());

        let error = ErrorObject::for_client(reason).saying(message).about(&order);
        let reply: Reply = serde_json::from_slice(&envelope::failure(Some(&id), &error)).unwrap();
        prop_assert_eq!(reply.error, Some(error));
    }

    #[test]
    fn any_error_object_survives(code in any::<i64>(), message in text(), data in json()) {
        let object = json!({ "code": code, "message": message, "data": data });
        if let Some(error) = survives::<ErrorObject>(object.to_string().as_bytes()) {
            prop_assert_eq!(error.code, code);
            prop_assert_eq!(error.message, message);
        }
    }
}
