//! The scheme itself: hashing to the curve, proving, verifying.
//!
//! What the secret key multiplies is multiplied in constant time; verifying, whose inputs everybody knows,
//! is not. How many counters a user id needs shows in the time either takes, as in every try-and-increment.

use p256::elliptic_curve::group::Group as _;
use p256::elliptic_curve::ops::LinearCombination as _;
use p256::elliptic_curve::point::DecompressPoint as _;
use p256::elliptic_curve::sec1::{FromSec1Point as _, ToSec1Point as _};
use p256::elliptic_curve::subtle::Choice;
use p256::elliptic_curve::{BatchNormalize as _, Field as _, PrimeField as _};
use p256::{AffinePoint, FieldBytes, NonZeroScalar, ProjectivePoint, Scalar, Sec1Point};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use super::multiples::multiples;
use super::{Error, OUTPUT_LEN, Output, PROOF_LEN, Proof, PublicKey, Suite};
use crate::map::Index;

/// How many counters are tried when a user id is hashed to the curve; each has one chance in two.
const TRIES: u32 = 100;

/// What the nonce of a proof is hashed with, so that it is nothing else that is hashed with the key.
const NONCE: &[u8] = b"sconce key transparency, nonce of a VRF proof";

pub(super) fn evaluate(secret: &NonZeroScalar, user: &[u8]) -> Result<Output, Error> {
    let hashed = ProjectivePoint::from(hash_to_curve(user)?);
    Ok(Output(uncompressed(&(hashed * **secret).to_affine())))
}

pub(super) fn prove(
    suite: Suite,
    secret: &NonZeroScalar,
    public: &PublicKey,
    user: &[u8],
) -> Result<(Output, Proof), Error> {
    let affine = hash_to_curve(user)?;
    let hashed = ProjectivePoint::from(affine);
    let nonce = nonce(suite, secret, user);
    let [output, u] = multiples(&hashed, [&**secret, &*nonce]);
    let [output, a, u] =
        ProjectivePoint::batch_normalize(&[output, ProjectivePoint::mul_by_generator(&*nonce), u])
            .map(|point| uncompressed(&point));
    let challenge = challenge(
        suite,
        user,
        [&uncompressed(&affine), &public.bytes, &output],
        [&a, &u],
    );
    let response = *nonce - challenge * **secret;
    let mut proof = [0; PROOF_LEN];
    let (s, t) = proof.split_at_mut(PROOF_LEN / 2);
    s.copy_from_slice(&challenge.to_repr());
    t.copy_from_slice(&response.to_repr());
    Ok((Output(output), Proof(proof)))
}

pub(super) fn verify(
    suite: Suite,
    public: &PublicKey,
    user: &[u8],
    output: &Output,
    proof: &Proof,
) -> Result<Index, Error> {
    let point = point(&output.0).ok_or(Error::Point)?;
    let (s, t) = proof.0.split_at(PROOF_LEN / 2);
    let challenged = scalar(s)
        .filter(|s| !bool::from(s.is_zero()))
        .ok_or(Error::Range)?;
    let response = scalar(t).ok_or(Error::Range)?;
    let affine = hash_to_curve(user)?;
    let commitments = [
        ProjectivePoint::lincomb_vartime(&[
            (ProjectivePoint::GENERATOR, response),
            (public.point, challenged),
        ]),
        ProjectivePoint::lincomb_vartime(&[
            (ProjectivePoint::from(affine), response),
            (point, challenged),
        ]),
    ];
    let [a, u] = ProjectivePoint::batch_normalize(&commitments).map(|point| uncompressed(&point));
    let expected = challenge(
        suite,
        user,
        [&uncompressed(&affine), &public.bytes, &output.0],
        [&a, &u],
    );
    if expected == challenged {
        Ok(output.index())
    } else {
        Err(Error::Proof)
    }
}

/// `04 || X || Y`; zeros for the point at infinity, which nothing that is verified can be but the
/// commitments of a proof.
pub(super) fn uncompressed(point: &AffinePoint) -> [u8; OUTPUT_LEN] {
    let encoded = point.to_sec1_point(false);
    encoded.as_bytes().try_into().unwrap_or([0; OUTPUT_LEN])
}

/// H1: the first counter under which the user id hashes to the x-coordinate of a point; its even y.
pub(super) fn hash_to_curve(user: &[u8]) -> Result<AffinePoint, Error> {
    (0..TRIES)
        .find_map(|counter| {
            let x = hash(counter, &[user]);
            AffinePoint::decompress(&x, Choice::from(0)).into_option()
        })
        .ok_or(Error::Hash)
}

/// H2: a number of 1 to n-1, from the first counter under which the hash is below n-1.
pub(super) fn hash_to_scalar(parts: &[&[u8]]) -> Scalar {
    let mut counter = 0;
    loop {
        if let Some(number) = Scalar::from_repr(hash(counter, parts)).into_option() {
            let number = number + Scalar::ONE;
            if !bool::from(number.is_zero()) {
                return number;
            }
        }
        // Each try fails with a probability of 2^-32.
        counter += 1;
    }
}

/// The first half of SHA-512 over the counter and the parts.
fn hash(counter: u32, parts: &[&[u8]]) -> FieldBytes {
    let mut hash = Sha512::new();
    hash.update(counter.to_be_bytes());
    for part in parts {
        hash.update(part);
    }
    let mut half = FieldBytes::default();
    half.iter_mut()
        .zip(hash.finalize())
        .for_each(|(to, from)| *to = from);
    half
}

/// A nonce that nobody can guess who does not have the key, and that no two different proofs share: the
/// same for the same key, suite and user.
fn nonce(suite: Suite, secret: &NonZeroScalar, user: &[u8]) -> Zeroizing<Scalar> {
    let key = Zeroizing::new(<[u8; 32]>::from(secret.to_repr()));
    Zeroizing::new(hash_to_scalar(&[
        NONCE,
        suite.name().as_bytes(),
        &*key,
        user,
    ]))
}

/// The challenge over the hashed user id, the public key and the output, and over the two commitments.
fn challenge(
    suite: Suite,
    user: &[u8],
    [hashed, public, output]: [&[u8; OUTPUT_LEN]; 3],
    [a, u]: [&[u8; OUTPUT_LEN]; 2],
) -> Scalar {
    match suite {
        Suite::Bound => {
            // That the user is in it, too, is by `hashed`.
            let _ = user;
            let generator = uncompressed(&AffinePoint::GENERATOR);
            hash_to_scalar(&[&generator, hashed, public, output, a, u])
        }
        #[cfg(feature = "plain-vrf")]
        Suite::Plain => hash_to_scalar(&[user, a, u]),
    }
}

/// The point in its uncompressed form, and in no other.
fn point(bytes: &[u8; OUTPUT_LEN]) -> Option<ProjectivePoint> {
    if bytes.first() != Some(&4) {
        return None;
    }
    let encoded = Sec1Point::from_bytes(bytes).ok()?;
    ProjectivePoint::from_sec1_point(&encoded).into_option()
}

/// The number in 32 bytes, if it is below the order.
pub(super) fn scalar(bytes: &[u8]) -> Option<Scalar> {
    let bytes: [u8; 32] = bytes.try_into().ok()?;
    Scalar::from_repr(bytes.into()).into_option()
}
