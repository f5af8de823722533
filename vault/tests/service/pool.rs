//! A pool over the wire: its owner's wishes, what is published of it, and the door for managers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use attestation::{Collateral, Time};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::answer::WorkOrderResult;
use protocol::crypto::rsa::EncryptionKey;
use protocol::crypto::secp256k1::VerifyingKey;
use protocol::hash::Ids;
use protocol::requester::{Input, Order, Protection};
use protocol::{SystemEntropy, WorkerId, pool, report_data};
use provision::api::{NewPool, Pool};
use serde_json::Value;
use vault_client::Identity;

use crate::machine::now;
use crate::support::{World, code};

#[test]
fn a_pool_is_opened_shown_and_closed() {
    let mut world = World::new();
    let wish = wish(&world, 1);
    assert_eq!(code(world.client(None).pool()), "kme.pool");
    let stranger = Identity::generate().unwrap().0;
    let refused = world.client(Some(&stranger)).ensure_pool(&wish);
    assert_eq!(code(refused), "vault.owner");

    world.owner().ensure_pool(&wish).unwrap();
    let published = world.client(None).pool().unwrap();
    assert_eq!(published.worker_id, WorkerId::from_name("pool-1").as_str());
    world.owner().ensure_pool(&wish).unwrap();
    world.restart();
    let after = world.client(None).pool().unwrap();
    assert_eq!(after.signup.encryption_key, published.signup.encryption_key);
    assert_eq!(after.signup.verifying_key, published.signup.verifying_key);
    assert_eq!(
        code(world.owner().ensure_pool(&self::wish(&world, 2))),
        "kme.pool"
    );

    world.owner().close_pool().unwrap();
    assert_eq!(code(world.client(None).pool()), "kme.pool");
    assert_eq!(code(world.owner().close_pool()), "kme.pool");
    world.owner().ensure_pool(&self::wish(&world, 2)).unwrap();
    let other = world.client(None).pool().unwrap();
    assert_ne!(other.signup.encryption_key, published.signup.encryption_key);

    let log = world.owner().audit(1, 100).unwrap();
    let events: Vec<_> = log.iter().map(|line| line.entry.event.as_str()).collect();
    for event in ["pool.make", "pool.close"] {
        assert!(events.contains(&event), "{events:?}");
    }
}

#[test]
fn a_pools_quote_names_its_key_and_its_one_program() {
    let world = World::new();
    world.owner().ensure_pool(&wish(&world, 1)).unwrap();
    let Pool { signup, .. } = world.client(None).pool().unwrap();
    let quote = STANDARD.decode(&signup.quote).unwrap();
    let collateral = Collateral::from_json(signup.collateral.as_bytes()).unwrap();
    let now = Time::from_unix(now());
    let appraise = |said: &[u8; 64]| {
        let verified = attestation::verify(&quote, &collateral, &world.anchor(), now).unwrap();
        world.policy().appraise(verified, now, Some(said)).is_ok()
    };
    let key = &signup.verifying_key;
    assert!(appraise(&report_data::pool(key, &[1; 32])));
    assert!(!appraise(&report_data::pool(key, &[2; 32])));
    assert!(!appraise(&report_data::vault(key.as_bytes(), "")));

    let digest = protocol::crypto::sha256(&[signup.encryption_key.as_bytes()]);
    let signature = hex::decode(&signup.encryption_key_signature).unwrap();
    let key = VerifyingKey::from_pem(key).unwrap();
    assert!(key.verifies(&digest, &signature));
}

#[test]
fn managers_are_answered_in_plain_http() {
    let world = World::new();
    let method = pool::KmeMethod::UniqueKey;
    let early = post(&world, "/", &rpc(method.name(), r#"{"a":1}"#));
    assert!(early["error"]["message"].is_string(), "{early}");

    world.owner().ensure_pool(&wish(&world, 1)).unwrap();
    let Pool { signup, .. } = world.client(None).pool().unwrap();
    let nonce = "e3e184210eab2e13f48b739d8996a40d";
    let order = Order {
        worker_id: &WorkerId::from_name("any"),
        encryption_key: &EncryptionKey::from_pem(&signup.encryption_key).unwrap(),
        workload: method.workload(),
        inputs: &[Input {
            data: nonce.as_bytes(),
            protection: Protection::Session,
        }],
        signing_key: None,
        avalon_iv: true,
        response_timeout_ms: 6000,
    };
    let order = order.seal(&SystemEntropy::new()).unwrap();
    for path in ["/", "/anything"] {
        let reply = post(&world, path, &rpc(method.name(), &order.params));
        let result: WorkOrderResult = serde_json::from_value(reply["result"].clone()).unwrap();
        let pending = &order.pending;
        let asked = Ids {
            nonce: &pending.requester_nonce,
            work_order: pending.work_order_id.as_str(),
            worker: pending.worker_id.as_str(),
            workload: pending.workload_id.as_str(),
            requester: pending.requester_id.as_str(),
        };
        let key = VerifyingKey::from_pem(&signup.verifying_key).unwrap();
        let answer = result.verify(&key, asked).unwrap();
        let sealed = STANDARD.decode(&answer.out_data()[0].data).unwrap();
        let plain = pending.session_key.open(pending.ivs, &sealed).unwrap();
        let text = std::str::from_utf8(&plain).unwrap();
        let [status, id, signature] = text.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{text}");
        };
        assert_eq!(status, "0");
        assert!(pool::verifies_unique(
            &pool::unique_key(id).unwrap(),
            nonce,
            signature
        ));
    }
}

#[test]
fn the_plain_door_leads_to_nothing_else() {
    let world = World::new();
    for request in [
        "GET /v1/evidence HTTP/1.1\r\nHost: vault\r\n\r\n",
        "GET /v1/workers HTTP/1.1\r\nHost: vault\r\n\r\n",
        "DELETE /v1/pool HTTP/1.1\r\nHost: vault\r\n\r\n",
    ] {
        let reply = exchange(&world, request);
        assert!(reply.starts_with("HTTP/1.1 405 "), "{reply}");
    }
    let owner = post(&world, "/v1/owner", "{}");
    assert!(owner["error"]["data"]["reason"].is_string(), "{owner}");
}

fn wish(world: &World, measurement: u8) -> NewPool {
    NewPool {
        worker: "pool-1".to_owned(),
        program: world.program(measurement),
    }
}

fn rpc(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":1,"params":{params}}}"#)
}

/// The JSON that answers; its type has to be written as Avalon's SDK wants it.
fn post(world: &World, path: &str, body: &str) -> Value {
    let reply = exchange(
        world,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: vault\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ),
    );
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut lines = head.lines();
    let kind = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-type")
            .then_some(value.trim())
    });
    assert_eq!(kind, Some("application/json"));
    serde_json::from_str(body).unwrap()
}

fn exchange(world: &World, request: &str) -> String {
    let mut stream = TcpStream::connect(world.plain()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}
