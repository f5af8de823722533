//! A manifest's bytes.

use super::{Entry, KeyCheck, MAGIC, Manifest, Mode, Node, Region};

impl Manifest {
    /// Its canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.regions, self.key_check, &self.entries)
    }
}

/// The bytes of a manifest, or of the beginning of one.
pub(in super::super) fn encode<'a>(
    regions: impl IntoIterator<Item = &'a Region, IntoIter: ExactSizeIterator>,
    key_check: Option<KeyCheck>,
    entries: impl IntoIterator<Item = &'a Entry, IntoIter: ExactSizeIterator>,
) -> Vec<u8> {
    let (regions, entries) = (regions.into_iter(), entries.into_iter());
    let mut out = MAGIC.to_vec();
    count(&mut out, regions.len());
    for region in regions {
        out.push(mode_number(region.mode));
        text(&mut out, region.path.as_str());
    }
    if let Some(check) = key_check {
        out.extend(check.0);
    }
    count(&mut out, entries.len());
    for entry in entries {
        encode_entry(&mut out, entry);
    }
    out
}

fn encode_entry(out: &mut Vec<u8>, entry: &Entry) {
    out.push(kind_number(&entry.node));
    text(out, entry.path.as_str());
    match &entry.node {
        Node::Folder => {}
        Node::File(content) => {
            out.extend(content.size.to_le_bytes());
            out.extend(content.stored.0);
            if let Some(id) = content.id {
                out.extend(id.0);
            }
        }
        Node::Link(target) => text(out, target),
    }
}

const fn mode_number(mode: Mode) -> u8 {
    match mode {
        Mode::None => 0,
        Mode::Authenticated => 1,
        Mode::Encrypted => 2,
    }
}

const fn kind_number(node: &Node) -> u8 {
    match node {
        Node::Folder => 0,
        Node::File(content) if content.executable => 2,
        Node::File(_) => 1,
        Node::Link(_) => 3,
    }
}

#[expect(
    clippy::expect_used,
    reason = "each has its bytes in memory: four billion are not to be had"
)]
fn count(out: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).expect("fewer than 2^32");
    out.extend(number.to_le_bytes());
}

#[expect(
    clippy::expect_used,
    reason = "no path or target is longer than MAX_PATH"
)]
fn text(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).expect("checked when it was taken in");
    out.extend(length.to_le_bytes());
    out.extend(text.as_bytes());
}
