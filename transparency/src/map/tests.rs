//! The map against its definition, level by level.

use proptest::prelude::*;

use super::*;

fn map() -> MapId {
    MapId::new("example.com").unwrap()
}

/// The hash of the node at `depth` above `leaves`, by the recursive definition: no short cuts.
fn definition(depth: usize, prefix: Index, leaves: &[(Index, Hash)]) -> Hash {
    if leaves.is_empty() {
        return map().empty(depth, &prefix);
    }
    if depth == DEPTH {
        return leaves[0].1;
    }
    let (left, right): (Vec<_>, Vec<_>) = leaves.iter().partition(|(index, _)| !index.bit(depth));
    let right_prefix = prefix.sibling(depth);
    interior(
        &definition(depth + 1, prefix, &left),
        &definition(depth + 1, right_prefix, &right),
    )
}

fn root(leaves: &[(Index, Hash)]) -> Hash {
    definition(0, Index::new([0; 32]), leaves)
}

/// Indices that often share long prefixes.
fn index() -> impl Strategy<Value = Index> {
    (any::<[u8; 2]>(), 0..DEPTH, any::<bool>()).prop_map(|(seed, flipped, flip)| {
        let mut bytes = [0; 32];
        bytes[0] = seed[0] & 0x81;
        bytes[31] = seed[1] & 0x03;
        if flip {
            bytes[flipped / 8] ^= 0x80 >> (flipped % 8);
        }
        Index::new(bytes)
    })
}

fn data(index: &Index, version: u8) -> Vec<u8> {
    [index.as_bytes().as_slice(), &[version]].concat()
}

fn leaf(index: &Index, version: u8) -> (Index, Hash) {
    (*index, map().leaf(index, &data(index, version)))
}

#[test]
fn bits_and_prefixes() {
    let index = Index::new(std::array::from_fn(|at| 0xa5_u8.wrapping_add(at as u8)));
    assert!(index.bit(0));
    assert!(!index.bit(1));
    assert!(!index.bit(DEPTH));
    assert_eq!(index.prefix(0), Index::new([0; 32]));
    assert_eq!(index.prefix(DEPTH), index);
    assert_eq!(index.prefix(3).as_bytes()[..2], [0xa0, 0]);
    assert_eq!(index.sibling(0).as_bytes()[..2], [0x00, 0]);
    assert_eq!(index.sibling(1).as_bytes()[..2], [0xc0, 0]);
    for depth in 0..DEPTH {
        assert_eq!(index.common(&index.sibling(depth)), depth);
    }
    assert_eq!(index.common(&index), DEPTH);
    assert_eq!(Index::from_slice(&[0; 31]), None);
}

#[test]
fn a_map_id_has_a_length() {
    assert!(MapId::new("x".repeat(MAX_MAP_ID)).is_ok());
    let long = MapId::new("x".repeat(MAX_MAP_ID + 1)).unwrap_err();
    assert_eq!(long.code(), "kt.form");
}

#[test]
fn neighbors_have_one_form() {
    let empty = vec![Vec::new(); DEPTH];
    assert_eq!(Proof::from_neighbors(&empty), Ok(Proof::default()));
    for count in [0, 1, DEPTH - 1, DEPTH + 1] {
        assert_eq!(
            Proof::from_neighbors(&vec![Vec::new(); count]),
            Err(Error::Count { count })
        );
    }
    for len in [1, 31, 33, 64] {
        let mut bad = empty.clone();
        bad[7] = vec![0; len];
        let fault = Proof::from_neighbors(&bad).unwrap_err();
        assert_eq!(fault, Error::Length { at: 7, len });
        assert_eq!(fault.code(), "kt.neighbors");
    }
    for depths in [vec![0], vec![257], vec![3, 3], vec![3, 4]] {
        let neighbors = depths.iter().map(|&depth| Neighbor {
            depth,
            hash: [0; 32],
        });
        Proof::new(neighbors.collect()).unwrap_err();
    }
}

#[test]
fn an_empty_map_proves_absence() {
    let tree = Tree::new(map());
    let index = Index::new([9; 32]);
    assert_eq!(tree.prove(&index), Proof::default());
    assert_eq!(tree.get(&index), None);
    assert_eq!(tree.root(), root(&[]));
    assert_eq!(tree.root(), build(&map(), &[], &mut |_| {}));
    assert_eq!(
        root_of(&map(), &Proof::default(), &index, None),
        tree.root()
    );
}

#[test]
fn the_last_of_several_at_one_index_counts() {
    let index = Index::new([1; 32]);
    let mut tree = Tree::new(map());
    tree.update(&[leaf(&index, 3), leaf(&index, 1), leaf(&index, 2)]);
    assert_eq!(tree.get(&index), Some(leaf(&index, 2).1));
    assert_eq!(tree.len(), 1);
}

proptest! {
    // Each case hashes thousands of nodes.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn one_root_by_every_route(
        batches in prop::collection::vec(prop::collection::vec((index(), any::<u8>()), 0..6), 1..4),
        asked in prop::collection::vec(index(), 1..4),
    ) {
        let mut tree = Tree::new(map());
        let mut model = std::collections::BTreeMap::new();
        for batch in &batches {
            model.extend(batch.iter().copied());
            let batch: Vec<_> = batch.iter().map(|(index, version)| leaf(index, *version)).collect();
            let leaves: Vec<_> = model.iter().map(|(index, version)| leaf(index, *version)).collect();
            let mut branches = Vec::new();
            prop_assert_eq!(tree.update(&batch), root(&leaves));
            prop_assert_eq!(build(&map(), &leaves, &mut |branch| branches.push(branch)), root(&leaves));
            prop_assert_eq!(branches.len(), leaves.len().saturating_sub(1));
            prop_assert_eq!(tree.len(), leaves.len());
        }
        for index in asked.iter().chain(model.keys()) {
            let data = model.get(index).map(|version| data(index, *version));
            let proof = tree.prove(index);
            prop_assert_eq!(root_of(&map(), &proof, index, data.as_deref()), tree.root());
            let again = Proof::from_neighbors(&proof.to_neighbors()).unwrap();
            prop_assert_eq!(&again, &proof);
            // Neither another leaf nor the contrary is proven by it.
            prop_assert_ne!(root_of(&map(), &proof, index, Some(b"other")), tree.root());
            if data.is_some() {
                prop_assert_ne!(root_of(&map(), &proof, index, None), tree.root());
            }
            prop_assert_eq!(tree.get(index), data.map(|data| map().leaf(index, &data)));
        }
    }
}
