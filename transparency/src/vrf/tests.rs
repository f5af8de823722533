use proptest::prelude::*;

use super::*;

/// The order of the curve.
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32]).unwrap()
}

fn flipped<const N: usize>(bytes: &[u8; N], bit: usize) -> [u8; N] {
    let mut flipped = *bytes;
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

#[test]
fn an_output_is_proven_for_its_user_and_key_only() {
    let secret = key(1);
    let public = secret.public_key();
    let (output, proof) = secret.prove("alice").unwrap();
    assert_eq!(secret.evaluate("alice"), Ok(output));
    assert_eq!(public.verify("alice", &output, &proof), Ok(output.index()));
    for (public, user) in [
        (public, "alicf"),
        (public, ""),
        (key(2).public_key(), "alice"),
    ] {
        assert_eq!(public.verify(user, &output, &proof), Err(Error::Proof));
    }
    let (other, _) = secret.prove("bob").unwrap();
    assert_eq!(public.verify("alice", &other, &proof), Err(Error::Proof));
}

/// A nonce that two proofs share gives the key away.
#[test]
fn nonces_are_repeated_for_the_same_proof_only() {
    let nonce = |seed: u8, user: &str| {
        let secret = key(seed);
        let (_, proof) = secret.prove(user).unwrap();
        // t + s k, over what is public: r G.
        let (output, again) = secret.prove(user).unwrap();
        assert_eq!(proof, again);
        assert!(secret.public_key().verify(user, &output, &again).is_ok());
        proof
    };
    let proofs = [nonce(1, "a"), nonce(1, "b"), nonce(2, "a"), nonce(1, "")];
    for (at, one) in proofs.iter().enumerate() {
        for other in &proofs[at + 1..] {
            assert_ne!(one.0[..32], other.0[..32]);
            assert_ne!(one.0[32..], other.0[32..]);
        }
    }
    #[cfg(feature = "plain-vrf")]
    {
        // With the same nonce, the difference of the responses over that of the challenges is the key.
        let (_, bound) = key(1).prove("a").unwrap();
        let (_, plain) = key(1).prove_as(Suite::Plain, "a").unwrap();
        let number = |bytes: &[u8]| scheme::scalar(bytes).unwrap();
        let (s, t) = bound.0.split_at(32);
        let (s_plain, t_plain) = plain.0.split_at(32);
        let secret = number(&[1; 32]);
        assert_ne!(
            number(t) + number(s) * secret,
            number(t_plain) + number(s_plain) * secret
        );
    }
}

#[test]
fn numbers_and_points_are_in_range() {
    let secret = key(1);
    let (output, proof) = secret.prove("alice").unwrap();
    let verify = |output: [u8; OUTPUT_LEN], proof: [u8; PROOF_LEN]| {
        let verdict = secret
            .public_key()
            .verify("alice", &Output(output), &Proof(proof));
        verdict.unwrap_err()
    };
    let order: [u8; 32] = hex::decode(ORDER).unwrap().try_into().unwrap();
    for half in [0..32, 32..64] {
        for number in [order, [0xff; 32]] {
            let mut bad = proof.0;
            bad[half.clone()].copy_from_slice(&number);
            assert_eq!(verify(output.0, bad), Error::Range);
        }
    }
    let mut zero = proof.0;
    zero[..32].fill(0);
    assert_eq!(verify(output.0, zero), Error::Range);
    zero = proof.0;
    zero[32..].fill(0);
    assert_eq!(verify(output.0, zero), Error::Proof);

    for prefix in [0, 2, 3, 5, 6, 7] {
        let mut bad = output.0;
        bad[0] = prefix;
        assert_eq!(verify(bad, proof.0), Error::Point);
    }
    assert_eq!(verify([0; OUTPUT_LEN], proof.0), Error::Point);
    assert_eq!(verify([4; OUTPUT_LEN], proof.0), Error::Point);
}

#[test]
fn lengths_are_exact() {
    for len in [0, 64, 66] {
        let fault = Output::from_slice(&vec![4; len]).unwrap_err();
        assert_eq!(
            fault.to_string(),
            format!("vrf has {len} bytes; it must have 65")
        );
        assert_eq!(fault.code(), "kt.vrf");
    }
    for len in [0, 63, 65] {
        Proof::from_slice(&vec![4; len]).unwrap_err();
    }
}

#[test]
fn keys_come_back_from_their_texts() {
    let secret = key(7);
    let pem = secret.to_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let again = SecretKey::from_pem(&pem).unwrap();
    assert_eq!(again.public_key(), secret.public_key());

    let public = secret.public_key().to_pem().unwrap();
    assert_eq!(
        PublicKey::from_pem(&public).as_ref(),
        Ok(secret.public_key())
    );
    for text in ["", "x", pem.as_str(), &public[..100]] {
        assert_eq!(PublicKey::from_pem(text).unwrap_err().code(), "kt.key");
    }
    for text in ["", "x", public.as_str(), &pem[..100]] {
        assert!(SecretKey::from_pem(text).is_err());
    }
    let order: [u8; 32] = hex::decode(ORDER).unwrap().try_into().unwrap();
    for bytes in [[0; 32], order, [0xff; 32]] {
        assert!(SecretKey::from_bytes(&bytes).is_err());
    }
}

#[test]
fn suites_have_names() {
    assert_eq!(Suite::default().name(), "P256-SHA512-BOUND");
    assert_eq!(Suite::from_name("P256-SHA512-BOUND"), Some(Suite::Bound));
    assert_eq!(Suite::from_name("p256-sha512-bound"), None);
    #[cfg(not(feature = "plain-vrf"))]
    assert_eq!(Suite::from_name("P256-SHA512-PLAIN"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_bit_is_free(user in any::<Vec<u8>>(), bit: prop::sample::Index) {
        let secret = key(3);
        let public = secret.public_key();
        let (output, proof) = secret.prove(&user).unwrap();
        prop_assert_eq!(public.verify(&user, &output, &proof), Ok(output.index()));
        let other = Output(flipped(&output.0, bit.index(8 * OUTPUT_LEN)));
        prop_assert!(public.verify(&user, &other, &proof).is_err());
        let other = Proof(flipped(&proof.0, bit.index(8 * PROOF_LEN)));
        prop_assert!(public.verify(&user, &output, &other).is_err());
    }
}
