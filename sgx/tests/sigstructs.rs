//! SIGSTRUCTs: made, read, and refused whatever byte is changed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use proptest::prelude::*;
use sconce_sgx::sigstruct::{
    Body, Date, Fault, KEY_SIZE, KeyError, Launch, PublicKey, Refusal, SIZE, Sigstruct,
    VerifiedSigstruct, WrongLength,
};
use sconce_sgx::{Attributes, Miscselect, Mrenclave, flags};

const SIGNER: &[u8] = include_bytes!("data/signer.der");
const STRICT: &[u8; SIZE] = include_bytes!("data/strict.sig");

/// What `strict.sig` signs.
fn strict() -> Body {
    let date = "2024-02-29".parse().unwrap();
    Body {
        product_id: 7,
        security_version: 3,
        ..Body::strict(Mrenclave([0xa5; 32]), date)
    }
}

fn pair() -> RsaKeyPair {
    RsaKeyPair::from_der(SIGNER).unwrap()
}

/// The public half: PKCS #1 has it as modulus and exponent, 384 bytes and 1, in front of which
/// stand 9 bytes of DER and a zero.
fn key(pair: &RsaKeyPair) -> PublicKey {
    let der = pair.public_key().as_ref();
    let (modulus, exponent) = der[9..].split_at(KEY_SIZE);
    PublicKey::from_components(modulus, &exponent[2..]).unwrap()
}

fn signature(pair: &RsaKeyPair, body: &Body) -> [u8; KEY_SIZE] {
    let mut signature = [0; KEY_SIZE];
    let message = body.to_be_signed();
    let random = SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature)
        .unwrap();
    signature
}

fn sign(body: &Body) -> VerifiedSigstruct {
    let pair = pair();
    Sigstruct::assemble(body, &key(&pair), &signature(&pair, body)).unwrap()
}

fn faults(bytes: &[u8; SIZE]) -> Vec<Fault> {
    let verified = Sigstruct::from_bytes(bytes).verify();
    verified.map_or_else(|faults| faults.iter().collect(), |_| Vec::new())
}

#[test]
fn the_same_body_and_key_make_the_same_bytes() {
    let made = sign(&strict());
    assert!(made.as_bytes() == STRICT, "strict.sig is another");
    let read = Sigstruct::parse(STRICT).unwrap().verify().unwrap();
    assert_eq!(read, made);
    assert_eq!(read.body(), &strict());
    assert_eq!(read.mrsigner(), key(&pair()).mrsigner());
    assert!(!read.body().allows_debug());
}

#[test]
fn every_changed_bit_is_refused() {
    for at in 0..SIZE {
        let mut bytes = *STRICT;
        bytes[at] ^= 1 << (at % 8);
        assert!(!faults(&bytes).is_empty(), "byte {at}");
    }
}

#[test]
fn each_fault_is_told() {
    let cases: &[(&str, usize, &[Fault])] = &[
        ("HEADER", 0, &[Fault::Header, Fault::Signature]),
        ("VENDOR", 16, &[Fault::Vendor, Fault::Signature]),
        ("DATE", 20, &[Fault::Signature]),
        ("HEADER2", 24, &[Fault::Header2, Fault::Signature]),
        ("SWDEFINED", 40, &[Fault::Signature]),
        ("reserved, signed", 44, &[Fault::Reserved, Fault::Signature]),
        ("EXPONENT", 512, &[Fault::Exponent]),
        ("MISCSELECT", 900, &[Fault::Signature]),
        ("reserved, CET", 910, &[Fault::Reserved, Fault::Signature]),
        ("ENCLAVEHASH", 960, &[Fault::Signature]),
        ("ISVSVN", 1026, &[Fault::Signature]),
        ("reserved, not signed", 1039, &[Fault::Reserved]),
        ("Q1", 1040, &[Fault::Q1, Fault::Q2]),
        ("Q2", 1424, &[Fault::Q2]),
    ];
    for (name, at, expected) in cases {
        let mut bytes = *STRICT;
        bytes[*at] ^= 0x40;
        assert_eq!(faults(&bytes), *expected, "{name}");
    }
}

#[test]
fn a_modulus_that_cannot_be_is_told() {
    for (name, at, value) in [("even", 128, 0), ("short", 511, 0x7f)] {
        let mut bytes = *STRICT;
        bytes[at] &= value;
        assert!(faults(&bytes).contains(&Fault::Modulus), "{name}");
    }
    // Nothing divides by zero.
    let found = faults(&[0; SIZE]);
    assert!(found.contains(&Fault::Modulus) && found.contains(&Fault::Q1));
    assert!(!faults(&[0xff; SIZE]).is_empty());
}

#[test]
fn a_signature_of_something_else_is_refused() {
    let pair = pair();
    let other = Body {
        security_version: 4,
        ..strict()
    };
    let refused = Sigstruct::assemble(&strict(), &key(&pair), &signature(&pair, &other));
    let faults: Vec<_> = refused.unwrap_err().iter().collect();
    assert_eq!(faults, [Fault::Signature]);
    for garbage in [[0; KEY_SIZE], [0xff; KEY_SIZE]] {
        let refused = Sigstruct::assemble(&strict(), &key(&pair), &garbage).unwrap_err();
        assert_eq!(refused.code(), "sigstruct.signature");
        assert_eq!(refused.einit(), "SGX_INVALID_SIGNATURE");
    }
}

#[test]
fn other_lengths_are_refused() {
    for length in [0, 1807, 1809] {
        let refused = Sigstruct::parse(&vec![0; length]).unwrap_err();
        assert_eq!(refused, WrongLength(length));
    }
}

#[test]
fn other_keys_are_refused() {
    let modulus = *key(&pair()).modulus();
    let mut even = modulus;
    even[KEY_SIZE - 1] &= 0xfe;
    let mut short = modulus;
    short[0] = 0x7f;
    for (modulus, exponent, expected) in [
        (&modulus[..], &[1, 0, 1][..], KeyError::Exponent),
        (&modulus, &[], KeyError::Exponent),
        (&modulus[128..], &[3], KeyError::Bits { bits: 2048 }),
        (&short, &[3], KeyError::Bits { bits: 3071 }),
        (&[], &[3], KeyError::Bits { bits: 0 }),
        (&even, &[3], KeyError::Even),
    ] {
        let found = PublicKey::from_components(modulus, exponent);
        let bits = |error: &KeyError| matches!(error, KeyError::Bits { .. });
        match found {
            Err(error) if bits(&expected) => assert!(bits(&error), "{error}"),
            found => assert_eq!(found, Err(expected)),
        }
    }
    let padded = [&[0, 0][..], &modulus].concat();
    let read = PublicKey::from_components(&padded, &[0, 0, 3]).unwrap();
    assert_eq!(read.modulus(), &modulus);
}

#[test]
fn masks_decide_what_is_launched() {
    let debug = Attributes {
        flags: Attributes::PLAIN.flags | flags::DEBUG,
        ..Attributes::PLAIN
    };
    let enclave = Launch {
        mrenclave: strict().mrenclave,
        attributes: Attributes::PLAIN,
        miscselect: Miscselect(0),
        cet_attributes: 0,
    };
    let with = |attributes| Launch {
        attributes,
        ..enclave
    };
    let attributes = Err(Refusal::Attributes("ATTRIBUTES"));

    let sigstruct = sign(&strict());
    assert_eq!(sigstruct.launch(&enclave), Ok(()));
    assert_eq!(sigstruct.launch(&with(debug)), attributes);
    let exinfo = Launch {
        miscselect: Miscselect::EXINFO,
        ..enclave
    };
    let refused = sigstruct.launch(&exinfo);
    assert_eq!(refused, Err(Refusal::Attributes("MISCSELECT")));
    let cet = Launch {
        cet_attributes: 1,
        ..enclave
    };
    let refused = sigstruct.launch(&cet);
    assert_eq!(refused, Err(Refusal::Attributes("CET_ATTRIBUTES")));
    let other = Launch {
        mrenclave: Mrenclave([0; 32]),
        ..enclave
    };
    let refused = sigstruct.launch(&other).unwrap_err();
    assert!(refused.to_string().contains("SGX_INVALID_MEASUREMENT"));

    let either = Body {
        attributes_mask: !debug | Attributes::PLAIN,
        ..strict()
    };
    let sigstruct = sign(&either);
    assert!(sigstruct.body().allows_debug());
    assert_eq!(sigstruct.launch(&enclave), Ok(()));
    assert_eq!(sigstruct.launch(&with(debug)), Ok(()));

    let only_debug = Body {
        attributes: debug,
        ..strict()
    };
    let sigstruct = sign(&only_debug);
    assert!(sigstruct.body().allows_debug());
    assert_eq!(sigstruct.launch(&enclave), attributes);
    assert_eq!(sigstruct.launch(&with(debug)), Ok(()));
}

fn bodies() -> impl Strategy<Value = Body> {
    let numbers = (any::<bool>(), any::<[u32; 4]>(), any::<[u8; 2]>());
    let attributes = any::<[[u8; 16]; 2]>();
    let ids = (any::<[[u8; 16]; 2]>(), any::<[u8; 32]>(), any::<[u16; 2]>());
    (numbers, attributes, ids).prop_map(|(numbers, attributes, ids)| {
        let (intel, [date, software_defined, misc, misc_mask], cet) = numbers;
        let (extended, mrenclave, [product_id, security_version]) = ids;
        Body {
            vendor: if intel { 0x8086 } else { 0 },
            date: Date::from_bcd(date),
            software_defined,
            miscselect: Miscselect(misc),
            miscselect_mask: Miscselect(misc_mask),
            cet_attributes: cet[0],
            cet_attributes_mask: cet[1],
            family_id: extended[0],
            attributes: Attributes::from_bytes(attributes[0]),
            attributes_mask: Attributes::from_bytes(attributes[1]),
            mrenclave: Mrenclave(mrenclave),
            extended_product_id: extended[1],
            product_id,
            security_version,
        }
    })
}

proptest! {
    #[test]
    fn any_body_is_read_as_it_was_signed(body in bodies()) {
        let made = sign(&body);
        let read = Sigstruct::parse(made.as_bytes()).unwrap();
        prop_assert_eq!(read.body(), body);
        prop_assert_eq!(read.to_be_signed(), body.to_be_signed());
        prop_assert_eq!(read.verify(), Ok(made));
    }

    #[test]
    fn any_bytes_are_looked_at_without_harm(bytes in prop::collection::vec(any::<u8>(), SIZE)) {
        let sigstruct = Sigstruct::parse(&bytes).unwrap();
        prop_assert_eq!(&sigstruct.as_bytes()[..], &bytes[..]);
        let faults = sigstruct.verify().unwrap_err();
        prop_assert_eq!(faults.code(), "sigstruct.form");
        prop_assert!(!faults.to_string().is_empty());
    }
}
