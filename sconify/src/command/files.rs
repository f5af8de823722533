//! `sconify files`: the files of an image.

mod listing;

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::files::format::ManifestDigest;
use crate::files::path::FilePath;
use crate::files::seal::FsKey;
use crate::files::{self, Files, Options, Verified};
use crate::output::{taken, write_secret, write_whole};
use crate::reading::Reading;
use crate::terminal::Terminal;
use crate::{Error, image};

use listing::Listing;

/// List, verify and extract the files of an image, or measure files for one.
///
/// An image's measured pages have the digest of its file manifest, which lists every protected file.
/// Files come into an image with `sconify build --fs-dir`, `--dir`, `--plain` and `--host-path`.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List regions and files as the measured manifest has them.
    #[command(after_help = "\
Examples:
  sconify files list target/sconify/worker
  sconify files list worker.tar --json")]
    List {
        /// An image: a folder, an OCI layout, or a tar with either.
        #[arg(value_name = "IMAGE")]
        image: PathBuf,
    },
    /// Compare every file with the measured manifest. No key is needed.
    #[command(after_help = "\
Example:
  sconify files verify worker.tar

Exit status: 0 all are as the manifest says; 1 something is not; 2 it is no image.")]
    Verify {
        /// An image: a folder, an OCI layout, or a tar with either.
        #[arg(value_name = "IMAGE")]
        image: PathBuf,
    },
    /// Write protected files into a new folder, verified and decrypted.
    ///
    /// Files in regions without protection are left out: nothing says what they must hold.
    #[command(after_help = "\
Examples:
  sconify files extract worker.tar --to files
  sconify files extract worker.tar --to secrets --fs-key fs.key /etc/secrets")]
    Extract {
        /// An image: a folder, an OCI layout, or a tar with either.
        #[arg(value_name = "IMAGE")]
        image: PathBuf,
        /// Only these, and what lies under them; else all.
        #[arg(value_name = "PATH")]
        paths: Vec<String>,
        /// The folder, which must not be there yet, or be empty.
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
        /// The key of encrypted files.
        #[arg(long = "fs-key", value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Measure files as `sconify build` does, and print or write their manifest, without an image.
    #[command(after_help = "\
Examples:
  sconify files manifest --fs-dir ./models:/models
  sconify files manifest --dir ./secrets:/etc/secrets --fs-key fs.key --out manifest.bin

The digest is what `sconify measure --files` takes. Without --fs-key, encrypted files have another
key, and another digest, each time.")]
    Manifest {
        #[command(flatten)]
        files: Options,
        /// Write the manifest there.
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make a key to encrypt files with, in a file that only its owner may read.
    #[command(after_help = "\
Example:
  sconify files key ~/keys/fs.key")]
    Key {
        /// Where it goes. A file that is there already is never overwritten.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

pub(super) fn run(command: Command, terminal: &Terminal) -> Result<(), Error> {
    match command {
        Command::List { image } => list(&image, terminal),
        Command::Verify { image } => verify(&image, terminal),
        Command::Extract {
            image,
            paths,
            to,
            key,
        } => extract(&image, &paths, &to, key.as_deref(), terminal),
        Command::Manifest { files, out } => manifest(&files, out.as_deref(), terminal),
        Command::Key { file } => key(&file, terminal),
    }
}

fn list(image: &Path, terminal: &Terminal) -> Result<(), Error> {
    let reading = read_image(image, terminal)?;
    let files = Files::of(&reading)?;
    terminal.print(&Listing::of(files.as_ref().map(Files::manifest)));
    Ok(())
}

fn verify(path: &Path, terminal: &Terminal) -> Result<(), Error> {
    let reading = read_image(path, terminal)?;
    let verified = match Files::of(&reading)? {
        Some(files) => files.verify(terminal)?,
        None => Verified::default(),
    };
    terminal.print(&verified);
    match verified.differences.first() {
        None => Ok(()),
        Some(first) => Err(files::Error::Integrity {
            image: path.to_owned(),
            name: first.name.clone(),
            what: first.what,
        }
        .into()),
    }
}

fn extract(
    image: &Path,
    paths: &[String],
    to: &Path,
    key: Option<&Path>,
    terminal: &Terminal,
) -> Result<(), Error> {
    let paths = paths.iter().map(|path| {
        let fault = |fault| files::Error::Path {
            shown: path.clone(),
            fault,
        };
        FilePath::new(path).map_err(fault)
    });
    let paths = paths.collect::<Result<Vec<_>, _>>()?;
    let reading = read_image(image, terminal)?;
    let files = Files::of(&reading)?.ok_or_else(|| image::Error::Form {
        path: image.to_owned(),
        what: "has no files: it was built without --fs-dir and the like",
    })?;
    let key = match key {
        None => None,
        Some(path) => Some(files.read_key(path, terminal)?),
    };
    let written = files.extract(&paths, key.as_ref(), to, terminal)?;
    terminal.print(&Extracted {
        folder: to.to_owned(),
        written,
    });
    Ok(())
}

fn manifest(options: &Options, out: Option<&Path>, terminal: &Terminal) -> Result<(), Error> {
    let plan = options.plan(terminal)?;
    let manifest = plan.manifest().ok_or(files::Error::Nothing)?;
    if let Some(path) = out {
        write_whole(path, false, |file| {
            file.write_all(manifest).map_err(Error::io("write", path))
        })?;
    }
    terminal.print(&Planned {
        digest: ManifestDigest::of(manifest).to_string(),
        lines: plan.report().lines(),
    });
    Ok(())
}

fn key(file: &Path, terminal: &Terminal) -> Result<(), Error> {
    if file.symlink_metadata().is_ok() {
        return Err(taken(file));
    }
    let key = FsKey::fresh().map_err(files::Error::from)?.reveal();
    let line = zeroize::Zeroizing::new(format!("{}\n", *key));
    write_secret(file, line.as_bytes())?;
    terminal.print(&KeyWritten {
        file: file.to_owned(),
    });
    Ok(())
}

/// Reads an image, and refuses what is none.
pub(super) fn read_image(path: &Path, terminal: &Terminal) -> Result<Reading, Error> {
    let _reading = terminal.spinner("reading the image");
    let reading = Reading::open(path)?;
    match reading.beside {
        Some(_) => Ok(reading),
        None => Err(image::Error::Form {
            path: path.to_owned(),
            what: "is a stream alone: files are beside it, in an image",
        }
        .into()),
    }
}

/// What `key` did.
#[derive(Serialize)]
struct KeyWritten {
    file: PathBuf,
}

impl fmt::Display for KeyWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "key  {}", self.file.display())
    }
}

/// What `extract` did.
#[derive(Serialize)]
struct Extracted {
    folder: PathBuf,
    written: usize,
}

impl fmt::Display for Extracted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "extracted  {} entries, all verified", self.written)?;
        writeln!(f, "folder     {}", self.folder.display())
    }
}

/// What `manifest` found.
#[derive(Serialize)]
struct Planned<'a> {
    digest: String,
    lines: &'a [String],
}

impl fmt::Display for Planned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "manifest digest  {}", self.digest)
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "{} {}", difference.name, difference.what)?;
        }
        writeln!(f, "verified     {} ({} bytes)", self.files, self.bytes)?;
        writeln!(f, "different    {}", self.differences.len())?;
        let unprotected = match self.unprotected {
            0 => "0".to_owned(),
            some => format!("{some}: the host may change them"),
        };
        writeln!(f, "unprotected  {unprotected}")
    }
}
