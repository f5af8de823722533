//! Counters that are never set back: what tells a program that older state of its was put back.
//!
//! # Layout
//!
//! A counter is a file of two slots of 512 bytes, of which the odd numbers use the second. Only the older one is
//! ever written, in place, so that a write that was cut short leaves the present one.
//!
//! | offset | bytes | field                                              |
//! |--------|-------|----------------------------------------------------|
//! | 0      | 8     | `number`, big-endian                               |
//! | 8      | 32    | `digest`: what its program gave with it            |
//! | 40     | 32    | SHA-256 of both                                    |

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

use crate::error::{CounterError, Error};
use crate::secs::Secs;
use crate::state::{io_error, private};

/// How far a counter is, and what was given when it was advanced last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counter {
    /// How often it was advanced.
    pub number: u64,
    /// What its program gave with that; zeros while it has not been advanced.
    pub digest: [u8; 32],
}

/// The counters of a platform: one for all programs of a signer and product, and another for those of them
/// that can be debugged. They are kept beside the platform, in its folder.
///
/// A processor has none. On a real machine they would be a TPM's.
#[derive(Debug, Clone)]
pub struct Counters {
    folder: PathBuf,
}

impl Counter {
    /// One that has not been advanced.
    pub const NONE: Self = Self {
        number: 0,
        digest: [0; 32],
    };

    fn body(&self) -> [u8; BODY] {
        let mut bytes = [0; BODY];
        bytes[..8].copy_from_slice(&self.number.to_be_bytes());
        bytes[8..].copy_from_slice(&self.digest);
        bytes
    }

    /// Of a slot; `None` if it was not written to its end.
    fn read(slot: &[u8]) -> Option<Self> {
        let (body, rest) = slot.split_first_chunk::<BODY>()?;
        let check = rest.first_chunk::<32>()?;
        if slot.iter().all(|byte| *byte == 0) {
            return Some(Self::NONE);
        }
        let (number, given) = body.split_first_chunk::<8>()?;
        let counter = Self {
            number: u64::from_be_bytes(*number),
            digest: given.try_into().ok()?,
        };
        (digest(&SHA256, body).as_ref() == check).then_some(counter)
    }
}

impl Counters {
    /// Those of the platform that is kept in this folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// How far the counter of an enclave is.
    ///
    /// # Errors
    ///
    /// [`CounterError::State`] if its file can't be read.
    pub fn read(&self, secs: &Secs) -> Result<Counter, CounterError> {
        let path = self.path(secs);
        match OpenOptions::new().read(true).open(&path) {
            Ok(file) => {
                file.lock_shared().map_err(io_error(&path))?;
                Ok(present(&file, &path)?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Counter::NONE),
            Err(error) => Err(io_error(&path)(error).into()),
        }
    }

    /// Sets the counter of an enclave one further. It is on the disk when this returns; of several that
    /// advance it to the same number at once, one succeeds.
    ///
    /// # Errors
    ///
    /// [`CounterError::NotNext`] if it is not one below; [`CounterError::State`] if its file can't be read or
    /// written, and then it may have been advanced or not.
    pub fn advance(&self, secs: &Secs, to: &Counter) -> Result<Counter, CounterError> {
        let path = self.path(secs);
        let file = self.file(&path)?;
        let found = present(&file, &path)?;
        if found.number.checked_add(1) != Some(to.number) {
            return Err(CounterError::NotNext {
                found: found.number,
                asked: to.number,
            });
        }
        let body = to.body();
        let slot = [&body[..], digest(&SHA256, &body).as_ref()].concat();
        let place = (to.number % 2) * SLOT as u64;
        file.write_all_at(&slot, place)
            .and_then(|()| file.sync_data())
            .map_err(io_error(&path))?;
        Ok(*to)
    }

    fn path(&self, secs: &Secs) -> PathBuf {
        let debug = if secs.attributes.is_debug() {
            "-debug"
        } else {
            ""
        };
        let signer = hex::encode(secs.mrsigner.0);
        let name = format!("counter-{signer}-{}{debug}", secs.isv_prod_id);
        self.folder.join(name)
    }

    /// The counter's file, which is made if need be, locked until it is closed.
    fn file(&self, path: &Path) -> Result<File, Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        let file = match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                options.create(true).open(path).map_err(io_error(path))?
            }
            opened => opened.map_err(io_error(path))?,
        };
        file.lock().map_err(io_error(path))?;
        private(&file, path, 0o077)?;
        if file.metadata().map_err(io_error(path))?.len() == 0 {
            // Of a counter that was advanced the name too must be on the disk.
            file.set_len(2 * SLOT as u64)
                .and_then(|()| file.sync_all())
                .map_err(io_error(path))?;
            File::open(&self.folder)
                .and_then(|folder| folder.sync_all())
                .map_err(io_error(&self.folder))?;
        }
        Ok(file)
    }
}

/// Bytes of a slot: what a disk writes at once.
const SLOT: usize = 512;
/// Bytes of number and digest.
const BODY: usize = 40;

/// The higher of the two slots.
fn present(mut file: &File, path: &Path) -> Result<Counter, Error> {
    let mut bytes = Vec::with_capacity(2 * SLOT);
    file.by_ref()
        .take(2 * SLOT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(io_error(path))?;
    if bytes.is_empty() {
        return Ok(Counter::NONE);
    }
    let slots = bytes.chunks(SLOT).filter_map(Counter::read);
    let highest = slots.max_by_key(|counter| counter.number);
    let whole = bytes.len() == 2 * SLOT;
    highest.filter(|_| whole).ok_or_else(|| Error::State {
        path: path.to_owned(),
        why: "neither of its slots holds a counter".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use sgx::{Mrenclave, Mrsigner, flags};

    use super::*;

    fn secs() -> Secs {
        Secs::new(Mrenclave([1; 32]), Mrsigner([2; 32]))
    }

    fn at(number: u64) -> Counter {
        Counter {
            number,
            digest: [u8::try_from(number % 251).unwrap(); 32],
        }
    }

    #[test]
    fn it_goes_one_further_each_time_and_never_back() {
        let folder = tempfile::tempdir().unwrap();
        let counters = Counters::of(folder.path());
        assert_eq!(counters.read(&secs()).unwrap(), Counter::NONE);
        for number in 1..=5 {
            for other in [number - 1, number + 1, 0, u64::MAX] {
                let refused = counters.advance(&secs(), &at(other)).unwrap_err();
                assert!(
                    matches!(refused, CounterError::NotNext { .. }),
                    "{refused:?}"
                );
            }
            counters.advance(&secs(), &at(number)).unwrap();
            let again = Counters::of(folder.path());
            assert_eq!(again.read(&secs()).unwrap(), at(number));
        }
    }

    #[test]
    fn programs_of_one_signer_and_product_share_it_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let counters = Counters::of(folder.path());
        counters.advance(&secs(), &at(1)).unwrap();
        let same = Secs {
            mrenclave: Mrenclave([9; 32]),
            isv_svn: 7,
            ..secs()
        };
        assert_eq!(counters.read(&same).unwrap(), at(1));
        let mut debugged = secs();
        debugged.attributes.flags |= flags::DEBUG;
        let others = [
            Secs {
                mrsigner: Mrsigner([9; 32]),
                ..secs()
            },
            Secs {
                isv_prod_id: 1,
                ..secs()
            },
            debugged,
        ];
        for other in others {
            assert_eq!(counters.read(&other).unwrap(), Counter::NONE);
        }
    }

    #[test]
    fn a_write_that_was_cut_short_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let counters = Counters::of(folder.path());
        counters.advance(&secs(), &at(1)).unwrap();
        counters.advance(&secs(), &at(2)).unwrap();
        let path = counters.path(&secs());
        let before = fs::read(&path).unwrap();
        counters.advance(&secs(), &at(3)).unwrap();
        let after = fs::read(&path).unwrap();
        let place = SLOT..SLOT + BODY + 32;
        for cut in place.clone().skip(1) {
            let mut bytes = before.clone();
            bytes[place.start..cut].copy_from_slice(&after[place.start..cut]);
            fs::write(&path, &bytes).unwrap();
            let found = counters.read(&secs()).unwrap();
            assert!([at(2), at(3)].contains(&found), "{cut}: {found:?}");
            assert_eq!(found == at(3), bytes == after, "{cut}");
        }
        let mut bytes = after;
        bytes[0] ^= 1;
        bytes[SLOT] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let refused = counters.read(&secs()).unwrap_err();
        assert_eq!(refused.code(), "platform.state", "{refused}");
        fs::write(&path, &bytes[..SLOT]).unwrap();
        assert!(counters.read(&secs()).is_err());
    }

    #[test]
    fn of_several_at_once_one_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let counters = Counters::of(folder.path());
        for number in 1..=20 {
            let won = thread::scope(|scope| {
                let tries: Vec<_> = (0..4)
                    .map(|_| scope.spawn(|| counters.advance(&secs(), &at(number)).is_ok()))
                    .collect();
                tries
                    .into_iter()
                    .map(|won| won.join().unwrap())
                    .filter(|won| *won)
                    .count()
            });
            assert_eq!(won, 1);
        }
    }
}
