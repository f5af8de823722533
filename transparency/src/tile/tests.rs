use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::log::{self, Frontier, leaf_hash};

fn tile(level: u32, index: u64, width: u64) -> Tile {
    Tile {
        level,
        index,
        width,
    }
}

#[test]
fn paths_as_the_specification_writes_them() {
    let paths = [
        (tile(0, 1_234_067, WIDTH), "tile/0/x001/x234/067"),
        (tile(0, 0, 1), "tile/0/000.p/1"),
        (tile(1, 999, 255), "tile/1/999.p/255"),
        (tile(7, 1000, WIDTH), "tile/7/x001/000"),
    ];
    for (tile, path) in paths {
        assert_eq!(tile.to_string(), path);
        let path = path.strip_prefix("tile/").unwrap();
        assert_eq!(Tile::from_path(path), Ok(tile));
    }
    let bundle = Bundle {
        index: 42,
        width: 5,
    };
    assert_eq!(bundle.to_string(), "tile/entries/042.p/5");
    assert_eq!(Bundle::from_path("042.p/5"), Ok(bundle));
}

#[test]
fn a_path_has_one_form() {
    let bad = [
        "",
        "0",
        "0/",
        "0/1",
        "0/0000",
        "0/x000/001",
        "0/000/001",
        "0/x001",
        "0/001/",
        "0//001",
        "0/+01",
        "00/001",
        "8/001",
        "-1/001",
        "0/001.p/0",
        "0/001.p/256",
        "0/001.p/01",
        "0/001.p/",
        "0/001.p/1/",
        "0/x999/x999/x999/x999/x999/x999/x999/999",
        "0/００１",
    ];
    for path in bad {
        let fault = Tile::from_path(path).unwrap_err();
        assert_eq!(fault.code(), "kt.log", "{path}");
    }
}

#[test]
fn a_bundle_has_one_form() {
    let bytes = Bundle::encode(&[&b"ab"[..], b"", b"c"]).unwrap();
    assert_eq!(bytes, b"\0\x02ab\0\0\0\x01c");
    assert_eq!(
        Bundle::decode(&bytes),
        Ok(vec![&b"ab"[..], &b""[..], &b"c"[..]])
    );
    assert_eq!(
        Bundle::decode(&bytes[..bytes.len() - 1]),
        Err(Error::Form {
            at: 6,
            what: "it ends in an entry"
        })
    );
    Bundle::decode(&[0]).unwrap_err();
    Bundle::decode(&[0; 2 * 257]).unwrap_err();
    assert_eq!(Bundle::decode(&[0; 2 * 256]).unwrap().len(), 256);
    Bundle::encode(&[vec![0; 65_536]]).unwrap_err();
    Bundle::encode(&[[0_u8; 1]; 257]).unwrap_err();
}

/// A store of tiles: each by its level and number, as wide as it is now.
#[derive(Default)]
struct Tiles(BTreeMap<(u32, u64), Vec<u8>>);

impl Tiles {
    fn node(&self, node: Node, size: u64) -> Result<Hash, log::Error> {
        let tile = Tile::of(node, size);
        let bytes = &self.0[&(tile.level, tile.index)];
        assert!(bytes.len() as u64 >= 32 * tile.width && tile.width > 0);
        Ok(Tile::hash_of(node, &bytes[..32 * tile.width as usize]).unwrap())
    }
}

#[test]
fn proofs_come_from_tiles() {
    const SIZE: u64 = 256 * 256 + 300;
    let mut frontier = Frontier::new();
    let mut all = BTreeMap::new();
    let mut tiles = Tiles::default();
    let mut roots = BTreeMap::new();
    let mut grown = 0;
    for n in 0..SIZE {
        all.extend(frontier.push(leaf_hash(&n.to_be_bytes())).unwrap());
        let size = n + 1;
        if size % 1000 == 0 || size == SIZE {
            for tile in Tile::grown(grown, size) {
                let bytes: Vec<u8> = tile.nodes().flat_map(|node| all[&node]).collect();
                tiles.0.insert((tile.level, tile.index), bytes);
            }
            grown = size;
            roots.insert(size, frontier.root());
        }
    }
    // 256 whole ones and two more, one whole and one more, one of one hash.
    assert_eq!(tiles.0.len(), 258 + 2 + 1);
    let root = frontier.root();
    for index in [0, 1, 255, 256, 65_535, 65_536, SIZE - 1] {
        let path = log::prove_inclusion(index, SIZE, &mut |node| tiles.node(node, SIZE)).unwrap();
        let leaf = leaf_hash(&index.to_be_bytes());
        log::verify_inclusion(&leaf, index, SIZE, &path, &root).unwrap();
    }
    for (old, old_root) in roots {
        let path = log::prove_consistency(old, SIZE, &mut |node| tiles.node(node, SIZE)).unwrap();
        log::verify_consistency(old, &old_root, SIZE, &root, &path).unwrap();
    }
}

#[test]
fn a_tile_has_whole_hashes() {
    let node = Node { level: 1, index: 1 };
    assert_eq!(
        Tile::hash_of(node, &[0; 32 * 4]),
        Ok(node_hash(&[0; 32], &[0; 32]))
    );
    Tile::hash_of(node, &[0; 32 * 3]).unwrap_err();
    Tile::hash_of(node, &[0; 32 * 5 - 1]).unwrap_err();
    assert_eq!(Tile::of(node, 2).width, 2);
    assert_eq!(
        Tile::of(
            Node {
                level: 0,
                index: 256
            },
            256
        )
        .width,
        0
    );
}

proptest! {
    #[test]
    fn paths_come_back(level in 0..=MAX_LEVEL, index: u64, width in 1..=WIDTH) {
        let tile = tile(level, index, width);
        let path = tile.to_string();
        prop_assert_eq!(Tile::from_path(path.strip_prefix("tile/").unwrap()), Ok(tile));
    }

    #[test]
    fn what_is_parsed_is_written_alike(path in "[0-8]/(x?[0-9]{3}/){0,2}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(tile) = Tile::from_path(&path) {
            prop_assert_eq!(tile.to_string(), format!("tile/{path}"));
        }
    }
}
