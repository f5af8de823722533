//! Where the value of a secret is: in the session, or in another that exports it.

use std::cell::Cell;

use provision::SessionName;
use session::{Import, Reference, Secret, SecretKind};
use zeroize::Zeroizing;

use super::Error;
use super::material::{Material, Value};
use super::sessions::{Sessions, Stored};

/// A value, and what of it may be had.
pub(super) struct Found<'a> {
    material: &'a Material,
    /// The session that has it, with the private keys of its certificates.
    home: &'a Stored,
    /// Whether only certificates may be had, not their keys.
    public_only: bool,
}

/// How far a secret is exported.
#[derive(PartialEq, Eq)]
enum Export {
    Nowhere,
    Public,
    Whole,
}

/// A text of a session with the values of its secrets, which together may have as many bytes as there is `room` for: a
/// short text can name a long value often.
pub(super) fn substitute(
    sessions: &Sessions,
    name: &SessionName,
    stored: &Stored,
    text: &str,
    room: &Cell<usize>,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let is_secret = |name: &str| secret(stored, name).is_some();
    let value = |of: &str, format: Option<&str>| -> Result<_, Fault> {
        let form = find(sessions, name, stored, of)?.form(of, format)?;
        let left = room.get().checked_sub(form.len());
        room.set(left.ok_or_else(|| Error::Secret {
            name: of.to_owned(),
            what: "it is asked for so often that its service is given too much".to_owned(),
        })?);
        Ok(form)
    };
    session::substitute(text, is_secret, value).map_err(|Fault(error)| error)
}

/// The value of a secret of a session.
pub(super) fn find<'a>(
    sessions: &'a Sessions,
    name: &SessionName,
    stored: &'a Stored,
    of: &str,
) -> Result<Found<'a>, Error> {
    let missing = |what: &str| Error::Secret {
        name: of.to_owned(),
        what: what.to_owned(),
    };
    let secret = secret(stored, of).ok_or_else(|| missing("the session has none of this name"))?;
    if let Some(import) = &secret.import {
        return imported(sessions, name, stored, secret, import);
    }
    let material = stored.values.get(of);
    Ok(Found {
        material: material.ok_or_else(|| missing("it has no value"))?,
        home: stored,
        public_only: false,
    })
}

/// Finds what a session imports, as the other session is now.
fn imported<'a>(
    sessions: &'a Sessions,
    name: &SessionName,
    stored: &Stored,
    secret: &Secret,
    import: &Import,
) -> Result<Found<'a>, Error> {
    let refuse = |what: String| Error::Import {
        name: secret.name.clone(),
        what,
    };
    let of = import.secret.as_ref().unwrap_or(&secret.name);
    let from: SessionName = import
        .session
        .parse()
        .map_err(|_| refuse(format!("`{}` is no session", import.session)))?;
    let home = sessions.get(&from);
    let home = home.ok_or_else(|| refuse(format!("there is no session `{from}`")))?;
    if import.session_hash.is_some_and(|hash| hash != home.hash) {
        return Err(refuse(format!(
            "the session `{from}` is another version, with the hash {}",
            home.hash
        )));
    }
    // A secret that is not there and one that is not exported look alike to whoever may not have it.
    let not_exported = || {
        refuse(format!(
            "the session `{from}` exports no `{of}` to `{name}`"
        ))
    };
    let there = self::secret(home, of).ok_or_else(not_exported)?;
    let export = exported(there, name, stored);
    let material = home.values.get(of).ok_or_else(not_exported)?;
    if export == Export::Nowhere {
        return Err(not_exported());
    }
    if secret.kind.is_some() && secret.kind != there.kind {
        return Err(refuse(format!(
            "`{of}` of the session `{from}` is of another kind"
        )));
    }
    Ok(Found {
        material,
        home,
        public_only: export == Export::Public,
    })
}

fn exported(secret: &Secret, to: &SessionName, importer: &Stored) -> Export {
    let names = |reference: &Reference| {
        let session = reference.session.as_ref();
        let named = session.is_some_and(|session| *session == to.to_string())
            && reference
                .session_hash
                .is_none_or(|hash| hash == importer.hash);
        let space = reference.namespace.as_deref() == Some(to.namespace());
        named || space
    };
    let mut references = secret.export.iter().flat_map(|export| export.as_slice());
    let certificate = matches!(secret.kind, Some(SecretKind::X509 | SecretKind::X509Ca));
    if references.any(names) {
        Export::Whole
    } else if secret.export_public == Some(true) && certificate {
        Export::Public
    } else {
        Export::Nowhere
    }
}

impl Found<'_> {
    /// The value in a form.
    pub(super) fn form(
        &self,
        name: &str,
        format: Option<&str>,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let key = |key: &str| {
            let material = self.home.values.get(key)?;
            (!self.public_only && matches!(material.value, Value::PrivateKey { .. }))
                .then_some(material)
        };
        let form = self.material.form(format, key);
        form.map_err(|what| Error::Secret {
            name: name.to_owned(),
            what: what.to_owned(),
        })
    }
}

pub(super) fn secret<'a>(stored: &'a Stored, name: &str) -> Option<&'a Secret> {
    let mut secrets = stored.session.secrets.iter();
    secrets.find(|secret| secret.name == name)
}

/// An error of ours, or a placeholder that is none.
struct Fault(Error);

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<session::Located> for Fault {
    fn from(fault: session::Located) -> Self {
        Self(Error::Form(fault.to_string()))
    }
}
