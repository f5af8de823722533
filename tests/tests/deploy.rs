//! The service files in `deploy/` are what systemd and `sconce` understand, and work together.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client::{Client, Order, WorkerId};
use sconce_tests::command::sconce;
use sconce_tests::image;
use sconce_tests::platform::{sconce_program, worker_program};
use sconce_tests::process::{Process, Signal};
use sconce_tests::skipped::skipped;
use sconce_tests::vectors::checkout;

const PLATFORM: &str = "sconce-platform.service";
const WORKER: &str = "sconce-worker@.service";

#[test]
fn systemd_understands_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let units = [PLATFORM, WORKER].map(|name| {
        let text = unit(name).replace("/usr/local/bin/sconce ", "/bin/true ");
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    });
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(arguments).args(&units).output()
    };
    let Ok(output) = analyze(&["verify", "--man=no"]) else {
        return skipped("systemd-analyze verify", "systemd is not installed");
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");

    // Of 100, the less the better; ordinary services have 90 and more.
    let output = analyze(&["security", "--offline=true", "--threshold=20"]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("unrecognized option") {
        return skipped("systemd-analyze security", "systemd is older than 250");
    }
    assert!(
        output.status.success(),
        "{}{said}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn sconce_understands_the_settings() {
    let home = tempfile::tempdir().unwrap();
    let file = deploy().join("sconce.toml");
    let output = sconce(home.path(), &["config", "check", file.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
}

/// `--help` at the end of a command line is reached only if everything before it is understood.
#[test]
fn sconce_understands_the_command_lines() {
    let home = tempfile::tempdir().unwrap();
    for name in [PLATFORM, WORKER] {
        let command = Machine::new(home.path()).command(name);
        let own: Vec<_> = command
            .iter()
            .skip(1)
            .take_while(|word| *word != "--")
            .collect();
        let mut arguments: Vec<&str> = own.iter().map(|word| word.as_str()).collect();
        arguments.push("--help");
        let output = sconce(home.path(), &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");

        arguments.insert(arguments.len() - 1, "--no-such-option");
        assert!(!sconce(home.path(), &arguments).status.success(), "{name}");
    }
}

#[test]
fn a_platform_and_a_worker_of_the_units_answer_orders() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let notified = machine.folder.join("notify");
    let service_manager = UnixDatagram::bind(&notified).unwrap();
    service_manager
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();

    let platform = Service::start(&machine, PLATFORM, &notified);
    assert_eq!(words(&service_manager)[0], "READY=1");
    let worker = Service::start(&machine, WORKER, &notified);

    // The platform's own proves what it is.
    let listener = format!("http://{}", machine.listener);
    let mut order = vec![
        "submit",
        "-u",
        &listener,
        "-l",
        "python-hello",
        "-i",
        "deploy",
        "-o",
    ];
    let state = machine.state.to_str().unwrap();
    order.extend(["-w", "scone-worker-1", "--data-dir", state]);
    let attested = sconce(&machine.folder, &order);
    assert!(attested.status.success(), "{attested:?}");
    assert!(String::from_utf8_lossy(&attested.stdout).contains("Hello deploy"));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = runtime.block_on(async {
        let client = Client::connect(&listener).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let worker = loop {
            match client
                .unverified_worker(&WorkerId::from_name(Machine::INSTANCE))
                .await
            {
                Ok(worker) => break worker,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let order = Order::new(&worker, "python-hello").input("deploy");
        client.run(&order).await.unwrap()
    });
    assert_eq!(answer.text(), "Hello deploy");

    assert!(worker.stop(), "the host ended without being asked");
    assert!(platform.stop(), "the platform ended without being asked");
    assert_eq!(words(&service_manager)[0], "STOPPING=1");
}

fn words(service_manager: &UnixDatagram) -> Vec<String> {
    let mut bytes = [0; 1024];
    let length = service_manager.recv(&mut bytes).unwrap();
    let text = std::str::from_utf8(&bytes[..length]).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn deploy() -> PathBuf {
    checkout().join("deploy/systemd")
}

fn unit(name: &str) -> String {
    fs::read_to_string(deploy().join(name)).unwrap()
}

/// A pretend machine: where the units' folders are, and what their settings say.
struct Machine {
    folder: PathBuf,
    state: PathBuf,
    listener: String,
    manager: String,
    variables: BTreeMap<String, String>,
}

impl Machine {
    /// What stands behind the `@` of a worker's unit.
    const INSTANCE: &str = "alpha";

    fn new(folder: &Path) -> Self {
        let state = folder.join("state");
        let credentials = folder.join("credentials");
        for path in [&state, &credentials] {
            fs::create_dir_all(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        let token = credentials.join("host-token");
        fs::write(&token, "0123456789abcdef0123456789abcdef\n").unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(0o400)).unwrap();

        let text = fs::read_to_string(deploy().join("worker.env")).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let settings = lines.filter_map(|line| line.split_once('='));
        let mut variables: BTreeMap<_, _> = settings
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let [listener, manager] = free_addresses();
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        variables.extend([
            ("STATE_DIRECTORY".to_owned(), path(&state)),
            ("CREDENTIALS_DIRECTORY".to_owned(), path(&credentials)),
            ("SCONCE_MANAGER".to_owned(), format!("tcp://{manager}")),
        ]);
        Self {
            folder: folder.to_owned(),
            state,
            listener,
            manager,
            variables,
        }
    }

    /// A unit's command line as systemd makes it: systemd.service(5), "Command lines".
    fn command(&self, name: &str) -> Vec<String> {
        let unit = unit(name);
        let line = unit
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart="));
        let value = |name: &str| {
            let value = self.variables.get(name);
            value
                .unwrap_or_else(|| panic!("nothing sets {name}"))
                .clone()
        };
        let words = line.unwrap().split(' ').flat_map(|word| {
            if let Some(name) = word.strip_prefix('$').filter(|rest| !rest.starts_with('{')) {
                return value(name).split_whitespace().map(str::to_owned).collect();
            }
            let mut word = word.replace("%i", Self::INSTANCE);
            while let Some((before, rest)) = word.split_once("${") {
                let (name, after) = rest.split_once('}').unwrap();
                word = format!("{before}{}{after}", value(name));
            }
            vec![word]
        });
        words
            .map(|word| match word.as_str() {
                "/usr/local/bin/sconce" => sconce_program().to_str().unwrap().to_owned(),
                "/usr/local/lib/sconce/sconce-worker" => {
                    worker_program().to_str().unwrap().to_owned()
                }
                "/usr/local/lib/sconce/worker" => image::worker().folder.display().to_string(),
                "/usr/local/lib/sconce/vault" => image::vault().folder.display().to_string(),
                "/etc/sconce/sconce.toml" => deploy().join("sconce.toml").display().to_string(),
                _ => word,
            })
            .collect()
    }
}

fn free_addresses() -> [String; 2] {
    // Both are held until both are known.
    let listeners = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().to_string())
}

/// A process of a unit.
struct Service(Child);

impl Service {
    fn start(machine: &Machine, name: &str, notified: &Path) -> Self {
        let command = machine.command(name);
        let child = Command::new(&command[0])
            .args(&command[1..])
            .env("NOTIFY_SOCKET", notified)
            // The file's ports may be taken on this machine.
            .env("SCONCE_LISTENER_ADDRESS", &machine.listener)
            .env("SCONCE_VAULT_ADDRESS", "127.0.0.1:0")
            .env("SCONCE_DIRECTORY_ADDRESS", "127.0.0.1:0")
            .env("SCONCE_WORKERS_COUNT", "1")
            .env(
                "SCONCE_MANAGER_ENDPOINT",
                format!("tcp://{}", machine.manager),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Asks it to end, as systemd does; false if it had ended or fails.
    fn stop(mut self) -> bool {
        let running = self.0.try_wait().unwrap().is_none();
        Process::of(self.0.id()).unwrap().signal(Signal::TERM);
        running && self.0.wait().unwrap().success()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Only where a test has failed is it still there.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}
