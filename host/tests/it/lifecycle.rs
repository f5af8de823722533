//! Programs that die, hang, or break the protocol.

use std::time::Duration;

use sconce_host::{Error, WorkerName, start};

use crate::shutdown::Process;
use crate::support::{Peer, ask, config, eventually, host, kind};

/// Sends `held` requests that stay in flight, and waits until the program has them.
fn hold(peer: &Peer, held: usize) {
    for _ in 0..held {
        peer.send("hold");
    }
    assert_eq!(peer.ask("there?"), "there?");
}

#[test]
fn requests_in_flight_are_answered_when_the_program_dies() {
    let host = host();
    let peer = Peer::dealer(host.endpoint().unwrap());
    for code in [0, 1, 70, 78, 101] {
        let before = ask(host.endpoint().unwrap(), "pid");
        hold(&peer, 3);
        peer.send(format!("die {code}"));
        let replies: Vec<_> = (0..4).map(|_| kind(&peer.text())).collect();
        assert_eq!(replies, ["lost"; 4], "exit code {code}");

        let after = ask(host.endpoint().unwrap(), "pid");
        assert_ne!(before, after);
        assert_eq!(host.pid().unwrap().to_string(), after);
    }
}

#[test]
fn a_killed_program_is_replaced() {
    let host = host();
    let peer = Peer::dealer(host.endpoint().unwrap());
    hold(&peer, 1);
    let pid = host.pid().unwrap();
    let process = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    assert_eq!(kind(&peer.text()), "lost");
    assert_ne!(peer.ask("pid"), pid.to_string());
}

#[test]
fn an_overrun_replaces_the_program_at_once_and_returns_what_never_started() {
    let mut config = config("good");
    config.timing.first_restart = Duration::from_secs(600);
    config.timing.last_restart = Duration::from_secs(600);
    let host = start(config).unwrap();
    let peer = Peer::dealer(host.endpoint().unwrap());
    for _ in 0..3 {
        let before = ask(host.endpoint().unwrap(), "pid");
        hold(&peer, 2);
        peer.send("overrun");
        let replies: Vec<_> = (0..3).map(|_| kind(&peer.text())).collect();
        assert_eq!(replies, ["overrun", "not started", "not started"]);
        assert_ne!(ask(host.endpoint().unwrap(), "pid"), before);
    }
}

#[test]
fn a_program_that_breaks_the_protocol_is_killed_and_replaced() {
    let ways = [
        "kind", "long", "short", "text", "tag", "returned", "ready", "request", "cut",
    ];
    let host = host();
    let peer = Peer::dealer(host.endpoint().unwrap());
    for way in ways {
        let before = ask(host.endpoint().unwrap(), "pid");
        hold(&peer, 1);
        peer.send(format!("misbehave {way}"));
        let replies: Vec<_> = (0..2).map(|_| kind(&peer.text())).collect();
        assert_eq!(replies, ["lost"; 2], "{way}");
        assert_ne!(ask(host.endpoint().unwrap(), "pid"), before, "{way}");
        assert!(!lives(&before), "{way}");
    }

    let before = ask(host.endpoint().unwrap(), "pid");
    hold(&peer, 1);
    peer.send("misbehave twice");
    assert_eq!(kind(&peer.text()), "once");
    assert_eq!(kind(&peer.text()), "lost", "not the second answer");
    assert_ne!(ask(host.endpoint().unwrap(), "pid"), before);
}

#[test]
fn last_bytes_and_the_end_are_noticed_however_they_fall_together() {
    let host = host();
    let peer = Peer::dealer(host.endpoint().unwrap());
    for _ in 0..40 {
        assert_eq!(kind(&peer.ask("misbehave cut")), "lost");
    }
}

#[test]
fn a_reply_over_the_limit_is_a_breach() {
    let mut config = config("good");
    config.limits.body = 1000;
    let host = start(config).unwrap();
    assert_eq!(ask(host.endpoint().unwrap(), "big 1000").len(), 1000);
    assert_eq!(kind(&ask(host.endpoint().unwrap(), "big 1001")), "lost");
    assert_eq!(ask(host.endpoint().unwrap(), "next"), "next");
}

#[test]
fn requests_wait_for_a_program_and_then_lose_patience() {
    for manner in ["never ready", "78", "0", "75", "garbage", "other worker"] {
        let mut config = config(manner);
        config.timing.patience = Duration::from_millis(200);
        config.timing.first_restart = Duration::from_secs(600);
        config.timing.last_restart = Duration::from_secs(600);
        let host = start(config).unwrap();
        let peer = Peer::dealer(host.endpoint().unwrap());
        for _ in 0..200 {
            peer.send("anyone?");
        }
        for _ in 0..200 {
            assert_eq!(kind(&peer.text()), "not started", "{manner}");
        }
        if manner != "never ready" {
            eventually("the program is gone", || host.pid().is_none());
        }
        host.stop().unwrap();
    }
}

#[test]
fn a_program_that_is_never_ready_is_killed_and_started_again() {
    let mut config = config("never ready");
    config.timing.start = Duration::from_millis(50);
    let host = start(config).unwrap();
    let first = host.pid().unwrap();
    eventually("another is started", || {
        host.pid().is_some_and(|pid| pid != first)
    });
    assert!(!lives(&first.to_string()));
}

#[test]
fn a_program_that_is_stuck_is_killed_and_replaced() {
    let mut config = config("good");
    config.timing.silence = Duration::from_millis(300);
    let host = start(config).unwrap();
    let peer = Peer::dealer(host.endpoint().unwrap());
    let before = peer.ask("pid");
    // Without requests it may be silent, with them as long as it says something.
    std::thread::sleep(Duration::from_millis(400));
    for _ in 0..4 {
        peer.send("hold");
        assert_eq!(peer.ask("sleep 120"), "slept");
    }
    peer.send("release");
    for reply in ["held", "held", "held", "held", "released"] {
        assert_eq!(peer.text(), reply);
    }
    assert_eq!(peer.ask("pid"), before);

    peer.send("deaf");
    peer.send("hello?");
    assert_eq!(kind(&peer.text()), "lost");
    assert_eq!(kind(&peer.text()), "lost");
    assert_ne!(peer.ask("pid"), before);
    assert!(!lives(&before));
}

#[test]
fn a_program_inherits_nothing() {
    // A process of its own: here other tests open descriptors all the time.
    let host = Process::start();
    assert_eq!(
        ask(&host.endpoint, "descriptors"),
        "0=socket 1=/dev/null 2=pipe 3=socket",
        "0 to 2, and the copy of 0 that the test program makes"
    );
    let variables = ask(&host.endpoint, "environment");
    assert_eq!(variables, crate::support::program::VARIABLE);
}

#[test]
fn a_talkative_program_keeps_nobody_waiting() {
    let host = host();
    let line = "x".repeat(100_000);
    let peer = Peer::dealer(host.endpoint().unwrap());
    for _ in 0..50 {
        peer.send(format!("say {line}"));
    }
    for _ in 0..50 {
        assert_eq!(peer.text(), "said");
    }
}

#[test]
fn what_keeps_a_host_from_starting_is_said() {
    let mut missing = config("good");
    missing.program = "/no/such/program".into();
    let error = start(missing).unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error}");

    let first = host();
    let mut taken = config("good");
    taken.bind = first.endpoint().map(str::to_owned);
    let error = start(taken).unwrap_err();
    assert!(matches!(error, Error::Bind { .. }), "{error}");

    let mut nonsense = config("good");
    nonsense.bind = Some("nonsense".to_owned());
    assert!(matches!(start(nonsense), Err(Error::Bind { .. })));

    let mut manager = config("good");
    manager.manager = Some("nonsense".to_owned());
    manager.token = Some("t".to_owned());
    assert!(matches!(start(manager), Err(Error::Manager { .. })));

    let mut token = config("good");
    token.manager = Some("tcp://127.0.0.1:1".to_owned());
    assert!(matches!(start(token), Err(Error::Token)));

    assert!(WorkerName::new("no spaces").is_err());
}

pub(crate) fn lives(pid: &str) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let state = stat.rsplit(") ").next().unwrap_or_default();
    !state.starts_with('Z')
}
