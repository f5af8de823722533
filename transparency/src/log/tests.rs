//! Proofs against the definition of RFC 6962 itself, and against its well-known example.

use proptest::prelude::*;

use super::*;

/// The Merkle tree hash, as the RFC defines it.
fn definition(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => leaf_hash(leaf),
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(&definition(&leaves[..split]), &definition(&leaves[split..]))
        }
    }
}

/// The audit path, as the RFC defines it.
fn path(index: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let split = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(split);
    let (mut path, sibling) = if index < split {
        (path(index, left), definition(right))
    } else {
        (path(index - split, right), definition(left))
    };
    path.push(sibling);
    path
}

/// The consistency proof, as the RFC defines it.
fn subproof(old: usize, leaves: &[Vec<u8>], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole {
            Vec::new()
        } else {
            vec![definition(leaves)]
        };
    }
    let split = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(split);
    let (mut proof, sibling) = if old <= split {
        (subproof(old, left, whole), definition(right))
    } else {
        (subproof(old - split, right, false), definition(left))
    };
    proof.push(sibling);
    proof
}

fn leaves(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| format!("leaf {n}").into_bytes())
        .collect()
}

/// Finds complete subtrees, and fails for any that isn't there.
fn nodes(leaves: &[Vec<u8>]) -> impl FnMut(Node) -> Result<Hash, Error> + '_ {
    move |node| {
        let start = (node.index << node.level) as usize;
        let end = start + (1 << node.level);
        leaves.get(start..end).map(definition).ok_or(Error::Index {
            index: end as u64,
            size: leaves.len() as u64,
        })
    }
}

fn hash(hex: &str) -> Hash {
    hex::decode(hex).unwrap().try_into().unwrap()
}

/// The tree of eight leaves that implementations of Certificate Transparency share.
#[test]
fn the_known_roots() {
    let inputs = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::new();
    assert_eq!(
        frontier.root(),
        hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
    for (input, root) in inputs.iter().zip(roots) {
        frontier
            .push(leaf_hash(&hex::decode(input).unwrap()))
            .unwrap();
        assert_eq!(frontier.root(), hash(root));
    }
}

#[test]
fn every_inclusion_of_small_logs() {
    for size in 1..=40 {
        let leaves = leaves(size);
        let head = definition(&leaves);
        assert_eq!(root(size as u64, &mut nodes(&leaves)), Ok(head));
        for index in 0..size {
            let proof = prove_inclusion(index as u64, size as u64, &mut nodes(&leaves)).unwrap();
            assert_eq!(proof, path(index, &leaves));
            let leaf = leaf_hash(&leaves[index]);
            verify_inclusion(&leaf, index as u64, size as u64, &proof, &head).unwrap();
            for other in (0..size + 2).filter(|other| *other != index) {
                verify_inclusion(&leaf, other as u64, size as u64, &proof, &head).unwrap_err();
            }
        }
    }
}

#[test]
fn every_consistency_of_small_logs() {
    for new in 0..=40 {
        let leaves = leaves(new);
        let new_root = definition(&leaves);
        for old in 0..=new {
            let old_root = definition(&leaves[..old]);
            let (from, to) = (old as u64, new as u64);
            let proof = prove_consistency(from, to, &mut nodes(&leaves)).unwrap();
            if old > 0 {
                assert_eq!(proof, subproof(old, &leaves, true));
            }
            verify_consistency(from, &old_root, to, &new_root, &proof).unwrap();
            verify_consistency(from, &[7; 32], to, &new_root, &proof).unwrap_err();
            if old > 0 {
                verify_consistency(from, &old_root, to, &[7; 32], &proof).unwrap_err();
            }
        }
    }
}

#[test]
fn what_is_not_there_is_not_proven() {
    let leaves = leaves(5);
    assert_eq!(
        prove_inclusion(5, 5, &mut nodes(&leaves)),
        Err(Error::Index { index: 5, size: 5 })
    );
    assert_eq!(
        prove_consistency(6, 5, &mut nodes(&leaves)),
        Err(Error::Sizes { old: 6, new: 5 })
    );
    verify_consistency(0, &empty_root(), 0, &[1; 32], &[]).unwrap_err();
    verify_inclusion(&[0; 32], u64::MAX - 1, u64::MAX, &[], &[0; 32]).unwrap_err();
    Frontier::from_parts(5, vec![[0; 32]]).unwrap_err();
}

#[test]
fn a_frontier_tells_what_it_completes() {
    let leaves = leaves(64);
    let mut frontier = Frontier::new();
    let mut told = std::collections::BTreeMap::new();
    for leaf in &leaves {
        for (node, hash) in frontier.push(leaf_hash(leaf)).unwrap() {
            assert_eq!(nodes(&leaves)(node), Ok(hash));
            assert_eq!(told.insert(node, hash), None);
        }
        let nodes = Frontier::nodes(frontier.size());
        let hashes: Vec<_> = nodes.iter().map(|node| told[node]).collect();
        assert_eq!(frontier.hashes(), hashes);
        let again = Frontier::from_parts(frontier.size(), hashes).unwrap();
        assert_eq!(again, frontier);
    }
    assert_eq!(told.len(), 127);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_hash_of_a_proof_is_free(size in 2..200_usize, at in any::<prop::sample::Index>(), bit in 0..256_usize) {
        let leaves = leaves(size);
        let (index, head) = (at.index(size), definition(&leaves));
        let leaf = leaf_hash(&leaves[index]);
        let mut proof = prove_inclusion(index as u64, size as u64, &mut nodes(&leaves)).unwrap();
        let which = at.index(proof.len());
        proof[which][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_inclusion(&leaf, index as u64, size as u64, &proof, &head).is_err());

        let old = 1 + at.index(size - 1);
        let old_root = definition(&leaves[..old]);
        let mut proof = prove_consistency(old as u64, size as u64, &mut nodes(&leaves)).unwrap();
        let which = at.index(proof.len());
        proof[which][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(
            verify_consistency(old as u64, &old_root, size as u64, &head, &proof).is_err()
        );
        proof.push([0; 32]);
        prop_assert!(
            verify_consistency(old as u64, &old_root, size as u64, &head, &proof).is_err()
        );
    }
}
