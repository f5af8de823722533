//! Of what the image in a folder was made.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::Serialize;

use super::sha256;
use crate::image;
use crate::output::write_whole;

/// Everything on which the bytes of an image depend.
#[derive(Debug, Serialize)]
pub(super) struct Made<'a> {
    /// The text of the provenance, which has the program's digest.
    pub(super) provenance: &'a str,
    /// The text of `enclave.toml`.
    pub(super) config: &'a str,
    /// What it's signed for.
    pub(super) flavour: &'a str,
    /// MRSIGNER.
    pub(super) signer: String,
    /// DATE.
    pub(super) date: String,
    /// The digest of the files' manifest.
    pub(super) files: Option<String>,
}

/// A note of what was made, and of what came out, so that it need not be made again. Nobody relies
/// on it for more: the image is verified all the same, and measured anew from its program.
pub(super) struct Stamp {
    path: PathBuf,
    digest: String,
    folder: PathBuf,
}

impl Stamp {
    /// Of the image in `folder`.
    pub(super) fn of(made: &Made<'_>, folder: &Path) -> Self {
        // Texts and numbers always serialise.
        let text = serde_json::to_string(&(maker(), made)).unwrap_or_default();
        Self {
            path: path(folder),
            digest: sha256(text.as_bytes()),
            folder: folder.to_owned(),
        }
    }

    /// Whether an image of just this was made there, and nobody has touched it since.
    pub(super) fn holds(&self) -> bool {
        is_image(&self.folder)
            && fs::read_to_string(&self.path)
                .is_ok_and(|text| self.text().is_ok_and(|expected| text == expected))
    }

    /// Says that the image is there.
    pub(super) fn set(&self) -> Result<(), crate::Error> {
        let text = self.text()?;
        write_whole(&self.path, false, |out| {
            out.write_all(text.as_bytes())
                .map_err(crate::Error::io("write", &self.path))
        })
    }

    /// What is in the file: a line for what was made, and one for what is there.
    fn text(&self) -> Result<String, crate::Error> {
        Ok(format!("{}\n{}\n", self.digest, contents(&self.folder)?))
    }
}

/// The digest of an image but for its files, which the image's own manifest lists.
fn contents(folder: &Path) -> Result<String, crate::Error> {
    let image = image::open(folder)?;
    let mut lines = String::new();
    for (name, member) in image.members() {
        if name.starts_with("files/") {
            continue;
        }
        let digest = image.reader(name)?.sha256();
        let digest = digest.map_err(crate::Error::io("read", folder.join(name)))?;
        let mode = if member.is_executable() { 'x' } else { '-' };
        lines += &format!("{} {mode} {name}\n", hex::encode(digest));
    }
    Ok(sha256(lines.as_bytes()))
}

/// Says that nothing is known of what is in a folder.
pub(super) fn forget(folder: &Path) {
    // There is none if there was no image.
    let _absent = fs::remove_file(path(folder));
}

/// Beside the folder: `worker.stamp`.
fn path(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".stamp");
    name.into()
}

/// Whether something of ours is there, which may be replaced.
pub(super) fn is_image(folder: &Path) -> bool {
    folder.join(image::PROVENANCE).is_file()
}

/// The running program: another one may make another image of the same.
fn maker() -> (String, u64, u128) {
    let described = || {
        let program = std::env::current_exe().ok()?;
        let found = program.metadata().ok()?;
        let changed = found.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some((
            program.display().to_string(),
            found.len(),
            changed.as_nanos(),
        ))
    };
    described().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(config: &str) -> Made<'_> {
        Made {
            provenance: "p",
            config,
            flavour: "debug",
            signer: "s".to_owned(),
            date: "1970-01-01".to_owned(),
            files: None,
        }
    }

    #[test]
    fn a_stamp_holds_for_one_image_of_one_thing() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("worker");
        let stamp = |config| Stamp::of(&made(config), &folder);
        assert!(!stamp("a").holds(), "there is no image");

        fs::create_dir_all(folder.join(image::ENCLAVE)).unwrap();
        fs::write(folder.join(image::PROVENANCE), "{}").unwrap();
        assert!(!stamp("a").holds(), "it may be of anything");
        stamp("a").set().unwrap();
        assert!(stamp("a").holds());
        assert!(!stamp("b").holds());
        fs::write(folder.join(image::SYMBOLS), "of another program").unwrap();
        assert!(!stamp("a").holds(), "somebody has added something");
        fs::remove_file(folder.join(image::SYMBOLS)).unwrap();
        assert!(stamp("a").holds());
        let elsewhere = Stamp::of(&made("a"), &place.path().join("other"));
        assert!(!elsewhere.holds());
        forget(&folder);
        assert!(!stamp("a").holds());
    }
}
