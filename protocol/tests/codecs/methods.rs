//! Parameters of the methods.

use proptest::prelude::*;
use sconce_protocol::Reason;
use sconce_protocol::envelope::ErrorObject;
use sconce_protocol::json::Members;
use sconce_protocol::methods::submit::{MAX_ITEMS, MAX_OWN_KEYS, Submit};
use sconce_protocol::methods::worker::{LookUp, Register, Retrieve, SetStatus, Update};
use sconce_protocol::methods::{GetResult, Method};
use serde_json::{Map, Value, json};

use crate::support::{hex, json, text};

/// The least parameters that each method takes.
fn honest() -> impl Strategy<Value = Value> {
    let ids = [hex(), hex(), hex(), hex(), hex(), hex(), hex()];
    let item = (any::<i64>(), "([A-Za-z0-9+/]{4}){1,8}", "|-|null|[0-9a-f]{2,8}").prop_map(
        |(index, data, key)| json!({ "index": index, "data": data, "encryptedDataEncryptionKey": key }),
    );
    let items = prop::collection::vec(item, 0..4);
    prop_oneof![
        (ids, any::<i64>(), items).prop_map(|(ids, time, items)| {
            let [order, worker, workload, requester, nonce, key, hash] = ids;
            json!({
                "responseTimeoutMSecs": time, "payloadFormat": "JSON-RPC", "workOrderId": order,
                "workerId": worker, "workloadId": workload, "requesterId": requester,
                "requesterNonce": nonce, "encryptedSessionKey": key, "encryptedRequestHash": hash,
                "inData": items,
            })
        }),
        hex().prop_map(|id| json!({ "workOrderId": id })),
        hex().prop_map(|id| json!({ "workerId": id })),
        (1..=3, hex()).prop_map(|(kind, id)| json!({ "workerType": kind, "organizationId": id })),
        (1..=3, hex()).prop_map(|(kind, id)| json!({ "workerType": kind, "lookUpTag": id })),
        (hex(), 1..=4).prop_map(|(id, status)| json!({ "workerId": id, "status": status })),
    ]
}

/// What is done to honest parameters: members replaced by anything, removed, or added.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, String, Value)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, text(), json()), 0..3)
}

fn changed(mut params: Value, changes: Vec<(prop::sample::Index, u8, String, Value)>) -> String {
    let members: &mut Map<String, Value> = params.as_object_mut().unwrap();
    for (at, kind, name, value) in changes {
        let names: Vec<_> = members.keys().cloned().collect();
        if names.is_empty() {
            break;
        }
        let old = names[at.index(names.len())].clone();
        match kind {
            0 => _ = members.insert(old, value),
            1 => _ = members.remove(&old),
            _ => _ = members.insert(name, value),
        }
    }
    params.to_string()
}

/// A refusal is one of those that are documented for parameters.
fn check<T>(parsed: Result<T, ErrorObject>) -> Option<T> {
    parsed
        .inspect_err(|error| {
            let reason = error.reason();
            assert!(
                matches!(reason, Some(Reason::RequestMember | Reason::LimitSize)),
                "{error:?}"
            );
            assert_eq!(error.code, 2);
        })
        .ok()
}

fn parse_all(params: &Members<'_>) {
    if let Some(order) = check(Submit::parse(params)) {
        for items in [&order.in_data, &order.out_data] {
            assert!(items.len() <= MAX_ITEMS);
            assert!(items.iter().filter(|item| item.has_own_key()).count() <= MAX_OWN_KEYS);
        }
        for name in [
            "workOrderId",
            "workerId",
            "workloadId",
            "requesterId",
            "requesterNonce",
        ] {
            assert!(params.get(name).is_some());
        }
    }
    if let Some(asked) = check(GetResult::parse(params)) {
        let again = json!({ "workOrderId": asked.work_order_id }).to_string();
        assert_eq!(
            GetResult::parse(&Members::parse(&again).unwrap()),
            Ok(asked)
        );
    }
    if let Some(asked) = check(Retrieve::parse(params)) {
        let again = json!({ "workerId": asked.worker_id }).to_string();
        assert_eq!(Retrieve::parse(&Members::parse(&again).unwrap()), Ok(asked));
    }
    check(LookUp::parse(params));
    check(LookUp::parse_next(params));
    check(Register::parse(params));
    check(Update::parse(params));
    if let Some(wanted) = check(SetStatus::parse(params)) {
        assert!((1..=4).contains(&wanted.status.code()));
    }
}

proptest! {
    #[test]
    fn honest_parameters_fit_a_method_and_changed_ones_do_no_harm(params in honest(), changes in changes()) {
        let text = params.to_string();
        let members = Members::parse(&text).unwrap();
        let fits = Submit::parse(&members).is_ok()
            || GetResult::parse(&members).is_ok()
            || Retrieve::parse(&members).is_ok()
            || LookUp::parse(&members).is_ok()
            || LookUp::parse_next(&members).is_ok()
            || SetStatus::parse(&members).is_ok();
        // Two items that are the same are refused.
        let repeated = params["inData"].as_array().is_some_and(|items| {
            (1..items.len()).any(|n| items[..n].contains(&items[n]))
        });
        prop_assert!(fits != repeated, "{}", text);
        parse_all(&Members::parse(&changed(params, changes)).unwrap());
    }

    #[test]
    fn any_object_is_parameters_or_not(value in json()) {
        let text = json!({ "workerId": value, "details": value, "inData": value, "status": value }).to_string();
        parse_all(&Members::parse(&text).unwrap());
        let text = value.to_string();
        if let Ok(members) = Members::parse(&text) {
            parse_all(&members);
        }
    }

    #[test]
    fn any_text_names_a_method_or_not(name in text()) {
        let known = Method::ALL.iter().any(|method| method.name() == name);
        prop_assert_eq!(Method::from_name(&name).is_some(), known);
    }
}
