//! The host of a vault: what its program is given, may do, and that it's there again soon.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Pid, Signal, kill_process};
use sconce_host::Handle;
use sconce_host::vault::{Config, start};

use crate::support::image::Image;
use crate::support::{PATIENCE, eventually};

/// EPERM, as the answer of a system call and as an error.
const NOT_PERMITTED: &str = "-1";
const DENIED: &str = "1";

struct Vault {
    host: Handle,
    address: SocketAddr,
    image: Image,
}

impl Vault {
    fn start(change: impl FnOnce(&mut Config)) -> Self {
        let image = Image::release();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let journal = image.folder().join("vault.journal");
        let mut config = Config::new(image.enclave.clone(), journal, listener);
        change(&mut config);
        Self {
            host: start(config).unwrap(),
            address,
            image,
        }
    }

    /// What it answers to one line on a connection of its own.
    fn ask(&self, line: &str) -> String {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        writeln!(socket, "{line}").unwrap();
        let mut answer = String::new();
        BufReader::new(socket).read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    fn kill(&self) {
        let pid = i32::try_from(self.host.pid().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    }
}

#[test]
fn it_is_given_a_file_and_a_socket_and_told_of_them() {
    let vault = Vault::start(|_| ());
    assert_eq!(vault.ask("descriptors"), "0 1 2 3 4 5 6 7");
    assert_eq!(
        vault.ask("arguments"),
        "probe --report-socket 3 --journal 4 --listen 5"
    );
    assert_eq!(vault.ask("environment"), "");
    let journal = vault.image.folder().join("vault.journal");
    let mode = std::fs::metadata(journal).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn it_is_given_a_second_socket_for_pools() {
    let vault = Vault::start(|config| {
        config.pool = Some(TcpListener::bind(("127.0.0.1", 0)).unwrap());
        config.program_args = vec!["--x".into()];
    });
    assert_eq!(
        vault.ask("arguments"),
        "probe --x --report-socket 3 --journal 4 --listen 5 --pool 6"
    );
}

#[test]
fn it_accepts_and_does_nothing_else_that_a_worker_may_not() {
    let vault = Vault::start(|_| ());
    assert_eq!(vault.ask("connect 127.0.0.1:1"), DENIED);
    assert_eq!(vault.ask("listen 127.0.0.1:0"), DENIED);
    assert_eq!(vault.ask("read /etc/passwd"), DENIED);
    for (what, call) in [
        ("socket", libc::SYS_socket),
        ("bind", libc::SYS_bind),
        ("listen", libc::SYS_listen),
        ("connect", libc::SYS_connect),
        ("openat", libc::SYS_openat),
    ] {
        assert_eq!(vault.ask(&format!("call {call}")), NOT_PERMITTED, "{what}");
    }
    assert_eq!(vault.ask("thread"), "joined");
}

/// Connections made meanwhile wait for it.
#[test]
fn it_is_there_again_after_a_kill_behind_the_same_sockets_with_the_same_file() {
    let vault = Vault::start(|_| ());
    assert_eq!(vault.ask("journal"), "");
    for earlier in ["+", "++", "+++"] {
        let before = vault.host.pid();
        vault.kill();
        eventually("it has another process", || {
            vault.host.pid().is_some() && vault.host.pid() != before
        });
        assert_eq!(vault.ask("journal"), earlier);
    }
}

#[test]
fn it_ends_with_its_host() {
    let vault = Vault::start(|_| ());
    assert_eq!(vault.ask("x"), "x");
    let pid = vault.host.pid().unwrap();
    vault.host.stop().unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(TcpStream::connect(vault.address).is_err());
}
