//! Secrets: what each kind may say, and where placeholders lead.

use super::{Checked, Key, check_names, refuse_if};
use crate::Located;
use crate::{Endpoint, Placeholder, Reference, Secret, SecretKind, Session};

/// The most that CAS makes of a text or binary value.
const MAX_SIZE: u32 = 1 << 20;

impl Session {
    pub(super) fn check_secrets(&self) -> Checked {
        check_names(
            "secrets",
            self.secrets.iter().map(|secret| secret.name.as_str()),
        )?;
        for (index, secret) in self.secrets.iter().enumerate() {
            let at = Entry { index, secret };
            at.check_origin()?;
            at.check_kind()?;
            at.check_value()?;
            self.check_certificate(&at)?;
            for reference in secret.export.iter().flat_map(|export| export.as_slice()) {
                check_reference(reference, || at.key("export"))?;
            }
        }
        Ok(())
    }

    pub(super) fn secret(&self, name: &str) -> Option<&Secret> {
        self.secrets.iter().find(|secret| secret.name == name)
    }

    /// That each placeholder of a text leads to a secret, in a form that it has.
    pub(super) fn check_placeholders(&self, text: &str, key: impl Key) -> Checked {
        let marks = match Placeholder::all(text) {
            Ok(marks) if marks.is_empty() => return Ok(()),
            marks => marks,
        };
        let key = key.text();
        let at = |what: String| Located::key(key.clone(), what);
        for mark in marks.map_err(|fault| at(fault.what))? {
            let (name, format) = mark.name_and_format(|name| self.secret(name).is_some());
            let shown = name.escape_default();
            let Some(secret) = self.secret(name) else {
                return Err(at(format!("the session has no secret `{shown}`")));
            };
            let known = |kind: SecretKind| formats(kind).contains(&format.unwrap_or_default());
            // What an imported one is, only the other session may know.
            if secret.kind.is_some_and(|kind| !known(kind)) {
                return Err(at(format!("the secret `{shown}` has no such form")));
            }
        }
        Ok(())
    }

    fn check_certificate(&self, at: &Entry<'_>) -> Checked {
        let secret = at.secret;
        let leads_to = |name: &str, kinds: &[SecretKind]| {
            self.secret(name)
                .is_some_and(|found| found.kind.is_none_or(|kind| kinds.contains(&kind)))
        };
        if let Some(name) = &secret.private_key {
            let found = leads_to(name, &[SecretKind::PrivateKey]);
            let what = "the session has no private key of this name";
            refuse_if(!found, || at.key("private_key"), what)?;
        }
        if let Some(name) = &secret.issuer {
            let found = leads_to(name, &[SecretKind::X509Ca]);
            let what = "the session has no x509-ca of this name";
            refuse_if(!found, || at.key("issuer"), what)?;
        }
        let client = secret.endpoint == Some(Endpoint::Client);
        refuse_if(
            client && secret.dns.is_some(),
            || at.key("dns"),
            "a client's certificate has no names of servers",
        )
    }
}

/// The forms in which a secret can be asked for; the empty one is always there.
fn formats(kind: SecretKind) -> &'static [&'static str] {
    match kind {
        SecretKind::Ascii => &[""],
        SecretKind::Binary => &["", "bin", "hex", "base64"],
        SecretKind::PrivateKey => &["", "pem", "der", "pkcs8:pem", "pkcs8:der"],
        SecretKind::X509 | SecretKind::X509Ca => &[
            "",
            "crt",
            "crt:pem",
            "crt:der",
            "key",
            "privatekey",
            "privatekey:pem",
            "privatekey:der",
            "privatekey:pkcs8:pem",
            "privatekey:pkcs8:der",
            "chain",
        ],
    }
}

pub(super) fn check_reference(reference: &Reference, key: impl Key) -> Checked {
    refuse_if(
        reference.session.is_some() == reference.namespace.is_some()
            || (reference.namespace.is_some() && reference.session_hash.is_some()),
        key,
        "it names either a session, perhaps with its session_hash, or a namespace",
    )
}

/// A secret, and where it stands.
struct Entry<'a> {
    index: usize,
    secret: &'a Secret,
}

impl Entry<'_> {
    fn key(&self, name: &str) -> String {
        format!("secrets[{}].{name}", self.index)
    }

    /// It's made, given or imported.
    fn check_origin(&self) -> Checked {
        let secret = self.secret;
        if secret.import.is_none() {
            let what = "one that is not imported has a kind";
            return refuse_if(secret.kind.is_none(), || self.key("kind"), what);
        }
        let own = [
            ("value", secret.value.is_some()),
            ("size", secret.size.is_some()),
            ("key_type", secret.key_type.is_some()),
            ("migrate", secret.migrate.is_some()),
            ("private_key", secret.private_key.is_some()),
            ("issuer", secret.issuer.is_some()),
            ("export", secret.export.is_some()),
            ("export_public", secret.export_public.is_some()),
        ];
        for (name, given) in own {
            let what = "an imported one is as the other session says";
            refuse_if(given, || self.key(name), what)?;
        }
        Ok(())
    }

    /// It has no keys of other kinds.
    fn check_kind(&self) -> Checked {
        use SecretKind::{Ascii, Binary, PrivateKey, X509, X509Ca};

        let secret = self.secret;
        let Some(kind) = secret.kind else {
            return Ok(());
        };
        let keys: [(&str, bool, &[SecretKind]); 9] = [
            ("size", secret.size.is_some(), &[Ascii, Binary]),
            ("key_type", secret.key_type.is_some(), &[PrivateKey]),
            ("migrate", secret.migrate.is_some(), &[PrivateKey]),
            ("private_key", secret.private_key.is_some(), &[X509, X509Ca]),
            ("issuer", secret.issuer.is_some(), &[X509, X509Ca]),
            ("common_name", secret.common_name.is_some(), &[X509, X509Ca]),
            ("valid_for", secret.valid_for.is_some(), &[X509, X509Ca]),
            ("endpoint", secret.endpoint.is_some(), &[X509]),
            ("dns", secret.dns.is_some(), &[X509]),
        ];
        for (name, given, kinds) in keys {
            let what = "a secret of this kind has no such key";
            refuse_if(given && !kinds.contains(&kind), || self.key(name), what)?;
        }
        Ok(())
    }

    /// Its value is of its kind, or there is what makes one.
    fn check_value(&self) -> Checked {
        let secret = self.secret;
        let size = secret.size.unwrap_or(1);
        refuse_if(
            size == 0 || size > MAX_SIZE,
            || self.key("size"),
            "it takes 1 to 1048576",
        )?;
        let certificate = matches!(secret.kind, Some(SecretKind::X509 | SecretKind::X509Ca));
        let Some(value) = &secret.value else {
            return refuse_if(
                certificate && secret.private_key.is_none() && secret.import.is_none(),
                || self.key("private_key"),
                "a certificate that CAS is to make has a private key",
            );
        };
        let both = secret.size.is_some() || secret.key_type.is_some();
        let what = "it is either given or made, not both";
        refuse_if(both, || self.key("value"), what)?;
        let (text, pem) = (value.expose(), "-----BEGIN ");
        let (fits, what) = match secret.kind {
            Some(SecretKind::Ascii) => {
                let fits = text.is_ascii() && !text.contains('\0');
                (fits, "an ascii secret has ASCII characters and no NUL")
            }
            Some(SecretKind::Binary) => (
                text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "a binary secret is given in hex",
            ),
            Some(SecretKind::PrivateKey) => (
                text.starts_with(pem) && text.contains(" PRIVATE KEY-----"),
                "a private key is given in PEM",
            ),
            Some(SecretKind::X509 | SecretKind::X509Ca) => (
                text.starts_with(pem) && text.contains(" CERTIFICATE-----"),
                "a certificate is given in PEM",
            ),
            None => (true, ""),
        };
        refuse_if(!fits, || self.key("value"), what)
    }
}
