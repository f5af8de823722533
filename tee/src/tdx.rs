//! A virtual machine with TDX, whose kernel gives quotes through configfs.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sgx::Kind;
use sgx::quote::{self, Tee as QuotedTee};

use crate::files::{Files, System, fault, wrong};
use crate::quoted;
use crate::seal::{SealingKey, Wanted};
use crate::{Error, Tee};

/// The kernel's `tsm/report` in configfs (Linux 6.7, `Documentation/ABI/testing/configfs-tsm`).
///
/// Each request makes a folder of its own there, writes REPORTDATA to `inblob`, reads the quote from
/// `outblob`, and removes the folder. `generation` counts what was written. A second writer would show in
/// it, and so would a write that the kernel refused: it takes what was written when the file is closed,
/// and closing reports no error. The whole is tried again then, and where the quoting service is busy.
///
/// What is measured is the machine's image, not this program.
pub struct Tdx {
    folder: PathBuf,
    files: Box<dyn Files>,
    pause: Duration,
    made: AtomicU64,
}

/// How often a quote is asked for.
const TRIES: u32 = 5;
/// How many names are tried for a request's folder: programs that were killed leave theirs behind, and in
/// containers they all have the same process id.
const NAMES: u32 = 256;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);
/// What the kernel calls the provider of quotes that we know.
const PROVIDER: &[u8] = b"tdx_guest";
/// More than any of the short attributes has.
const LONGEST_ATTRIBUTE: usize = 64;

impl Tdx {
    /// Where the kernel has it, once configfs is mounted.
    pub const FOLDER: &'static str = "/sys/kernel/config/tsm/report";

    /// With the folder of reports: [`FOLDER`](Self::FOLDER).
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::on(Box::new(System), folder.into(), PAUSE)
    }

    fn on(files: Box<dyn Files>, folder: PathBuf, pause: Duration) -> Self {
        Self {
            folder,
            files,
            pause,
            made: AtomicU64::new(0),
        }
    }

    /// One try; `None` if it's worth another.
    fn try_once(&self, report_data: &[u8; 64]) -> Result<Option<Vec<u8>>, Error> {
        let Some(entry) = self.entry()? else {
            return Ok(None);
        };
        if entry.read("provider", LONGEST_ATTRIBUTE)?.trim_ascii() != PROVIDER {
            return Err(Error::Unavailable {
                kind: Kind::Tdx,
                what: "quote here: the kernel's provider of reports is not tdx_guest",
            });
        }
        let before = entry.generation()?;
        match entry.write("inblob", report_data) {
            Err(error) if is_busy(&error) => return Ok(None),
            written => written.map_err(fault("write to", &entry.path.join("inblob")))?,
        }
        let path = entry.path.join("outblob");
        let quote = match self.files.read(&path, quote::MAX_SIZE) {
            Err(error) if is_busy(&error) => return Ok(None),
            quote => quote.map_err(fault("read", &path))?,
        };
        if Some(entry.generation()?) != before.checked_add(1) {
            return Ok(None);
        }
        quoted::check(&quote, QuotedTee::Tdx, report_data).map_err(|what| wrong(&path, what))?;
        Ok(Some(quote.to_vec()))
    }

    /// A folder that nobody else has; `None` if all the names were taken.
    fn entry(&self) -> Result<Option<Entry<'_>>, Error> {
        for _ in 0..NAMES {
            let number = self.made.fetch_add(1, Ordering::Relaxed);
            let name = format!("sconce-{}-{number}", std::process::id());
            let path = self.folder.join(name);
            match self.files.make_folder(&path) {
                Ok(()) => {
                    let files = &*self.files;
                    return Ok(Some(Entry { files, path }));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(fault("make", &path)(error)),
            }
        }
        Ok(None)
    }
}

impl Tee for Tdx {
    fn kind(&self) -> Kind {
        Kind::Tdx
    }

    fn evidence(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, Error> {
        for tried in 0..TRIES {
            if tried > 0 {
                std::thread::sleep(self.pause);
            }
            if let Some(quote) = self.try_once(report_data)? {
                return Ok(quote);
            }
        }
        Err(Error::Busy {
            device: self.folder.display().to_string(),
            tries: TRIES,
        })
    }

    /// TDX 1.0 and 1.5 have none: a machine that shall keep something is given a key once it's attested.
    fn sealing_key(&self, _wanted: &Wanted) -> Result<SealingKey, Error> {
        Err(Error::Unavailable {
            kind: Kind::Tdx,
            what: "sealing key: let a key service give one to the attested machine",
        })
    }
}

/// One request's folder, removed at the end.
struct Entry<'a> {
    files: &'a dyn Files,
    path: PathBuf,
}

impl Entry<'_> {
    fn read(&self, name: &str, limit: usize) -> Result<Vec<u8>, Error> {
        let path = self.path.join(name);
        let read = self.files.read(&path, limit);
        Ok(read.map_err(fault("read", &path))?.to_vec())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.files.write(&self.path.join(name), bytes)
    }

    /// How often something was written.
    fn generation(&self) -> Result<u64, Error> {
        const NAME: &str = "generation";
        let text = self.read(NAME, LONGEST_ATTRIBUTE)?;
        let number = std::str::from_utf8(&text).ok();
        number
            .and_then(|number| number.trim_ascii().parse().ok())
            .ok_or_else(|| wrong(&self.path.join(NAME), "no number"))
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        // One that stays costs the kernel a little memory, and its name isn't used again.
        let _kept = self.files.remove_folder(&self.path);
    }
}

/// Whether the service is at work for somebody else, or took too long.
fn is_busy(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ResourceBusy | Kind::Interrupted | Kind::TimedOut | Kind::WouldBlock
    )
}

#[cfg(test)]
#[path = "tdx/described.rs"]
mod described;
