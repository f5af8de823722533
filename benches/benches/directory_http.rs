//! A key directory over HTTP as it grows: GET of users whose VRF proofs are there, and PUT. The load comes from
//! a process of its own on the same machine.
//!
//! `cargo bench -p sconce-benches --bench directory_http` (`-- --users 1000,10000` for other steps)

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use directory::apps::Apps;
use directory::storage::{Imported, Mutation, UserRecord};
use directory::{Config, Server};
use ring::digest::{SHA256, SHA512, digest};
use sconce_benches::arguments;
use sconce_benches::figures::{mib, ms, percentile, promise};
use transparency::json;
use transparency::map::Index;
use transparency::messages::{Committed, EntryUpdate, Profile};
use transparency::signature::SigningKey;
use transparency::update::Draft;

const STEPS: [u64; 4] = [1000, 10_000, 100_000, 1_000_000];

/// The users that promises are about.
const FULL: u64 = 1_000_000;

/// Connections that ask, one request after the other each.
const READERS: u64 = 16;
/// Connections that write.
const WRITERS: u64 = 32;
/// How long is asked.
const TIME: Duration = Duration::from_secs(10);
/// Updates that are put at each step, of as many users: enough for several epochs.
const UPDATES: u64 = 10_000;

fn main() {
    let folder = PathBuf::from(arguments::value("--folder", String::new()));
    let users = arguments::list("--users", &STEPS);
    match arguments::value("--role", String::new()).as_str() {
        "load" => load(&folder, users[0]),
        "serve" => serve(&folder, users[0]),
        _ => parent(&users),
    }
}

fn parent(steps: &[u64]) {
    for count in steps {
        let folder = tempfile::tempdir().expect("a folder");
        let begun = Instant::now();
        import(&config(folder.path()), *count);
        println!(
            "{count:>9} users: imported in {:.1} s",
            begun.elapsed().as_secs_f64()
        );
        run("serve", folder.path(), *count);
    }
}

fn config(folder: &Path) -> Config {
    let mut config = Config::new(folder);
    config.address = ([127, 0, 0, 1], 0).into();
    config.realm = "bench.example".to_owned();
    config.apps = Apps::default();
    config.writers.development = true;
    config
}

/// Every user signs with the same key, and has a VRF that is made up: neither changes what an answer costs.
fn import(config: &Config, count: u64) {
    let prepare = |_: &_, n| {
        let (update, vrf) = (update(n, None, 0), vrf(n));
        let committed = update.committed.as_ref().map(Committed::encode);
        Ok(Imported {
            record: UserRecord {
                vrf,
                proof: Some([7; 64]),
            },
            mutation: Mutation {
                user: id(n),
                index: index(n),
                leaf: update.update.key_value.value.clone(),
                update: update.update.encode(),
                committed: committed.unwrap_or_default(),
            },
        })
    };
    directory::import::import(config, 0..count, prepare, &|_| {}).expect("an import");
}

fn id(n: u64) -> String {
    format!("user-{n:09}@example.com")
}

fn vrf(n: u64) -> [u8; 65] {
    let hash = digest(&SHA512, &n.to_be_bytes());
    let mut vrf = [4; 65];
    vrf[1..].copy_from_slice(hash.as_ref());
    vrf
}

fn index(n: u64) -> Index {
    Index::from_slice(digest(&SHA256, &vrf(n)).as_ref()).expect("32 bytes")
}

fn update(n: u64, previous: Option<&[u8]>, version: u8) -> EntryUpdate {
    let key = SigningKey::from_scalar(&[7; 32]).expect("a key");
    let mut data = digest(&SHA512, &vrf(n)).as_ref().to_vec();
    data.push(version);
    let profile = Profile([("notes".to_owned(), data)].into());
    let index = index(n);
    let draft = Draft {
        user: &id(n),
        index: index.as_bytes(),
        previous,
        profile: &profile,
        authorized_keys: &[key.verifying_key().clone()],
        nonce: &[9; 16],
    };
    draft.sign(&[&key]).expect("a signature")
}

/// Serves, and has the load put on it.
fn serve(folder: &Path, count: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let begun = Instant::now();
    let server = runtime
        .block_on(Server::start(config(folder)))
        .expect("it starts");
    println!("          open after {}", ms(begun.elapsed()));
    std::fs::write(folder.join("address"), server.address().to_string()).expect("a file");
    run("load", folder, count);
    println!("          resident at the end: {}", mib(resident()));
    runtime.block_on(server.shutdown());
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// Asks for users all over, then has some of them change their entries.
fn load(folder: &Path, count: u64) {
    let address = std::fs::read_to_string(folder.join("address")).expect("an address");
    let address = address.parse().expect("an address");
    let number = AtomicU64::new(1);
    let (mut times, took) = at_once(READERS, address, |client| {
        let (begun, mut times) = (Instant::now(), Vec::new());
        while begun.elapsed() < TIME {
            // Each user seldom: a stride that is prime to all counts.
            let n = number.fetch_add(1, Ordering::Relaxed).wrapping_mul(7919) % count;
            let asked = Instant::now();
            let request = format!("GET /v1/users/{} HTTP/1.1\r\nHost: x\r\n\r\n", id(n));
            client.exchange(request.as_bytes());
            times.push(asked.elapsed());
        }
        times
    });
    let rate = times.len() as f64 / took.as_secs_f64();
    let late = percentile(&mut times, 99);
    println!(
        "          GET: {rate:.0} a second over {READERS} connections, p50 {}, p99 {}",
        ms(percentile(&mut times, 50)),
        ms(late)
    );
    if count == FULL {
        let kept = rate >= 5000.0;
        promise(
            "GET a second at 1 000 000 users",
            format!("{rate:.0}"),
            "at least 5 000",
            kept,
        );
        let kept = late < Duration::from_millis(10);
        promise("GET at 1 000 000 users, p99", ms(late), "under 10 ms", kept);
    }
    put(address, count);
}

fn put(address: SocketAddr, count: u64) {
    let some = UPDATES.min(count);
    let bodies: Vec<_> = (0..some)
        .map(|n| n * (count / some))
        .map(|n| {
            let first = update(n, None, 0).update.key_value.value;
            let body = json::write(&update(n, Some(&first), 1)).expect("JSON");
            let head = format!(
                "PUT /v1/users/{0} HTTP/1.1\r\nHost: x\r\nGrpc-Metadata-Userid: {0}\r\nContent-Length: {1}\r\n\r\n",
                id(n),
                body.len()
            );
            [head.as_bytes(), &body].concat()
        })
        .collect();
    let next = AtomicU64::new(0);
    let (mut times, took) = at_once(WRITERS, address, |client| {
        let mut times = Vec::new();
        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            let asked = Instant::now();
            client.exchange(body);
            times.push(asked.elapsed());
        }
        times
    });
    println!(
        "          PUT: {:.0} a second over {WRITERS} connections, p50 {}, p99 {}",
        times.len() as f64 / took.as_secs_f64(),
        ms(percentile(&mut times, 50)),
        ms(percentile(&mut times, 99))
    );
}

/// What so many clients at once took for each request, and all together.
fn at_once(
    clients: u64,
    address: SocketAddr,
    work: impl Fn(&mut Client) -> Vec<Duration> + Sync,
) -> (Vec<Duration>, Duration) {
    let begun = Instant::now();
    let times = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|_| scope.spawn(|| work(&mut Client::connect(address))))
            .collect();
        let times = threads
            .into_iter()
            .map(|thread| thread.join().expect("a client"));
        times.flatten().collect()
    });
    (times, begun.elapsed())
}

/// A connection that is kept.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        Self(BufReader::with_capacity(32 << 10, stream))
    }

    /// One request, and all of its answer, which must be a good one.
    fn exchange(&mut self, request: &[u8]) {
        self.0.get_mut().write_all(request).expect("a request");
        let mut line = String::new();
        let mut length = 0;
        let mut status = String::new();
        loop {
            line.clear();
            self.0.read_line(&mut line).expect("an answer");
            let head = line.trim_end();
            if head.is_empty() {
                break;
            }
            if status.is_empty() {
                head.clone_into(&mut status);
            } else if let Some(value) = head.strip_prefix("content-length: ") {
                length = value.parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a body");
        assert!(
            status.starts_with("HTTP/1.1 200"),
            "{status} {}",
            String::from_utf8_lossy(&body)
        );
    }
}

/// Runs a part of the measurement in a process of its own.
fn run(role: &str, folder: &Path, users: u64) {
    let status = Command::new(std::env::current_exe().expect("this program"))
        .args(["--role", role, "--users", &users.to_string(), "--folder"])
        .arg(folder)
        .status()
        .expect("this program runs");
    if !status.success() {
        promise(role, status, "it ends well", false);
    }
}
