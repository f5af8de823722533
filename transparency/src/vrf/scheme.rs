//! The scheme itself: hashing to the curve, proving, verifying.

use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{AffinePoint, NonZeroScalar};

use super::{Error, OUTPUT_LEN, Output, Proof, PublicKey, Suite};
use crate::map::Index;

pub(super) fn evaluate(secret: &NonZeroScalar, user: &[u8]) -> Result<Output, Error> {
    let _ = (secret, user);
    Err(Error::Hash)
}

pub(super) fn prove(
    suite: Suite,
    secret: &NonZeroScalar,
    public: &PublicKey,
    user: &[u8],
) -> Result<(Output, Proof), Error> {
    let _ = (suite, secret, public, user);
    Err(Error::Hash)
}

pub(super) fn verify(
    suite: Suite,
    public: &PublicKey,
    user: &[u8],
    output: &Output,
    proof: &Proof,
) -> Result<Index, Error> {
    let _ = (suite, public, user, output, proof);
    Err(Error::Hash)
}

/// `04 || X || Y`.
pub(super) fn uncompressed(point: &AffinePoint) -> [u8; OUTPUT_LEN] {
    let mut bytes = [0; OUTPUT_LEN];
    let encoded = point.to_sec1_point(false);
    // A point that isn't the identity has as many bytes.
    if encoded.as_bytes().len() == OUTPUT_LEN {
        bytes.copy_from_slice(encoded.as_bytes());
    }
    bytes
}
