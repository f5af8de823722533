use ring::signature::{ED25519, UnparsedPublicKey};

use super::*;

/// The key and the note of the documentation of golang.org/x/mod/sumdb/note.
const SIGNER: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n";
const SIGNED: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn witness() -> SignerKey {
    SignerKey::from_seed("witness.example", Kind::Cosignature, &[7; 32]).unwrap()
}

#[test]
fn the_documented_note() {
    let signer = SignerKey::parse(SIGNER).unwrap();
    let verifier = VerifierKey::parse(VERIFIER).unwrap();
    assert_eq!(*signer.verifier(), verifier);
    assert_eq!(*signer.to_text(), SIGNER);
    assert_eq!(verifier.to_string(), VERIFIER);

    let mut note = Note::new(TEXT).unwrap();
    note.sign(&signer).unwrap();
    assert_eq!(note.to_string(), SIGNED);
    assert_eq!(Note::parse(SIGNED), Ok(note.clone()));
    assert_eq!(note.verify(&verifier), Ok(0));
    note.text.push('\n');
    assert_eq!(note.verify(&verifier), Err(refused(&verifier)));
}

#[test]
fn cosignatures_have_times() {
    let witness = witness();
    let mut note = Note::new("log.example\n1\nAAAA\n").unwrap();
    let refusal = Err(refused(witness.verifier()));
    assert_eq!(note.verify(witness.verifier()), refusal);
    for time in [1_700_000_000, 1_800_000_000, 1_600_000_000] {
        let signature = note.cosign(&witness, time).unwrap();
        assert_eq!(signature.bytes.len(), 72);
        let line = format!("{signature}\n");
        assert_eq!(Signature::parse(&line), Ok(signature.clone()));
        note.signatures.push(signature);
    }
    assert_eq!(note.verify(witness.verifier()), Ok(1_800_000_000));

    // What is signed, by another route: the bytes of the specification and the bare key.
    let bare = UnparsedPublicKey::new(&ED25519, witness.verifier().key());
    let message = b"cosignature/v1\ntime 1700000000\nlog.example\n1\nAAAA\n";
    bare.verify(message, &note.signatures[0].bytes[8..])
        .unwrap();

    // Another time under the same signature.
    note.signatures[1].bytes[7] ^= 1;
    assert_eq!(note.verify(witness.verifier()), refusal);
}

#[test]
fn a_key_signs_what_it_is_for() {
    let log = SignerKey::parse(SIGNER).unwrap();
    let mut note = Note::new(TEXT).unwrap();
    assert_eq!(note.cosign(&log, 0).unwrap_err().code(), "kt.key");
    assert_eq!(note.sign(&witness()).unwrap_err().code(), "kt.key");
    // The same bytes for the other kind have another id.
    let same = SignerKey::from_seed("PeterNeumann", Kind::Cosignature, &[7; 32]).unwrap();
    let other = SignerKey::from_seed("PeterNeumann", Kind::Ed25519, &[7; 32]).unwrap();
    assert_eq!(same.verifier().key(), other.verifier().key());
    assert_ne!(same.verifier().id(), other.verifier().id());
    assert!(!format!("{log:?}").contains("AYEKFALV"));
}

#[test]
fn others_signatures_are_kept_and_ignored() {
    let stranger = SignerKey::generate("stranger", Kind::Ed25519).unwrap();
    let verifier = VerifierKey::parse(VERIFIER).unwrap();
    let mut note = Note::parse(SIGNED).unwrap();
    note.sign(&stranger).unwrap();
    let again = Note::parse(&note.to_string()).unwrap();
    assert_eq!(again, note);
    assert_eq!(again.verify(&verifier), Ok(0));
    assert_eq!(again.verify(stranger.verifier()), Ok(0));
    // One under the name and id of a known key may not be wrong.
    note.signatures[1].name = verifier.name().to_owned();
    assert_eq!(note.verify(&verifier), Ok(0));
    note.signatures[1].key_id = verifier.id();
    note.verify(&verifier).unwrap_err();
}

#[test]
fn a_note_has_one_form() {
    let bad = [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\nno signature\n",
        "text\n\n\u{2014} name AAAAAA==\n",
        "text\n\n\u{2014} name AAAAAAA\n",
        "text\n\n\u{2014} na+me AAAAAAA=\n",
        "text\n\n\u{2014}  AAAAAAA=\n",
        "text\n\n- name AAAAAAA=\n",
        "te\u{7}xt\n\n\u{2014} name AAAAAAA=\n",
        "text\r\n\n\u{2014} name AAAAAAA=\n",
        "text\n\n\u{2014} name AAAAAAA=",
    ];
    for text in bad {
        assert_eq!(Note::parse(text).unwrap_err().code(), "kt.note", "{text:?}");
    }
    let good = "text\n\n\u{2014} name AAAAAAA=\n";
    assert_eq!(Note::parse(good).unwrap().to_string(), good);
    let many = format!("text\n\n{}", "\u{2014} name AAAAAAA=\n".repeat(101));
    Note::parse(&many).unwrap_err();
    Note::parse(&format!("{}{good}", "x".repeat(MAX_NOTE))).unwrap_err();
    assert_eq!(
        Note::parse("a\n\nb\n\n\u{2014} name !\n"),
        Err(Error::Form {
            line: 5,
            what: "the signature is no base64"
        })
    );
}

#[test]
fn a_key_has_one_form() {
    let bad = [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumanN+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T=",
        "PeterNeumann+c74f20a3+BRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AQ==",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        SIGNER,
    ];
    for text in bad {
        assert_eq!(
            VerifierKey::parse(text).unwrap_err().code(),
            "kt.key",
            "{text}"
        );
    }
    SignerKey::parse(VERIFIER).unwrap_err();
    SignerKey::parse(&SIGNER.replace("c74f20a3", "c74f20a4")).unwrap_err();
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb", &"x".repeat(513)] {
        SignerKey::from_seed(name, Kind::Ed25519, &[0; 32]).unwrap_err();
    }
}

#[test]
fn a_checkpoint_has_one_form() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let good = format!("example.com/heads\n20852163\n{root}\n");
    let checkpoint = Checkpoint::parse(&good).unwrap();
    assert_eq!(checkpoint.size, 20_852_163);
    assert_eq!(checkpoint.to_string(), good);
    let extended = format!("{good}an extension\n");
    assert_eq!(Checkpoint::parse(&extended), Ok(checkpoint));
    let bad = [
        String::new(),
        "o\n".to_owned(),
        "o\n1\n".to_owned(),
        format!("o\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("o\n\n{root}\n"),
        format!("o\n01\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n9223372036854775808\n{root}\n"),
        "o\n1\nAAAA\n".to_owned(),
        format!("{good}\n"),
        format!("{good}\nlater\n"),
    ];
    for text in bad {
        assert_eq!(
            Checkpoint::parse(&text).unwrap_err().code(),
            "kt.note",
            "{text:?}"
        );
    }
}
