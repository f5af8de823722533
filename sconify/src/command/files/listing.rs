//! What `sconify files list` prints.

use std::fmt;

use serde::Serialize;

use crate::files::format::{Entry, Manifest, Mode, Node};

/// Regions and entries of a manifest.
#[derive(Serialize)]
pub(super) struct Listing {
    /// The manifest's digest; none without files.
    digest: Option<String>,
    regions: Vec<RegionLine>,
    entries: Vec<EntryLine>,
}

#[derive(Serialize)]
struct RegionLine {
    path: String,
    protection: String,
}

#[derive(Serialize)]
struct EntryLine {
    path: String,
    kind: &'static str,
    protection: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// Root over the chunks as they are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

impl Listing {
    pub(super) fn of(manifest: Option<&Manifest>) -> Self {
        let Some(manifest) = manifest else {
            return Self {
                digest: None,
                regions: Vec::new(),
                entries: Vec::new(),
            };
        };
        let regions = manifest.regions().iter().map(|region| RegionLine {
            path: region.path.to_string(),
            protection: region.mode.to_string(),
        });
        let entries = manifest.entries().iter().map(|entry| {
            let region = manifest.region_of(entry.path.as_str());
            EntryLine::of(entry, region.map_or(Mode::None, |region| region.mode))
        });
        Self {
            digest: Some(manifest.digest().to_string()),
            regions: regions.collect(),
            entries: entries.collect(),
        }
    }
}

impl EntryLine {
    fn of(entry: &Entry, mode: Mode) -> Self {
        let mut line = Self {
            path: entry.path.to_string(),
            kind: "folder",
            protection: mode.to_string(),
            size: None,
            root: None,
            target: None,
        };
        match &entry.node {
            Node::Folder => {}
            Node::File(content) => {
                line.kind = if content.executable {
                    "program"
                } else {
                    "file"
                };
                line.size = Some(content.size);
                line.root = Some(hex::encode(content.stored.0));
            }
            Node::Link(target) => {
                line.kind = "link";
                line.target = Some(target.clone());
            }
        }
        line
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(digest) = &self.digest else {
            return writeln!(f, "no files");
        };
        writeln!(f, "manifest digest  {digest}\n")?;
        for region in &self.regions {
            let path = match region.protection.as_str() {
                "none" => format!("{}: the host decides what is there", region.path),
                _ => region.path.clone(),
            };
            row(f, "region", &region.protection, None, &path)?;
        }
        for entry in &self.entries {
            let path = match &entry.target {
                Some(target) => format!("{} -> {target}", entry.path),
                None => entry.path.clone(),
            };
            row(f, entry.kind, &entry.protection, entry.size, &path)?;
        }
        Ok(())
    }
}

fn row(
    f: &mut fmt::Formatter<'_>,
    kind: &str,
    protection: &str,
    size: Option<u64>,
    path: &str,
) -> fmt::Result {
    let size = size.map_or("-".to_owned(), |size| size.to_string());
    writeln!(f, "{kind:<8}{protection:<13}{size:>13}  {path}")
}
