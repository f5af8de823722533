//! The containers of `deploy/compose.yaml`, without a daemon: its command lines on this machine.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sconce_tests::command::sconce;
use sconce_tests::platform::{sconce_program, worker_program};
use sconce_tests::process::{Process, Signal};
use sconce_tests::skipped::skipped;
use serde_json::Value;

use crate::compose::{Compose, Service};
use crate::run;

/// Longer than workers take to make keys on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the images keep what has to be kept.
const DATA: &str = "/var/lib/sconce";
const TOKEN: &str = "/run/secrets/host-token";

/// Who the containers of the images run as.
const USER: u32 = 65532;

/// What of `/dev` is needed.
const DEVICES: [&str; 2] = ["null", "urandom"];

#[test]
fn the_file_says_what_a_container_may_not_do() {
    let folder = tempfile::tempdir().unwrap();
    let Some(compose) = Compose::read(&token(folder.path()), "10.77.19") else {
        return skipped("deploy/compose.yaml", "docker-compose is not installed");
    };
    assert_eq!(compose.workers().count(), 5);
    for (name, service) in &compose.services {
        assert!(service.read_only, "{name}");
        assert_eq!(service.cap_drop, ["ALL"], "{name}");
        let version = env!("CARGO_PKG_VERSION");
        let platform = format!("sconce/platform:{version}");
        let worker = format!("sconce/worker:{version}-debug");
        assert!([&platform, &worker].contains(&&service.image), "{name}");
        let volume = format!("{name}:{DATA}:rw");
        assert_eq!(service.volumes, [volume]);
        // The manager is told the address that a host is bound to: it has to be the container's.
        let network = service.networks["workers"].as_ref().unwrap();
        let address = network.ipv4_address.as_ref().unwrap();
        let own = service.command.iter().any(|word| word.contains(address));
        assert!(own, "{name} is at {address}");
    }
    // Nobody but the platform is where the listener is published.
    for (name, worker) in compose.workers() {
        assert_eq!(worker.networks.len(), 1, "{name}");
    }
}

/// With the programs of this build: what the command lines say is what they understand.
#[test]
fn the_command_lines_of_compose_run_orders() {
    let folder = tempfile::tempdir().unwrap();
    let Some(compose) = Compose::read(&token(folder.path()), &network(77)) else {
        return skipped("deploy/compose.yaml", "docker-compose is not installed");
    };
    let start = |name: &str, arguments: &[String]| {
        let data = folder.path().join(name);
        fs::create_dir_all(&data).unwrap();
        let place = |word: &String| match word.as_str() {
            "/worker" => worker_program().display().to_string(),
            TOKEN => folder.path().join("host-token").display().to_string(),
            _ => word.replace(DATA, data.to_str().unwrap()),
        };
        let mut command = Command::new(sconce_program());
        command.args(arguments.iter().map(place));
        command
    };
    try_out(folder.path(), &compose, &start);
}

/// With the packaged images: nothing is there but what they bring. `deploy/images.sh FOLDER` makes
/// them; then `SCONCE_IMAGES=FOLDER`.
#[test]
#[ignore = "as root, with SCONCE_IMAGES; .ci/long runs it"]
fn the_packaged_images_run_orders() {
    let images = PathBuf::from(std::env::var_os("SCONCE_IMAGES").expect("SCONCE_IMAGES"));
    let folder = tempfile::tempdir().unwrap();
    let token = token(folder.path());
    let compose = Compose::read(&token, &network(78)).expect("docker-compose");
    let start = |name: &str, arguments: &[String]| {
        let bundle = folder.path().join(name);
        if !bundle.is_dir() {
            let kind = if name == "platform" { name } else { "worker" };
            unpack(&images.join(format!("{kind}.tar")), &bundle);
            furnish(&bundle.join("rootfs"), &token);
        }
        contained(&bundle.join("rootfs"), arguments)
    };
    try_out(folder.path(), &compose, &start);
}

/// Gives the arguments of `/sconce`, by the name of the service, to a command that is not started.
type Start<'a> = dyn Fn(&str, &[String]) -> Command + 'a;

/// Starts the platform, waits until it's well, starts the workers, and has each do an order.
fn try_out(folder: &Path, compose: &Compose, start: &Start<'_>) {
    let platform = &compose.services["platform"];
    let run = |name: &str, service: &Service| {
        let place = |word: &String| word.replace("0.0.0.0:1947", "127.0.0.1:0");
        let arguments: Vec<_> = service.command.iter().map(place).collect();
        let log = folder.join(format!("{name}.log"));
        Running::start(start(name, &arguments), &log)
    };
    let up = run("platform", platform);
    let check = &platform.healthcheck.as_ref().unwrap().test;
    assert_eq!(check[..2], ["CMD", "/sconce"]);
    wait_until("the platform is well", folder, || {
        let mut status = start("platform", &check[2..]);
        status.stdout(Stdio::null()).stderr(Stdio::null());
        status.status().unwrap().success()
    });
    let workers: Vec<_> = compose
        .workers()
        .map(|(name, service)| run(name, service))
        .collect();
    // It listens for hosts too, at a port that the file names.
    let ports = up.process().listening_ports();
    let port = ports.into_iter().find(|port| *port != 1948).unwrap();
    let uri = format!("http://127.0.0.1:{port}");
    let home = tempfile::tempdir().unwrap();
    for number in 1..=workers.len() {
        let worker = format!("scone-worker-{number}");
        let order = ["submit", "--uri", &uri, "-w", &worker];
        let order = [&order[..], &["-l", "python-hello", "-i", "Mujtaba", "-o"]].concat();
        let order = [&order[..], &["--insecure-skip-verify"]].concat();
        wait_until(&format!("{worker} does an order"), folder, || {
            let output = sconce(home.path(), &order);
            let said = String::from_utf8_lossy(&output.stdout);
            output.status.success() && said.contains("Hello Mujtaba")
        });
    }
}

/// The first three numbers of addresses of this machine's own network, which other runs do not use.
fn network(second: u8) -> String {
    format!("127.{second}.{}", std::process::id() % 250 + 1)
}

/// The hosts' token, in a file.
fn token(folder: &Path) -> PathBuf {
    let path = folder.join("host-token");
    fs::write(&path, "0123456789abcdef".repeat(4)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Unpacks an image as a container's file system, and checks how a container is started.
fn unpack(tar: &Path, bundle: &Path) {
    let layout = bundle.with_extension("layout");
    let [from, to] = [tar, &layout].map(|path| path.to_str().unwrap());
    let copy = [format!("oci-archive:{from}"), format!("oci:{to}:x")];
    run(
        "skopeo",
        &["copy", "--preserve-digests", &copy[0], &copy[1]],
    );
    let image = format!("{to}:x");
    run(
        "umoci",
        &["unpack", "--image", &image, bundle.to_str().unwrap()],
    );
    let config = fs::read(bundle.join("config.json")).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    let process = &config["process"];
    assert_eq!(process["args"], serde_json::json!(["/sconce"]));
    assert_eq!(process["user"]["uid"], USER);
    assert_eq!(process["user"]["gid"], USER);
}

/// Puts there what docker puts into every container.
fn furnish(root: &Path, token: &Path) {
    for folder in ["proc", "dev", "run/secrets"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for device in DEVICES {
        fs::write(root.join("dev").join(device), "").unwrap();
    }
    let secret = root.join(&TOKEN[1..]);
    fs::copy(token, &secret).unwrap();
    chown(&secret, Some(USER), Some(USER)).unwrap();
}

/// `/sconce` in a file system of its own that it can't write to, as its user, without a variable.
fn contained(root: &Path, arguments: &[String]) -> Command {
    const SCRIPT: &str = r#"
        set -e
        mount --bind "$0" "$0"
        mount --bind "$0/var/lib/sconce" "$0/var/lib/sconce"
        for device in null urandom; do mount --bind "/dev/$device" "$0/dev/$device"; done
        mount -t proc proc "$0/proc"
        mount -o remount,ro,bind "$0"
        exec env -i /usr/sbin/chroot --userspec=65532:65532 "$0" /sconce "$@"
    "#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", SCRIPT]).arg(root);
    command.args(arguments);
    command
}

fn wait_until(what: &str, logs: &Path, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        if begin.elapsed() > PATIENCE {
            let logs = fs::read_dir(logs).unwrap().flatten().map(|log| log.path());
            for log in logs.filter(|path| path.extension().is_some_and(|it| it == "log")) {
                let text = fs::read_to_string(&log).unwrap();
                eprintln!("--- {}\n{text}", log.display());
            }
            panic!("{what}: not within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A process that is asked to stop when it's dropped.
struct Running(Child);

impl Running {
    fn start(mut command: Command, log: &Path) -> Self {
        let log = fs::File::create(log).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Self(command.spawn().unwrap())
    }

    fn process(&self) -> Process {
        Process::of(self.0.id()).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.process().signal(Signal::TERM);
            let _status = self.0.wait();
        }
    }
}
