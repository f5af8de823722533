//! What a launched program is given, and what it may do.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use landlock::{AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _};
use sconce_host::{Keys, Program, Provision, start};

use crate::support::image::{Image, probe};
use crate::support::{Peer, ask, eventually, host, skipped};

/// EPERM: what seccomp says.
const DENIED: &str = "1";
/// EACCES: what Landlock says.
const FORBIDDEN: &str = "13";
/// As the answer of a system call.
const NOT_PERMITTED: &str = "-1";

fn with_program(test: impl FnOnce(&Peer)) {
    let image = Image::release();
    let host = start(image.config()).unwrap();
    test(&Peer::req(host.endpoint().unwrap()));
}

fn has_landlock() -> bool {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let handled = ruleset.handle_access(AccessFs::Execute);
    handled.and_then(Ruleset::create).is_ok()
}

#[test]
fn it_has_three_descriptors_and_its_report_socket() {
    with_program(|program| {
        assert_eq!(program.ask("descriptors"), "0 1 2 3");
    });
}

#[test]
fn it_is_told_of_what_it_is_given() {
    let image = Image::release();
    let mut config = image.config();
    config.program_args = vec!["--worker".into(), "scone-worker-1".into()];
    config.program_env = vec![("WANTED".into(), "1".into())];
    config.keys = Keys::Vault(Provision {
        vault: "127.0.0.1:1".parse().unwrap(),
        service: "avalon/scone-worker-1/g1".parse().unwrap(),
    });
    let host = start(config).unwrap();
    let program = Peer::req(host.endpoint().unwrap());
    assert_eq!(program.ask("descriptors"), "0 1 2 3");
    assert_eq!(program.ask("environment"), "WANTED=1");
    assert_eq!(
        program.ask("arguments"),
        "probe --worker scone-worker-1 --session avalon/scone-worker-1/g1 --report-socket 3"
    );
}

/// The same program as a mere file: nothing keeps it from anything.
#[test]
fn a_bare_program_is_in_no_sandbox() {
    let mut config = Image::release().config();
    config.program = Program::Bare(probe().to_owned());
    config.keys = Keys::Unattested(None);
    let host = start(config).unwrap();
    let program = Peer::req(host.endpoint().unwrap());
    assert_eq!(program.ask("descriptors"), "0 1 2");
    let arguments = format!("{} --unattested", probe().display());
    assert_eq!(program.ask("arguments"), arguments);
    assert_eq!(program.ask("read /etc/passwd"), "done");
}

#[test]
fn it_opens_no_file() {
    with_program(|program| {
        for order in [
            "read /etc/passwd",
            "read /proc/self/maps",
            "read /proc/self/exe",
            "read /dev/null",
            "create /tmp/sconce-test-of-a-sandbox",
            "list /",
            "remove /tmp/sconce-test-of-a-sandbox",
        ] {
            assert_eq!(program.ask(order), DENIED, "{order}");
        }
    });
}

/// The system call alone would be allowed: it is how the program itself was started.
#[test]
fn it_executes_no_file() {
    if !has_landlock() {
        return skipped(
            "executing files from the sandbox",
            "this kernel has no Landlock",
        );
    }
    with_program(|program| {
        for order in ["execute /bin/true", "execute /bin/sh"] {
            assert_eq!(program.ask(order), FORBIDDEN, "{order}");
        }
    });
}

#[test]
fn it_connects_to_nobody() {
    with_program(|program| {
        assert_eq!(program.ask("connect 127.0.0.1:1"), DENIED);
        assert_eq!(program.ask("listen 127.0.0.1:0"), DENIED);
    });
}

/// By number, as no library would make them.
#[test]
fn other_calls_are_denied() {
    let read_write_execute = "0 4096 7 34 18446744073709551615 0";
    with_program(|program| {
        for (what, call) in [
            ("open", libc::SYS_open.to_string()),
            ("openat", libc::SYS_openat.to_string()),
            ("openat2", libc::SYS_openat2.to_string()),
            ("open_by_handle_at", libc::SYS_open_by_handle_at.to_string()),
            ("creat", libc::SYS_creat.to_string()),
            ("execveat", libc::SYS_execveat.to_string()),
            ("memfd_create", libc::SYS_memfd_create.to_string()),
            ("socket", format!("{} 1 1 0", libc::SYS_socket)),
            (
                "pair of another family",
                format!("{} 2 1 0 0", libc::SYS_socketpair),
            ),
            ("accept", format!("{} 0", libc::SYS_accept)),
            ("ptrace", libc::SYS_ptrace.to_string()),
            ("process_vm_readv", libc::SYS_process_vm_readv.to_string()),
            ("kill", format!("{} 1 0", libc::SYS_kill)),
            ("mount", libc::SYS_mount.to_string()),
            ("unshare", format!("{} 0", libc::SYS_unshare)),
            ("setns", libc::SYS_setns.to_string()),
            ("chroot", libc::SYS_chroot.to_string()),
            ("bpf", libc::SYS_bpf.to_string()),
            ("io_uring_setup", libc::SYS_io_uring_setup.to_string()),
            ("perf_event_open", libc::SYS_perf_event_open.to_string()),
            ("userfaultfd", libc::SYS_userfaultfd.to_string()),
            ("seccomp", libc::SYS_seccomp.to_string()),
            (
                "personality",
                format!("{} 4294967295", libc::SYS_personality),
            ),
            ("keyctl", libc::SYS_keyctl.to_string()),
            ("stat", libc::SYS_stat.to_string()),
            ("readlink", libc::SYS_readlink.to_string()),
            ("new limits", format!("{} 0 4 1", libc::SYS_prlimit64)),
            ("dumpable", format!("{} 4 1", libc::SYS_prctl)),
            (
                "another program's signal",
                format!("{} 1 1 9", libc::SYS_tgkill),
            ),
            (
                "new namespace",
                format!("{} {}", libc::SYS_clone, libc::CLONE_NEWUSER),
            ),
            (
                "child of the host",
                format!("{} {}", libc::SYS_clone, libc::CLONE_PARENT),
            ),
            (
                "another program's group",
                format!("{} 0 1", libc::SYS_setpgid),
            ),
            (
                "another program's locks",
                format!("{} 1 0 0", libc::SYS_get_robust_list),
            ),
            (
                "broken memory",
                format!("{} 0 4096 {}", libc::SYS_madvise, libc::MADV_HWPOISON),
            ),
            (
                "new code",
                format!("{} {read_write_execute}", libc::SYS_mmap),
            ),
            (
                "code of data",
                format!("{} 4096 4096 5", libc::SYS_mprotect),
            ),
            ("of 32 bits", (0x4000_0000 + libc::SYS_getpid).to_string()),
        ] {
            assert_eq!(program.ask(format!("call {call}")), NOT_PERMITTED, "{what}");
        }
        // Not because the probe could call nothing.
        let pid = program.ask(format!("call {}", libc::SYS_getpid));
        assert!(pid.parse::<u32>().is_ok(), "{pid}");
        assert_eq!(program.ask("thread"), "joined");
    });
}

#[test]
fn it_cannot_be_looked_into() {
    let image = Image::release();
    let host = start(image.config()).unwrap();
    let program = Peer::req(host.endpoint().unwrap());
    assert_eq!(program.ask("there?"), "there?");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", host.pid().unwrap()));
    let limits = limits.unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["1", "1"]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.pid().unwrap()));
    let status = status.unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.lines().any(|found| found == line), "{status}");
    }
    // It can be executed and not be read, not even by root's programs that have lost their rights.
    assert_eq!(program.ask(format!("call {} 3", libc::SYS_prctl)), "0");
}

/// Also where its host is root's.
#[test]
fn it_has_no_rights() {
    let image = Image::release();
    let host = start(image.config()).unwrap();
    let program = Peer::req(host.endpoint().unwrap());
    assert_eq!(program.ask("there?"), "there?");
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.pid().unwrap()));
    let status = status.unwrap();
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        let none = format!("{set}:\t0000000000000000");
        assert!(status.lines().any(|found| found == none), "{status}");
    }
}

/// Of a pair that is connected with itself, sockets for messages would still reach others by name.
#[test]
fn it_sends_messages_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let other = UnixDatagram::bind(&path).unwrap();
    other.set_nonblocking(true).unwrap();
    with_program(|program| {
        let outcome = program.ask(format!("datagram {}", path.display()));
        assert_eq!(outcome, DENIED);
    });
    assert!(other.recv(&mut [0; 8]).is_err(), "it has got through");
}

#[test]
fn no_copy_outlives_it() {
    let image = Image::release();
    let mut config = image.config();
    // A copy has the socket too, so its end is noticed by silence alone.
    config.timing.silence = Duration::from_millis(100);
    let host = start(config).unwrap();
    let peer = Peer::dealer(host.endpoint().unwrap());

    // By an end of its own.
    let copy = peer.ask("copy");
    assert!(!has_ended(&copy));
    peer.send("abort");
    assert!(peer.text().contains("worker.lost"));
    eventually("the copy ends", || has_ended(&copy));

    // By that of its host.
    let copy = peer.ask("copy");
    assert!(!has_ended(&copy));
    drop(host);
    eventually("the copy ends", || has_ended(&copy));
}

/// Whether there is no such process, or nothing of it but its end.
fn has_ended(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.map_or(true, |status| status.contains("State:\tZ"))
}

/// An end by `abort` is seen as one.
#[test]
fn it_may_end_itself() {
    let image = Image::release();
    let host = start(image.config()).unwrap();
    let pid = host.pid();
    let peer = Peer::dealer(host.endpoint().unwrap());
    peer.send("abort");
    assert!(peer.text().contains("worker.lost"));
    assert_eq!(peer.ask("there?"), "there?");
    assert_ne!(host.pid(), pid);
}

/// Only the thread that starts programs is in the sandbox, and it is gone by then.
#[test]
fn the_host_itself_stays_as_it_was() {
    with_program(|program| {
        assert_eq!(program.ask("read /etc/passwd"), DENIED);
        assert!(std::fs::read("/etc/passwd").is_ok());
        let other = host();
        assert_eq!(
            ask(other.endpoint().unwrap(), "environment"),
            "SCONCE_TEST_PROGRAM"
        );
    });
}
