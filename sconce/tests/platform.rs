//! `up`, `status` and `down` without workers: everything but vault and work, which need images. Those
//! are in `tests/tests/attested_up.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::ffi::OsString;
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Outcome, User, checkout, outcome};

/// A supervisor with one host; killed when dropped.
struct Up {
    child: Child,
    folder: PathBuf,
}

impl Up {
    fn start(user: &User) -> Self {
        let folder = user.home().join("data");
        let mut command = user.command(up(&folder));
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let up = Self { child, folder };
        eventually("the record is written", || up.record().is_some());
        up
    }

    fn record(&self) -> Option<Value> {
        let text = std::fs::read(self.folder.join("up.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Asks it to stop; what it said on standard error.
    fn stop(mut self) -> String {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ended: std::io::Result<()> = self.child.kill();
        let _reaped: std::io::Result<_> = self.child.wait();
    }
}

const LISTENER: [&str; 2] = ["--listener", "127.0.0.1:0"];

/// With workers and a vault, on any free ports.
const ANYWHERE: [&str; 8] = [
    "up",
    "--listener",
    "127.0.0.1:0",
    "--vault",
    "127.0.0.1:0",
    "--transparency",
    "127.0.0.1:0",
    "--data-dir",
];

/// None of its own: workers may join from elsewhere.
const NO_WORKERS: [&str; 4] = ["--workers", "0", "--manager", "tcp://127.0.0.1:0"];

fn up(folder: &Path) -> Vec<String> {
    let line = ["up", "--data-dir", folder.to_str().unwrap()];
    line.iter()
        .chain(&LISTENER)
        .chain(&NO_WORKERS)
        .map(ToString::to_string)
        .collect()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "not so in time: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs `up` with changes, expecting that it can't start.
fn refused(user: &User, folder: &Path, more: &[&str]) -> Outcome {
    let outcome = user.run(
        up(folder)
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied()),
    );
    assert_eq!(outcome.stdout, "");
    let errors = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{outcome:?}");
    outcome
}

#[test]
fn status_and_down_find_what_runs() {
    let user = User::new();
    let mut up = Up::start(&user);
    let data = ["--data-dir", up.folder.to_str().unwrap()];
    let ready = || up.record().is_some_and(|record| record["ready"] == true);
    eventually("it is ready", ready);
    let record = up.record().unwrap();
    assert_eq!(record["pid"], up.child.id());
    assert_eq!(record["program"], Value::Null);
    assert_eq!(record["vault"], Value::Null);

    let status = user.run(["status"].iter().chain(&data));
    assert_eq!(status.status, 0, "{status:?}");
    assert!(
        status.stdout.starts_with("platform   ready, process "),
        "{status:?}"
    );
    let json = user.run(["status", "--json"].iter().chain(&data)).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["running"], &json["platform"]),
        (&true.into(), &record)
    );
    assert_eq!(json["workers"], Value::Array(Vec::new()));

    let down = user.run(["down"].iter().chain(&data));
    assert_eq!((down.status, down.stderr.as_str()), (0, "stopped\n"));
    assert!(up.child.wait().unwrap().success());
    assert!(up.record().is_none());

    let status = user.run(["status", "--json"].iter().chain(&data));
    assert_eq!(status.status, 1);
    assert!(status.stdout.contains("\"running\": false"), "{status:?}");
    assert_eq!(user.run(["down"].iter().chain(&data)).status, 0);
}

#[test]
fn a_live_view_ends_with_its_reader() {
    let user = User::new();
    let up = Up::start(&user);
    let mut command = user.command(["status", "--watch", "--data-dir"]);
    command.arg(&up.folder).stdout(Stdio::piped());
    let mut view = command.spawn().unwrap();
    let mut lines = BufReader::new(view.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert!(line.starts_with("accepted "), "{line}");
    drop(lines);
    assert_eq!(view.wait().unwrap().code(), Some(0));
}

/// It hands its open files to the host until that executes its program.
#[test]
fn a_platform_that_died_while_it_started_a_host_is_succeeded() {
    let user = User::new();
    let mut up = Up::start(&user);
    up.child.kill().unwrap();
    up.child.wait().unwrap();
    let lock = std::fs::File::open(up.folder.join("up.lock")).unwrap();
    eventually("the lock is free", || lock.try_lock().is_ok());
    let host = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(1));
        drop(lock);
    });
    drop(Up::start(&user));
    host.join().unwrap();
}

#[test]
fn what_stands_in_the_way_is_said_in_one_error() {
    let user = User::new();
    let up = Up::start(&user);
    let second = refused(&user, &up.folder, &[]);
    let text = second.stderr;
    assert!(text.contains("in use by another `sconce up`"), "{text}");
    assert!(
        text.contains(&format!("(process {})", up.child.id())),
        "{text}"
    );
    assert!(text.contains("sconce down --data-dir "), "{text}");
    assert!(
        text.contains("--data-dir FOLDER --listener 127.0.0.1:0"),
        "{text}"
    );

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = user.home().join("other");
    let line = [
        "up",
        "--data-dir",
        folder.to_str().unwrap(),
        "--listener",
        &address,
    ];
    let port = user.run(line);
    assert_eq!(port.status, 1);
    assert!(
        port.stderr.contains(&format!("{address} is in use")),
        "{port:?}"
    );

    let metrics = refused(
        &user,
        &folder,
        &["--set", &format!("metrics.address={address}")],
    );
    assert!(
        metrics.stderr.contains("metrics.address names it"),
        "{metrics:?}"
    );

    let file = user.home().join("file");
    std::fs::write(&file, "").unwrap();
    let unwritable = refused(&user, &file, &[]);
    assert!(
        unwritable.stderr.contains("cannot be used"),
        "{unwritable:?}"
    );

    let foreign = user.home().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("store.redb"), [7; 5000]).unwrap();
    let foreign = refused(&user, &foreign, &[]);
    assert!(
        foreign.stderr.contains("is not a readable store"),
        "{foreign:?}"
    );

    for outcome in [unwritable, foreign] {
        assert_eq!(outcome.status, 1);
    }
}

#[test]
fn inputs_that_cannot_be_used_end_with_2() {
    let user = User::new();
    let folder = user.home().join("data");
    let short = user.home().join("short");
    std::fs::write(&short, "secret\n").unwrap();
    for more in [
        ["--operator-token-file", "/nowhere"],
        ["--operator-token-file", short.to_str().unwrap()],
    ] {
        let outcome = refused(&user, &folder, &more);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(
            outcome.stderr.contains("openssl rand -hex 32"),
            "{outcome:?}"
        );
        assert!(!outcome.stderr.contains("secret"), "{outcome:?}");
    }
    let file = short.to_str().unwrap();
    let certificate = format!("tls.certificate={file}");
    let key = format!("tls.key={file}");
    let tls = refused(&user, &folder, &["--set", &certificate, "--set", &key]);
    assert_eq!(tls.status, 2, "{tls:?}");
    let words = format!("{file}: there is no certificate");
    assert!(tls.stderr.contains(&words), "{tls:?}");
    assert!(!tls.stderr.contains("free port"), "{tls:?}");
    let folder = folder.to_str().unwrap();
    let line = [
        "up",
        "--data-dir",
        folder,
        "--listener",
        "127.0.0.1:0",
        "--vault",
        "127.0.0.1:0",
        "--transparency",
        "127.0.0.1:0",
        "--image",
        "/nowhere",
    ];
    let outcome = user.run(line);
    assert_eq!(outcome.status, 2, "{outcome:?}");
}

#[test]
fn a_bare_program_is_no_image() {
    let user = User::new();
    let file = user.home().join("program");
    std::fs::write(&file, "#!/bin/sh\ncat\n").unwrap();
    for option in ["--image", "--vault-image"] {
        let mut command = user.command(ANYWHERE);
        command.arg(user.home().join("data")).arg(option).arg(&file);
        let refused = outcome(command);
        assert_eq!(refused.status, 2, "{refused:?}");
        for text in ["is a program and no image", "sconce host --program"] {
            assert!(refused.stderr.contains(text), "{refused:?}");
        }
    }
}

#[test]
fn a_vaults_port_that_is_taken_is_said_before_anything_is_built() {
    let user = User::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = user.home().join("data");
    for (key, other) in [
        ("vault.address", "vault.pool"),
        ("vault.pool", "vault.address"),
    ] {
        let mut command = user.command(["up", "--listener", "127.0.0.1:0", "--data-dir"]);
        let set = [format!("{key}={address}"), format!("{other}=127.0.0.1:0")];
        command
            .arg(&folder)
            .args(["--set", &set[0], "--set", &set[1]]);
        let refused = outcome(command);
        assert_eq!(refused.status, 1, "{refused:?}");
        let what = format!("the vault cannot listen at {address}: it is in use");
        for text in [what, format!("--set {key}=127.0.0.1:0")] {
            assert!(refused.stderr.contains(&text), "{refused:?}");
        }
    }
}

#[test]
fn a_platform_at_another_address_is_pointed_out() {
    let user = User::new();
    let up = Up::start(&user);
    let address = up.record().unwrap()["listener"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut command = user.command(["worker", "list"]);
    command.env("SCONCE_DATA_DIR", &up.folder);
    // Where nobody listens, unless this machine has a platform of its own.
    if std::net::TcpStream::connect("localhost:1947").is_err() {
        let said = outcome(command).stderr;
        let advice = format!("your platform listens at {address}: --uri {address}");
        assert!(said.contains(&advice), "{said}");
    }
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let user = User::new();
    let folder = user.home().join("data");
    for mode in [0o770, 0o702, 0o777] {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        let outcome = refused(&user, &folder, &[]);
        assert_eq!(outcome.status, 1);
        let advice = format!("chmod go-w {}", folder.display());
        assert!(outcome.stderr.contains(&advice), "{outcome:?}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }
    std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    drop(Up::start(&user));
}

#[test]
fn an_own_token_that_is_none_is_made_anew() {
    let user = User::new();
    let folder = user.home().join("data");
    std::fs::create_dir(&folder).unwrap();
    let token = folder.join("operator-token");
    std::fs::write(&token, "").unwrap();
    let up = Up::start(&user);
    let made = std::fs::read_to_string(&token).unwrap();
    assert_eq!(made.trim_end().len(), 64);
    assert_eq!(
        token.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let said = up.stop();
    assert!(said.contains("operators get a new one"), "{said}");
    let said = Up::start(&user).stop();
    assert!(!said.contains("operators get a new one"), "{said}");
    assert_eq!(std::fs::read_to_string(&token).unwrap(), made);
}

#[test]
fn what_others_could_read_is_warned_of() {
    let user = User::new();
    let folder = user.home().join("data");
    let token = user.home().join("token");
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    // An address for examples, which no machine has.
    let more = [
        "--operator-token-file",
        token.to_str().unwrap(),
        "--listener",
        "192.0.2.1:0",
    ];
    let up = |mode| {
        std::fs::set_permissions(&token, Permissions::from_mode(mode)).unwrap();
        let line = up(&folder);
        let kept = line
            .iter()
            .map(String::as_str)
            .filter(|word| !LISTENER.contains(word));
        user.run(kept.chain(more)).stderr
    };
    let (shared, own) = (up(0o644), up(0o600));
    let advice = format!(
        "warning: {0} can be read by other users: chmod 600 {0}",
        token.display()
    );
    assert!(shared.contains(&advice), "{shared}");
    assert!(!own.contains("can be read by other users"), "{own}");
    let address = "warning: 192.0.2.1:0 can be reached from other machines";
    assert!(own.contains(address) && own.contains("TLS"), "{own}");
}

#[test]
fn without_a_checkout_a_program_must_be_given() {
    let user = User::new();
    let folder = user.home().join("data");
    let mut command = user.command(ANYWHERE);
    // A copy elsewhere: the search goes up from the program's own place, too.
    let copy = user.home().join("sconce");
    std::fs::copy(env!("CARGO_BIN_EXE_sconce"), &copy).unwrap();
    let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    command = std::process::Command::new(copy);
    command.args(args).arg(&folder).current_dir(user.home());
    let outcome = outcome(command);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("--image FILE"), "{outcome:?}");
}

/// Gives a file away, if this test may.
fn give_away(path: &Path) -> bool {
    let given = chown(path, Some(12_345), None).is_ok();
    if !given {
        eprintln!("SKIPPED: only root can give {} away", path.display());
    }
    given
}

#[test]
fn another_users_data_folder_is_refused() {
    let user = User::new();
    let folder = user.home().join("data");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    if !give_away(&folder) {
        return;
    }
    let outcome = user.run(up(&folder));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""));
    for text in ["belongs to another user (user id 12345)", "--data-dir"] {
        assert!(outcome.stderr.contains(text), "{outcome:?}");
    }
    assert!(std::fs::read_dir(&folder).unwrap().next().is_none());
}

/// Puts a tool of the user's own before all others, and returns the search path.
fn with_tool(user: &User, name: &str, script: &str) -> OsString {
    let folder = user.home().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let tool = folder.join(name);
    std::fs::write(&tool, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&tool, Permissions::from_mode(0o700)).unwrap();
    let usual = std::env::var_os("PATH").unwrap();
    let folders = [folder].into_iter().chain(std::env::split_paths(&usual));
    std::env::join_paths(folders).unwrap()
}

#[test]
fn a_checkout_that_may_be_anybodys_is_not_built() {
    let user = checkout();
    let home = user.home();
    let ran = home.join("ran");
    let path = with_tool(&user, "rustc", &format!("touch {}\nexit 1", ran.display()));
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    let below = home.join("below");
    std::fs::create_dir(&below).unwrap();
    let up = || {
        let data = home.join("data");
        let mut command = user.command(ANYWHERE);
        command.arg(data).current_dir(&below).env("PATH", &path);
        outcome(command)
    };
    let is_refused = |what: &str| {
        let refused = up();
        assert_eq!(refused.status, 1, "{refused:?}");
        for text in [what, "is not built from the checkout", "--image FILE"] {
            assert!(refused.stderr.contains(text), "{refused:?}");
        }
        assert!(!ran.exists(), "{refused:?}");
    };
    let everybody = "can be written to by everybody";
    mode(home, 0o1777);
    is_refused(everybody);
    mode(home, 0o755);
    mode(&home.join("workloads.json"), 0o666);
    is_refused(everybody);
    mode(&home.join("workloads.json"), 0o644);
    for file in ["Cargo.toml", "workloads.json", "."] {
        let file = home.join(file);
        if give_away(&file) {
            is_refused("belongs to another user");
            chown(&file, Some(0), None).unwrap();
        }
    }
    assert_eq!(up().status, 1);
    assert!(ran.exists(), "one's own is built");
}

#[test]
fn a_build_ends_with_the_wait_for_it() {
    let user = checkout();
    let pid = user.home().join("pid");
    with_tool(&user, "rustc", "echo /no/such/toolchain");
    let text = format!("sleep 600 &\necho $! > {}\nwait", pid.display());
    let path = with_tool(&user, "cargo", &text);
    let folder = user.home().join("data");
    let mut command = user.command(ANYWHERE);
    command
        .arg(&folder)
        .current_dir(user.home())
        .env("PATH", &path);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let up = Up { child, folder };
    let compiler = || {
        std::fs::read_to_string(&pid)
            .ok()
            .filter(|text| text.ends_with('\n'))
    };
    eventually("cargo runs", || compiler().is_some());
    let process = Path::new("/proc").join(compiler().unwrap().trim());
    assert!(process.exists());
    let said = up.stop();
    assert!(said.contains("stopped before it was ready"), "{said}");
    // Nobody may be there to reap it.
    let state = || std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    eventually("the compiler has gone", || {
        state().is_empty() || state().contains(") Z ")
    });
}
