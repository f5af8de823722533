//! The registry's methods: look-ups for everybody, changes for operators.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::http::Reply;
use support::platform::new_signup;
use support::{Door, OPERATOR, call, config, record, worker_id};

fn register(worker: &str) -> Value {
    let record = record();
    call(
        "WorkerRegister",
        json!({
            "workerId": worker, "workerType": 1, "organizationId": "aa",
            "applicationTypeId": "bb", "details": record.details,
        }),
    )
}

fn as_operator(door: &Door, body: &Value) -> Reply {
    with_header(door, body, &format!("Authorization: Bearer {OPERATOR}\r\n"))
}

fn with_header(door: &Door, body: &Value, header: &str) -> Reply {
    let headers = format!("Content-Type: application/json\r\n{header}");
    door.client()
        .post_with(&headers, body.to_string().as_bytes())
}

fn success(message: &str) -> Value {
    json!({"error": {"code": 0, "message": message}, "id": 11, "jsonrpc": "2.0"})
}

fn look_up(door: &Door, params: Value) -> Value {
    door.post(&call("WorkerLookUp", params)).json()["result"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_retrieved_as_avalon_has_it() {
    let door = Door::open(config()).await;
    let retrieve = |id: &str| door.post(&call("WorkerRetrieve", json!({"workerId": id})));
    let found = retrieve(worker_id().as_str()).json();
    assert_eq!(found["result"]["status"], 1);
    assert_eq!(found["result"]["workerType"], 1);
    assert_eq!(found["result"]["details"], record().details);
    let members = found["result"].as_object().unwrap();
    assert_eq!(members.len(), 5);

    let unknown = retrieve("ab");
    assert_eq!(unknown.error(), (2, "worker.unknown".to_owned()));
    let text = "Worker Id not found in the database. Hence invalid parameter";
    assert_eq!(unknown.json()["error"]["message"], text);
    let name = retrieve("graphene-worker-1").json();
    assert_eq!(
        name["error"]["message"],
        "Invalid data format for Worker id"
    );
    assert_eq!(name["id"], 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_go_on_after_the_tag() {
    let door = Door::open(config()).await;
    for worker in ["0b", "0a"] {
        assert_eq!(as_operator(&door, &register(worker)).error().0, 0);
    }
    let mine = json!({"totalCount": 2, "lookupTag": "0b", "ids": ["0a", "0b"]});
    assert_eq!(look_up(&door, json!({"organizationId": "aa"})), mine);
    let all = look_up(&door, json!({"workerType": 1}));
    assert_eq!(all["totalCount"], 3);
    let none = json!({"totalCount": 0, "lookupTag": "", "ids": []});
    assert_eq!(look_up(&door, json!({"workerType": 2})), none);
    // Text equality: another case is another organization.
    assert_eq!(look_up(&door, json!({"organizationId": "AA"})), none);

    for tag in ["lookUpTag", "lookupTag"] {
        let params = json!({"organizationId": "aa", tag: "0a"});
        let next = door.post(&call("WorkerLookUpNext", params)).json();
        let rest = json!({"totalCount": 1, "lookupTag": "0b", "ids": ["0b"]});
        assert_eq!(next["result"], rest);
    }
    let bad = door.post(&call("WorkerLookUp", json!({"workerType": 4})));
    let text = "WorkType should be an Integer of range 1-3";
    assert_eq!(bad.json()["error"]["message"], text);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_register_update_and_set_the_status() {
    let door = Door::open(config()).await;
    let registered = as_operator(&door, &register("0a")).json();
    assert_eq!(registered, success("Worker registered successfully"));
    // The very same again is no news; another under that id is refused.
    assert_eq!(as_operator(&door, &register("0a")).error().0, 0);
    let mut other = register("0a");
    other["params"]["organizationId"] = "cc".into();
    let taken = as_operator(&door, &other);
    assert_eq!(taken.error(), (2, "worker.taken".to_owned()));

    let mut details = record().details;
    details["workOrderSyncUri"] = "http://localhost:1947".into();
    let update = json!({"workerId": "0a", "details": details});
    let updated = as_operator(&door, &call("WorkerUpdate", update.clone())).json();
    assert_eq!(updated, success("Worker updated successfully"));
    let set = |id: &str, status: Value| {
        let params = json!({"workerId": id, "status": status});
        as_operator(&door, &call("WorkerSetStatus", params))
    };
    assert_eq!(
        set("0a", 2.into()).json(),
        success("Worker status updated successfully")
    );
    let retrieve = call("WorkerRetrieve", json!({"workerId": "0a"}));
    let found = door.post(&retrieve).json();
    assert_eq!(found["result"]["status"], 2);
    assert_eq!(found["result"]["details"], update["details"]);

    assert_eq!(
        set("ff", 2.into()).error(),
        (2, "worker.unknown".to_owned())
    );
    for bad in [json!(0), json!(5), json!("1"), json!(null)] {
        assert_eq!(set("0a", bad).error(), (2, "request.member".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_orders_are_forgotten_stays_retired() {
    let door = Door::open(config()).await;
    let registry = &door.store.registry;
    let (old, id) = (record().details, worker_id());
    let new: Value = serde_json::from_str(&new_signup()).unwrap();
    let mut details = old.clone();
    for (member, shown) in [
        ("verificationKey", "verifying_key"),
        ("encryptionKey", "encryption_key"),
        ("encryptionKeySignature", "encryption_key_signature"),
    ] {
        details["workerTypeData"][member] = new[shown].clone();
    }
    let update = |details: &Value| {
        let params = json!({"workerId": id, "details": details});
        as_operator(&door, &call("WorkerUpdate", params))
    };
    assert_eq!(update(&details).error().0, 0);
    let keys = registry.retired_keys(Duration::ZERO).await.unwrap();
    assert!(registry.rule_out(&keys[0]).await.unwrap());
    let refused = update(&old);
    assert_eq!(refused.error(), (2, "request.member".to_owned()));
    let text = refused.json()["error"]["message"].to_string();
    assert!(text.contains("must not come back"), "{text}");
    assert_eq!(registry.get(&id).await.unwrap().unwrap().details, details);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_does() {
    let door = Door::open(config()).await;
    let denied = (3, "access.denied".to_owned());
    let upper = OPERATOR.to_uppercase();
    for header in [
        String::new(),
        "Authorization: Bearer \r\n".to_owned(),
        format!("Authorization: Basic {OPERATOR}\r\n"),
        format!("Authorization: {OPERATOR}\r\n"),
        format!("Authorization: Bearer {upper}\r\n"),
        format!("Authorization: Bearer {OPERATOR}x\r\n"),
        format!("Authorization: Bearer {}\r\n", &OPERATOR[1..]),
        format!("X-Authorization: Bearer {OPERATOR}\r\n"),
    ] {
        assert_eq!(
            with_header(&door, &register("0a"), &header).error(),
            denied,
            "{header}"
        );
    }
    // Also before the parameters are looked at.
    for method in ["WorkerRegister", "WorkerUpdate", "WorkerSetStatus"] {
        assert_eq!(door.post(&call(method, json!({"x": 1}))).error(), denied);
    }
    let none = look_up(&door, json!({"organizationId": "aa"}));
    assert_eq!(none["totalCount"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_there_are_no_operators() {
    let mut config = config();
    config.operator_token = None;
    let door = Door::open(config).await;
    let reply = as_operator(&door, &register("0a"));
    assert_eq!(reply.error(), (3, "access.denied".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_none_are_refused() {
    let door = Door::open(config()).await;
    for (member, value) in [
        ("verificationKey", json!("nothing")),
        ("encryptionKey", json!(null)),
        ("encryptionKeySignature", json!("00")),
    ] {
        let mut body = register("0a");
        body["params"]["details"]["workerTypeData"][member] = value;
        let reply = as_operator(&door, &body);
        assert_eq!(reply.error(), (2, "request.member".to_owned()), "{member}");
    }
}
