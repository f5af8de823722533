//! The data folder: whose it is, and what stands where in it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use protocol::token::Token;
use protocol::{Entropy, SystemEntropy};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, geteuid, test_kill_process};
use transparency::trust::Trust;
use zeroize::Zeroizing;

use super::record::Record;
use crate::failure::Failure;
use crate::folders;
use crate::terminal::Terminal;
use crate::verification::directory;

/// A data folder that this process alone uses.
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// What is found in a data folder by somebody who doesn't own it.
pub(crate) enum Found {
    /// No platform runs there.
    Nothing,
    /// One runs, or is about to: then it has no record yet.
    Running(Option<Box<Record>>),
}

const LOCK: &str = "up.lock";
const RECORD: &str = "up.json";
const STORE: &str = "store.redb";
const HOST_TOKEN: &str = "host-token";
const OPERATOR_TOKEN: &str = "operator-token";
const MANAGER: &str = "manager.sock";
const IMAGES: &str = "images";
const VAULT_IMAGE: &str = "vault-image";
const JOURNAL: &str = "vault.journal";
const DIRECTORY_TOKEN: &str = "directory.token";
const DIRECTORY_TOKENS: &str = "directory.tokens";
const SIMULATED_PLATFORM: &str = "simulated-platform";

/// Most bytes in the path of a Unix socket (`sockaddr_un`).
const LONGEST_SOCKET: usize = 107;

/// How long taking a folder is tried: who only looks holds the lock for a moment.
const PATIENCE: Duration = Duration::from_millis(200);
/// The same where the platform that held it is dead: it may have died while it started a host, and
/// then that process holds the lock until it executes its program.
const PATIENCE_WITH_THE_DEAD: Duration = Duration::from_secs(5);
const BETWEEN_TRIES: Duration = Duration::from_millis(40);

impl DataFolder {
    /// Makes the folder if it isn't there, and takes it for this process.
    pub(crate) fn take(path: &Path) -> Result<Self, Failure> {
        let other = "choose another folder with --data-dir";
        let unusable = |error: io::Error| {
            Failure::failed(format_args!(
                "the data folder {} cannot be used: {error}",
                path.display()
            ))
            .advice(other)
        };
        folders::make_private(path).map_err(unusable)?;
        let path = path.canonicalize().map_err(unusable)?;
        let found = fs::metadata(&path).map_err(unusable)?;
        // Not even root may: the folder's owner would have its tokens and keys.
        if found.uid() != geteuid().as_raw() {
            let (folder, owner) = (path.display(), found.uid());
            return Err(Failure::failed(format_args!(
                "the data folder {folder} belongs to another user (user id {owner}), who could \
                 exchange keys and tokens"
            ))
            .advice(format_args!("run it as that user; or {other}")));
        }
        if found.mode() & 0o022 != 0 {
            let folder = path.display();
            return Err(Failure::failed(format_args!(
                "the data folder {folder} can be written to by other users, who could exchange keys \
                 and tokens"
            ))
            .advice(format_args!("take that from them: chmod go-w {folder}; or {other}")));
        }
        let lock = folders::private()
            .create(true)
            .truncate(false)
            .open(path.join(LOCK))
            .map_err(unusable)?;
        if !lock_exclusively(&lock, &path).map_err(unusable)? {
            let by = match look(&path) {
                Ok(Found::Running(Some(record))) => format!(" (process {})", record.pid),
                _ => String::new(),
            };
            let stop = format!(
                "stop it with: sconce down --data-dir {}; or choose another folder and port: \
                 --data-dir FOLDER --listener 127.0.0.1:0",
                path.display()
            );
            return Err(Failure::failed(format_args!(
                "the data folder {} is in use by another `sconce up`{by}",
                path.display()
            ))
            .advice(stop));
        }
        let folder = Self { path, _lock: lock };
        // That of a predecessor that was killed names a process that is somebody else's by now.
        folder.forget_record();
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The store's file.
    pub(crate) fn store(&self) -> PathBuf {
        self.path.join(STORE)
    }

    /// The folder for the images that the workers are launched from.
    pub(crate) fn images(&self) -> PathBuf {
        images(&self.path)
    }

    /// The folder for the image that the vault is launched from.
    pub(crate) fn vault_image(&self) -> PathBuf {
        self.path.join(VAULT_IMAGE)
    }

    /// The file with the vault's sealed state.
    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// The folder of the simulated platform that they are launched on.
    pub(crate) fn simulated_platform(&self) -> PathBuf {
        self.path.join(SIMULATED_PLATFORM)
    }

    /// The socket where hosts reach the manager, if the folder's path leaves room for a name.
    pub(crate) fn manager_socket(&self) -> Option<PathBuf> {
        let path = self.path.join(MANAGER);
        let fits = path.as_os_str().len() <= LONGEST_SOCKET && path.to_str().is_some();
        fits.then_some(path)
    }

    /// The hosts' token: from `file`, or a fresh one for this start; and the file that they read it
    /// from.
    pub(crate) fn host_token(
        &self,
        file: Option<&Path>,
        terminal: &Terminal,
    ) -> Result<(Token, PathBuf), Failure> {
        if let Some(file) = file {
            folders::warn_if_shared(file, terminal);
            return Ok((read_token(file)?, file.to_owned()));
        }
        let path = self.path.join(HOST_TOKEN);
        Ok((self.new_token(&path)?, path))
    }

    /// The operators' token: from `file`, or one that stays the same over starts.
    pub(crate) fn operator_token(
        &self,
        file: Option<&Path>,
        terminal: &Terminal,
    ) -> Result<(Token, PathBuf), Failure> {
        if let Some(file) = file {
            folders::warn_if_shared(file, terminal);
            return Ok((read_token(file)?, file.to_owned()));
        }
        let own = self.path.join(OPERATOR_TOKEN);
        if own.exists() {
            match read_token(&own) {
                Ok(token) => return Ok((token, own)),
                // A machine that lost its power while it was written, for instance.
                Err(_) => terminal.warn(format_args!(
                    "there is no token in {}; operators get a new one",
                    own.display()
                )),
            }
        }
        Ok((self.new_token(&own)?, own))
    }

    /// The token of those who write into the directory: one that stays the same over starts.
    pub(crate) fn directory_token(&self) -> Result<Token, Failure> {
        let own = self.path.join(DIRECTORY_TOKEN);
        match own.exists() {
            true => read_token(&own),
            false => self.new_token(&own),
        }
    }

    /// Says to the directory that the token with this SHA-256 (hex) may write every entry; the file.
    pub(crate) fn write_directory_tokens(&self, digest: &str) -> Result<PathBuf, Failure> {
        let path = self.path.join(DIRECTORY_TOKENS);
        let text = format!(
            "# Written by `sconce up` at each start; directory.token_file in the settings names another.\n\
             [[token]]\nsha256 = \"{digest}\"\nusers = [\"*\"]\n"
        );
        replace(&path, text.as_bytes()).map_err(|error| not_written(&path, error))?;
        Ok(path)
    }

    /// Says to requesters what to pin of the directory.
    pub(crate) fn write_directory_record(&self, pinned: &Trust) -> Result<(), Failure> {
        let path = self.path.join(directory::RECORD);
        let text = serde_json::to_vec_pretty(pinned).map_err(Failure::failed)?;
        replace(&path, &text).map_err(|error| not_written(&path, error))
    }

    /// Says to `status` and `down` what runs here.
    pub(crate) fn write_record(&self, record: &Record) -> Result<(), Failure> {
        let path = self.path.join(RECORD);
        // Made of strings and numbers: writing it can't fail.
        let text = serde_json::to_vec_pretty(record).unwrap_or_default();
        replace(&path, &text).map_err(|error| not_written(&path, error))
    }

    /// Nothing runs here any more.
    pub(crate) fn forget_record(&self) {
        let path = self.path.join(RECORD);
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = %path.display(), "a file could not be removed");
        }
    }

    fn new_token(&self, path: &Path) -> Result<Token, Failure> {
        let entropy: &dyn Entropy = &SystemEntropy::new();
        let bytes = Zeroizing::new(entropy.bytes::<32>().map_err(Failure::failed)?);
        let token = Token::new(hex::encode(*bytes)).map_err(Failure::failed)?;
        let line = Zeroizing::new(format!("{}\n", token.expose()));
        replace(path, line.as_bytes()).map_err(|error| not_written(path, error))?;
        Ok(token)
    }
}

/// The folder for the workers' images in a data folder.
pub(crate) fn images(data: &Path) -> PathBuf {
    data.join(IMAGES)
}

/// Looks at a data folder without taking it.
pub(crate) fn look(path: &Path) -> Result<Found, Failure> {
    let unreadable = |error: io::Error| {
        Failure::failed(format_args!(
            "the data folder {} cannot be read: {error}",
            path.display()
        ))
    };
    let lock = match File::open(path.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        lock => lock.map_err(unreadable)?,
    };
    match flock(&lock, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Found::Nothing),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let text = fs::read(path.join(RECORD)).ok();
            Ok(Found::Running(
                text.and_then(|text| serde_json::from_slice(&text).ok()),
            ))
        }
        Err(error) => Err(unreadable(error.into())),
    }
}

/// The token in a file: its first line.
pub(crate) fn read_token(file: &Path) -> Result<Token, Failure> {
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::unusable(format_args!("the token file {}: {error}", file.display()))
            .advice("make one with: openssl rand -hex 32")
    };
    let text = Zeroizing::new(fs::read_to_string(file).map_err(|error| unusable(&error))?);
    Token::new(text.trim_end()).map_err(|error| unusable(&error))
}

fn lock_exclusively(lock: &File, folder: &Path) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        match flock(lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => {}
            Err(error) => return Err(error.into()),
        }
        let patience = if holder_is_dead(folder) {
            PATIENCE_WITH_THE_DEAD
        } else {
            PATIENCE
        };
        if begun.elapsed() >= patience {
            return Ok(false);
        }
        std::thread::sleep(BETWEEN_TRIES);
    }
}

/// Whether the process that the folder's record names has ended.
fn holder_is_dead(folder: &Path) -> bool {
    let record = fs::read(folder.join(RECORD)).ok();
    let record: Option<Record> = record.and_then(|text| serde_json::from_slice(&text).ok());
    record
        .and_then(|record| i32::try_from(record.pid).ok())
        .and_then(Pid::from_raw)
        .is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

/// Who holds the lock is the only one who writes here.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    folders::replace(path, &path.with_extension("new"), text)
}

fn not_written(path: &Path, error: io::Error) -> Failure {
    Failure::failed(format_args!(
        "{} cannot be written: {error}",
        path.display()
    ))
    .advice("choose another folder with --data-dir")
}
