//! A disk that is full. In a file of its own, because the test starts other programs: for a moment
//! each of them holds what this process has open, and with it the locks of other tests' stores.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, like tests"
)]

use std::process::{Command, Stdio};
use std::time::Duration;

use sconce_store::redb::{Engine, Options};
use sconce_store::{Digest, Error, Orders, Submission, Submitted};

fn submission(id: &str) -> Submission {
    Submission {
        partition: "worker".into(),
        order: id.into(),
        replays: vec![id.into()],
        digest: Digest([7; 32]),
        body: b"body".to_vec(),
        memo: Vec::new(),
    }
}

/// A small file system of its own; `None` where the test may not mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_got_over() {
    let Some(disk) = SmallDisk::mount() else {
        println!("not allowed to mount a small disk, nothing is tested");
        return;
    };
    let filler = disk.0.path().join("filler");
    std::fs::write(&filler, vec![0; 3 << 20]).unwrap();
    let engine = Engine::open(disk.0.path().join("store.redb"), Options::default()).unwrap();
    let mut accepted = Vec::new();
    let error = loop {
        let mut next = submission(&accepted.len().to_string());
        next.body = vec![0; 200_000];
        match engine.submit(next.clone()).await {
            Ok(Submitted::Accepted) => accepted.push(next),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
        assert!(accepted.len() < 50, "the disk never fills");
    };
    assert!(!matches!(error, Error::Refused(_)), "{error}");

    std::fs::remove_file(filler).unwrap();
    let last = submission("last");
    let mut submitted = engine.submit(last.clone()).await;
    for _ in 0..100 {
        if submitted.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        submitted = engine.submit(last.clone()).await;
    }
    assert_eq!(submitted, Ok(Submitted::Accepted));
    for one in accepted {
        let again = engine.submit(one).await;
        assert_eq!(again, Ok(Submitted::AlreadyAccepted));
    }
}
