//! That the log of a directory goes on from where it was seen last.

use std::collections::BTreeMap;

use transparency::error::Error as Untrue;
use transparency::log::{self, Hash, Node};
use transparency::memory::Memory;
use transparency::tile::Tile;
use transparency::verifier::Verifier;

use super::{Directory, Refusal};

/// Has the newer log that was seen shown to begin with the one that was seen before, if there is a newer
/// one: its tiles (C2SP tlog-tiles) are asked for.
///
/// # Errors
///
/// There is no answer, or the log does not begin so: then it was changed behind its readers.
pub async fn link(
    directory: &Directory,
    verifier: &Verifier,
    memory: &mut Memory,
) -> Result<(), Refusal> {
    let (Some(old), Some(new)) = (memory.log(), memory.newer_log()) else {
        return Ok(());
    };
    let broken = |fault: log::Error| Untrue::Log(fault.to_string());
    let mut nodes = Vec::new();
    log::prove_consistency::<log::Error>(old.size, new.size, &mut |node| {
        nodes.push(node);
        Ok(Hash::default())
    })
    .map_err(broken)?;
    let mut tiles = BTreeMap::new();
    let mut hashes = Vec::new();
    for node in nodes {
        hashes.push(hash_of(node, new.size, directory, &mut tiles).await?);
    }
    let mut hashes = hashes.into_iter();
    let proof = log::prove_consistency(old.size, new.size, &mut |_| {
        // The same are asked for in the same order.
        hashes.next().ok_or(log::Error::Sizes {
            old: old.size,
            new: new.size,
        })
    })
    .map_err(broken)?;
    verifier.link(&proof, memory)?;
    Ok(())
}

async fn hash_of(
    node: Node,
    size: u64,
    directory: &Directory,
    tiles: &mut BTreeMap<String, bytes::Bytes>,
) -> Result<Hash, Refusal> {
    let path = format!("/v1/log/{}", Tile::of(node, size));
    if !tiles.contains_key(&path) {
        let tile = directory.bytes(&path).await?;
        tiles.insert(path.clone(), tile);
    }
    let tile = tiles.get(&path).map_or(&[][..], |tile| tile);
    Tile::hash_of(node, tile).map_err(|fault| Untrue::Log(format!("{path}: {fault}")).into())
}
