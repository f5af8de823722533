//! A map in memory, as an auditor keeps it.

use super::{DEPTH, Hash, Index, MapId, Neighbor, Proof, interior};

/// The leaves' hashes and the branches of a whole map: about 150 bytes a leaf.
///
/// Paths between branches aren't kept; they follow from the indices.
#[derive(Clone, Debug)]
pub struct Tree {
    map: MapId,
    leaves: Vec<(Index, Hash)>,
    branches: Vec<Branch>,
    top: Option<Link>,
    root: Hash,
}

/// A node: its place among the leaves or among the branches.
#[derive(Clone, Copy, Debug)]
enum Link {
    Leaf(usize),
    Branch(usize),
}

#[derive(Clone, Debug)]
struct Branch {
    depth: u16,
    /// A leaf below it, which tells its prefix.
    below: u32,
    children: [Link; 2],
    /// The children's hashes, one below `depth`.
    edges: [Hash; 2],
}

impl Branch {
    fn depth(&self) -> usize {
        usize::from(self.depth)
    }
}

/// The most leaves of a tree; there is no memory for as many.
const MAX_LEAVES: usize = u32::MAX as usize;

impl Tree {
    /// The empty map.
    pub fn new(map: MapId) -> Self {
        let root = map.empty(0, &Index::new([0; 32]));
        Self {
            map,
            leaves: Vec::new(),
            branches: Vec::new(),
            top: None,
            root,
        }
    }

    /// Sets the leaves' hashes at their indices ([`MapId::leaf`]; of several at one index, the last) and
    /// gives the new root.
    pub fn update(&mut self, leaves: &[(Index, Hash)]) -> Hash {
        let mut sorted = leaves.to_vec();
        // Stable: of several at one index, the last stays last.
        sorted.sort_by_key(|(index, _)| *index);
        let mut batch: Vec<(Index, Hash)> = Vec::with_capacity(sorted.len());
        for (index, hash) in sorted {
            match batch.last_mut().filter(|(before, _)| *before == index) {
                Some(before) => before.1 = hash,
                None => batch.push((index, hash)),
            }
        }
        if !batch.is_empty() && self.leaves.len() + batch.len() <= MAX_LEAVES {
            let (top, root) = match self.top {
                Some(top) => self.merge(top, 0, &batch),
                None => self.grow(0, &batch),
            };
            self.top = Some(top);
            self.root = root;
        }
        self.root
    }

    /// The root.
    pub const fn root(&self) -> Hash {
        self.root
    }

    /// The hash of the leaf at `index`, if there is one.
    pub fn get(&self, index: &Index) -> Option<Hash> {
        let mut link = self.top?;
        loop {
            match link {
                Link::Leaf(at) => {
                    let (found, hash) = self.leaf(at);
                    return (found == *index).then_some(hash);
                }
                Link::Branch(at) => {
                    let branch = self.branch(at)?;
                    link = side(&branch.children, index.bit(branch.depth()));
                }
            }
        }
    }

    /// How many leaves there are.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The leaves, in the order in which their indices first came.
    pub fn leaves(&self) -> &[(Index, Hash)] {
        &self.leaves
    }

    /// The proof of what is, or is not, at `index`.
    pub fn prove(&self, index: &Index) -> Proof {
        let mut neighbors = Vec::new();
        let mut next = self.top;
        while let Some(link) = next {
            next = None;
            let (below, depth) = self.place(link);
            let fork = below.common(index);
            if fork < depth {
                // Where the path of the index leaves all that there is.
                neighbors.push(Neighbor {
                    depth: fork + 1,
                    hash: self.hash(link, fork + 1),
                });
            } else if let Link::Branch(at) = link
                && let Some(branch) = self.branch(at)
            {
                let right = index.bit(depth);
                neighbors.push(Neighbor {
                    depth: depth + 1,
                    hash: side(&branch.edges, !right),
                });
                next = Some(side(&branch.children, right));
            }
        }
        neighbors.reverse();
        Proof::new(neighbors).unwrap_or_default()
    }

    /// Puts a batch (sorted, at least one) at and below a node that is seen from `depth`, and gives what is
    /// there then, with its hash at `depth`.
    fn merge(&mut self, link: Link, depth: usize, batch: &[(Index, Hash)]) -> (Link, Hash) {
        let (below, own) = self.place(link);
        let fork = batch
            .iter()
            .take(1)
            .chain(batch.last())
            .map(|(index, _)| below.common(index))
            .min()
            .unwrap_or(own);
        if fork < own {
            return self.fork(link, fork, depth, batch);
        }
        match link {
            Link::Leaf(at) => {
                if let (Some(leaf), Some(new)) = (self.leaves.get_mut(at), batch.last()) {
                    *leaf = *new;
                }
            }
            Link::Branch(at) => {
                for (right, part) in [false, true].into_iter().zip(split(batch, own)) {
                    let child = self.branch(at).map(|branch| side(&branch.children, right));
                    let Some(child) = child.filter(|_| !part.is_empty()) else {
                        continue;
                    };
                    let (child, edge) = self.merge(child, own + 1, part);
                    if let Some(branch) = self.branches.get_mut(at) {
                        branch.children[usize::from(right)] = child;
                        branch.edges[usize::from(right)] = edge;
                    }
                }
            }
        }
        (link, self.hash(link, depth))
    }

    /// As [`Tree::merge`], when paths of the batch leave that of the node above it, first at `fork`.
    fn fork(
        &mut self,
        link: Link,
        fork: usize,
        depth: usize,
        batch: &[(Index, Hash)],
    ) -> (Link, Hash) {
        let (below, _) = self.place(link);
        let [left, right] = split(batch, fork);
        let (with, beside) = if below.bit(fork) {
            (right, left)
        } else {
            (left, right)
        };
        let old = if with.is_empty() {
            (link, self.hash(link, fork + 1))
        } else {
            self.merge(link, fork + 1, with)
        };
        let new = self.grow(fork + 1, beside);
        let sides = if below.bit(fork) {
            [new, old]
        } else {
            [old, new]
        };
        self.join(fork, depth, sides)
    }

    /// Makes nodes for a batch (sorted, at least one) where there were none.
    fn grow(&mut self, depth: usize, batch: &[(Index, Hash)]) -> (Link, Hash) {
        let fork = match batch {
            [(first, _), .., (last, _)] => first.common(last),
            _ => DEPTH,
        };
        if fork >= DEPTH {
            let link = Link::Leaf(self.leaves.len());
            self.leaves.extend(batch.first());
            return (link, self.hash(link, depth));
        }
        let sides = split(batch, fork).map(|part| self.grow(fork + 1, part));
        self.join(fork, depth, sides)
    }

    /// Makes a branch at `fork`, and gives its hash at `depth`.
    fn join(&mut self, fork: usize, depth: usize, sides: [(Link, Hash); 2]) -> (Link, Hash) {
        let [(left, left_edge), (right, right_edge)] = sides;
        let below = match left {
            Link::Leaf(at) => u32::try_from(at).unwrap_or(u32::MAX),
            Link::Branch(at) => self.branch(at).map_or(0, |branch| branch.below),
        };
        let link = Link::Branch(self.branches.len());
        self.branches.push(Branch {
            depth: u16::try_from(fork).unwrap_or(u16::MAX),
            below,
            children: [left, right],
            edges: [left_edge, right_edge],
        });
        (link, self.hash(link, depth))
    }

    /// An index below a node, and the node's depth.
    fn place(&self, link: Link) -> (Index, usize) {
        match link {
            Link::Leaf(at) => (self.leaf(at).0, DEPTH),
            Link::Branch(at) => self.branch(at).map_or((self.leaf(0).0, 0), |branch| {
                (self.leaf(branch.below as usize).0, branch.depth())
            }),
        }
    }

    /// The hash at `depth` of the path down to a node.
    fn hash(&self, link: Link, depth: usize) -> Hash {
        let (below, own) = self.place(link);
        let hash = match link {
            Link::Leaf(at) => self.leaf(at).1,
            Link::Branch(at) => self.branch(at).map_or([0; 32], |branch| {
                let [left, right] = &branch.edges;
                interior(left, right)
            }),
        };
        self.map.climb(&below, hash, own, depth)
    }

    fn branch(&self, at: usize) -> Option<&Branch> {
        self.branches.get(at)
    }

    fn leaf(&self, at: usize) -> (Index, Hash) {
        let nowhere = (Index::new([0; 32]), [0; 32]);
        self.leaves.get(at).copied().unwrap_or(nowhere)
    }
}

/// The left or the right one.
fn side<T: Copy>(pair: &[T; 2], right: bool) -> T {
    pair[usize::from(right)]
}

/// Those of a sorted batch that go left below `depth`, and those that go right.
fn split(batch: &[(Index, Hash)], depth: usize) -> [&[(Index, Hash)]; 2] {
    let (left, right) = batch.split_at(batch.partition_point(|(index, _)| !index.bit(depth)));
    [left, right]
}
