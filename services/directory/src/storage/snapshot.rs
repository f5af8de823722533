//! What readers see: one published epoch.

use std::sync::Arc;

use transparency::{
    log,
    map::{self, Hash, Index},
};

use super::{
    Error, Head, Proof,
    node::Edge,
    tree::{Forest, Path},
};
use crate::engine::{Engine, Fjall};

/// The newest published epoch, for readers: the top of the tree is in memory, and nothing in it changes.
#[derive(Debug)]
pub struct Snapshot<E: Engine = Fjall> {
    pub(super) head: Head,
    pub(super) checkpoint: Vec<u8>,
    pub(super) inclusion: Vec<log::Hash>,
    pub(super) root: Option<Edge>,
    pub(super) forest: Arc<Forest<E>>,
}

impl<E: Engine> Snapshot<E> {
    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The checkpoint of the log that ends with this head, with the cosignatures it was published with.
    pub fn checkpoint(&self) -> &[u8] {
        &self.checkpoint
    }

    /// The audit path of this head in the log of this checkpoint, from the leaf upwards.
    pub fn inclusion(&self) -> &[Hash] {
        &self.inclusion
    }

    /// What the map holds at `index`.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn prove(&self, index: &Index) -> Result<Proof, Error> {
        proof(self.forest.walk(self.root.as_ref(), index)?)
    }
}

/// What a path proves.
pub(super) fn proof(path: Path) -> Result<Proof, Error> {
    let map = map::Proof::new(path.siblings)
        .map_err(|error| Error::Damaged(format!("a path of the map has no order: {error}")))?;
    Ok(Proof {
        map,
        leaf: path.found.map(super::feed::Found::into_leaf),
    })
}
