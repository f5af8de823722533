//! Files chunk by chunk: measured, sealed, copied. Nothing larger than a chunk is ever in memory.

use std::io::{self, Read, Write};

use super::merkle::{self, CHUNK, Hasher, Root};
use super::seal::{FileKey, TAG};

/// What a file was found to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measured {
    /// Bytes before encryption.
    pub(super) size: u64,
    /// Over the chunks before encryption.
    pub(super) plain: Root,
    /// Over the chunks as they are stored.
    pub(super) stored: Root,
}

/// Reads a file to its end and writes what is to be stored: its chunks, sealed if there is a key.
/// `done` hears how many bytes were read.
pub(super) fn store(
    from: impl Read,
    key: Option<&FileKey>,
    mut to: impl Write,
    done: impl Fn(u64),
) -> io::Result<Measured> {
    let (mut plain, mut stored) = (Hasher::new(), Hasher::new());
    let mut size = 0;
    each_chunk(from, CHUNK, |number, chunk| {
        size += chunk.len() as u64;
        done(chunk.len() as u64);
        if let Some(key) = key {
            plain.chunk(chunk);
            key.seal(number, chunk);
        }
        stored.chunk(chunk);
        to.write_all(chunk)
    })?;
    let stored = stored.finish();
    Ok(Measured {
        size,
        plain: key.map_or(stored, |_| plain.finish()),
        stored,
    })
}

/// The other way round: reads what is stored, writes the plain chunks, and says what the root over the
/// stored ones is. Nothing of a chunk that the key does not open is written.
pub(super) fn load(
    from: impl Read,
    key: Option<&FileKey>,
    mut to: impl Write,
    done: impl Fn(u64),
) -> io::Result<Root> {
    let mut stored = Hasher::new();
    each_chunk(from, stored_chunk(key.is_some()), |number, chunk| {
        done(chunk.len() as u64);
        stored.chunk(chunk);
        let plain = match key {
            None => &chunk[..],
            Some(key) => key.open(number, chunk).map_err(|_| does_not_open())?,
        };
        to.write_all(plain)
    })?;
    Ok(stored.finish())
}

/// The root over what is stored, which needs no key.
pub(super) fn stored_root(from: impl Read, sealed: bool, done: impl Fn(u64)) -> io::Result<Root> {
    let mut stored = Hasher::new();
    each_chunk(from, stored_chunk(sealed), |_, chunk| {
        done(chunk.len() as u64);
        stored.chunk(chunk);
        Ok(())
    })?;
    Ok(stored.finish())
}

/// How many bytes a file of `size` bytes is stored in.
pub(super) const fn stored_size(size: u64, sealed: bool) -> u64 {
    match sealed {
        true => size.saturating_add(merkle::chunks(size).saturating_mul(TAG as u64)),
        false => size,
    }
}

/// Whether the error is of [`load`], because a chunk did not open.
pub(super) fn is_sealed_otherwise(error: &io::Error) -> bool {
    let inner = error.get_ref();
    inner.is_some_and(|inner| inner.is::<DoesNotOpen>())
}

#[derive(Debug, thiserror::Error)]
#[error("a chunk does not open")]
struct DoesNotOpen;

fn does_not_open() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, DoesNotOpen)
}

const fn stored_chunk(sealed: bool) -> usize {
    if sealed { CHUNK + TAG } else { CHUNK }
}

/// Hands over a file in pieces of `most` bytes, the last one with what is left; an empty file as one
/// empty piece.
fn each_chunk(
    mut from: impl Read,
    most: usize,
    mut each: impl FnMut(u64, &mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    let mut chunk = Vec::with_capacity(most + TAG);
    for number in 0.. {
        chunk.clear();
        let length = (&mut from).take(most as u64).read_to_end(&mut chunk)?;
        if length > 0 || number == 0 {
            each(number, &mut chunk)?;
        }
        if length < most {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::ContentId;
    use super::super::path::FilePath;
    use super::super::seal::FsKey;
    use super::*;

    fn key(chunks: u64) -> FileKey {
        let path = FilePath::new("/f").unwrap();
        let key: FsKey = "17".repeat(32).parse().unwrap();
        key.region(&path).file(&path, ContentId([1; 32]), chunks)
    }

    fn content() -> impl Strategy<Value = Vec<u8>> {
        let sizes = prop_oneof![
            0..40usize,
            CHUNK - 2..CHUNK + 3,
            2 * CHUNK - 2..2 * CHUNK + 3
        ];
        (sizes, any::<u8>()).prop_map(|(size, byte)| vec![byte; size])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn what_is_stored_is_loaded(content in content(), sealed in any::<bool>()) {
            let key = sealed.then(|| key(merkle::chunks(content.len() as u64)));
            let mut stored = Vec::new();
            let measured = store(&content[..], key.as_ref(), &mut stored, |_| ()).unwrap();
            prop_assert_eq!(measured.size, content.len() as u64);
            prop_assert_eq!(stored.len() as u64, stored_size(measured.size, sealed));
            let mut loaded = Vec::new();
            let again = load(&stored[..], key.as_ref(), &mut loaded, |_| ()).unwrap();
            prop_assert!(loaded == content);
            prop_assert_eq!(again, measured.stored);
            let root = stored_root(&stored[..], sealed, |_| ()).unwrap();
            prop_assert_eq!(root, measured.stored);
        }

        #[test]
        fn a_change_of_what_is_stored_is_found(
            content in content(),
            sealed in any::<bool>(),
            at in any::<prop::sample::Index>(),
            cut in any::<bool>(),
        ) {
            let key = sealed.then(|| key(merkle::chunks(content.len() as u64)));
            let mut stored = Vec::new();
            let measured = store(&content[..], key.as_ref(), &mut stored, |_| ()).unwrap();
            if stored.is_empty() {
                stored.push(0);
            } else if cut {
                stored.truncate(at.index(stored.len()));
            } else {
                let at = at.index(stored.len());
                stored[at] ^= 1;
            }
            // The root tells it without a key; with one, no changed chunk comes out either.
            let root = stored_root(&stored[..], sealed, |_| ()).unwrap();
            prop_assert_ne!(root, measured.stored);
            let loaded = load(&stored[..], key.as_ref(), io::sink(), |_| ());
            prop_assert!(loaded.map_or(sealed, |loaded| loaded == root));
        }
    }
}
