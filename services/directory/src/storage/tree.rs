//! The map of one epoch: reading a path of it, and making the next epoch's of it.

use std::sync::Arc;

use transparency::map::{DEPTH, Hash, Index, MapId, Neighbor, interior};

use super::{
    Error,
    feed::{self, Found},
    node::{Child, Edge, Node, Place},
};
use crate::engine::{Engine, Space, Write};

/// From how many changes on both cores hash.
const WORTH_A_THREAD: usize = 64;

/// What reading and changing a map needs.
#[derive(Debug)]
pub(super) struct Forest<E: Engine> {
    pub(super) engine: Arc<E>,
    pub(super) map: MapId,
    /// Branches above this depth stay in memory.
    pub(super) levels: usize,
}

/// What a path leads to.
#[derive(Debug)]
pub(super) struct Path {
    /// Siblings that are not empty, deepest first.
    pub(super) siblings: Vec<Neighbor>,
    /// The update that put the leaf there, if there is one.
    pub(super) found: Option<Found>,
}

/// A new leaf.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) index: Index,
    /// The hash of the leaf.
    pub(super) hash: Hash,
    pub(super) epoch: u64,
    pub(super) number: u32,
}

/// What a change of the map writes and makes obsolete.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) writes: Vec<Write>,
    pub(super) superseded: Vec<Place>,
    /// How many more threads it may use.
    pub(super) spare: usize,
}

/// The siblings of each changed leaf, in the order of the leaves; none are wanted of an import.
pub(super) type Siblings<'a> = Option<&'a mut [Vec<Neighbor>]>;

impl<E: Engine> Forest<E> {
    /// The branch that an edge leads to.
    pub(super) fn load(&self, place: &Place) -> Result<Node, Error> {
        match self.engine.get(Space::Branch, &place.key())? {
            Some(record) => Node::decode(*place, &record),
            None => Err(Error::Damaged(format!(
                "a branch of epoch {} at depth {} is missing",
                place.epoch, place.depth
            ))),
        }
    }

    /// Follows the path of `index` from the root.
    pub(super) fn walk(&self, root: Option<&Edge>, index: &Index) -> Result<Path, Error> {
        let mut siblings = Vec::new();
        let mut found = None;
        let mut next = root.map(|edge| edge.child.clone());
        while let Some(child) = next.take() {
            let node = match child {
                Child::Leaf { epoch, number } => {
                    let leaf = feed::find(&*self.engine, epoch, number)?;
                    if leaf.index() == *index {
                        found = Some(leaf);
                    } else {
                        let hash = self.map.leaf(&leaf.index(), leaf.leaf());
                        siblings.push(self.beside(index, &leaf.index(), hash, DEPTH));
                    }
                    break;
                }
                Child::Stored(place) => Arc::new(self.load(&place)?),
                Child::Loaded(node) => node,
            };
            let depth = usize::from(node.place.depth);
            if node.place.prefix.common(index) < depth {
                siblings.push(self.beside(index, &node.place.prefix, node.hash(), depth));
                break;
            }
            let [left, right] = &node.edges;
            let (way, other) = if index.bit(depth) {
                (right, left)
            } else {
                (left, right)
            };
            siblings.push(Neighbor {
                depth: depth + 1,
                hash: other.hash,
            });
            next = Some(way.child.clone());
        }
        siblings.reverse();
        Ok(Path { siblings, found })
    }

    /// The sibling of the path of `index` that has below it nothing but the node at `other`, whose depth
    /// and hash these are.
    fn beside(&self, index: &Index, other: &Index, hash: Hash, depth: usize) -> Neighbor {
        let to = index.common(other) + 1;
        Neighbor {
            depth: to,
            hash: self.map.climb(other, hash, depth, to),
        }
    }

    /// The map with `items` put into what is below `old`, the edge of a branch at `depth - 1` (of none, if
    /// `depth` is 0). All items are below it, sorted, and of different indices.
    pub(super) fn put(
        &self,
        old: Option<&Edge>,
        depth: usize,
        items: &[Item],
        siblings: Siblings<'_>,
        work: &mut Work,
    ) -> Result<Edge, Error> {
        let (Some(old), Some(first)) = (old, items.first()) else {
            return match old {
                Some(old) => Ok(old.clone()),
                None => self.build(depth, items, siblings, work),
            };
        };
        let node = match &old.child {
            Child::Leaf { epoch, number } => {
                return self.put_beside_leaf(*epoch, *number, depth, items, siblings, work);
            }
            Child::Stored(place) => Arc::new(self.load(place)?),
            Child::Loaded(node) => Arc::clone(node),
        };
        let Place {
            depth: at,
            prefix,
            epoch,
        } = node.place;
        let fork = items
            .last()
            .unwrap_or(first)
            .index
            .common(&prefix)
            .min(first.index.common(&prefix));
        if fork >= usize::from(at) {
            work.superseded.push(Place {
                depth: at,
                prefix,
                epoch,
            });
            let [left, right] = &node.edges;
            return self.join(
                at.into(),
                depth,
                &prefix,
                [Some(left), Some(right)],
                items,
                siblings,
                work,
            );
        }
        // The items branch off above the branch.
        let below = Edge {
            hash: self.map.climb(&prefix, node.hash(), at.into(), fork + 1),
            child: old.child.clone(),
        };
        let sides = if prefix.bit(fork) {
            [None, Some(&below)]
        } else {
            [Some(&below), None]
        };
        self.join(fork, depth, &prefix, sides, items, siblings, work)
    }

    /// As [`put`](Self::put), where there is a single leaf so far: the same one, or another.
    fn put_beside_leaf(
        &self,
        epoch: u64,
        number: u32,
        depth: usize,
        items: &[Item],
        siblings: Siblings<'_>,
        work: &mut Work,
    ) -> Result<Edge, Error> {
        let leaf = feed::find(&*self.engine, epoch, number)?;
        let index = leaf.index();
        let Err(at) = items.binary_search_by_key(&index, |item| item.index) else {
            return self.build(depth, items, siblings, work);
        };
        let mut all = items.to_vec();
        all.insert(
            at,
            Item {
                index,
                hash: self.map.leaf(&index, leaf.leaf()),
                epoch,
                number,
            },
        );
        let Some(siblings) = siblings else {
            return self.build(depth, &all, None, work);
        };
        let mut collected = vec![Vec::new(); all.len()];
        let edge = self.build(depth, &all, Some(&mut collected), work)?;
        collected.remove(at);
        for (to, from) in siblings.iter_mut().zip(collected) {
            to.extend(from);
        }
        Ok(edge)
    }

    /// A part of the map that has these leaves and no others.
    pub(super) fn build(
        &self,
        depth: usize,
        items: &[Item],
        siblings: Siblings<'_>,
        work: &mut Work,
    ) -> Result<Edge, Error> {
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            return Err(Error::Damaged("a part of the map has no leaves".to_owned()));
        };
        let fork = first.index.common(&last.index);
        if fork >= DEPTH {
            return Ok(Edge {
                hash: self.map.climb(&first.index, first.hash, DEPTH, depth),
                child: Child::Leaf {
                    epoch: first.epoch,
                    number: first.number,
                },
            });
        }
        self.join(
            fork,
            depth,
            &first.index,
            [None, None],
            items,
            siblings,
            work,
        )
    }

    /// A new branch at `fork` over what is on either side so far and the items, and the edge at `depth`
    /// that leads to it.
    #[expect(
        clippy::too_many_arguments,
        reason = "one step of the recursion, with all that it hands on"
    )]
    fn join(
        &self,
        fork: usize,
        depth: usize,
        path: &Index,
        old: [Option<&Edge>; 2],
        items: &[Item],
        mut siblings: Siblings<'_>,
        work: &mut Work,
    ) -> Result<Edge, Error> {
        let middle = items.partition_point(|item| !item.index.bit(fork));
        let (lower, upper) = items.split_at(middle);
        let (below_left, below_right) = match siblings.as_deref_mut() {
            Some(siblings) => {
                let (left, right) = siblings.split_at_mut(middle);
                (Some(left), Some(right))
            }
            None => (None, None),
        };
        let [old_left, old_right] = old;
        let left = |work: &mut Work| self.put(old_left, fork + 1, lower, below_left, work);
        let right = |work: &mut Work| self.put(old_right, fork + 1, upper, below_right, work);
        let edges =
            if lower.len() >= WORTH_A_THREAD && upper.len() >= WORTH_A_THREAD && work.spare > 0 {
                both(left, right, work)?
            } else {
                [left(work)?, right(work)?]
            };
        if let Some(siblings) = siblings {
            for (at, siblings) in siblings.iter_mut().enumerate() {
                let other = usize::from(at < middle);
                siblings.push(Neighbor {
                    depth: fork + 1,
                    hash: edges[other].hash,
                });
            }
        }
        let epoch = items.iter().map(|item| item.epoch).max().unwrap_or(0);
        Ok(self.branch(fork, depth, path, epoch, edges, work))
    }

    /// Writes a branch, and gives the edge at `depth` that leads to it.
    pub(super) fn branch(
        &self,
        fork: usize,
        depth: usize,
        path: &Index,
        epoch: u64,
        edges: [Edge; 2],
        work: &mut Work,
    ) -> Edge {
        let place = Place {
            // A branch is above the leaves: at most at 255.
            depth: fork as u8,
            prefix: path.prefix(fork),
            epoch,
        };
        let [left, right] = &edges;
        let hash = interior(&left.hash, &right.hash);
        let node = Node { place, edges };
        work.writes
            .push(Write::Put(Space::Branch, place.key(), node.encode()));
        Edge {
            hash: self.map.climb(&place.prefix, hash, fork, depth),
            child: if fork < self.levels {
                Child::Loaded(Arc::new(node))
            } else {
                Child::Stored(Box::new(place))
            },
        }
    }
}

/// Does both sides of a branch, each on a core.
fn both(
    left: impl FnOnce(&mut Work) -> Result<Edge, Error>,
    right: impl FnOnce(&mut Work) -> Result<Edge, Error> + Send,
    work: &mut Work,
) -> Result<[Edge; 2], Error> {
    let spare = work.spare - 1;
    work.spare = spare / 2;
    let mut other = Work {
        spare: spare - spare / 2,
        ..Work::default()
    };
    let (left, right) = std::thread::scope(|scope| {
        let right = scope.spawn(|| right(&mut other));
        (left(work), right.join())
    });
    work.writes.append(&mut other.writes);
    work.superseded.append(&mut other.superseded);
    match right {
        Ok(right) => Ok([left?, right?]),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
