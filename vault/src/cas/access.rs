//! Who may read and update a session.

use std::cell::Cell;

use protocol::crypto::{pem, sha256};
use provision::SessionName;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use session::{AccessPolicy, Entity};

use super::material::certificates;
use super::sessions::{Sessions, Stored};
use super::{Error, Principal, import};

/// Bytes of values that are looked at for an entity: a certificate's are less.
const MAX_SECRET: usize = 8 * 1024;

/// What somebody wants to do with a session that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Read,
    Update,
}

/// Refuses those whom the session's access policy does not name.
pub(super) fn check(
    sessions: &Sessions,
    name: &SessionName,
    stored: &Stored,
    who: Principal,
    wish: Wish,
) -> Result<(), Error> {
    let policy = stored.session.access_policy.as_ref();
    let list = policy.and_then(|policy: &AccessPolicy| match wish {
        Wish::Read => policy.read.as_deref(),
        Wish::Update => policy.update.as_deref(),
    });
    let reserved = wish == Wish::Update && name.namespace() == Principal::NAMESPACE;
    let mut list = list.unwrap_or(&[Entity::Creator]).iter();
    let named = list.any(|entity| is(entity, sessions, name, stored, who));
    if if reserved {
        who == Principal::Kme
    } else {
        named
    } {
        return Ok(());
    }
    Err(Error::Access {
        who: who.to_string(),
        what: match wish {
            Wish::Read => format!("read the session `{name}`"),
            Wish::Update => format!("update the session `{name}`"),
        },
    })
}

/// Refuses those who may not make a session of this name.
pub(super) fn check_create(
    sessions: &Sessions,
    name: &SessionName,
    who: Principal,
) -> Result<(), Error> {
    let namespace = name.namespace();
    let reserved = namespace == Principal::NAMESPACE;
    let free = match who {
        Principal::Anonymous => false,
        Principal::Kme => reserved,
        Principal::Key(_) => {
            !reserved
                && sessions
                    .holder(namespace)
                    .is_none_or(|holder| holder == who)
        }
    };
    if free {
        return Ok(());
    }
    Err(Error::Access {
        who: who.to_string(),
        what: format!("make sessions in the namespace `{namespace}`"),
    })
}

fn is(
    entity: &Entity,
    sessions: &Sessions,
    name: &SessionName,
    stored: &Stored,
    who: Principal,
) -> bool {
    match entity {
        Entity::Any => true,
        Entity::None => false,
        Entity::Creator => who != Principal::Anonymous && stored.creator == who,
        Entity::KeyHash(hash) => has_hash(who, hash),
        Entity::Certificate(text) => has_certificate(who, text),
        Entity::Secret(text) => {
            let room = Cell::new(MAX_SECRET);
            let secret = import::substitute(sessions, name, stored, text, &room);
            let text = secret
                .ok()
                .and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
            text.is_some_and(|text| has_hash(who, text.trim()) || has_certificate(who, &text))
        }
    }
}

fn has_hash(who: Principal, hash: &str) -> bool {
    matches!(who, Principal::Key(key) if key.to_string().eq_ignore_ascii_case(hash))
}

/// Whether the key is that of the text's first certificate.
fn has_certificate(who: Principal, text: &str) -> bool {
    let Principal::Key(key) = who else {
        return false;
    };
    let first = certificates(text).and_then(|list| list.into_iter().next());
    let der = first.and_then(|text| pem::decode("CERTIFICATE", &text).ok());
    der.is_some_and(|der| {
        let der = CertificateDer::from(der);
        let parsed = ParsedCertificate::try_from(&der);
        parsed.is_ok_and(|parsed| sha256(&[parsed.subject_public_key_info().as_ref()]) == key.0)
    })
}
