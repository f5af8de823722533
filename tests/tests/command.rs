//! The `sconce` command with real workers, as a newcomer and an operator use it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use sconce_tests::command::{Host, Up, sconce};
use sconce_tests::image;
use sconce_tests::process::Process;
use serde_json::Value;

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// `sconce submit` for an order to the first worker, which has to be what the platform's policy says.
fn submit(home: &Path, up: &Up, workload: &str, input: &str, more: &[&str]) -> Output {
    let uri = up.listener().unwrap();
    let mut arguments = vec!["submit", "--uri", &uri, "-w", "scone-worker-1"];
    arguments.extend(["--workload_id", workload, "--in_data", input]);
    arguments.extend(["--data-dir", home.to_str().unwrap()]);
    arguments.extend(more);
    sconce(home, &arguments)
}

#[test]
fn the_commands_that_users_were_promised() {
    let folder = tempfile::tempdir().unwrap();
    for mode in ["async", "sync"] {
        let up = Up::start(folder.path(), mode, 2);
        let cases = [
            ("python-hello", "Mujtaba", "Hello Mujtaba"),
            ("python-fib", "5", "Fibonacci number at position 5 = 5"),
            (
                "secure-transaction",
                "100 100 50 50",
                "Sender balance = 75, receiver balance = 125",
            ),
        ];
        for (workload, input, answer) in cases {
            let wanted = format!("Decryption result at client - {answer}\n");
            for more in [
                &["-o"][..],
                &["-o", "-rs"],
                &["-o", "-p"],
                &["-o", "--avalon-iv"],
            ] {
                let output = submit(folder.path(), &up, workload, input, more);
                assert_eq!(stdout(&output), wanted, "{mode} {more:?}");
            }
        }
        let failed = submit(folder.path(), &up, "python-fib", "abc", &["-o"]);
        assert_eq!(failed.status.code(), Some(1));
        let said = String::from_utf8_lossy(&failed.stderr);
        assert!(
            said.contains("workload.input") && said.contains("whole number"),
            "{said}"
        );
    }
}

#[test]
fn workers_are_processes_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), "async", 5);
    let (workers, hosts) = (up.workers(), up.hosts());
    assert_eq!(
        (workers.len(), hosts.len()),
        (5, 5),
        "a host and a program for each worker"
    );
    let this = Process::of(std::process::id()).unwrap();
    let all: BTreeSet<_> = workers
        .into_iter()
        .chain(hosts)
        .chain([up.process(), this])
        .collect();
    assert_eq!(all.len(), 12);

    drop(up);
    for process in all.iter().filter(|process| **process != this) {
        assert!(!process.is_alive(), "{process:?} outlived the platform");
    }
}

/// Whoever reaches a host's socket can use its worker, and no token is asked for there.
#[test]
fn neither_program_takes_the_others_place() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let (worker, vault) = (&image::worker().folder, &image::vault().folder);
    for (image, vault_image, wanted) in [
        (worker, worker, "is signed as product 1, and the vault's"),
        (vault, vault, "is signed as product 2, and the worker's"),
    ] {
        let data = home.join("data");
        let mut arguments = vec![
            "up",
            "--listener",
            "127.0.0.1:0",
            "--vault",
            "127.0.0.1:0",
            "--transparency",
            "127.0.0.1:0",
        ];
        for (option, path) in [
            ("--data-dir", &data),
            ("--image", image),
            ("--vault-image", vault_image),
        ] {
            arguments.extend([option, path.to_str().unwrap()]);
        }
        let output = sconce(home, &arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn hosts_that_up_starts_can_be_reached_by_their_manager_alone() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), "sync", 2);
    assert!(!up.process().listening_ports().is_empty());
    let answer = "Decryption result at client - Hello you\n";
    for _ in 0..2 {
        let output = submit(folder.path(), &up, "python-hello", "you", &["-o"]);
        assert_eq!(stdout(&output), answer);
        let hosts = up.hosts();
        assert_eq!(hosts.len(), 2);
        for process in hosts.iter().chain(&up.workers()) {
            let name = process.arguments();
            let ports = process.listening_ports();
            assert!(ports.is_empty(), "{name:?} {ports:?}");
        }
    }

    // One that is told to listen does, and it shows.
    let host = Host::start(folder.path(), "scone-worker-1");
    let process = host.process();
    let deadline = Instant::now() + Duration::from_secs(60);
    while process.listening_ports().is_empty() {
        assert!(Instant::now() < deadline, "no port");
        std::thread::sleep(Duration::from_millis(5));
    }
    // ZeroMQ has threads of its own, where it is. One that asks a vault ends when its answer is there.
    let hosts = up.hosts();
    assert_eq!(hosts.len(), 2);
    let is_fewer = |other: &Process| (1..process.threads()).contains(&other.threads());
    while !hosts.iter().all(is_fewer) {
        assert!(Instant::now() < deadline, "as many threads as with ZeroMQ");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn orders_survive_a_power_failure() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let up = Up::start(home, "async", 1);
    let output = submit(home, &up, "python-hello", "before", &["--json"]);
    let done: Value = serde_json::from_str(&stdout(&output)).unwrap();
    // Accepted and not waited for: perhaps done, perhaps under way, perhaps still queued.
    let pending: Vec<Value> = (0..20)
        .map(|n| {
            let output = submit(
                home,
                &up,
                "python-hello",
                &n.to_string(),
                &["--no-wait", "--json"],
            );
            serde_json::from_str(&stdout(&output)).unwrap()
        })
        .collect();
    up.kill();

    let up = Up::start(home, "async", 1);
    let uri = up.listener().unwrap();
    let fetch = |order: &Value| {
        let id = order["workOrderId"]
            .as_str()
            .unwrap_or_else(|| panic!("no id in {order}"));
        stdout(&sconce(home, &["order", "get", id, "--uri", &uri]))
    };
    assert!(fetch(&done).contains("Hello before"));
    for (n, order) in pending.iter().enumerate() {
        assert!(fetch(order).contains(&format!("Hello {n}")), "order {n}");
    }
}

#[test]
fn the_demo_shows_the_seed_orders() {
    let home = tempfile::tempdir().unwrap();
    let [worker, vault] =
        [image::worker(), image::vault()].map(|image| image.folder.to_str().unwrap());
    let arguments = ["demo", "--image", worker, "--vault-image", vault];
    let output = stdout(&sconce(home.path(), &arguments));
    for answer in [
        "Hello Mujtaba",
        "Fibonacci number at position 5 = 5",
        "Sender balance = 75, receiver balance = 125",
        "NOT proved",
    ] {
        assert!(output.contains(answer), "{answer}: {output}");
    }
}
