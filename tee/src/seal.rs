//! Sealing keys: what is wanted, and how it follows from what a platform gives.

use ring::hkdf;
use sgx::Kind;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Which key is wanted.
///
/// What is sealed is kept with the [`Wanted`] that names its key, and that of the sealing has
/// [`PlatformVersion::At`] in it: a program or platform of a later version can still ask for the key, and
/// one of an earlier version can't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Which programs get the same key.
    pub bound_to: Binding,
    /// ISVSVN: of which security version of the program, at most its own.
    pub svn: u16,
    /// Of which security version of the platform.
    pub platform: PlatformVersion,
}

/// Which programs get the same sealing key (SDM 3D, KEYPOLICY).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    /// The same measurement.
    Measurement,
    /// The same signer and product.
    Signer,
}

/// Of which security version of the platform a key is: CPUSVN, where there is one. A platform
/// whose microcode was updated has other keys, and gives those of before as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlatformVersion {
    /// Of the present one.
    Present,
    /// Of this one, which is at most the present one.
    At([u8; 16]),
}

/// 32 secret bytes.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SealingKey {
    key: [u8; 32],
    #[zeroize(skip)]
    platform: [u8; 16],
}

/// What tells these keys from all others that are made of the same secret.
const SALT: &[u8] = b"sconce/v1/seal";

impl SealingKey {
    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.key
    }

    /// The platform's security version that the key is of, for [`PlatformVersion::At`]; zeros where
    /// platforms have none.
    #[must_use]
    pub fn platform(&self) -> [u8; 16] {
        self.platform
    }

    /// The key that follows from a platform's secret: HKDF-SHA256 (RFC 5869), which binds it to what is
    /// wanted even where the secret isn't.
    pub(crate) fn derive(
        kind: Kind,
        secret: &[u8],
        wanted: &Wanted,
        platform: [u8; 16],
    ) -> Option<Self> {
        let bound_to = match wanted.bound_to {
            Binding::Measurement => &[1],
            Binding::Signer => &[2],
        };
        let svn = wanted.svn.to_be_bytes();
        let info: [&[u8]; 5] = [kind.word().as_bytes(), &[0], bound_to, &svn, &platform];
        let mut key = [0; 32];
        hkdf::Salt::new(hkdf::HKDF_SHA256, SALT)
            .extract(secret)
            .expand(&info, hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .ok()?;
        Some(Self { key, platform })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted {
        bound_to: Binding::Signer,
        svn: 0x0102,
        platform: PlatformVersion::Present,
    };

    fn key(kind: Kind, secret: &[u8], wanted: &Wanted, platform: u8) -> [u8; 32] {
        let key = SealingKey::derive(kind, secret, wanted, [platform; 16]).unwrap();
        assert_eq!(key.platform(), [platform; 16]);
        *key.expose()
    }

    /// The wanted value was computed from RFC 5869 with the HMAC of Python's standard library.
    #[test]
    fn a_key_is_what_rfc_5869_says() {
        let found = key(Kind::Sim, &[7; 16], &WANTED, 9);
        let wanted = "07ab97c707d78ba20817558de40b229cca1a25455e460b4e018966770c858e09";
        assert_eq!(hex(&found), wanted);
    }

    #[test]
    fn whatever_is_wanted_makes_another_key() {
        let first = key(Kind::Sim, &[7; 16], &WANTED, 9);
        let measurement = Wanted {
            bound_to: Binding::Measurement,
            ..WANTED
        };
        let later = Wanted { svn: 3, ..WANTED };
        let others = [
            key(Kind::Gramine, &[7; 16], &WANTED, 9),
            key(Kind::Sim, &[8; 16], &WANTED, 9),
            key(Kind::Sim, &[7; 16], &measurement, 9),
            key(Kind::Sim, &[7; 16], &later, 9),
            key(Kind::Sim, &[7; 16], &WANTED, 8),
        ];
        for other in others {
            assert_ne!(first, other);
        }
        assert_eq!(first, key(Kind::Sim, &[7; 16], &WANTED, 9));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
