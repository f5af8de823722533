//! Proofs of what is at one index.

use super::{DEPTH, Hash, Index, MAX_MAP_ID, MapId, join};

/// Why a proof is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The id of a map is too long.
    #[error("the id of the map has {len} bytes; at most {MAX_MAP_ID} are possible")]
    MapId {
        /// How many bytes it has.
        len: usize,
    },
    /// There are not exactly 256 neighbors.
    #[error("{count} neighbors; a proof has {DEPTH}")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// A neighbor is neither empty nor a hash.
    #[error("neighbors[{at}] has {len} bytes; it must be empty or have 32")]
    Length {
        /// Which, from the deepest.
        at: usize,
        /// How many bytes it has.
        len: usize,
    },
    /// Neighbors are given out of their order.
    #[error("a neighbor at depth {depth} is out of order; depths fall from {DEPTH} to 1")]
    Order {
        /// The depth of the neighbor.
        depth: usize,
    },
}

impl Error {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MapId { .. } => "kt.form",
            Self::Count { .. } | Self::Length { .. } | Self::Order { .. } => "kt.neighbors",
        }
    }
}

/// A sibling on the path that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Its depth: 1 to [`DEPTH`].
    pub depth: usize,
    /// Its hash.
    pub hash: Hash,
}

/// The siblings on the path from an index to the root: 256, most of them empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Those that aren't empty, deepest first.
    present: Vec<Neighbor>,
}

impl Proof {
    /// The proof that has these neighbors, deepest first, and no others.
    ///
    /// # Errors
    ///
    /// [`Error::Order`] if a depth is not between 1 and [`DEPTH`], or not less than the one before it.
    pub fn new(present: Vec<Neighbor>) -> Result<Self, Error> {
        let mut above = DEPTH + 1;
        for neighbor in &present {
            if neighbor.depth == 0 || neighbor.depth >= above {
                return Err(Error::Order {
                    depth: neighbor.depth,
                });
            }
            above = neighbor.depth;
        }
        Ok(Self { present })
    }

    /// The proof as an answer carries it: 256 items, deepest first, each empty or 32 bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Count`] and [`Error::Length`] for anything else.
    pub fn from_neighbors<T: AsRef<[u8]>>(items: &[T]) -> Result<Self, Error> {
        if items.len() != DEPTH {
            return Err(Error::Count { count: items.len() });
        }
        let mut present = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let item = item.as_ref();
            if item.is_empty() {
                continue;
            }
            let hash = item.try_into().map_err(|_| Error::Length {
                at,
                len: item.len(),
            })?;
            present.push(Neighbor {
                depth: DEPTH - at,
                hash,
            });
        }
        Ok(Self { present })
    }

    /// The 256 items of an answer, deepest first; empty ones have no bytes.
    pub fn to_neighbors(&self) -> Vec<Vec<u8>> {
        let mut items = vec![Vec::new(); DEPTH];
        for neighbor in &self.present {
            if let Some(item) = items.get_mut(DEPTH - neighbor.depth) {
                *item = neighbor.hash.to_vec();
            }
        }
        items
    }

    /// The siblings that aren't empty, deepest first.
    pub fn present(&self) -> &[Neighbor] {
        &self.present
    }
}

/// The root of the map in which `proof` stands beside the path of `index`, at whose end is a leaf with the
/// data `leaf`, or nothing.
///
/// A proof of absence begins where its deepest neighbor is: all below is empty.
pub fn root_of(map: &MapId, proof: &Proof, index: &Index, leaf: Option<&[u8]>) -> Hash {
    let deepest = proof.present.first().map_or(0, |neighbor| neighbor.depth);
    let (mut hash, mut depth) = match leaf {
        Some(data) => (map.leaf(index, data), DEPTH),
        None => (map.empty(deepest, index), deepest),
    };
    for neighbor in &proof.present {
        hash = map.climb(index, hash, depth, neighbor.depth);
        depth = neighbor.depth - 1;
        hash = join(index.bit(depth), &hash, &neighbor.hash);
    }
    map.climb(index, hash, depth, 0)
}
