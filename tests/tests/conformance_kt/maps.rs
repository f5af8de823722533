//! `smt.json`: hashes, roots and proofs of the sparse Merkle map.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use transparency::map::{self, Index, MapId, Proof, Tree, root_of};

use super::{Cases, Verdict, ensure, hex_bytes, text};

pub(crate) fn check(file: &Value, cases: &mut Cases<'_>) {
    cases.each(file, "hashes", |case| hashes(file, case));
    let trees = file["trees"].as_array().map(Vec::as_slice);
    for (number, tree) in trees.unwrap_or_default().iter().enumerate() {
        cases.tell(&format!("trees: tree {number}"), root(file, tree));
        for list in ["proofs", "negative"] {
            let proofs = tree[list].as_array().map(Vec::as_slice);
            for (at, case) in proofs.unwrap_or_default().iter().enumerate() {
                let name = case["name"].as_str().or_else(|| case["kind"].as_str());
                cases.tell(
                    &format!("trees: tree {number}: {list}: {at}: {}", name.unwrap_or("")),
                    proof(file, tree, case, list == "proofs"),
                );
            }
        }
    }
}

fn hashes(file: &Value, case: &Value) -> Verdict {
    let map = map_id(file)?;
    let depth = case["depth"].as_u64().ok_or("there is no depth")?;
    let depth = usize::try_from(depth).map_err(|fault| fault.to_string())?;
    let index = index(case, "full_index")?;
    let prefix = index.prefix(depth);
    ensure!(
        prefix.as_bytes()[..depth.div_ceil(8)] == hex_bytes(case, "index_bytes")?,
        "another prefix: {prefix}"
    );
    ensure!(
        map.empty(depth, &index)[..] == hex_bytes(case, "empty_hash")?,
        "another hash of the empty subtree"
    );
    Ok(vec!["the prefix".into(), "the empty subtree".into()])
}

/// The root by both routes: bottom-up from sorted leaves, and leaf by leaf.
fn root(file: &Value, tree: &Value) -> Verdict {
    let map = map_id(file)?;
    let wanted = hex_bytes(tree, "root")?;
    let mut leaves = leaves(&map, tree)?;
    let mut grown = Tree::new(map.clone());
    let single = leaves.iter().map(|leaf| grown.update(&[*leaf])).last();
    ensure!(
        single.unwrap_or_else(|| grown.root())[..] == wanted,
        "another root, leaf by leaf"
    );
    leaves.sort_unstable();
    ensure!(
        map::build(&map, &leaves, &mut |_| {})[..] == wanted,
        "another root, bottom-up"
    );
    Ok(vec![format!("the root of {} leaves, twice", leaves.len())])
}

fn proof(file: &Value, tree: &Value, case: &Value, wanted: bool) -> Verdict {
    let map = map_id(file)?;
    let index = index(case, "index")?;
    let data = hex_bytes(case, "leaf_data")?;
    let leaf = (!data.is_empty()).then_some(&data[..]);
    let items = case["neighbors"].as_array().ok_or("no neighbors")?;
    let items: Vec<_> = items.iter().map(neighbor).collect::<Result<_, _>>()?;
    let given = match Proof::from_neighbors(&items) {
        Ok(given) => given,
        Err(fault) if !wanted => return Ok(vec![format!("refused: {fault}")]),
        Err(fault) => return Err(fault.to_string()),
    };
    let proven = root_of(&map, &given, &index, leaf)[..] == hex_bytes(tree, "root")?;
    ensure!(proven == wanted, "it leads to the root: {proven}");
    if !wanted {
        return Ok(vec!["it leads to another root".into()]);
    }
    let mut grown = Tree::new(map.clone());
    grown.update(&leaves(&map, tree)?);
    let made = grown.prove(&index);
    ensure!(made.to_neighbors() == items, "another proof is made");
    Ok(vec![
        "it leads to the root".into(),
        "the same is made".into(),
    ])
}

fn neighbor(item: &Value) -> Result<Vec<u8>, String> {
    let item = item.as_str().ok_or("a neighbor is no text")?;
    let item = STANDARD.decode(item);
    item.map_err(|fault| format!("a neighbor: {fault}"))
}

fn leaves(map: &MapId, tree: &Value) -> Result<Vec<(Index, map::Hash)>, String> {
    let leaves = tree["leaves"].as_array().ok_or("no leaves")?;
    leaves
        .iter()
        .map(|leaf| {
            let index = index(leaf, "index")?;
            Ok((index, map.leaf(&index, &hex_bytes(leaf, "leaf_data")?)))
        })
        .collect()
}

fn index(value: &Value, name: &str) -> Result<Index, String> {
    Index::from_slice(&hex_bytes(value, name)?).ok_or_else(|| format!("{name} is no index"))
}

fn map_id(file: &Value) -> Result<MapId, String> {
    MapId::new(text(file, "map_id")?).map_err(|fault| fault.to_string())
}
