//! SGX below SCONE, whose runtime is attested by its CAS and by nobody else.

use std::path::{Path, PathBuf};

use link::report::Refusal;
use sgx::Kind;

use crate::files::{Files, System, fault, wrong};
use crate::seal::{PlatformVersion, SealingKey, Wanted};
use crate::{Error, Tee};

/// SCONE's runtime attests itself to a CAS, which then gives the session's secrets to the program. The
/// program sees no quote. A sealing key follows from one of those secrets, that the session injects as a
/// file: so whoever writes the session decides which programs share it, and
/// [`Binding`](crate::Binding) only keeps their keys apart.
pub struct Scone {
    secret: PathBuf,
    svn: u16,
    files: Box<dyn Files>,
}

/// The shortest secret, in bytes: as long as the key that is made of it.
const SHORTEST: usize = 32;
/// The longest.
const LONGEST: usize = 4096;

impl Scone {
    /// A program of security version `svn` whose session injects its secret as the file `secret`: 32 to
    /// 4096 random bytes.
    pub fn new(secret: impl Into<PathBuf>, svn: u16) -> Self {
        Self::on(Box::new(System), secret.into(), svn)
    }

    fn on(files: Box<dyn Files>, secret: PathBuf, svn: u16) -> Self {
        Self { secret, svn, files }
    }

    fn unavailable(what: &'static str) -> Error {
        let kind = Kind::Scone;
        Error::Unavailable { kind, what }
    }
}

impl Tee for Scone {
    fn kind(&self) -> Kind {
        Kind::Scone
    }

    fn evidence(&self, _report_data: &[u8; 64]) -> Result<Vec<u8>, Error> {
        Err(Self::unavailable(
            "quote to a program: its CAS alone is shown one",
        ))
    }

    fn sealing_key(&self, wanted: &Wanted) -> Result<SealingKey, Error> {
        if wanted.svn > self.svn {
            return Err(Refusal::InvalidIsvSvn.into());
        }
        let any = [PlatformVersion::Present, PlatformVersion::At([0; 16])];
        if !any.contains(&wanted.platform) {
            return Err(Self::unavailable(
                "sealing key of a security version of the platform",
            ));
        }
        let path: &Path = &self.secret;
        let secret = self
            .files
            .read(path, LONGEST)
            .map_err(fault("read the session's secret in", path))?;
        if secret.len() < SHORTEST {
            return Err(wrong(path, "a secret of less than 32 bytes"));
        }
        SealingKey::derive(Kind::Scone, &secret, wanted, [0; 16])
            .ok_or_else(|| wrong(path, "a secret that makes no key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Binding;

    fn wanted(svn: u16) -> Wanted {
        Wanted {
            bound_to: Binding::Signer,
            svn,
            platform: PlatformVersion::Present,
        }
    }

    #[test]
    fn a_key_follows_from_the_secret_of_the_session() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal");
        let driver = Scone::new(&path, 3);
        assert_eq!(
            driver.sealing_key(&wanted(3)).err().unwrap().code(),
            "tee.device"
        );
        std::fs::write(&path, [1; 31]).unwrap();
        assert_eq!(
            driver.sealing_key(&wanted(3)).err().unwrap().code(),
            "tee.answer"
        );
        std::fs::write(&path, [1; 32]).unwrap();
        let key = driver.sealing_key(&wanted(3)).unwrap();
        let again = Wanted {
            platform: PlatformVersion::At(key.platform()),
            ..wanted(3)
        };
        assert_eq!(driver.sealing_key(&again).unwrap().expose(), key.expose());
        std::fs::write(&path, [2; 32]).unwrap();
        assert_ne!(driver.sealing_key(&again).unwrap().expose(), key.expose());
        std::fs::write(&path, vec![2; LONGEST + 1]).unwrap();
        assert_eq!(
            driver.sealing_key(&wanted(3)).err().unwrap().code(),
            "tee.device"
        );
    }

    #[test]
    fn versions_above_its_own_and_quotes_are_refused() {
        let driver = Scone::new("/nonexistent", 3);
        let refused = driver.sealing_key(&wanted(4)).err().unwrap();
        assert!(matches!(refused, Error::Refused(Refusal::InvalidIsvSvn)));
        let other = Wanted {
            platform: PlatformVersion::At([1; 16]),
            ..wanted(3)
        };
        assert_eq!(
            driver.sealing_key(&other).err().unwrap().code(),
            "tee.unavailable"
        );
        assert_eq!(
            driver.evidence(&[0; 64]).unwrap_err().code(),
            "tee.unavailable"
        );
        assert_eq!(driver.kind(), Kind::Scone);
    }
}
