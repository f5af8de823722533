//! What proves a directory's answers: the VRF, the map, the log, its timestamps, tiles and notes.

use std::sync::LazyLock;

use transparency::log::{self, Frontier};
use transparency::map::{DEPTH, Index, MapId, Proof, Tree, root_of};
use transparency::messages::SignedMapHead;
use transparency::note::{Checkpoint, Kind, Note, Signature, SignerKey, VerifierKey};
use transparency::sct::Sct;
use transparency::signature::SigningKey;
use transparency::tile::{Bundle, Tile};
use transparency::vrf;

/// Whose output it is.
const USER: &str = "alice";
/// The data of its leaf.
const LEAF: &[u8] = b"leaf";
/// How many leaves the log has, before and after.
const SIZES: [u64; 2] = [11, 43];
/// Which of them is proven.
const AT: u64 = 5;

/// Everything honest that is changed here, and what it is verified against.
struct Honest {
    vrf_key: vrf::SecretKey,
    map: MapId,
    index: Index,
    tree: Tree,
    roots: [log::Hash; 2],
    log_key: SigningKey,
    note_key: SignerKey,
    witness: SignerKey,
    /// One after another, as in [`changed`].
    bytes: [Vec<u8>; 6],
}

static HONEST: LazyLock<Honest> = LazyLock::new(honest);

/// `data` is each of them; and which of those that hold is changed, and a list of changes (where, as two
/// bytes, and to what).
pub fn run(data: &[u8]) {
    parsed(data);
    numbers(data);
    let Some((which, changes)) = data.split_first() else {
        return;
    };
    let which = usize::from(*which) % HONEST.bytes.len();
    let good = &HONEST.bytes[which];
    let mut bytes = good.clone();
    let (changes, cut) = changes.as_chunks::<3>();
    for [high, low, to] in changes {
        let at = usize::from(u16::from_be_bytes([*high, *low]));
        bytes[at % good.len()] = *to;
    }
    // What is left over makes it longer.
    bytes.extend(cut);
    let holds = changed(which, &bytes);
    assert_eq!(holds, bytes == *good, "kind {which}");
}

/// Honest bytes, for the corpus.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let honest = &*HONEST;
    let mut seeds = vec![
        b"0/x001/x234/067.p/8".to_vec(),
        honest.note_key.verifier().to_string().into_bytes(),
        honest.note_key.to_text().as_bytes().to_vec(),
        Bundle::encode(&[&b"one"[..], b"", b"three"]).expect("they are short"),
    ];
    for (which, bytes) in (0..).zip(&honest.bytes) {
        // Timestamps are never signed alike.
        if which != 4 {
            seeds.push(bytes.clone());
        }
        seeds.push(vec![which, 0, 1, 0x80]);
    }
    seeds
}

/// Reads all that has a form, and writes again what could be read.
fn parsed(data: &[u8]) {
    if let Ok(sct) = Sct::decode(data) {
        assert_eq!(sct.encode().as_deref(), Ok(data));
    }
    if let Ok(entries) = Bundle::decode(data) {
        assert_eq!(Bundle::encode(&entries).as_deref(), Ok(data));
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(note) = Note::parse(text) {
        assert_eq!(note.to_string(), text);
        let _checkpoint = Checkpoint::parse(&note.text);
        if note.verify(HONEST.witness.verifier()).is_ok() {
            assert!(HONEST.bytes[5].starts_with(note.text.as_bytes()));
        }
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert!(text.starts_with(&checkpoint.to_string()));
    }
    if let Ok(signature) = Signature::parse(text) {
        assert_eq!(signature.to_string(), text.trim_end_matches('\n'));
    }
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(key) = SignerKey::parse(text) {
        assert_eq!(*key.to_text(), text);
    }
    if let Ok(tile) = Tile::from_path(text) {
        assert_eq!(tile.to_string(), format!("tile/{text}"));
        assert!(tile.nodes().count() <= 256);
    }
    if let Ok(bundle) = Bundle::from_path(text) {
        assert_eq!(bundle.to_string(), format!("tile/entries/{text}"));
    }
}

/// Proofs about logs of any sizes: none of them leads to a root of zeros.
fn numbers(data: &[u8]) {
    let Some((numbers, rest)) = data.split_first_chunk::<16>() else {
        return;
    };
    let (first, second) = numbers.split_at(8);
    let [first, second] = [first, second].map(|bytes| {
        let bytes = bytes.try_into().expect("it has eight");
        u64::from_be_bytes(bytes)
    });
    let (path, _) = rest.as_chunks();
    assert!(log::verify_inclusion(&[1; 32], first, second, path, &[0; 32]).is_err());
    assert!(log::verify_consistency(first, &[1; 32], second, &[0; 32], path).is_err());
    let node = log::Node {
        level: numbers[0].into(),
        index: second,
    };
    assert!(Tile::of(node, first).width <= 256);
    let _hash = Tile::hash_of(node, rest);
    assert!(Frontier::from_parts(first, path.to_vec()).is_err() || path.len() <= 64);
}

/// Whether changed bytes still prove what they proved.
fn changed(which: usize, bytes: &[u8]) -> bool {
    match which {
        0 => vrf_holds(bytes),
        1 => map_holds(bytes, &HONEST.index, Some(LEAF)),
        2 => hashes(bytes).is_some_and(|path| {
            let leaf = log::leaf_hash(&AT.to_be_bytes());
            log::verify_inclusion(&leaf, AT, SIZES[1], &path, &HONEST.roots[1]).is_ok()
        }),
        3 => hashes(bytes).is_some_and(|path| {
            let [old, new] = &HONEST.roots;
            log::verify_consistency(SIZES[0], old, SIZES[1], new, &path).is_ok()
        }),
        4 => Sct::decode(bytes).is_ok_and(|sct| {
            let key = HONEST.log_key.verifying_key();
            sct.verify(&SignedMapHead::default(), key).is_ok()
        }),
        _ => std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| Note::parse(text).ok())
            .is_some_and(|note| holds(&note)),
    }
}

fn vrf_holds(bytes: &[u8]) -> bool {
    let (output, proof) = bytes.split_at(vrf::OUTPUT_LEN);
    let Ok(proof) = vrf::Proof::from_slice(proof) else {
        return false;
    };
    let output = vrf::Output::from_slice(output).expect("it has as many bytes");
    let key = HONEST.vrf_key.public_key();
    key.verify(USER, &output, &proof).is_ok()
}

/// Neighbors as hashes, each after its depth (0 is the deepest).
fn map_holds(bytes: &[u8], index: &Index, leaf: Option<&[u8]>) -> bool {
    let (neighbors, rest) = bytes.as_chunks::<33>();
    let mut items = vec![Vec::new(); DEPTH];
    for [depth, hash @ ..] in neighbors {
        let item = &mut items[usize::from(*depth)];
        if !item.is_empty() {
            return false;
        }
        *item = hash.to_vec();
    }
    if !rest.is_empty() {
        items.push(rest.to_vec());
    }
    let Ok(proof) = Proof::from_neighbors(&items) else {
        return false;
    };
    let proven = root_of(&HONEST.map, &proof, index, leaf) == HONEST.tree.root();
    // Neighbors have one order.
    let depths = neighbors.iter().map(|[depth, ..]| depth);
    proven && depths.is_sorted()
}

fn hashes(bytes: &[u8]) -> Option<Vec<log::Hash>> {
    let (hashes, rest) = bytes.as_chunks();
    rest.is_empty().then(|| hashes.to_vec())
}

/// Both have signed it, and nobody else.
fn holds(note: &Note) -> bool {
    let honest = &HONEST;
    note.verify(honest.note_key.verifier()).is_ok()
        && note.verify(honest.witness.verifier()).is_ok()
        && note.signatures.len() == 2
}

fn honest() -> Honest {
    let vrf_key = vrf::SecretKey::from_bytes(&[1; 32]).expect("it is below the order");
    let (output, proof) = vrf_key.prove(USER).expect("it hashes to a point");
    let index = output.index();
    let map = MapId::new("example.com").expect("it is short");
    let mut tree = Tree::new(map.clone());
    let others = (0..20_u8).map(|n| (Index::new([n.wrapping_mul(13); 32]), [n; 32]));
    let own = (index, map.leaf(&index, LEAF));
    tree.update(&others.chain([own]).collect::<Vec<_>>());
    let neighbors = tree.prove(&index).to_neighbors();
    let neighbors = (0..=255_u8)
        .zip(neighbors)
        .filter(|(_, hash)| !hash.is_empty());

    let mut nodes = std::collections::BTreeMap::new();
    let mut frontier = Frontier::new();
    let mut roots = Vec::new();
    for n in 0..SIZES[1] {
        let leaf = log::leaf_hash(&n.to_be_bytes());
        nodes.extend(frontier.push(leaf).expect("it is short"));
        if SIZES.contains(&frontier.size()) {
            roots.push(frontier.root());
        }
    }
    let roots: [log::Hash; 2] = roots.try_into().expect("there are two sizes");
    let mut find = |node| Ok::<_, log::Error>(nodes[&node]);
    let path = log::prove_inclusion(AT, SIZES[1], &mut find).expect("it is there");
    let growth = log::prove_consistency(SIZES[0], SIZES[1], &mut find).expect("it grew");

    let log_key = SigningKey::from_scalar(&[2; 32]).expect("it is below the order");
    let sct = Sct::sign(&log_key, 7, &SignedMapHead::default()).expect("it is short");
    let note_key = key("example.com/heads", Kind::Ed25519);
    let witness = key("witness.example", Kind::Cosignature);
    let checkpoint = Checkpoint {
        origin: "example.com/heads".to_owned(),
        size: SIZES[1],
        root: roots[1],
    };
    let mut note = Note::new(checkpoint.to_string()).expect("it is a text");
    note.sign(&note_key).expect("it is for notes");
    let cosigned = note.cosign(&witness, 1_800_000_000).expect("it cosigns");
    note.signatures.push(cosigned);
    Honest {
        bytes: [
            [&output.as_bytes()[..], proof.as_bytes()].concat(),
            neighbors
                .flat_map(|(at, hash)| [vec![at], hash].concat())
                .collect(),
            path.concat(),
            growth.concat(),
            sct.encode().expect("it is short"),
            note.to_string().into_bytes(),
        ],
        vrf_key,
        map,
        index,
        tree,
        roots,
        log_key,
        note_key,
        witness,
    }
}

fn key(name: &str, kind: Kind) -> SignerKey {
    SignerKey::from_seed(name, kind, &[3; 32]).expect("it has a name")
}
