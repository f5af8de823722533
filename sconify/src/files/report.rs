//! What is said of files that went into an image, in words that scripts know.
//!
//! ```text
//! Added region /app to file system protection manifest manifest.bin new AES-GCM tag: b074e8d6…
//! Added files to file system protection manifest manifest.bin new AES-GCM tag: 1798fa5a…
//!
//! ########################################################
//! MREnclave: 3b62fef2…|b873e72c…|b84bc68b…
//! ########################################################
//! ```
//!
//! A line's tag is that of the manifest as it is after the step. Without an encrypted region there is
//! no key and so no tag: a line then ends with `new SHA-256 digest:` and 64 digits, and the box has the
//! measurement alone.

use std::fmt::Write as _;

use sgx::Mrenclave;
use zeroize::Zeroizing;

use super::format::{self, Entry, ManifestDigest, Mode, Region};
use super::seal::{FsKey, ManifestTag};

/// What one option adds.
pub(super) struct Step {
    pub(super) region: Region,
    pub(super) entries: Vec<Entry>,
}

/// Lines about regions and files, and what stands in the box beside the measurement.
pub struct Report {
    lines: Vec<String>,
    secret: Option<(FsKey, ManifestTag)>,
}

impl Report {
    pub(super) fn new(steps: &[Step], key: Option<&FsKey>) -> Self {
        let mut lines = Vec::new();
        let mut last = None;
        for number in 0..steps.len() {
            let (before, step) = (&steps[..number], &steps[number]);
            let mut add = |what: &str, regions, files| {
                let bytes = so_far(regions, files, key);
                let tag = key.map(|key| key.tag(&bytes));
                last = tag;
                let tag = match tag {
                    Some(tag) => format!("AES-GCM tag: {tag}"),
                    None => format!("SHA-256 digest: {}", ManifestDigest::of(&bytes)),
                };
                lines.push(format!(
                    "Added {what} to file system protection manifest manifest.bin new {tag}"
                ));
            };
            let with = &steps[..=number];
            add(&format!("region {}", step.region.path), with, before);
            // Files without protection are not in the manifest.
            if step.region.mode.is_protected() {
                add("files", with, with);
            }
        }
        Self {
            lines,
            secret: key.cloned().zip(last),
        }
    }

    /// A line for each region, and one for its files if they are protected, in the order of the options.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What stands in the box: `key|tag|measurement` if a region is encrypted, and then it is a secret;
    /// else the measurement's digits.
    #[must_use]
    pub fn fingerprint(&self, mrenclave: Mrenclave) -> Zeroizing<String> {
        match &self.secret {
            Some((key, tag)) => fingerprint(key, *tag, mrenclave),
            None => Zeroizing::new(mrenclave.to_string()),
        }
    }

    /// The lines and the box.
    #[must_use]
    pub fn text(&self, mrenclave: Mrenclave) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        if !self.lines.is_empty() {
            text.push('\n');
        }
        text.push_str(&boxed(&self.fingerprint(mrenclave)));
        text
    }
}

/// `key|tag|measurement`, the form that iExec's tools of 2019 take.
#[must_use]
pub fn fingerprint(key: &FsKey, tag: ManifestTag, mrenclave: Mrenclave) -> Zeroizing<String> {
    let key = key.reveal();
    let mut text = Zeroizing::new(String::with_capacity(2 * 64 + 32 + 2));
    // Writing to a string can't fail.
    let _: std::fmt::Result = write!(text, "{}|{tag}|{mrenclave}", *key);
    text
}

/// The box around a fingerprint.
#[must_use]
pub fn boxed(fingerprint: &str) -> Zeroizing<String> {
    let edge = "#".repeat(56);
    Zeroizing::new(format!("{edge}\nMREnclave: {fingerprint}\n{edge}\n"))
}

/// The manifest when these regions were named and these files added.
fn so_far(regions: &[Step], files: &[Step], key: Option<&FsKey>) -> Vec<u8> {
    let mut regions: Vec<_> = regions.iter().map(|step| &step.region).collect();
    regions.sort_by(|a, b| a.path.cmp(&b.path));
    let mut entries: Vec<_> = files.iter().flat_map(|step| &step.entries).collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let encrypts = regions.iter().any(|region| region.mode == Mode::Encrypted);
    let check = key.filter(|_| encrypts).map(FsKey::check);
    format::encode(regions, check, entries)
}
