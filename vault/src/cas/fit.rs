//! What a session may hold that this vault serves. What it can't give it refuses, so that nobody takes it for
//! given.

use provision::SessionName;
use provision::name::is_part;
use session::{Mode, Secret, SecretKind, Session};

use super::{Error, Limits};

/// Refuses what the session language has and this vault has not, and what is too much.
pub(super) fn check(session: &Session, limits: &Limits, name: &SessionName) -> Result<(), Error> {
    if session.name != name.to_string() {
        return refuse(format!(
            "`name`: it is not the name that it is to be written under, `{name}`"
        ));
    }
    check_mode(session)?;
    check_counts(session, limits)?;
    check_services(session)?;
    check_files(session)?;
    for secret in &session.secrets {
        check_secret(secret)?;
    }
    if let Some(gap) = session.gaps().first() {
        return refuse(gap.to_string());
    }
    Ok(())
}

fn check_mode(session: &Session) -> Result<(), Error> {
    let security = session.security.as_ref();
    let attestation = security.and_then(|security| security.attestation.as_ref());
    match attestation.and_then(|attestation| attestation.mode) {
        Some(Mode::None) => Err(Error::Unattested("none")),
        Some(Mode::Maa) => Err(Error::Unattested("maa")),
        None | Some(Mode::Hardware | Mode::Simulated) => Ok(()),
    }
}

fn check_counts(session: &Session, limits: &Limits) -> Result<(), Error> {
    let sizes = session
        .secrets
        .iter()
        .map(|secret| secret.size.unwrap_or(0));
    let sizes: u64 = sizes.map(u64::from).sum();
    let policy = session.access_policy.as_ref();
    let list = |list: Option<&Vec<_>>| list.map_or(0, Vec::len);
    let readers = list(policy.and_then(|policy| policy.read.as_ref()));
    let writers = list(policy.and_then(|policy| policy.update.as_ref()));
    for (what, count, most) in [
        ("readers in `access_policy`", readers, limits.entities),
        ("updaters in `access_policy`", writers, limits.entities),
        ("services", session.services.len(), limits.services),
        ("secrets", session.secrets.len(), limits.secrets),
        (
            "bytes of values",
            usize::try_from(sizes).unwrap_or(usize::MAX),
            limits.values,
        ),
    ] {
        if count > most {
            return refuse(format!(
                "the session has {count} {what}, and at most {most} are taken"
            ));
        }
    }
    Ok(())
}

fn check_services(session: &Session) -> Result<(), Error> {
    let policy = session.access_policy.as_ref();
    if policy.is_some_and(|policy| policy.create_sessions.is_some()) {
        return refuse("`access_policy.create_sessions`: a namespace is its first creator's here");
    }
    for (index, service) in session.services.iter().enumerate() {
        let key = format!("services[{index}]");
        if !is_part(&service.name) {
            return refuse(format!(
                "`{key}.name`: a service's name has 1 to 64 letters, digits, dots, hyphens and underscores here, \
                 a letter or digit first"
            ));
        }
        if service.fspf_path.is_some() {
            return refuse(format!("`{key}.fspf_path`: this vault has no file systems"));
        }
    }
    Ok(())
}

fn check_files(session: &Session) -> Result<(), Error> {
    if !session.volumes.is_empty() {
        return refuse("`volumes`: this vault has no volumes");
    }
    for (index, image) in session.images.iter().enumerate() {
        for (place, file) in image.injection_files.iter().enumerate() {
            if file.content.is_none() {
                return refuse(format!(
                    "`images[{index}].injection_files[{place}]`: this vault gives whole files, so content is needed"
                ));
            }
        }
    }
    Ok(())
}

fn check_secret(secret: &Secret) -> Result<(), Error> {
    let certificate = matches!(secret.kind, Some(SecretKind::X509 | SecretKind::X509Ca));
    if secret.export_public == Some(true) && !certificate {
        return Err(Error::Secret {
            name: secret.name.clone(),
            what: "export_public is for certificates: of another secret nothing is public"
                .to_owned(),
        });
    }
    Ok(())
}

fn refuse(what: impl Into<String>) -> Result<(), Error> {
    Err(Error::Form(what.into()))
}
