//! Heads, and the log of them: the head of epoch n is leaf n.

use transparency::{
    log::{self, Frontier, Node},
    map::{Hash, Index},
};

use super::{
    Error, Head,
    codec::{Reader, Writer, word},
    node::Edge,
};
use crate::engine::{Engine, Space, Write};

/// A head, with what leads into its map.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) head: Head,
    /// It was imported: its branches are kept for ever, and no path of it is stored otherwise.
    pub(super) imported: bool,
    pub(super) root: Option<Edge>,
}

const NODE: u8 = b'n';
const ENTRY: u8 = b'e';
const SIGNATURE: u8 = b's';

impl Record {
    pub(super) fn write(&self) -> Write {
        let head = &self.head;
        let mut writer = Writer::with_capacity(160 + head.head.len() + head.sct.len());
        writer
            .number(head.issued)
            .raw(&head.root)
            .raw(&head.log_root)
            .number(head.mutations.into())
            .byte(self.imported.into())
            .bytes(&head.head)
            .bytes(&head.sct);
        if let Some(root) = &self.root {
            root.encode(0, &mut writer);
        }
        Write::Put(
            Space::Head,
            head.epoch.to_be_bytes().to_vec(),
            writer.finish(),
        )
    }

    fn decode(epoch: u64, record: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(record, "a head");
        let head = Head {
            epoch,
            issued: reader.number()?,
            root: reader.array()?,
            log_root: reader.array()?,
            mutations: reader.small()?,
            head: Vec::new(),
            sct: Vec::new(),
        };
        let imported = reader.byte()? != 0;
        let head = Head {
            head: reader.bytes()?.to_vec(),
            sct: reader.bytes()?.to_vec(),
            ..head
        };
        let root = match reader.is_empty() {
            true => None,
            false => Some(Edge::decode(0, &Index::new([0; 32]), &mut reader)?),
        };
        reader.end()?;
        Ok(Self {
            head,
            imported,
            root,
        })
    }
}

/// The head of an epoch.
pub(super) fn find<E: Engine>(engine: &E, epoch: u64) -> Result<Record, Error> {
    match engine.get(Space::Head, &epoch.to_be_bytes())? {
        Some(record) => Record::decode(epoch, &record),
        None => Err(Error::NotYet(epoch)),
    }
}

/// The newest head.
pub(super) fn newest<E: Engine>(engine: &E) -> Result<Option<Record>, Error> {
    let Some((key, record)) = engine.newest(Space::Head, &[], &[0xff; 8])? else {
        return Ok(None);
    };
    let epoch = word(&key, 0).ok_or_else(|| Error::Damaged("a head has no number".to_owned()))?;
    Record::decode(epoch, &record).map(Some)
}

/// The log's edge after `size` heads.
pub(super) fn frontier<E: Engine>(engine: &E, size: u64) -> Result<Frontier, Error> {
    let hashes = Frontier::nodes(size)
        .into_iter()
        .map(|node| hash_of(engine, node))
        .collect::<Result<_, _>>()?;
    Ok(Frontier::from_parts(size, hashes)?)
}

/// Adds an entry to the log; what is to be stored of it.
pub(super) fn append(frontier: &mut Frontier, entry: Vec<u8>) -> Result<Vec<Write>, Error> {
    let number = frontier.size();
    let mut writes: Vec<_> = frontier
        .push(log::leaf_hash(&entry))?
        .into_iter()
        .map(|(node, hash)| Write::Put(Space::Log, node_key(node), hash.to_vec()))
        .collect();
    writes.push(Write::Put(Space::Log, keyed(ENTRY, number), entry));
    Ok(writes)
}

/// The hash of a complete part of the log.
pub(super) fn hash_of<E: Engine>(engine: &E, node: Node) -> Result<log::Hash, Error> {
    let missing = || {
        Error::Damaged(format!(
            "the log has no hash {} of level {}",
            node.index, node.level
        ))
    };
    let hash = engine
        .get(Space::Log, &node_key(node))?
        .ok_or_else(missing)?;
    hash[..].try_into().map_err(|_| missing())
}

/// `width` hashes of one level of the log, from `first` on.
pub(super) fn row<E: Engine>(
    engine: &E,
    level: u32,
    first: u64,
    width: usize,
) -> Result<Vec<Hash>, Error> {
    let from = node_key(Node {
        level,
        index: first,
    });
    engine
        .scan(Space::Log, &from[..2], &from, width)?
        .iter()
        .map(|(_, hash)| {
            hash[..]
                .try_into()
                .map_err(|_| Error::Damaged("a hash of the log is too short".to_owned()))
        })
        .collect()
}

/// Entries of the log from `from` on.
pub(super) fn entries<E: Engine>(
    engine: &E,
    from: u64,
    limit: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    let rows = engine.scan(Space::Log, &[ENTRY], &keyed(ENTRY, from), limit)?;
    Ok(rows.into_iter().map(|(_, entry)| entry).collect())
}

/// Stores an auditor's signature of a head.
pub(super) fn sign(epoch: u64, key: &str, signature: &[u8]) -> Write {
    let mut at = keyed(SIGNATURE, epoch);
    at.extend_from_slice(key.as_bytes());
    Write::Put(Space::Log, at, signature.to_vec())
}

/// The auditors' signatures of a head.
pub(super) fn signatures<E: Engine>(
    engine: &E,
    epoch: u64,
) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let at = keyed(SIGNATURE, epoch);
    engine
        .scan(Space::Log, &at, &at, usize::MAX)?
        .into_iter()
        .map(|(key, signature)| {
            String::from_utf8(key[at.len()..].to_vec())
                .map(|key| (key, signature))
                .map_err(|_| Error::Damaged("the id of an auditor's key is no text".to_owned()))
        })
        .collect()
}

fn node_key(node: Node) -> Vec<u8> {
    // A log has fewer than 64 levels.
    let mut key = vec![NODE, node.level as u8];
    key.extend_from_slice(&node.index.to_be_bytes());
    key
}

fn keyed(kind: u8, number: u64) -> Vec<u8> {
    [&[kind][..], &number.to_be_bytes()].concat()
}
