//! Sessions that are written to a vault whatever happens to it, and what is left of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use provision::SessionName;
use provision::audit::{AuditLine, Outcome};
use provision::text::Hex;
use sconce_tests::command::connect_to_vault;
use vault_client::{Error, Vault};

/// How many sessions there are.
const SESSIONS: u64 = 16;

/// How long the vault may be away.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// Lines of the log that are read at once.
const PIECE: u32 = 500;

/// Where a platform's vault is asked, as its owner.
#[derive(Clone)]
pub(crate) struct Desk {
    folder: PathBuf,
}

impl Desk {
    /// That of the platform in a data folder.
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// A new connection. What its evidence is worth, other tests say.
    pub(crate) fn try_client(&self) -> Result<Vault, Error> {
        connect_to_vault(&self.folder)
    }

    /// A new connection, waited for.
    pub(crate) fn client(&self) -> Vault {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.try_client() {
                Ok(vault) => return vault,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// What the vault has confirmed of a session.
#[derive(Clone, Debug)]
struct Confirmed {
    version: u64,
    hash: Hex<32>,
}

/// What was written.
#[derive(Default)]
pub(crate) struct Written {
    sessions: BTreeMap<String, Confirmed>,
    /// Versions that the vault has confirmed, in all sessions.
    confirmed: u64,
    /// Versions that it had without having been able to say so.
    unsaid: u64,
    /// What should not have been.
    broken: Vec<String>,
}

/// Writes sessions, one version after the other.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Written>,
}

impl Writer {
    /// Starts.
    pub(crate) fn start(desk: Desk) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut written = Written::default();
            let mut version = 0;
            let mut vault = desk.client();
            while !stopped.load(Ordering::Relaxed) {
                version += 1;
                let name = format!("test/s{}", version % SESSIONS);
                if let Err(error) = written.write(&mut vault, &name, version) {
                    assert!(error.is_passing(), "{error}");
                    vault = written.find_out(&desk, &name, version);
                }
                std::thread::sleep(PAUSE);
            }
            written
        });
        Self { stop, thread }
    }

    /// Stops, and says what was written.
    pub(crate) fn finish(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

impl Written {
    fn write(&mut self, vault: &mut Vault, name: &str, version: u64) -> Result<(), Error> {
        let predecessor = self.sessions.get(name).map(|before| &before.hash);
        let text = text(name, version, predecessor);
        let hash = vault.put_session(&session(name), &text)?.hash;
        let confirmed = Confirmed { version, hash };
        self.sessions.insert(name.to_owned(), confirmed);
        self.confirmed += 1;
        Ok(())
    }

    /// The connection broke while a version was written: it's there whole, or the one before is.
    fn find_out(&mut self, desk: &Desk, name: &str, version: u64) -> Vault {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut vault = desk.client();
            match find(&mut vault, name) {
                Ok(found) => {
                    self.take_in(name, version, found);
                    return vault;
                }
                Err(error) => assert!(error.is_passing() && Instant::now() < deadline, "{error}"),
            }
        }
    }

    fn take_in(&mut self, name: &str, version: u64, found: Option<Confirmed>) {
        let before = self.sessions.get(name).map(|before| before.version);
        match found {
            Some(found) if found.version == version => {
                self.sessions.insert(name.to_owned(), found);
                self.unsaid += 1;
            }
            found if found.as_ref().map(|found| found.version) == before => {}
            found => self.broken.push(format!(
                "{name}: {found:?} instead of {before:?} or {version}"
            )),
        }
    }

    /// What of it the vault does not have any more.
    pub(crate) fn compare(&self, vault: &mut Vault) -> Vec<String> {
        let mut broken = self.broken.clone();
        for (name, confirmed) in &self.sessions {
            let found = find(vault, name).unwrap();
            let same = |found: &Confirmed| {
                found.version == confirmed.version && found.hash == confirmed.hash
            };
            if !found.as_ref().is_some_and(same) {
                broken.push(format!("{name}: {found:?} instead of {confirmed:?}"));
            }
        }
        broken
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (confirmed, unsaid) = (self.confirmed, self.unsaid);
        write!(
            f,
            "versions of sessions         {confirmed} confirmed, {unsaid} more found"
        )
    }
}

/// What the vault has of a session now.
fn find(vault: &mut Vault, name: &str) -> Result<Option<Confirmed>, Error> {
    let name = session(name);
    let all = vault.sessions()?;
    let Some(entry) = all.into_iter().find(|entry| entry.session == name) else {
        return Ok(None);
    };
    let text = vault.session(&name)?;
    let (_, version) = text.split_once("VERSION: ").unwrap();
    let digits = version.trim_start_matches(['"', '\'']);
    let end = digits.find(|c: char| !c.is_ascii_digit());
    Ok(Some(Confirmed {
        version: digits[..end.unwrap_or(digits.len())].parse().unwrap(),
        hash: entry.hash,
    }))
}

fn session(name: &str) -> SessionName {
    name.parse().unwrap()
}

fn text(name: &str, version: u64, predecessor: Option<&Hex<32>>) -> String {
    let predecessor = predecessor.map_or_else(String::new, |hash| {
        format!("predecessor: \"{}\"\n", hex::encode(hash.0))
    });
    let measurement = "09".repeat(32);
    format!(
        "name: {name}
version: \"0.3.10\"
{predecessor}services:
  - name: app
    mrenclaves: [\"{measurement}\"]
    environment: {{VERSION: \"{version}\"}}
"
    )
}

/// The audit log, as far as it was read.
#[derive(Default)]
pub(crate) struct Log {
    lines: Vec<AuditLine>,
}

impl Log {
    /// Reads what is new. It has to stand behind what was read before.
    pub(crate) fn read_on(&mut self, vault: &mut Vault) {
        let mut more = true;
        while more {
            let last = self.lines.last();
            let (sequence, hash) = last.map_or((0, AuditLine::BEGIN), |l| (l.sequence, l.hash));
            // A vault that has just been killed is read from another time.
            let Ok(lines) = vault.audit(sequence + 1, PIECE) else {
                return;
            };
            // Whatever is written meanwhile is for the next time.
            more = lines.len() >= PIECE as usize;
            let (mut sequence, mut hash) = (sequence, hash);
            for line in lines {
                assert!(line.follows(sequence, &hash), "{line:?} follows {sequence}");
                (sequence, hash) = (line.sequence, line.hash);
                self.lines.push(line);
            }
        }
    }

    /// What of it the vault does not have any more, and what it should have.
    pub(crate) fn compare(&self, vault: &mut Vault, written: &Written) -> Vec<String> {
        let mut again = Self::default();
        again.read_on(vault);
        let mut broken = Vec::new();
        if !again.lines.starts_with(&self.lines) {
            broken.push("the audit log is not what was read of it before".to_owned());
        }
        let is_write = |line: &&AuditLine| {
            let entry = &line.entry;
            entry.outcome == Outcome::Done
                && entry
                    .session
                    .as_ref()
                    .is_some_and(|name| name.starts_with("test/"))
        };
        let found = again.lines.iter().filter(is_write).count() as u64;
        if found != written.confirmed + written.unsaid {
            broken.push(format!("{found} lines of the audit log, and {written}"));
        }
        broken
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lines of the audit log       {}", self.lines.len())
    }
}
