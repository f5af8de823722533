//! A directory with all its keys in hand, which answers what it likes and signs it properly.
//!
//! It applies whatever it is told, seals epochs, and proves what it has: an honest directory, until a test
//! changes what it has, forks it, or changes what it answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use transparency::commitment::NONCE;
use transparency::log::{self, Hash, Node};
use transparency::map::{Index, MapId, Tree};
use transparency::messages::{
    Committed, Entry, EntryUpdate, GetEntryResponse, History, LeafProof, LogProof, MapHead,
    Profile, SignedKv, SignedMapHead, Timestamp,
};
use transparency::note::{Checkpoint, Kind, Note, SignerKey};
use transparency::object_hash;
use transparency::sct::{self, Sct};
use transparency::signature::SigningKey;
use transparency::tile::{HEIGHT, Tile, WIDTH};
use transparency::trust::{Policy, Trust};
use transparency::update::Draft;
use transparency::vrf;

pub(crate) const REALM: &str = "liar.example";
/// When epoch 0 begins; each lasts a second.
pub(crate) const BEGAN: i64 = 1_700_000_000;

/// The keys of a directory, and of those who watch it.
pub(crate) struct Keys {
    pub(crate) vrf: vrf::SecretKey,
    pub(crate) map: SigningKey,
    pub(crate) log: SigningKey,
    pub(crate) checkpoint: SignerKey,
    pub(crate) witness: SignerKey,
    pub(crate) auditor: SigningKey,
}

/// A directory.
#[derive(Clone)]
pub(crate) struct Liar {
    pub(crate) keys: Arc<Keys>,
    pub(crate) realm: String,
    pub(crate) epochs: Vec<Epoch>,
    /// What the next epoch begins with.
    pub(crate) next: Epoch,
    /// What opens commitments.
    pub(crate) openings: BTreeMap<Vec<u8>, Committed>,
    /// Added to the time of the next heads, in seconds.
    pub(crate) clock: i64,
    nonces: u8,
}

/// The state of the map at an epoch.
#[derive(Clone)]
pub(crate) struct Epoch {
    pub(crate) tree: Tree,
    pub(crate) leaves: BTreeMap<Index, Vec<u8>>,
    /// The updates that it applied.
    pub(crate) updates: BTreeMap<Index, SignedKv>,
    pub(crate) smh: SignedMapHead,
    pub(crate) sct: Vec<u8>,
    /// The head as a leaf of the log.
    pub(crate) logged: Hash,
}

impl Liar {
    /// A directory with an empty map, in epoch 0.
    pub(crate) fn new() -> Self {
        let keys = Keys {
            vrf: vrf::SecretKey::from_bytes(&[7; 32]).unwrap(),
            map: SigningKey::generate().unwrap(),
            log: SigningKey::generate().unwrap(),
            checkpoint: note_key(&format!("{REALM}/heads"), Kind::Ed25519, 1),
            witness: note_key("witness.example", Kind::Cosignature, 2),
            auditor: SigningKey::generate().unwrap(),
        };
        let tree = Tree::new(MapId::new(REALM).unwrap());
        let mut liar = Self {
            keys: Arc::new(keys),
            realm: REALM.to_owned(),
            epochs: Vec::new(),
            next: Epoch {
                tree,
                leaves: BTreeMap::new(),
                updates: BTreeMap::new(),
                smh: SignedMapHead::default(),
                sct: Vec::new(),
                logged: [0; 32],
            },
            openings: BTreeMap::new(),
            clock: 0,
            nonces: 0,
        };
        liar.seal();
        liar
    }

    /// What its clients pin: everything but witnesses and auditors.
    pub(crate) fn trust(&self) -> Trust {
        let keys = &self.keys;
        Trust {
            realm: self.realm.clone(),
            vrf_suite: Trust::BOUND.to_owned(),
            vrf_key: keys.vrf.public_key().to_pem().unwrap(),
            map_key: keys.map.verifying_key().to_pem(),
            log_key: Some(keys.log.verifying_key().to_pem()),
            checkpoint_key: Some(keys.checkpoint.verifier().to_string()),
            ..Trust::default()
        }
    }

    /// The same, and the witness and the auditor have to have signed.
    pub(crate) fn watched(&self) -> Trust {
        let policy = |key: String| Policy {
            threshold: 1,
            keys: vec![key],
        };
        Trust {
            witnesses: policy(self.keys.witness.verifier().to_string()),
            auditors: policy(self.keys.auditor.verifying_key().to_pem()),
            ..self.trust()
        }
    }

    pub(crate) fn epoch(&self) -> usize {
        self.epochs.len() - 1
    }

    pub(crate) fn index(&self, user: &str) -> Index {
        self.keys.vrf.evaluate(user).unwrap().index()
    }

    /// An update that replaces the entry of now, as an honest user makes it.
    pub(crate) fn draft(&mut self, user: &str, key: &SigningKey, data: &str) -> EntryUpdate {
        let index = self.index(user);
        let leaf = self.next.leaves.get(&index).cloned();
        self.draft_after(user, leaf.as_deref(), key, data)
    }

    /// An update that replaces this leaf.
    pub(crate) fn draft_after(
        &mut self,
        user: &str,
        leaf: Option<&[u8]>,
        key: &SigningKey,
        data: &str,
    ) -> EntryUpdate {
        self.nonces += 1;
        Draft {
            user,
            index: self.index(user).as_bytes(),
            previous: leaf,
            profile: &Profile([("app".to_owned(), data.as_bytes().to_vec())].into()),
            authorized_keys: &[key.verifying_key().clone()],
            nonce: &[self.nonces; NONCE],
        }
        .sign(&[key])
        .unwrap()
    }

    /// Takes an update, whatever it is; the next epoch has it.
    pub(crate) fn apply(&mut self, update: &EntryUpdate) {
        let index = Index::from_slice(&update.update.key_value.key).unwrap();
        let leaf = update.update.key_value.value.clone();
        let commitment = Entry::decode(&leaf).unwrap().commitment;
        self.openings
            .insert(commitment, update.committed.clone().unwrap());
        self.next.updates.insert(index, update.update.clone());
        self.next.leaves.insert(index, leaf);
    }

    /// Puts and seals.
    pub(crate) fn put(&mut self, user: &str, key: &SigningKey, data: &str) -> EntryUpdate {
        let update = self.draft(user, key, data);
        self.apply(&update);
        self.seal();
        update
    }

    /// Ends the epoch: signs its head and logs it.
    pub(crate) fn seal(&mut self) {
        let map = MapId::new(REALM).unwrap();
        let mut sealed = self.next.clone();
        sealed.tree = Tree::new(map.clone());
        let leaves = sealed.leaves.iter();
        let hashes: Vec<_> = leaves
            .map(|(index, leaf)| (*index, map.leaf(index, leaf)))
            .collect();
        let root = sealed.tree.update(&hashes);
        let epoch = self.epochs.len() as u64;
        self.sign(&mut sealed, epoch, root);
        self.next.updates.clear();
        self.epochs.push(sealed);
    }

    fn sign(&self, sealed: &mut Epoch, epoch: u64, root: Hash) {
        let head = MapHead {
            realm: self.realm.clone(),
            epoch,
            root: root.to_vec(),
            issue_time: Some(Timestamp {
                seconds: BEGAN + self.clock + epoch as i64,
                nanos: 0,
            }),
        };
        let preimage = object_hash::map_head(&head);
        let sign = |key: &SigningKey| {
            let signed = key.sign_digitally(&preimage).unwrap();
            [(key.id().to_string(), signed)].into()
        };
        sealed.smh = SignedMapHead {
            signatures: sign(&self.keys.map),
            auditor_signatures: sign(&self.keys.auditor),
            map_head: Some(head),
        };
        let time = ((BEGAN + self.clock) as u64 + epoch) * 1000;
        let promise = Sct::sign(&self.keys.log, time, &sealed.smh).unwrap();
        sealed.logged = sct::leaf_hash(time, &sct::entry_text(&sealed.smh)).unwrap();
        sealed.sct = promise.encode().unwrap();
    }

    /// What it says of a user now.
    pub(crate) fn get(&self, user: &str) -> GetEntryResponse {
        self.answer(user, self.epoch())
    }

    /// What it says of a user in an epoch.
    pub(crate) fn answer(&self, user: &str, epoch: usize) -> GetEntryResponse {
        let (output, proof) = self.keys.vrf.prove(user).unwrap();
        let index = output.index();
        let sealed = &self.epochs[epoch];
        let leaf = sealed.leaves.get(&index).cloned().unwrap_or_default();
        let opening = Entry::decode(&leaf).ok();
        let opening = opening.and_then(|entry| self.openings.get(&entry.commitment).cloned());
        GetEntryResponse {
            vrf: output.as_bytes().to_vec(),
            vrf_proof: proof.as_bytes().to_vec(),
            committed: opening.filter(|_| !leaf.is_empty()),
            leaf_proof: Some(LeafProof {
                leaf_data: leaf,
                neighbors: sealed.tree.prove(&index).to_neighbors(),
            }),
            smh: Some(sealed.smh.clone()),
            smh_sct: sealed.sct.clone(),
            vrf_suite: Trust::BOUND.to_owned(),
            log_proof: Some(self.log_proof(epoch, self.epochs.len())),
            update: sealed.updates.get(&index).cloned(),
        }
    }

    /// A page of a user's history, with these epochs.
    pub(crate) fn history(
        &self,
        user: &str,
        epochs: impl IntoIterator<Item = usize>,
        next_start: u64,
    ) -> History {
        let epochs = epochs.into_iter();
        History {
            values: epochs.map(|epoch| self.answer(user, epoch)).collect(),
            next_start,
        }
    }

    /// That an epoch's head is in the log of a size.
    pub(crate) fn log_proof(&self, epoch: usize, size: usize) -> LogProof {
        let size = size as u64;
        let path = log::prove_inclusion(epoch as u64, size, &mut |node| self.node(node)).unwrap();
        LogProof {
            leaf_index: epoch as u64,
            tree_size: size,
            audit_path: path.iter().map(|hash| hash.to_vec()).collect(),
            checkpoint: self.checkpoint(size),
        }
    }

    /// The log of a size, signed by itself and by the witness.
    pub(crate) fn checkpoint(&self, size: u64) -> String {
        let root = log::root(size, &mut |node| self.node(node)).unwrap();
        let origin = format!("{}/heads", self.realm);
        let text = Checkpoint { origin, size, root }.to_string();
        let mut note = Note::new(text).unwrap();
        note.sign(&self.keys.checkpoint).unwrap();
        let cosigned = note.cosign(&self.keys.witness, BEGAN as u64).unwrap();
        note.signatures.push(cosigned);
        note.to_string()
    }

    /// That the log of one size begins with that of another.
    pub(crate) fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        log::prove_consistency(old, new, &mut |node| self.node(node)).unwrap()
    }

    /// A tile of the log, as its path names it.
    pub(crate) fn tile(&self, path: &str) -> Option<Vec<u8>> {
        let tile = Tile::from_path(path).ok()?;
        let first = tile.index * WIDTH;
        let hashes = (first..first + tile.width).map(|index| {
            let level = tile.level * HEIGHT;
            self.node(Node { level, index }).unwrap()
        });
        Some(hashes.flatten().collect())
    }

    fn node(&self, node: Node) -> Result<Hash, log::Error> {
        let Node { level, index } = node;
        if level == 0 {
            return Ok(self.epochs[index as usize].logged);
        }
        let child = |index| {
            let level = level - 1;
            self.node(Node { level, index })
        };
        Ok(log::node_hash(&child(index * 2)?, &child(index * 2 + 1)?))
    }
}

fn note_key(name: &str, kind: Kind, seed: u8) -> SignerKey {
    SignerKey::from_seed(name, kind, &[seed; 32]).unwrap()
}
