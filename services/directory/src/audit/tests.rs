use std::collections::BTreeMap;

use attestation::Time;
use tempfile::TempDir;
use transparency::log::Frontier;
use transparency::messages::{Entry, EntryUpdate, MapHead, Profile, Timestamp};
use transparency::note::{Kind, SignerKey};
use transparency::sct::{self, Sct};
use transparency::signature::SigningKey;
use transparency::update::Draft;
use transparency::vrf::SecretKey;

use super::*;
use crate::apps::{AVALON_WORKER, AppError, Validator};
use crate::feed::{Mutation, Page};

const REALM: &str = "sconce.localhost";
const ORIGIN: &str = "sconce.localhost/heads";
/// Evidence that the check below takes for genuine.
const GENUINE: &[u8] = b"genuine";

/// A directory that can be made to lie, and signs whatever it says.
struct Town {
    map_key: SigningKey,
    log_key: SigningKey,
    checkpoint_key: SignerKey,
    vrf_key: SecretKey,
    tree: Tree,
    log: Frontier,
    leaves: BTreeMap<String, Vec<u8>>,
    epochs: Vec<Page>,
}

impl Town {
    fn new() -> Self {
        let key = |number| SigningKey::from_scalar(&[number; 32]).unwrap();
        let mut town = Self {
            map_key: key(1),
            log_key: key(2),
            checkpoint_key: SignerKey::from_seed(ORIGIN, Kind::Ed25519, &[3; 32]).unwrap(),
            vrf_key: SecretKey::from_bytes(&[4; 32]).unwrap(),
            tree: Tree::new(MapId::new(REALM).unwrap()),
            log: Frontier::new(),
            leaves: BTreeMap::new(),
            epochs: Vec::new(),
        };
        town.seal(Vec::new());
        town
    }

    /// Three epochs: nothing, two users, one of them again.
    fn settled() -> Self {
        let mut town = Self::new();
        let (a, b) = (town.update("a", b"1"), town.update("b", b"1"));
        town.seal(vec![a, b]);
        let a = town.update("a", b"2");
        town.seal(vec![a]);
        town
    }

    fn trust(&self) -> Trust {
        Trust {
            realm: REALM.to_owned(),
            vrf_suite: Trust::BOUND.to_owned(),
            vrf_key: self.vrf_key.public_key().to_pem().unwrap(),
            map_key: self.map_key.verifying_key().to_pem(),
            log_key: Some(self.log_key.verifying_key().to_pem()),
            checkpoint_key: Some(self.checkpoint_key.verifier().to_string()),
            ..Trust::default()
        }
    }

    /// An update as the owner of an entry makes it; the data is of a worker.
    fn update(&mut self, user: &str, data: &[u8]) -> Mutation {
        let previous = self.leaves.get(user).cloned();
        self.update_of(user, data, previous.as_deref())
    }

    fn update_of(&mut self, user: &str, data: &[u8], previous: Option<&[u8]>) -> Mutation {
        let owner = SigningKey::from_scalar(&[9; 32]).unwrap();
        let (output, proof) = self.vrf_key.prove(user).unwrap();
        let index = output.index();
        let draft = Draft {
            user,
            index: index.as_bytes(),
            previous,
            profile: &Profile([(AVALON_WORKER.to_owned(), data.to_vec())].into()),
            authorized_keys: &[owner.verifying_key().clone()],
            nonce: &[5; 16],
        };
        let EntryUpdate { update, committed } = draft.sign(&[&owner]).unwrap();
        let leaf = update.key_value.value.clone();
        self.leaves.insert(user.to_owned(), leaf);
        Mutation {
            number: 0,
            update,
            committed,
            user_id: user.to_owned(),
            vrf: output.as_bytes().to_vec(),
            vrf_proof: proof.as_bytes().to_vec(),
        }
    }

    /// An epoch of these updates, whatever they are.
    fn seal(&mut self, mutations: Vec<Mutation>) {
        let map = MapId::new(REALM).unwrap();
        let leaf = |mutation: &Mutation| {
            let pair = &mutation.update.key_value;
            let index = Index::from_slice(&pair.key).unwrap();
            (index, map.leaf(&index, &pair.value))
        };
        let leaves: Vec<_> = mutations.iter().map(leaf).collect();
        let root = self.tree.update(&leaves);
        self.publish(mutations, root.to_vec());
    }

    fn publish(&mut self, mut mutations: Vec<Mutation>, root: Vec<u8>) {
        let epoch = self.epochs.len() as u64;
        let (smh, smh_sct) = self.head(epoch, epoch, root);
        let promise = Sct::decode(&smh_sct).unwrap();
        let text = sct::entry_text(&smh);
        let leaf = sct::leaf_hash(promise.timestamp_ms, &text).unwrap();
        self.log.push(leaf).unwrap();
        for (number, mutation) in mutations.iter_mut().enumerate() {
            mutation.number = number as u64;
        }
        self.epochs.push(Page {
            epoch,
            count: mutations.len() as u64,
            mutations,
            next_start: 0,
            smh: Some(smh),
            smh_sct,
        });
    }

    fn head(&self, epoch: u64, seconds: u64, root: Vec<u8>) -> (SignedMapHead, Vec<u8>) {
        let head = MapHead {
            realm: REALM.to_owned(),
            epoch,
            root,
            issue_time: Some(Timestamp {
                seconds: 1_700_000_000 + i64::try_from(seconds).unwrap(),
                nanos: 0,
            }),
        };
        let signed = self.map_key.sign_digitally(&object_hash::map_head(&head));
        let smh = SignedMapHead {
            map_head: Some(head),
            signatures: [(self.map_key.id().to_string(), signed.unwrap())].into(),
            ..SignedMapHead::default()
        };
        let sct = Sct::sign(&self.log_key, 1_700_000_000_000, &smh).unwrap();
        (smh, sct.encode().unwrap())
    }

    fn checkpoint_of(&self, log: &Frontier) -> String {
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size: log.size(),
            root: log.root(),
        };
        let mut note = Note::new(checkpoint.to_string()).unwrap();
        note.sign(&self.checkpoint_key).unwrap();
        note.to_string()
    }

    fn checkpoint(&self) -> String {
        self.checkpoint_of(&self.log)
    }
}

/// Takes the one text for evidence.
struct Evidence;

impl Validator for Evidence {
    fn validate(&self, _: &str, data: &[u8], _: &Entry, now: Time) -> Result<(), AppError> {
        // The time of the head, not of the audit.
        assert!((1_700_000_000..1_700_000_100).contains(&now.unix()));
        let genuine = data == GENUINE || data.len() == 1;
        genuine.then_some(()).ok_or(AppError {
            app: AVALON_WORKER.to_owned(),
            fault: "its quote is not genuine".to_owned(),
        })
    }
}

/// An auditor with a file of its own.
struct Office {
    folder: TempDir,
    trust: Trust,
}

impl Office {
    fn new(town: &Town) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            trust: town.trust(),
        }
    }

    fn open(&self) -> Auditor {
        let file = self.folder.path().join("audit.redb");
        let apps = Apps::default().with(AVALON_WORKER, Evidence);
        Auditor::open(&file, &self.trust, apps, |_| {}).unwrap()
    }
}

/// Audits everything that a directory shows; how many epochs were good.
fn audit(auditor: &mut Auditor, town: &Town) -> Result<usize, Error> {
    auditor.checkpoint(&town.checkpoint())?;
    while let Some(page) = town.epochs.get(usize::try_from(auditor.epochs()).unwrap()) {
        auditor.page(page.clone())?;
    }
    auditor.commit()?;
    Ok(town.epochs.len())
}

/// The code of what is found in a directory.
fn found(town: &Town) -> &'static str {
    let error = audit(&mut Office::new(town).open(), town).unwrap_err();
    assert!(error.is_finding(), "{error}");
    println!("{}: {error}", error.code());
    error.code()
}

#[test]
fn an_honest_directory_is_found_good() {
    let mut town = Town::settled();
    let office = Office::new(&town);
    let mut auditor = office.open();
    assert_eq!(audit(&mut auditor, &town).unwrap(), 3);
    assert_eq!((auditor.updates(), auditor.entries()), (3, 2));
    drop(auditor);
    // It goes on where it was.
    town.seal(Vec::new());
    let update = town.update("c", GENUINE);
    town.seal(vec![update]);
    let mut auditor = office.open();
    assert_eq!(auditor.wanted(), (3, 0));
    audit(&mut auditor, &town).unwrap();
    assert_eq!((auditor.updates(), auditor.entries()), (4, 3));
}

#[test]
fn pages_of_an_epoch_make_it_whole() {
    let mut town = Town::settled();
    let updates = (0..5).map(|n| town.update(&format!("u{n}"), b"1"));
    let updates: Vec<_> = updates.collect();
    town.seal(updates);
    let whole = town.epochs.pop().unwrap();
    let page = |from: usize, to: usize| Page {
        mutations: whole.mutations[from..to].to_vec(),
        next_start: if to == 5 { 0 } else { to as u64 },
        ..whole.clone()
    };
    let open = || {
        let mut auditor = Office::new(&town).open();
        audit_without_log(&mut auditor, &town);
        auditor
    };
    let mut auditor = open();
    assert_eq!(auditor.page(page(0, 2)).unwrap(), Step::More);
    assert_eq!(auditor.wanted(), (3, 2));
    assert_eq!(auditor.page(page(2, 3)).unwrap(), Step::More);
    assert!(matches!(auditor.page(page(3, 5)).unwrap(), Step::Epoch(_)));

    let code = |pages: &[Page]| {
        let mut auditor = open();
        let outcome = pages.iter().map(|page| auditor.page(page.clone()));
        outcome.last().unwrap().unwrap_err().code()
    };
    // Holes: between pages, within one, and at the end; and pages that have nothing.
    assert_eq!(code(&[page(0, 2), page(3, 5)]), "kt.audit-feed");
    let mut skips = page(0, 5);
    skips.mutations.remove(2);
    assert_eq!(code(&[skips]), "kt.audit-feed");
    let mut ends = page(0, 4);
    ends.next_start = 0;
    assert_eq!(code(&[ends]), "kt.audit-feed");
    let mut jumps = page(0, 2);
    jumps.next_start = 3;
    assert_eq!(code(&[jumps]), "kt.audit-feed");
    let mut idles = page(0, 0);
    idles.next_start = 0;
    assert_eq!(code(&[page(0, 2), idles]), "kt.audit-feed");
    let mut fewer = page(2, 5);
    fewer.count = 4;
    assert_eq!(code(&[page(0, 2), fewer]), "kt.audit-feed");
}

/// Audits epochs without asking for their log.
fn audit_without_log(auditor: &mut Auditor, town: &Town) {
    for page in &town.epochs {
        auditor.page(page.clone()).unwrap();
    }
}

#[test]
fn a_wrong_root() {
    // A swapped entry that stands in no update.
    let mut town = Town::settled();
    let secret = town.update("b", b"9");
    let pair = &secret.update.key_value;
    let index = Index::from_slice(&pair.key).unwrap();
    let leaf = MapId::new(REALM).unwrap().leaf(&index, &pair.value);
    town.tree.update(&[(index, leaf)]);
    town.seal(Vec::new());
    assert_eq!(found(&town), "kt.audit-root");
    // A root that is none.
    let mut town = Town::settled();
    town.publish(Vec::new(), vec![7; 31]);
    assert_eq!(found(&town), "kt.audit-root");
}

#[test]
fn an_update_that_may_not_be_applied() {
    // A stranger's.
    let mut town = Town::settled();
    let mut forged = town.update("a", b"3");
    let stranger = SigningKey::from_scalar(&[8; 32]).unwrap();
    let preimage = object_hash::key_value(&forged.update.key_value);
    let signed = stranger.sign_digitally(&preimage).unwrap();
    forged.update.signatures = [(stranger.id().to_string(), signed)].into();
    town.seal(vec![forged]);
    assert_eq!(found(&town), "kt.audit-update");
    // An old one under a fresh `previous`.
    let mut town = Town::settled();
    let mut old = town.epochs[1].mutations[0].clone();
    let current = town.leaves["a"].clone();
    old.update.previous = object_hash::previous(Some(&current)).to_vec();
    town.seal(vec![old]);
    assert_eq!(found(&town), "kt.audit-update");
    // The second of two in one epoch, made against what was published.
    let mut town = Town::settled();
    let published = town.leaves["a"].clone();
    let first = town.update_of("a", b"3", Some(&published));
    let second = town.update_of("a", b"4", Some(&published));
    town.seal(vec![first, second]);
    assert_eq!(found(&town), "kt.audit-update");
}

#[test]
fn a_head_that_is_missing_or_there_twice() {
    // One is left out, and the log with it.
    let mut town = Town::settled();
    town.epochs.remove(1);
    assert_eq!(found(&town), "kt.audit-head");
    let mut town = Town::settled();
    town.epochs[1].smh = None;
    assert_eq!(found(&town), "kt.audit-head");
    // Another realm's, another key's, one from before.
    let mut town = Town::settled();
    town.map_key = SigningKey::from_scalar(&[7; 32]).unwrap();
    town.seal(Vec::new());
    town.map_key = SigningKey::from_scalar(&[1; 32]).unwrap();
    assert_eq!(found(&town), "kt.audit-head");
    let mut town = Town::settled();
    let root = town.tree.root().to_vec();
    let (smh, smh_sct) = town.head(3, 1, root);
    town.seal(Vec::new());
    town.epochs[3].smh = Some(smh);
    town.epochs[3].smh_sct = smh_sct;
    assert_eq!(found(&town), "kt.audit-head");
    // The log never promised to have it.
    let mut town = Town::settled();
    town.epochs[2].smh_sct = town.epochs[1].smh_sct.clone();
    assert_eq!(found(&town), "kt.audit-head");

    // Two heads for an epoch that has been audited, and for one that is being read.
    let town = Town::settled();
    let mut auditor = Office::new(&town).open();
    audit(&mut auditor, &town).unwrap();
    auditor
        .compare(town.epochs[1].smh.as_ref().unwrap())
        .unwrap();
    let (second, _) = town.head(1, 1, vec![7; 32]);
    assert_eq!(
        auditor.compare(&second).unwrap_err().code(),
        "kt.audit-head"
    );
    let mut auditor = Office::new(&town).open();
    auditor.page(town.epochs[0].clone()).unwrap();
    let mut page = town.epochs[1].clone();
    page.mutations.truncate(1);
    page.next_start = 1;
    auditor.page(page).unwrap();
    let mut page = town.epochs[1].clone();
    page.mutations.remove(0);
    page.smh = Some(second);
    assert_eq!(auditor.page(page).unwrap_err().code(), "kt.audit-head");
}

#[test]
fn a_log_of_something_else() {
    // Another head stands in it.
    let mut town = Town::settled();
    let mut other = Frontier::new();
    for leaf in 0..town.log.size() {
        other.push([u8::try_from(leaf).unwrap(); 32]).unwrap();
    }
    let honest = std::mem::replace(&mut town.log, other);
    assert_eq!(found(&town), "kt.audit-log");
    town.log = honest;

    // It shrinks; it is another of the same size; it goes on from another.
    let office = Office::new(&town);
    audit(&mut office.open(), &town).unwrap();
    let mut forks = Vec::new();
    for size in [2, 3, 4] {
        let mut fork = Frontier::new();
        for leaf in 0..size {
            fork.push([leaf; 32]).unwrap();
        }
        forks.push(town.checkpoint_of(&fork));
    }
    for fork in &forks[..2] {
        let error = office.open().checkpoint(fork).unwrap_err();
        assert_eq!(error.code(), "kt.audit-log");
    }
    let mut auditor = office.open();
    assert_eq!(auditor.checkpoint(&forks[2]).unwrap(), 4);
    drop(auditor);
    // It is held to what it showed, also after a restart and if it goes back to what it was.
    let mut auditor = office.open();
    let error = auditor.checkpoint(&town.checkpoint()).unwrap_err();
    assert_eq!(error.code(), "kt.audit-log");
    town.seal(Vec::new());
    let error = auditor.page(town.epochs[3].clone()).unwrap_err();
    assert_eq!(error.code(), "kt.audit-log");

    // Somebody else's, and nobody's.
    let office = Office::new(&town);
    for name in [ORIGIN, "elsewhere/heads"] {
        town.checkpoint_key = SignerKey::from_seed(name, Kind::Ed25519, &[7; 32]).unwrap();
        let error = office.open().checkpoint(&town.checkpoint()).unwrap_err();
        assert_eq!(error.code(), "kt.audit-log");
    }
    let error = Office::new(&town).open().checkpoint("nothing").unwrap_err();
    assert_eq!(error.code(), "kt.audit-log");
}

#[test]
fn every_checkpoint_that_was_shown_is_compared() {
    let mut town = Town::settled();
    let office = Office::new(&town);
    // Of a fork, before the audit is that far; and then a larger one, of the log that the auditor is to see.
    let mut fork = Frontier::new();
    fork.push([7; 32]).unwrap();
    fork.push([8; 32]).unwrap();
    let mut auditor = office.open();
    auditor.checkpoint(&town.checkpoint_of(&fork)).unwrap();
    auditor.checkpoint(&town.checkpoint()).unwrap();
    drop(auditor);
    let error = audit(&mut office.open(), &town).unwrap_err();
    assert_eq!(error.code(), "kt.audit-log");
    // There are never more of them than there is room for, and none is lost.
    let office = Office::new(&town);
    let mut auditor = office.open();
    for size in 0..u64::try_from(MOST_AHEAD).unwrap() + 10 {
        town.seal(Vec::new());
        let seen = auditor.checkpoint(&town.checkpoint()).unwrap();
        assert_eq!(seen, 4 + size.min(MOST_AHEAD as u64));
    }
    assert_eq!(auditor.standing.ahead.len(), MOST_AHEAD);
    audit(&mut auditor, &town).unwrap();
    assert!(auditor.standing.ahead.is_empty());
}

#[test]
fn a_checkpoint_within_an_epoch_makes_no_half_of_it_durable() {
    let mut town = Town::settled();
    let office = Office::new(&town);
    audit(&mut office.open(), &town).unwrap();
    let updates = vec![town.update("c", b"1"), town.update("d", b"1")];
    town.seal(updates);
    let mut auditor = office.open();
    let mut page = town.epochs[3].clone();
    page.mutations.truncate(1);
    page.next_start = 1;
    assert_eq!(auditor.page(page).unwrap(), Step::More);
    // The next page does not come; the log goes on meanwhile.
    auditor.checkpoint(&town.checkpoint()).unwrap();
    drop(auditor);
    audit(&mut office.open(), &town).unwrap();
}

#[test]
fn the_newest_head_has_one_time() {
    let town = Town::settled();
    let mut auditor = Office::new(&town).open();
    audit(&mut auditor, &town).unwrap();
    auditor
        .compare(town.epochs[2].smh.as_ref().unwrap())
        .unwrap();
    let (later, _) = town.head(2, 50, town.tree.root().to_vec());
    assert_eq!(auditor.compare(&later).unwrap_err().code(), "kt.audit-head");
}

#[test]
fn a_witness_counts_once() {
    let town = Town::settled();
    let mut office = Office::new(&town);
    let witness = SignerKey::from_seed("w", Kind::Cosignature, &[6; 32]).unwrap();
    let log = town.checkpoint_key.verifier().to_string();
    for second in [witness.verifier().to_string(), log] {
        office.trust.witnesses.keys = vec![witness.verifier().to_string(), second];
        office.trust.witnesses.threshold = 2;
        let file = office.folder.path().join("audit.redb");
        let refused = Auditor::open(&file, &office.trust, Apps::default(), |_| {});
        assert_eq!(refused.map(drop).unwrap_err().code(), "kt.trust");
    }
}

#[test]
fn a_log_without_its_witnesses() {
    let town = Town::settled();
    let mut office = Office::new(&town);
    let witness = SignerKey::from_seed("w", Kind::Cosignature, &[6; 32]).unwrap();
    office.trust.witnesses.keys = vec![witness.verifier().to_string()];
    office.trust.witnesses.threshold = 1;
    let mut auditor = office.open();
    let error = auditor.checkpoint(&town.checkpoint()).unwrap_err();
    assert_eq!(error.code(), "kt.witnesses");
    let mut note = Note::parse(&town.checkpoint()).unwrap();
    let cosignature = note.cosign(&witness, 1_700_000_000).unwrap();
    note.signatures.push(cosignature);
    auditor.checkpoint(&note.to_string()).unwrap();
}

#[test]
fn evidence_that_is_not_genuine() {
    let mut town = Town::settled();
    let forged = town.update("c", b"forged");
    town.seal(vec![forged.clone()]);
    assert_eq!(found(&town), "kt.audit-evidence");
    // Genuine evidence that is not what was committed to, another's, or at another's index.
    for lie in [
        |mutation: &mut Mutation, other: &Mutation| mutation.committed.clone_from(&other.committed),
        |mutation: &mut Mutation, _: &Mutation| mutation.user_id = "d".to_owned(),
        |mutation: &mut Mutation, other: &Mutation| mutation.vrf_proof.clone_from(&other.vrf_proof),
        |mutation: &mut Mutation, other: &Mutation| {
            mutation.vrf.clone_from(&other.vrf);
            mutation.vrf_proof.clone_from(&other.vrf_proof);
        },
    ] {
        let mut town = Town::settled();
        let (mut update, other) = (town.update("c", GENUINE), town.update("e", b"1"));
        lie(&mut update, &other);
        town.seal(vec![update]);
        assert_eq!(found(&town), "kt.audit-evidence");
    }
}

#[test]
fn what_is_remembered_is_of_one_directory_and_whole() {
    let town = Town::settled();
    let office = Office::new(&town);
    audit(&mut office.open(), &town).unwrap();
    let file = office.folder.path().join("audit.redb");
    let open = |trust: &Trust| {
        let opened = Auditor::open(&file, trust, Apps::default(), |_| {});
        opened.map(drop).unwrap_err().code()
    };
    let mut other = town.trust();
    other.realm = "elsewhere".to_owned();
    assert_eq!(open(&other), "kt.audit-state");
    let mut other = town.trust();
    other.map_key = town.log_key.verifying_key().to_pem();
    assert_eq!(open(&other), "kt.audit-state");
    let mut other = town.trust();
    other.log_key = None;
    assert_eq!(open(&other), "kt.trust");
    let mut memory = Memory::open(&file).unwrap();
    memory.set_leaf(&[1; 32], b"another").unwrap();
    memory.commit().unwrap();
    drop(memory);
    assert_eq!(open(&town.trust()), "kt.audit-state");
}
