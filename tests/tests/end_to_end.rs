//! Orders through real sockets to real worker processes.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use client::{Client, Error, Order, Protection, Worker, WorkerId};
use listener::Mode;
use protocol::Reason;
use sconce_tests::keys;
use sconce_tests::platform::{Platform, Setup, unruly_program};

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("scone-worker-{n}")).collect()
}

fn connect(platform: &Platform, name: &str) -> (Client, Worker) {
    let client = Client::connect(&platform.uri()).unwrap();
    let worker = platform
        .block_on(client.unverified_worker(&WorkerId::from_name(name)))
        .unwrap();
    (client, worker)
}

fn run(platform: &Platform, client: &Client, order: &Order) -> Result<String, Error> {
    platform
        .block_on(client.run(order))
        .map(|answer| answer.text().into_owned())
}

/// Every workload, every way of sending it, to five workers.
fn everything(mode: Mode) {
    let platform = Platform::start(Setup {
        workers: names(5),
        mode,
        ..Setup::default()
    });
    let key = Arc::new(keys::requester_signing());
    for name in names(5) {
        let (client, worker) = connect(&platform, &name);
        let cases = [
            ("python-hello", "Mujtaba", "Hello Mujtaba"),
            ("python-fib", "5", "Fibonacci number at position 5 = 5"),
            (
                "secure-transaction",
                "100 100 50 50",
                "Sender balance = 75, receiver balance = 125",
            ),
        ];
        for (workload, input, wanted) in cases {
            for protection in [Protection::Session, Protection::OwnKey, Protection::Plain] {
                for (signed, avalon_iv) in [(false, false), (true, false), (true, true)] {
                    let mut order = Order::new(&worker, workload)
                        .input_as(input, protection)
                        .avalon_iv(avalon_iv);
                    if signed {
                        order = order.signed(Arc::clone(&key));
                    }
                    let answer = run(&platform, &client, &order).unwrap();
                    assert_eq!(answer, wanted, "{name} {protection:?} {signed} {avalon_iv}");
                }
            }
        }
        let several = Order::new(&worker, "secure-transaction")
            .input_as("100", Protection::Plain)
            .input("100")
            .input_as("50", Protection::OwnKey)
            .input("50");
        assert_eq!(
            run(&platform, &client, &several).unwrap(),
            "Sender balance = 75, receiver balance = 125"
        );
    }
    let pids: std::collections::BTreeSet<_> = names(5)
        .iter()
        .flat_map(|name| platform.pids(name))
        .collect();
    assert_eq!(pids.len(), 5, "five worker processes");
    assert!(
        !pids.contains(&std::process::id()),
        "none of them is this one"
    );
}

#[test]
fn everything_asynchronously() {
    everything(Mode::Async);
}

#[test]
fn everything_synchronously() {
    everything(Mode::SYNC);
}

#[test]
fn many_orders_at_once() {
    let platform = Platform::start(Setup {
        workers: names(2),
        ..Setup::default()
    });
    let (client, one) = connect(&platform, "scone-worker-1");
    let (_, two) = connect(&platform, "scone-worker-2");
    let orders = (0..200).map(|n| {
        let worker = if n % 2 == 0 { &one } else { &two };
        Order::new(worker, "python-hello").input(n.to_string())
    });
    let answers = platform.block_on(client.run_many(orders.collect::<Vec<_>>(), 16));
    assert_eq!(answers.len(), 200);
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap().text(), format!("Hello {n}"));
    }
}

#[test]
fn the_largest_answer() {
    let platform = Platform::start(Setup {
        workers: names(1),
        ..Setup::default()
    });
    let (client, worker) = connect(&platform, "scone-worker-1");
    // Its text has 1 048 576 bytes; one position further it doesn't fit.
    let order = Order::new(&worker, "python-fib").input("5017221");
    let answer = run(&platform, &client, &order).unwrap();
    assert_eq!(answer.len(), workload::OUTPUT_LIMIT);
    assert!(answer.starts_with("Fibonacci number at position 5017221 = "));
    let order = Order::new(&worker, "python-fib").input("5017222");
    let fault = refusal(run(&platform, &client, &order));
    assert_eq!(fault.reason, Some(Reason::WorkloadInput));
}

#[test]
fn a_workloads_message_reaches_its_requester_only() {
    for mode in [Mode::Async, Mode::SYNC] {
        let platform = Platform::start(Setup {
            workers: names(1),
            mode,
            ..Setup::default()
        });
        let (client, worker) = connect(&platform, "scone-worker-1");
        let order = Order::new(&worker, "secure-transaction").input("10 0 20 0");
        let sealed = order.seal().unwrap();
        let body = format!(
            r#"{{"jsonrpc":"2.0","method":"WorkOrderSubmit","id":1,"params":{}}}"#,
            sealed.params()
        );
        platform.post(&body).unwrap();
        let poll = serde_json::json!({
            "jsonrpc": "2.0", "method": "WorkOrderGetResult", "id": 2,
            "params": { "workOrderId": sealed.pending.id() },
        });
        let reply = platform.poll(&poll).unwrap();
        assert_eq!(reply["error"]["message"], "Error processing work load");
        let detail = reply["error"]["data"]["detail"].as_str().unwrap();
        let opened = sealed.pending.request.open_detail(detail).unwrap();
        assert!(opened.contains("balance"), "{opened}");

        let fault = refusal(run(&platform, &client, &order));
        assert_eq!((fault.code, fault.reason), (1, Some(Reason::WorkloadInput)));
        assert_eq!(fault.detail, Some(opened));
    }
}

fn refusal(outcome: Result<String, Error>) -> client::RpcError {
    match outcome {
        Err(Error::Rpc(error)) => *error,
        Err(other) => panic!("another error: {other}"),
        Ok(answer) => panic!("an answer of {} bytes", answer.len()),
    }
}

mod misbehaving {
    use super::*;

    fn platform() -> Platform {
        Platform::start(Setup {
            workers: names(1),
            program: unruly_program(),
            ..Setup::default()
        })
    }

    #[test]
    fn an_overrun_ends_the_order_and_replaces_the_process() {
        let platform = platform();
        let (client, worker) = connect(&platform, "scone-worker-1");
        let before = platform.pids("scone-worker-1");
        // One thread overruns; another order of the same process is under way, and more wait.
        let started = Barrier::new(2);
        std::thread::scope(|scope| {
            let others = scope.spawn(|| {
                let naps = (0..12).map(|_| Order::new(&worker, "naps").input("150"));
                started.wait();
                platform.block_on(client.run_many(naps.collect::<Vec<_>>(), 12))
            });
            started.wait();
            let overrun = Order::new(&worker, "overruns").input("x");
            let fault = refusal(run(&platform, &client, &overrun));
            assert_eq!(fault.reason, Some(Reason::WorkloadTime));
            assert_eq!(fault.message, "Error processing work load");
            assert!(fault.detail.unwrap().contains("300ms"));
            for other in others.join().unwrap() {
                other.expect("the other orders end well");
            }
        });
        let order = Order::new(&worker, "python-hello").input("again");
        assert_eq!(run(&platform, &client, &order).unwrap(), "Hello again");
        assert_ne!(platform.pids("scone-worker-1"), before, "another process");
    }

    #[test]
    fn a_panic_ends_only_its_order() {
        let platform = platform();
        let (client, worker) = connect(&platform, "scone-worker-1");
        let before = platform.pids("scone-worker-1");
        let order = Order::new(&worker, "panics").input("anchovies");
        let fault = refusal(run(&platform, &client, &order));
        assert_eq!(fault.reason, Some(Reason::WorkloadPanicked));
        assert!(fault.detail.unwrap().contains("cannot stand anchovies"));
        let order = Order::new(&worker, "python-hello").input("again");
        assert_eq!(run(&platform, &client, &order).unwrap(), "Hello again");
        assert_eq!(platform.pids("scone-worker-1"), before, "the same process");
    }

    #[test]
    fn an_order_that_kills_its_process_ends_at_last() {
        let platform = platform();
        let (client, worker) = connect(&platform, "scone-worker-1");
        for workload in ["aborts", "exits", "overflows-the-stack"] {
            let order = Order::new(&worker, workload).input("x");
            let fault = refusal(run(&platform, &client, &order));
            assert_eq!(fault.reason, Some(Reason::WorkerLost), "{workload}");
        }
        let order = Order::new(&worker, "python-hello").input("again");
        assert_eq!(run(&platform, &client, &order).unwrap(), "Hello again");
    }

    #[test]
    fn orders_beside_one_that_kills_its_process_end_well() {
        let platform = platform();
        let (client, worker) = connect(&platform, "scone-worker-1");
        let orders = (0..28).map(|number| match number % 7 {
            3 => Order::new(&worker, "aborts").input("x"),
            _ => Order::new(&worker, "naps").input("50"),
        });
        let answers = platform.block_on(client.run_many(orders.collect::<Vec<_>>(), 28));
        for (number, answer) in answers.into_iter().enumerate() {
            let answer = answer.map(|answer| answer.text().into_owned());
            match number % 7 {
                3 => assert_eq!(refusal(answer).reason, Some(Reason::WorkerLost)),
                _ => drop(answer.expect("the naps end well")),
            }
        }
    }

    #[test]
    fn a_killed_process_loses_no_order() {
        let platform = platform();
        let (client, worker) = connect(&platform, "scone-worker-1");
        std::thread::scope(|scope| {
            let naps = scope.spawn(|| {
                let naps = (0..8).map(|_| Order::new(&worker, "naps").input("200"));
                platform.block_on(client.run_many(naps.collect::<Vec<_>>(), 8))
            });
            std::thread::sleep(Duration::from_millis(300));
            for pid in platform.pids("scone-worker-1") {
                let killed = std::process::Command::new("kill")
                    .args(["-9", &pid.to_string()])
                    .status();
                assert!(killed.unwrap().success());
            }
            for nap in naps.join().unwrap() {
                nap.expect("done by the next process");
            }
        });
    }

    #[test]
    fn a_process_that_hangs_is_replaced() {
        // The real program: its longest time limit is five seconds.
        let platform = Platform::start(Setup {
            workers: names(1),
            ..Setup::default()
        });
        let (client, worker) = connect(&platform, "scone-worker-1");
        for pid in platform.pids("scone-worker-1") {
            let stopped = std::process::Command::new("kill")
                .args(["-STOP", &pid.to_string()])
                .status();
            assert!(stopped.unwrap().success());
        }
        let order = Order::new(&worker, "python-hello").input("anyway");
        assert_eq!(run(&platform, &client, &order).unwrap(), "Hello anyway");
    }

    #[test]
    fn two_processes_of_a_worker_share_its_orders() {
        let platform = platform();
        platform.start_another_host("scone-worker-1");
        let both = || {
            let status = platform.status();
            status
                .workers
                .iter()
                .any(|worker| worker.processes.len() == 2)
        };
        while !both() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let (client, worker) = connect(&platform, "scone-worker-1");
        let naps = (0..16).map(|_| Order::new(&worker, "naps").input("50"));
        let answers = platform.block_on(client.run_many(naps.collect::<Vec<_>>(), 16));
        let by: std::collections::BTreeSet<_> = answers
            .into_iter()
            .map(|answer| answer.unwrap().text().into_owned())
            .collect();
        let pids = platform.pids("scone-worker-1");
        assert_eq!(by, pids.iter().map(u32::to_string).collect());
    }
}
