//! The container of `deploy/compose.yaml`, without a daemon: its command line on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sconce_tests::command::sconce;
use sconce_tests::image::{vault, worker};
use sconce_tests::platform::sconce_program;
use sconce_tests::process::{Process, Signal};
use sconce_tests::skipped::skipped;
use serde_json::Value;

use crate::compose::Compose;
use crate::run;

/// Longer than a platform takes to start on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the container keeps what has to be kept, and where it finds the enclave images.
const DATA: &str = "/var/lib/sconce";
const IMAGES: &str = "/images";

/// Who the container of the image runs as.
const USER: u32 = 65532;

/// What of `/dev` is needed.
const DEVICES: [&str; 2] = ["null", "urandom"];

#[test]
fn the_file_says_what_a_container_may_not_do() {
    let folder = tempfile::tempdir().unwrap();
    let Some(compose) = Compose::read(folder.path()) else {
        return skipped("deploy/compose.yaml", "docker-compose is not installed");
    };
    for (name, service) in &compose.services {
        assert!(service.read_only, "{name}");
        assert_eq!(service.cap_drop, ["ALL"], "{name}");
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(service.image, format!("sconce/platform:{version}"));
        let images = format!("{}:{IMAGES}:ro", folder.path().display());
        assert_eq!(service.volumes, [format!("{name}:{DATA}:rw"), images]);
    }
}

/// With the programs of this build: what the command line says is what it understands.
#[test]
fn the_command_line_of_compose_runs_orders() {
    let folder = tempfile::tempdir().unwrap();
    let Some(compose) = Compose::read(folder.path()) else {
        return skipped("deploy/compose.yaml", "docker-compose is not installed");
    };
    let data = folder.path().join("data");
    let start = |arguments: &[String]| {
        let place = |word: &String| match word.as_str() {
            "/images/worker.tar" => worker().folder.display().to_string(),
            "/images/vault.tar" => vault().folder.display().to_string(),
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
    let compose = Compose::read(&images).expect("docker-compose");
    let bundle = folder.path().join("platform");
    unpack(&images.join("platform.tar"), &bundle);
    let root = bundle.join("rootfs");
    furnish(&root, &images);
    let start = |arguments: &[String]| contained(&root, arguments);
    try_out(folder.path(), &compose, &start);
}

/// Gives the arguments of `/sconce` to a command that is not started.
type Start<'a> = dyn Fn(&[String]) -> Command + 'a;

/// Starts the platform, waits until it's well, and has each of its workers do an order.
fn try_out(folder: &Path, compose: &Compose, start: &Start<'_>) {
    let platform = &compose.services["platform"];
    let place = |word: &String| word.replace("0.0.0.0:1947", "127.0.0.1:0");
    let mut arguments: Vec<_> = platform.command.iter().map(place).collect();
    // The file's port may be taken on this machine.
    arguments
        .extend(["--vault", "127.0.0.1:0", "--transparency", "127.0.0.1:0"].map(str::to_owned));
    let _up = Running::start(start(&arguments), &folder.join("platform.log"));
    let check = &platform.healthcheck.as_ref().unwrap().test;
    assert_eq!(check[..2], ["CMD", "/sconce"]);
    let status = |more: &[&str]| -> Option<Value> {
        let arguments: Vec<_> = check[2..]
            .iter()
            .cloned()
            .chain(more.iter().map(ToString::to_string))
            .collect();
        let output = start(&arguments).output().unwrap();
        let succeeded = output.status.success();
        succeeded.then(|| serde_json::from_slice(&output.stdout).unwrap_or_default())
    };
    wait_until("the platform is well", folder, || status(&[]).is_some());
    let ready = || status(&["--json"]).filter(|status| status["platform"]["ready"] == true);
    wait_until("all workers take orders", folder, || ready().is_some());
    let platform = ready().unwrap();
    let uri = platform["platform"]["listener"].as_str().unwrap();
    let measured = platform["platform"]["program"]["measurement"]
        .as_str()
        .unwrap();
    let root = platform["platform"]["program"]["root"].as_str().unwrap();
    let home = tempfile::tempdir().unwrap();
    for number in 1..=5 {
        let name = format!("scone-worker-{number}");
        let order = [
            "submit",
            "--uri",
            uri,
            "-w",
            &name,
            "-l",
            "python-hello",
            "-i",
            "Mujtaba",
        ];
        // Verified, as far as somebody does who has been told what to expect.
        let policy = home.path().join("policy.toml");
        let text = format!(
            "allow_debug = true\nallow_sim = true\nsimulated_roots = [\"{root}\"]\n\n[sgx]\nmeasurements = \
             [\"{measured}\"]\n"
        );
        fs::write(&policy, text).unwrap();
        let policy = ["--policy", policy.to_str().unwrap(), "-o"];
        let output = sconce(home.path(), &[&order[..], &policy].concat());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("Hello Mujtaba"), "{name}: {output:?}");
    }
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

/// Puts there what docker puts into the container.
fn furnish(root: &Path, images: &Path) {
    for folder in ["proc", "dev", "tmp", "images"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for device in DEVICES {
        fs::write(root.join("dev").join(device), "").unwrap();
    }
    for image in ["worker.tar", "vault.tar"] {
        fs::copy(images.join(image), root.join("images").join(image)).unwrap();
    }
}

/// `/sconce` in a file system of its own that it can't write to, as its user, without a variable.
fn contained(root: &Path, arguments: &[String]) -> Command {
    const SCRIPT: &str = r#"
        set -e
        mount --bind "$0" "$0"
        mount --bind "$0/var/lib/sconce" "$0/var/lib/sconce"
        for device in null urandom; do mount --bind "/dev/$device" "$0/dev/$device"; done
        mount -t proc proc "$0/proc"
        mount -t tmpfs -o mode=1777 tmp "$0/tmp"
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
