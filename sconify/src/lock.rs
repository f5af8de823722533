//! `MRENCLAVE.lock`: the measurement that the sources of an enclave program have, committed beside them.
//!
//! A change of the measurement is then a line to review, and whoever builds the same sources with the
//! same tools can see whether the same came out. With other tools it may differ, and that is no fault:
//! the file names those that it was made with.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::build::{Image, Toolchain};
use crate::output::write_whole;
use crate::{Exit, Fault};

/// The file's name, beside the program's `enclave.toml`.
pub const FILE: &str = "MRENCLAVE.lock";

/// What stands above everything else in the file.
const HEADING: &str = "\
# What the enclave that is built from these sources measures, and the tools that it was built with.
# Written by `sconify lock`, compared by `sconify lock --check`. Whoever relies on the old measurement
# has to be told of the new one.

";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The measurement, with its kind.
    pub mrenclave: String,
    /// What made the program.
    pub toolchain: Toolchain,
}

/// What became of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The measurement is that of the file. The tools may be others all the same.
    Same,
    /// It's another one, with the same tools.
    Differs,
    /// It's another one, with other tools: what, here, in the file.
    OtherTools(Vec<(String, String, String)>),
}

/// Why there is no lock, or another one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is no such file.
    #[error("{}: {what}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There is none.
    #[error("there is no {} yet", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The measurement is another one.
    #[error("the measurement is {built}, and {} says {locked}", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
        /// As it was built.
        built: String,
        /// As the file has it.
        locked: String,
    },
    /// The measurement is another one, and the tools are.
    #[error("cannot be compared with {}: other tools: {}", path.display(), Tools(differences))]
    Tools {
        /// The file.
        path: PathBuf,
        /// What, here, in the file.
        differences: Vec<(String, String, String)>,
    },
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Shape { .. } | Self::Missing { .. } => "lock.file",
            Self::Differs { .. } => "lock.differs",
            Self::Tools { .. } => "lock.tools",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Shape { .. } | Self::Missing { .. } => Exit::Unusable,
            Self::Differs { .. } => Exit::Failed,
            Self::Tools { .. } => Exit::Incomparable,
        }
    }

    fn advice(&self) -> Option<String> {
        Some(match self {
            Self::Shape { .. } | Self::Missing { .. } => "`sconify lock` writes it".to_owned(),
            Self::Differs { .. } => {
                "`sconify diff` with an image of before says why; `sconify lock` accepts the new one"
                    .to_owned()
            }
            Self::Tools { .. } => {
                "build where the tools are those of the file, or lock again with these".to_owned()
            }
        })
    }
}

struct Tools<'a>(&'a [(String, String, String)]);

impl fmt::Display for Tools<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More say no more.
        const SHOWN: usize = 4;
        for (position, (what, here, there)) in self.0.iter().take(SHOWN).enumerate() {
            if position > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{what} is {}, not {}", short(here), short(there))?;
        }
        match self.0.len().checked_sub(SHOWN) {
            Some(more) if more > 0 => write!(f, "; and {more} more"),
            _ => Ok(()),
        }
    }
}

/// A digest is told from others by its begin.
fn short(value: &str) -> &str {
    let is_digest = value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { &value[..16] } else { value }
}

impl Lock {
    /// Of an image.
    #[must_use]
    pub fn of(image: &Image) -> Self {
        Self {
            mrenclave: image.measurement().to_string(),
            toolchain: image.provenance.toolchain.clone(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] and [`Error::Shape`]; [`crate::Error::Io`].
    pub fn read(path: &Path) -> Result<Self, crate::Error> {
        let missing = || Error::Missing {
            path: path.to_owned(),
        };
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => missing().into(),
            _ => crate::Error::io("read", path)(error),
        })?;
        let parsed = toml::from_str(&text).map_err(|error| Error::Shape {
            path: path.to_owned(),
            what: error.message().to_owned(),
        });
        Ok(parsed?)
    }

    /// Writes a file.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`].
    pub fn write(&self, path: &Path) -> Result<(), crate::Error> {
        #[expect(clippy::expect_used, reason = "texts and maps of texts serialise")]
        let text = toml::to_string(self).expect("texts serialise");
        write_whole(path, false, |out| {
            out.write_all(HEADING.as_bytes())
                .and_then(|()| out.write_all(text.as_bytes()))
                .map_err(crate::Error::io("write", path))
        })
    }

    /// Compares what was built with what the file says.
    #[must_use]
    pub fn compare(&self, built: &Self) -> Outcome {
        if self.mrenclave == built.mrenclave {
            return Outcome::Same;
        }
        let differences = built.toolchain.differences(&self.toolchain);
        if differences.is_empty() {
            Outcome::Differs
        } else {
            Outcome::OtherTools(differences)
        }
    }

    /// The same as an error, for a file at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Differs`] and [`Error::Tools`].
    pub fn check(&self, built: &Self, path: &Path) -> Result<(), Error> {
        let path = path.to_owned();
        match self.compare(built) {
            Outcome::Same => Ok(()),
            Outcome::Differs => Err(Error::Differs {
                path,
                built: built.mrenclave.clone(),
                locked: self.mrenclave.clone(),
            }),
            Outcome::OtherTools(differences) => Err(Error::Tools { path, differences }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn lock(mrenclave: &str, libc: &str) -> Lock {
        let text = |text: &str| text.to_owned();
        Lock {
            mrenclave: text(mrenclave),
            toolchain: Toolchain {
                rustc: text("1.95.0 (59807616e 2026-04-14)"),
                llvm: text("22.1.2"),
                linker: text("LLD 22.1.2"),
                c_compiler: text("cc 12.2.0"),
                assembler: text("as 2.40"),
                libc: text("glibc 2.36"),
                parts: BTreeMap::from([(text("libc.a"), libc.repeat(32))]),
            },
        }
    }

    #[test]
    fn the_file_is_read_as_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let error = Lock::read(&path).unwrap_err();
        assert_eq!((error.code(), error.exit()), ("lock.file", Exit::Unusable));

        let written = lock("sim:mrenclave:aa", "00");
        written.write(&path).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), written);
        insta::assert_snapshot!(fs::read_to_string(&path).unwrap());

        fs::write(&path, "mrenclave = 'sim:mrenclave:aa'\nother = 1\n").unwrap();
        let error = Lock::read(&path).unwrap_err();
        assert_eq!(error.code(), "lock.file");
    }

    #[test]
    fn other_measurements_are_told_from_other_tools() {
        let path = Path::new("worker/MRENCLAVE.lock");
        let locked = lock("sim:mrenclave:aa", "00");
        locked.check(&locked, path).unwrap();
        // As good as it gets: other tools, and still the same.
        locked.check(&lock("sim:mrenclave:aa", "01"), path).unwrap();

        let error = locked
            .check(&lock("sim:mrenclave:bb", "00"), path)
            .unwrap_err();
        assert_eq!((error.code(), error.exit()), ("lock.differs", Exit::Failed));
        let error = locked
            .check(&lock("sim:mrenclave:bb", "01"), path)
            .unwrap_err();
        assert_eq!(
            (error.code(), error.exit()),
            ("lock.tools", Exit::Incomparable)
        );
        assert_eq!(
            error.to_string(),
            "cannot be compared with worker/MRENCLAVE.lock: other tools: libc.a is \
             0101010101010101, not 0000000000000000"
        );
    }
}
