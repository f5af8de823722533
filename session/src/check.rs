//! What the keys of a session say together.

mod secrets;
mod services;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::{Advisories, Entity, Mode, Session, Tolerance, UpdatePolicy, Version};
use crate::Located;

/// Bytes that one part of a name may have.
const MAX_NAME: usize = 128;

pub(super) type Checked = Result<(), Located>;

impl Session {
    /// Checks what the types of the keys can't say.
    ///
    /// # Errors
    ///
    /// The first key whose value can't be. No value is repeated that may be secret.
    pub fn check(&self) -> Checked {
        for part in self.name.split('/') {
            check_name("name", part)?;
        }
        self.check_form()?;
        self.check_access()?;
        self.check_attestation()?;
        self.check_secrets()?;
        self.check_volumes()?;
        self.check_images()?;
        self.check_services()
    }

    /// What keeps CAS from taking the session: services that no enclave can be, because no measurement
    /// and no signer is named.
    #[must_use]
    pub fn gaps(&self) -> Vec<Located> {
        let attestation = self.security.as_ref();
        let attestation = attestation.and_then(|security| security.attestation.as_ref());
        if attestation.and_then(|attestation| attestation.mode) == Some(Mode::None) {
            return Vec::new();
        }
        let services = self.services.iter().enumerate();
        services
            .filter(|(_, service)| !service.names_enclaves())
            .map(|(index, _)| {
                let what = "no measurement is named, so no enclave can be this service";
                Located::key(format!("services[{index}].mrenclaves"), what)
            })
            .collect()
    }

    /// What a session gives up that a release must not.
    #[must_use]
    pub fn concessions(&self) -> Vec<Located> {
        let mut found = Vec::new();
        self.concede_attestation(&mut found);
        for (key, list) in self.access_policy.iter().flat_map(|policy| policy.lists()) {
            if list.contains(&Entity::Any) {
                let what = "everybody may do this";
                found.push(Located::key(format!("access_policy.{key}"), what));
            }
        }
        for (index, secret) in self.secrets.iter().enumerate() {
            if secret.export_public == Some(true) {
                let key = format!("secrets[{index}].export_public");
                found.push(Located::key(key, "everybody may read it"));
            }
        }
        for (image, volumes) in self.images.iter().map(|image| &image.volumes).enumerate() {
            for (index, volume) in volumes.iter().enumerate() {
                if volume.update_policy == Some(UpdatePolicy::NoRollbackProtection) {
                    let key = format!("images[{image}].volumes[{index}].update_policy");
                    found.push(Located::key(key, "an older state put back is not noticed"));
                }
            }
        }
        found
    }

    fn concede_attestation(&self, found: &mut Vec<Located>) {
        let security = self.security.as_ref();
        let Some(attestation) = security.and_then(|security| security.attestation.as_ref()) else {
            return;
        };
        let mut concede = |key: &str, what: String| {
            found.push(Located::key(format!("security.attestation.{key}"), what));
        };
        match attestation.mode {
            Some(Mode::None) => concede("mode", "whoever reaches CAS gets everything".to_owned()),
            Some(Mode::Maa) => concede("mode", "Azure alone judges the machine".to_owned()),
            Some(Mode::Simulated) => concede(
                "mode",
                "a simulated platform, which protects nothing, is taken".to_owned(),
            ),
            None | Some(Mode::Hardware) => {}
        }
        let tolerated = attestation.tolerate.as_deref().unwrap_or_default();
        if !tolerated.is_empty() {
            let words: Vec<_> = tolerated.iter().map(|tolerance| tolerance.word()).collect();
            concede("tolerate", format!("it puts up with {}", words.join(", ")));
        }
        match &attestation.ignore_advisories {
            Some(Advisories::All) => concede(
                "ignore_advisories",
                "it puts up with every advisory, future ones too".to_owned(),
            ),
            Some(Advisories::These(list)) if !list.is_empty() => {
                concede(
                    "ignore_advisories",
                    format!("it puts up with {}", list.join(", ")),
                );
            }
            _ => {}
        }
    }

    fn check_form(&self) -> Checked {
        let old = self
            .version
            .unwrap_or(Version {
                minor: 1,
                patch: None,
            })
            .minor
            < 3;
        let form = "it belongs to the form before version 0.3";
        refuse_if(self.digest.is_some() && !old, "digest", form)?;
        for (index, service) in self.services.iter().enumerate() {
            let key = || format!("services[{index}].tags");
            refuse_if(service.tags.is_some() && !old, key, form)?;
        }
        Ok(())
    }

    fn check_access(&self) -> Checked {
        for (key, list) in self.access_policy.iter().flat_map(|policy| policy.lists()) {
            let key = || format!("access_policy.{key}");
            let alone = list.len() > 1
                && list
                    .iter()
                    .any(|entity| matches!(entity, Entity::Any | Entity::None));
            refuse_if(alone, key, "ANY and NONE stand alone")?;
            for entity in list {
                match entity {
                    Entity::KeyHash(hash) => {
                        let fits = (40..=64).contains(&hash.len())
                            && hash.bytes().all(|byte| byte.is_ascii_alphanumeric());
                        let what = "it takes CREATOR, ANY, NONE, the hash of a key, a certificate \
                                    in PEM or $$SCONE::name$$";
                        refuse_if(!fits, key, what)?;
                    }
                    Entity::Secret(text) => self.check_placeholders(text, key)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn check_attestation(&self) -> Checked {
        let security = self.security.as_ref();
        let Some(attestation) = security.and_then(|security| security.attestation.as_ref()) else {
            return Ok(());
        };
        let key = |name: &str| format!("security.attestation.{name}");
        let azure = attestation.mode == Some(Mode::Maa);
        refuse_if(
            azure != attestation.url.is_some(),
            || key("url"),
            "mode maa has a url, and no other has one",
        )?;
        let roots = attestation.simulated_roots.as_deref();
        refuse_if(
            (attestation.mode == Some(Mode::Simulated))
                != roots.is_some_and(|list| !list.is_empty()),
            || key("simulated_roots"),
            "mode simulated has them, and no other has any",
        )?;
        let tolerated = attestation.tolerate.as_deref().unwrap_or_default();
        let different: BTreeSet<_> = tolerated.iter().map(|one| one.word()).collect();
        let twice = different.len() != tolerated.len();
        refuse_if(twice, || key("tolerate"), "something stands there twice")?;
        match &attestation.ignore_advisories {
            Some(Advisories::All) => refuse_if(
                !tolerated.contains(&Tolerance::DebugMode),
                || key("ignore_advisories"),
                "\"*\" is for debug enclaves only: list the advisories, as in INTEL-SA-00161",
            ),
            Some(Advisories::These(list)) => refuse_if(
                !list.iter().all(|name| {
                    is_advisory(name, "INTEL-SA-")
                        || (attestation.mode == Some(Mode::Simulated)
                            && is_advisory(name, "SIM-SA-"))
                }),
                || key("ignore_advisories"),
                "an advisory is called as in INTEL-SA-00161 (and \"*\" stands alone, not in a list)",
            ),
            None => Ok(()),
        }
    }
}

fn is_advisory(name: &str, kind: &str) -> bool {
    let digits = name.strip_prefix(kind).unwrap_or_default();
    digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Letters, digits and four marks: what RFC 3986 calls unreserved.
pub(super) fn check_name(key: &str, name: &str) -> Checked {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    refuse_if(
        name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(fits),
        key,
        "a name has 1 to 128 letters, digits, dashes, underscores, points and tildes",
    )
}

/// Names of things of one kind, each once.
pub(super) fn check_names<'a>(kind: &str, names: impl Iterator<Item = &'a str>) -> Checked {
    let mut seen = BTreeSet::new();
    for (index, name) in names.enumerate() {
        let key = format!("{kind}[{index}].name");
        check_name(&key, name)?;
        refuse_if(!seen.insert(name), key, "the name is taken")?;
    }
    Ok(())
}

/// A key's path, which is only made if it's wanted.
pub(super) trait Key {
    fn text(self) -> String;
}

impl Key for &str {
    fn text(self) -> String {
        self.to_owned()
    }
}

impl Key for String {
    fn text(self) -> String {
        self
    }
}

impl<F: FnOnce() -> String> Key for F {
    fn text(self) -> String {
        self()
    }
}

pub(super) fn refuse_if(wrong: bool, key: impl Key, what: &str) -> Checked {
    if wrong {
        return Err(Located::key(key.text(), what));
    }
    Ok(())
}
