//! What makes a manifest canonical, and its lookups safe.

use super::super::merkle;
use super::super::path::{MAX_PATH, PathFault};
use super::{Content, Entry, KeyCheck, Manifest, Mode, Node, Region};

/// Chunks in the largest file: the number of one is the nonce that it is encrypted with.
const MAX_CHUNKS: u64 = 1 << 32;

/// A rule that a manifest breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// It does not begin as a manifest of this version does.
    #[error("it is no file manifest of version 1")]
    Magic,
    /// It ends inside a record.
    #[error("it ends too early")]
    Truncated,
    /// Something follows the last entry.
    #[error("bytes follow the last entry")]
    Trailing,
    /// A mode or kind that there is not.
    #[error("{0} stands for no {1}")]
    Number(u8, &'static str),
    /// A path that has another spelling, too.
    #[error("a path is not canonical: {0}")]
    Path(#[from] PathFault),
    /// Records are not in order, or one is there twice.
    #[error("`{0}` is not in ascending order, or there twice")]
    Order(String),
    /// A key check without encrypted region, or the other way round.
    #[error("a key check belongs to a manifest with an encrypted region, and to no other")]
    KeyCheck,
    /// A content id on a file that is not encrypted, or none on one that is.
    #[error("`{0}`: a content id belongs to files in encrypted regions, and to no others")]
    ContentId(String),
    /// An entry is in no protected region.
    #[error("`{0}` is listed, but no protected region holds it")]
    Unprotected(String),
    /// The root is listed as something else than a folder.
    #[error("`/` is listed and is no folder")]
    Root,
    /// The folder of an entry, or of a region, is not listed as a folder.
    #[error("`{0}` lies in a protected region, and the folder above it is not listed as one")]
    Orphan(String),
    /// A protected region does not list its own path.
    #[error("the region `{0}` is protected and does not list its own path")]
    NoRoot(String),
    /// The file has too many chunks.
    #[error("`{0}` is larger than 256 TiB")]
    Size(String),
    /// A link's text is no usable path.
    #[error("the link `{0}` {1}")]
    Link(String, &'static str),
}

impl Manifest {
    pub(super) fn push_region(&mut self, region: Region) -> Result<(), Rule> {
        if self
            .regions
            .last()
            .is_some_and(|last| last.path >= region.path)
        {
            return Err(Rule::Order(region.path.to_string()));
        }
        self.regions.push(region);
        Ok(())
    }

    pub(super) fn needs_key_check(&self) -> bool {
        self.regions
            .iter()
            .any(|region| region.mode == Mode::Encrypted)
    }

    pub(super) fn set_key_check(&mut self, key_check: Option<KeyCheck>) -> Result<(), Rule> {
        if key_check.is_some() != self.needs_key_check() {
            return Err(Rule::KeyCheck);
        }
        self.key_check = key_check;
        Ok(())
    }

    /// After all regions. A folder comes before what lies in it: its path is the shorter one.
    pub(super) fn push_entry(&mut self, entry: Entry) -> Result<(), Rule> {
        let name = || entry.path.to_string();
        if self
            .entries
            .last()
            .is_some_and(|last| last.path >= entry.path)
        {
            return Err(Rule::Order(name()));
        }
        let region = self.region_of(entry.path.as_str());
        let mode = region.map_or(Mode::None, |region| region.mode);
        if !mode.is_protected() {
            return Err(Rule::Unprotected(name()));
        }
        self.check_folder_of(&entry.path)?;
        match &entry.node {
            Node::Folder => {}
            _ if entry.path.parent().is_none() => return Err(Rule::Root),
            Node::File(content) => check_content(content, mode, name)?,
            Node::Link(target) => {
                self.check_link(&entry, target)
                    .map_err(|what| Rule::Link(name(), what))?;
            }
        }
        self.entries.push(entry);
        Ok(())
    }

    /// After all entries.
    pub(super) fn complete(&self) -> Result<(), Rule> {
        for region in &self.regions {
            if region.mode.is_protected() && self.entry(region.path.as_str()).is_none() {
                return Err(Rule::NoRoot(region.path.to_string()));
            }
            self.check_folder_of(&region.path)?;
        }
        Ok(())
    }

    /// Without this, a file could lie in a folder that is a link, or not there.
    fn check_folder_of(&self, path: &super::FilePath) -> Result<(), Rule> {
        let Some(folder) = path.parent() else {
            return Ok(());
        };
        let region = self.region_of(folder);
        let protected = region.is_some_and(|region| region.mode.is_protected());
        let listed = self.entry(folder).map(|entry| &entry.node);
        if protected && !matches!(listed, Some(Node::Folder)) {
            return Err(Rule::Orphan(path.to_string()));
        }
        Ok(())
    }

    /// Its folder is one, and no link, so `..` at the beginning means what it says; behind a name,
    /// which may be that of a link, it would not.
    fn check_link(&self, entry: &Entry, target: &str) -> Result<(), &'static str> {
        if target.is_empty() || target.len() > MAX_PATH {
            return Err("leads to a path that is empty or too long");
        }
        let mut at = match target.strip_prefix('/') {
            Some(_) => Some("/"),
            None => entry.path.parent(),
        };
        let mut names = target
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .peekable();
        while names.next_if_eq(&"..").is_some() {
            let folder = at.ok_or("leads out of the file system")?;
            at = (folder != "/").then(|| parent(folder));
        }
        let mut place = at.ok_or("leads out of the file system")?.to_owned();
        for name in names {
            super::super::path::check_name(name).map_err(|fault| match fault {
                PathFault::Dots => "has `..` behind a name",
                _ => "has a name in it that no file can have here",
            })?;
            if !place.ends_with('/') {
                place.push('/');
            }
            place.push_str(name);
        }
        if self.region_of(&place).is_none() {
            return Err("leads to a path that no region holds");
        }
        Ok(())
    }
}

fn check_content(content: &Content, mode: Mode, name: impl Fn() -> String) -> Result<(), Rule> {
    if content.id.is_some() != (mode == Mode::Encrypted) {
        return Err(Rule::ContentId(name()));
    }
    if merkle::chunks(content.size) > MAX_CHUNKS {
        return Err(Rule::Size(name()));
    }
    Ok(())
}

/// Of an absolute path that is not the root.
fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(at) if at > 0 => &path[..at],
        _ => "/",
    }
}
