//! Collateral, the documents in it, and what verification makes of it.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use attestation::qe_identity::QeIdentity;
use attestation::tcb_info::TcbInfo;
use attestation::{
    Cache, Claims, Collateral, Fingerprint, Refusal, Stage, Time, TrustAnchor, verify,
};
use sgx::{Mrenclave, Mrsigner};
use simulator::{Evidence, Secs};

/// When everything is judged: that of the evidence.
const NOW: u64 = 1_800_000_000;

/// Genuine evidence, and what it says.
pub(crate) struct Genuine {
    pub(crate) json: String,
    pub(crate) collateral: Collateral,
    quote: Vec<u8>,
    anchor: TrustAnchor,
    claims: Claims,
}

/// It is made once.
pub(crate) static GENUINE: LazyLock<Genuine> = LazyLock::new(genuine);

/// `data` is all of that: a document that the vendor signs; collateral in JSON; and changes (where, as
/// two bytes, and to what) to genuine collateral or, by the first byte, to one part of it.
pub fn run(data: &[u8]) {
    documents(data);
    if let Ok(collateral) = Collateral::from_json(data) {
        let again = collateral.to_json();
        assert_eq!(
            Collateral::from_json(again.as_bytes()),
            Ok(collateral.clone())
        );
        judge(&collateral);
    }
    let Some((part, changes)) = data.split_first() else {
        return;
    };
    let changed = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let length = bytes.len();
        for [high, low, to] in changes.as_chunks::<3>().0 {
            let at = usize::from(u16::from_be_bytes([*high, *low]));
            bytes[at % length] = *to;
        }
        bytes
    };
    match changed_part(*part, changed) {
        Ok(collateral) => judge(&collateral),
        Err(json) => match Collateral::from_json(&json) {
            Ok(collateral) => judge(&collateral),
            Err(error) => assert_line(&error.to_string()),
        },
    }
}

/// Documents are read whoever has signed them; verification asks that first.
fn documents(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match TcbInfo::from_json(text) {
        Ok(info) => assert!(info.issued <= info.next_update),
        Err(error) => {
            assert_eq!(error.stage(), Stage::TcbInfo);
            assert_line(&error.to_string());
        }
    }
    match QeIdentity::from_json(text) {
        Ok(identity) => assert!(identity.issued <= identity.next_update),
        Err(error) => {
            assert_eq!(error.stage(), Stage::QeIdentity);
            assert_line(&error.to_string());
        }
    }
}

/// Genuine collateral with one part changed, or all of its JSON text changed.
fn changed_part(part: u8, changed: impl Fn(&[u8]) -> Vec<u8>) -> Result<Collateral, Vec<u8>> {
    let text = |text: &str| String::from_utf8_lossy(&changed(text.as_bytes())).into_owned();
    let mut collateral = GENUINE.collateral.clone();
    match part % 8 {
        0 => collateral.pck_crl_issuer_chain = text(&collateral.pck_crl_issuer_chain),
        1 => collateral.root_ca_crl = changed(&collateral.root_ca_crl),
        2 => collateral.pck_crl = changed(&collateral.pck_crl),
        3 => collateral.tcb_info_issuer_chain = text(&collateral.tcb_info_issuer_chain),
        4 => collateral.tcb_info = text(&collateral.tcb_info),
        5 => collateral.qe_identity_issuer_chain = text(&collateral.qe_identity_issuer_chain),
        6 => collateral.qe_identity = text(&collateral.qe_identity),
        _ => return Err(changed(GENUINE.json.as_bytes())),
    }
    Ok(collateral)
}

/// What is accepted says what the genuine evidence says, and the cache agrees.
fn judge(collateral: &Collateral) {
    let Genuine {
        quote,
        anchor,
        claims,
        ..
    } = &*GENUINE;
    let now = Time::from_unix(NOW);
    let verified = verify(quote, collateral, anchor, now);
    match &verified {
        Ok(verified) => assert_eq!(verified.claims(), claims),
        Err(refusal) => assert_refused(refusal),
    }
    let mut cache = Cache::new(NonZeroUsize::MIN);
    let genuine = cache.verify(quote, &GENUINE.collateral, anchor, now);
    assert_eq!(
        genuine.as_ref().map(|verified| verified.claims()),
        Ok(claims)
    );
    assert_eq!(cache.verify(quote, collateral, anchor, now), verified);
}

fn assert_refused(refusal: &Refusal) {
    assert!(refusal.stage() > Stage::Header, "{refusal}");
    assert_line(&refusal.to_string());
}

fn assert_line(text: &str) {
    assert!(text.lines().count() == 1 && text.len() < 1_000, "{text}");
}

fn genuine() -> Genuine {
    let platform = crate::policy::platform();
    let secs = Secs::new(Mrenclave([0x11; 32]), Mrsigner([0x22; 32]));
    let Evidence {
        quote,
        collateral,
        root,
    } = platform.evidence(&secs, &[0; 64], NOW).expect("evidence");
    let anchor = TrustAnchor::simulated(&root, Fingerprint::of(&root)).expect("an anchor");
    let json = collateral.to_json();
    let collateral = Collateral::from_json(json.as_bytes()).expect("collateral");
    let claims = verify(&quote, &collateral, &anchor, Time::from_unix(NOW))
        .expect("a genuine quote")
        .into_claims();
    Genuine {
        json,
        collateral,
        quote,
        anchor,
        claims,
    }
}
