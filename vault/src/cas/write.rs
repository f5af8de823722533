//! Creating and updating sessions.
//!
//! Three steps, so that nobody waits for a key that takes a second to make: a *plan* is made from the state, its
//! values are made without the state, and the *draft* that comes out is checked against the state once more
//! and becomes an event.

use std::collections::BTreeMap;

use attestation::Time;
use protocol::{Entropy, EntropyFailed};
use provision::SessionName;
use session::{Hex32, KeyType, Secret, SecretKind, Session};

use super::certificate::{self, Signer};
use super::material::{Material, Value};
use super::sessions::{Sessions, Stored};
use super::{Error, Limits, Principal, access, fit, import, making};

/// A session that may be written, and the values that are known before any is made.
#[derive(Debug)]
pub struct Plan {
    name: SessionName,
    /// Without values.
    session: Session,
    hash: Hex32,
    creator: Principal,
    who: Principal,
    /// The version that it follows.
    base: Option<Hex32>,
    values: BTreeMap<String, Material>,
    /// RSA keys that are to be made.
    rsa_keys: usize,
}

/// A session with all of its values, still to be held against the state once more.
#[derive(Debug)]
pub struct Draft {
    name: SessionName,
    who: Principal,
    base: Option<Hex32>,
    stored: Stored,
}

impl Plan {
    /// A plan for a session that was read and fits a vault.
    pub(super) fn new(
        sessions: &Sessions,
        limits: &Limits,
        name: &SessionName,
        session: &Session,
        who: Principal,
    ) -> Result<Self, Error> {
        let present = sessions.get(name);
        let creator = match present {
            Some(stored) => {
                access::check(sessions, name, stored, who, access::Wish::Update)?;
                stored.creator
            }
            None => {
                access::check_create(sessions, name, who)?;
                check_quota(sessions, limits, who)?;
                who
            }
        };
        let base = present.map(|stored| stored.hash);
        if session.predecessor != base {
            return Err(Error::Predecessor {
                present: base,
                given: session.predecessor,
            });
        }
        fit::check(session, limits, name)?;
        let values = known(session, present)?;
        Ok(Self {
            rsa_keys: check_rsa(session, limits, &values)?,
            values,
            hash: session.hash(),
            session: session.public(),
            name: name.clone(),
            creator,
            who,
            base,
        })
    }

    /// For the audit log: the session, who writes it, and what that is called.
    pub(super) fn about(&self) -> (SessionName, Principal, &'static str) {
        (self.name.clone(), self.who, super::event_name(self.base))
    }

    /// Whether [`Cas::make`](super::Cas::make) takes seconds.
    pub(crate) const fn is_slow(&self) -> bool {
        self.rsa_keys > 0
    }

    /// Makes the values that are missing. It takes up to a second for each RSA key.
    pub(super) fn make(
        mut self,
        limits: &Limits,
        entropy: &dyn Entropy,
        now: Time,
    ) -> Result<Draft, Error> {
        for secret in &self.session.secrets {
            if secret.import.is_none()
                && !self.values.contains_key(&secret.name)
                && let Some(value) = plain(secret, entropy)?
            {
                let material = Material::made(value);
                self.values.insert(secret.name.clone(), material);
            }
        }
        self.make_certificates(now)?;
        let size: usize = self.values.values().map(Material::size).sum();
        if size > limits.values {
            return Err(Error::Form(format!(
                "the session's values have {size} bytes, and at most {} are kept",
                limits.values
            )));
        }
        let text = self.session.to_yaml();
        let text = text.map_err(|fault| Error::Form(fault.to_string()))?;
        Ok(Draft {
            name: self.name,
            who: self.who,
            base: self.base,
            stored: Stored {
                session: self.session,
                hash: self.hash,
                creator: self.creator,
                written: now.unix(),
                bytes: text.len() + size,
                values: self.values,
            },
        })
    }

    /// Makes certificates, issuers before what they sign.
    fn make_certificates(&mut self, now: Time) -> Result<(), Error> {
        loop {
            let missing = |secret: &&Secret| {
                secret.import.is_none() && !self.values.contains_key(&secret.name)
            };
            let waiting: Vec<&Secret> = self.session.secrets.iter().filter(missing).collect();
            let Some(first) = waiting.first() else {
                return Ok(());
            };
            let ready = waiting.iter().find(|secret| {
                let issuer = secret.issuer.as_ref();
                issuer.is_none_or(|issuer| self.values.contains_key(issuer))
            });
            let Some(secret) = ready else {
                return Err(refused(first, "its issuers lead back to itself"));
            };
            let value = self.certificate(secret, now)?;
            self.values
                .insert(secret.name.clone(), Material::made(value));
        }
    }

    fn certificate(&self, secret: &Secret, now: Time) -> Result<Value, Error> {
        let refuse = |what| refused(secret, what);
        let key = self.key_of(secret)?;
        let mut chain = Vec::new();
        let signer = match &secret.issuer {
            None => None,
            Some(name) => {
                let issuer = self.session.secrets.iter().find(|one| one.name == *name);
                let issuer = issuer.ok_or_else(|| refuse("its issuer is not here"))?;
                match self.values.get(name) {
                    Some(Material {
                        value: Value::Certificate { chain: above, .. },
                        given: false,
                    }) => chain.clone_from(above),
                    _ => {
                        return Err(refuse(
                            "its issuer has to be a certificate that was made here",
                        ));
                    }
                }
                Some(Signer {
                    secret: issuer,
                    key: self.key_of(issuer)?,
                })
            }
        };
        let own = certificate::make(secret, key, signer.as_ref(), now).map_err(refuse)?;
        chain.insert(0, own);
        Ok(Value::Certificate {
            chain,
            private_key: secret.private_key.clone(),
        })
    }

    /// The private key of a certificate, in PEM.
    fn key_of(&self, secret: &Secret) -> Result<&str, Error> {
        let name = secret.private_key.as_ref();
        match name.and_then(|name| self.values.get(name)) {
            Some(Material {
                value: Value::PrivateKey { pem, .. },
                ..
            }) => Ok(pem.expose()),
            _ => Err(refused(
                secret,
                "its private key has to be one of this session's own",
            )),
        }
    }
}

impl Draft {
    /// For the audit log: the session, who writes it, and what that is called.
    pub(super) fn about(&self) -> (SessionName, Principal, &'static str) {
        (self.name.clone(), self.who, super::event_name(self.base))
    }

    /// Holds it against the state as it is now.
    pub(super) fn check(
        self,
        sessions: &Sessions,
        limits: &Limits,
    ) -> Result<(SessionName, Principal, Stored), Error> {
        let present = sessions.get(&self.name);
        match present {
            Some(stored) => {
                access::check(sessions, &self.name, stored, self.who, access::Wish::Update)?;
            }
            None => {
                access::check_create(sessions, &self.name, self.who)?;
                check_quota(sessions, limits, self.who)?;
            }
        }
        check_bytes(sessions, limits, &self.name, &self.stored)?;
        let base = present.map(|stored| stored.hash);
        if base != self.base {
            return Err(Error::Predecessor {
                present: base,
                given: self.base,
            });
        }
        // Imports are looked up anew at each release; here, so that whoever writes the session hears of it.
        for secret in &self.stored.session.secrets {
            if secret.import.is_some() {
                import::find(sessions, &self.name, &self.stored, &secret.name)?;
            }
        }
        Ok((self.name, self.who, self.stored))
    }
}

/// Values that are given, or that outlive the version before.
fn known(session: &Session, present: Option<&Stored>) -> Result<BTreeMap<String, Material>, Error> {
    let mut values = BTreeMap::new();
    for secret in &session.secrets {
        let kept = present.and_then(|stored| stored.values.get(&secret.name));
        let kept = kept.filter(|material| secret.import.is_none() && material.outlives(secret));
        let material = match &secret.value {
            Some(text) => Material::given(secret, text).map_err(|what| refused(secret, what))?,
            None => match kept {
                Some(material) => material.clone(),
                None => continue,
            },
        };
        values.insert(secret.name.clone(), material);
    }
    Ok(values)
}

/// How many RSA keys have to be made. Refuses more than a version of a session may have made.
fn check_rsa(
    session: &Session,
    limits: &Limits,
    values: &BTreeMap<String, Material>,
) -> Result<usize, Error> {
    let rsa = |secret: &&Secret| {
        let rsa = matches!(secret.key_type, Some(KeyType::Rsa2048 | KeyType::Rsa3072));
        rsa && !values.contains_key(&secret.name)
    };
    let count = session.secrets.iter().filter(rsa).count();
    if count > limits.rsa_keys {
        return Err(Error::Form(format!(
            "the session has {count} RSA keys to be made, and at most {} are taken",
            limits.rsa_keys
        )));
    }
    Ok(count)
}

/// A value that needs nothing but randomness; none for certificates.
fn plain(secret: &Secret, entropy: &dyn Entropy) -> Result<Option<Value>, EntropyFailed> {
    /// Characters or bytes, if the session does not say.
    const SIZE: u32 = 20;

    let size = usize::try_from(secret.size.unwrap_or(SIZE)).unwrap_or(usize::MAX);
    Ok(Some(match secret.kind {
        Some(SecretKind::Ascii) => Value::Ascii(making::text(entropy, size)?),
        Some(SecretKind::Binary) => Value::Binary(making::bytes(entropy, size)?),
        Some(SecretKind::PrivateKey) => {
            let kind: KeyType = secret.key_type.unwrap_or_default();
            Value::PrivateKey {
                pem: making::private_key(entropy, kind)?,
                key_type: Some(kind),
            }
        }
        Some(SecretKind::X509 | SecretKind::X509Ca) | None => return Ok(None),
    }))
}

fn check_quota(sessions: &Sessions, limits: &Limits, who: Principal) -> Result<(), Error> {
    let own = sessions.iter().filter(|(_, stored)| stored.creator == who);
    let full = sessions.len() >= limits.sessions || own.count() >= limits.of_creator;
    if who != Principal::Kme && full {
        return Err(Error::Access {
            who: who.to_string(),
            what: "make more sessions: there are as many as this vault keeps".to_owned(),
        });
    }
    Ok(())
}

/// Refuses what would make the sessions of one creator, or all together, too long to be kept in memory.
fn check_bytes(
    sessions: &Sessions,
    limits: &Limits,
    name: &SessionName,
    new: &Stored,
) -> Result<(), Error> {
    let others = sessions
        .iter()
        .filter(|(other, stored)| *other != name && stored.creator != Principal::Kme);
    let (mut all, mut own) = (new.bytes, new.bytes);
    for (_, stored) in others {
        all += stored.bytes;
        if stored.creator == new.creator {
            own += stored.bytes;
        }
    }
    if new.creator != Principal::Kme && (own > limits.bytes_of_creator || all > limits.bytes) {
        return Err(Error::Access {
            who: new.creator.to_string(),
            what: "have longer sessions: together they have as many bytes as this vault keeps"
                .to_owned(),
        });
    }
    Ok(())
}

fn refused(secret: &Secret, what: &str) -> Error {
    Error::Secret {
        name: secret.name.clone(),
        what: what.to_owned(),
    }
}
