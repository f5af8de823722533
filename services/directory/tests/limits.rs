//! Limits of connections, times, rates and bodies.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may panic"
)]

mod support;

use std::num::NonZeroU32;
use std::time::Duration;

use sconce_directory::Allowance;
use support::{Site, TOKEN, key, problem};

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

#[test]
fn users_that_nobody_asked_for_before_are_rationed() {
    let site = Site::with(|config| {
        config.limits.unknown_rate_of_loopback = Allowance {
            rate: Some(sconce_directory::Rate {
                times: number(1),
                per: Duration::from_secs(600),
            }),
            burst: number(3),
        };
    });
    let mut client = site.client();
    for user in ["a", "b", "a", "b", "c", "a"] {
        assert_eq!(
            client.get(&format!("/v1/users/{user}")).status,
            200,
            "{user}"
        );
    }
    for path in ["/v1/users/d", "/v1/users/e/history"] {
        let reply = client.get(path);
        assert_eq!(
            (reply.status, problem(&reply)),
            (429, (8, "directory.busy".into()))
        );
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    // Who is known costs nothing, and writers have shown who they are.
    assert_eq!(client.get("/v1/users/c").status, 200);
    let update = site.update("a", &key(1), "one");
    assert_eq!(site.put("a", &update).status, 200);
    let other = format!("Authorization: Bearer {TOKEN}\r\n");
    let reply = client.ask("PUT", "/v1/users/f", &other, b"{}");
    assert_eq!(reply.status, 400);
}

#[test]
fn no_more_than_so_many_updates_wait() {
    let site = Site::with(|config| config.limits.queue = 2);
    for user in ["a", "b"] {
        let update = site.update(user, &key(1), "one");
        assert_eq!(site.put(user, &update).status, 200);
        assert_eq!(site.put(user, &update).status, 200);
    }
    let update = site.update("c", &key(1), "one");
    let reply = site.put("c", &update);
    assert_eq!(
        (reply.status, problem(&reply)),
        (503, (14, "directory.busy".into()))
    );
    site.advance();
    assert_eq!(site.put("c", &update).status, 200);
}

#[test]
fn slow_clients_are_hung_up_on() {
    let site = Site::with(|config| {
        config.limits.connections.header_time = Duration::from_millis(300);
        config.limits.connections.idle_time = Duration::from_millis(300);
        config.limits.body_time = Duration::from_millis(300);
    });
    let mut silent = site.client();
    let mut idle = site.client();
    assert_eq!(idle.get("/healthz").status, 200);
    let mut head = site.client();
    head.send("GET /v1/us");
    let reply = head.reply().unwrap();
    assert_eq!(
        (reply.status, problem(&reply)),
        (408, (4, "directory.limit".into()))
    );
    let mut body = site.client();
    body.send(format!(
        "PUT /v1/users/a HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 9\r\n\r\n{{"
    ));
    let reply = body.reply().unwrap();
    assert_eq!(
        (reply.status, problem(&reply)),
        (408, (4, "directory.limit".into()))
    );
    for client in [&mut silent, &mut idle, &mut head, &mut body] {
        assert!(client.is_closed());
    }
}

#[test]
fn connections_beyond_the_limit_are_told() {
    let site = Site::with(|config| config.limits.connections.of_loopback = 2);
    let mut first = site.client();
    let mut second = site.client();
    assert_eq!(first.get("/healthz").status, 200);
    assert_eq!(second.get("/healthz").status, 200);
    let mut third = site.client();
    let reply = third.get("/healthz");
    assert_eq!(
        (reply.status, problem(&reply)),
        (503, (14, "directory.busy".into()))
    );
    assert!(third.is_closed());
    assert_eq!(first.get("/healthz").status, 200);
}
