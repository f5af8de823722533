//! Services, images and volumes: what they say, and that what they name is there.

use super::secrets::check_reference;
use super::{Checked, check_name, check_names, refuse_if};
use crate::{
    Export, FspfKey, OneOrMany, Placeholder, Reference, SecretKind, Service, Session, Volume,
};

impl Session {
    pub(super) fn check_services(&self) -> Checked {
        check_names(
            "services",
            self.services.iter().map(|service| service.name.as_str()),
        )?;
        for (index, service) in self.services.iter().enumerate() {
            let key = |name: &str| format!("services[{index}].{name}");
            if let Some(name) = &service.image_name {
                let found = self.images.iter().any(|image| image.name == *name);
                let what = "the session has no image of this name";
                refuse_if(!found, || key("image_name"), what)?;
            }
            check_factors(service, index)?;
            self.check_command(service, index)?;
            let path = service.fspf_path.as_ref();
            let whole = (path.is_some(), service.fspf_key.is_some());
            refuse_if(
                whole.0 != whole.1 || whole.0 != service.fspf_tag.is_some(),
                || key("fspf_path"),
                "fspf_path, fspf_key and fspf_tag stand together",
            )?;
            self.check_fspf_key(service.fspf_key.as_ref(), || key("fspf_key"))?;
            for (name, path) in [("fspf_path", path), ("pwd", service.pwd.as_ref())] {
                let fits = path.is_none_or(|path| path.starts_with('/') && !path.contains('\0'));
                refuse_if(!fits, || key(name), "a path begins with /")?;
            }
        }
        Ok(())
    }

    pub(super) fn check_images(&self) -> Checked {
        check_names(
            "images",
            self.images.iter().map(|image| image.name.as_str()),
        )?;
        for (index, image) in self.images.iter().enumerate() {
            for (place, volume) in image.volumes.iter().enumerate() {
                let key = |name: &str| format!("images[{index}].volumes[{place}].{name}");
                let found = self.volumes.iter().any(|one| one.name == volume.name);
                let what = "the session has no volume of this name";
                refuse_if(!found, || key("name"), what)?;
                let absolute = volume.path.starts_with('/');
                refuse_if(!absolute, || key("path"), "a path begins with /")?;
            }
            for (place, file) in image.injection_files.iter().enumerate() {
                let key = |name: &str| format!("images[{index}].injection_files[{place}].{name}");
                let absolute = file.path.starts_with('/');
                refuse_if(!absolute, || key("path"), "a path begins with /")?;
                if let Some(content) = &file.content {
                    self.check_placeholders(content.expose(), || key("content"))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn check_volumes(&self) -> Checked {
        check_names(
            "volumes",
            self.volumes.iter().map(|volume| volume.name.as_str()),
        )?;
        for (index, volume) in self.volumes.iter().enumerate() {
            let key = |name: &str| format!("volumes[{index}].{name}");
            let own = volume.fspf_key.is_some() || volume.fspf_tag.is_some();
            refuse_if(
                volume.fspf_key.is_some() != volume.fspf_tag.is_some(),
                || key("fspf_key"),
                "fspf_key and fspf_tag stand together",
            )?;
            refuse_if(
                volume.import.is_some() && (own || volume.export.is_some()),
                || key("import"),
                "an imported volume has no key, tag or export of its own",
            )?;
            self.check_fspf_key(volume.fspf_key.as_ref(), || key("fspf_key"))?;
            check_exports(volume, || key("export"))?;
        }
        Ok(())
    }

    fn check_command(&self, service: &Service, index: usize) -> Checked {
        let key = |name: &str| format!("services[{index}].{name}");
        let command = service.command.as_ref();
        for argument in command.iter().flat_map(|command| command.0.as_slice()) {
            let nul = argument.contains('\0');
            refuse_if(nul, || key("command"), "an argument can't hold a NUL")?;
            self.check_placeholders(argument, || key("command"))?;
        }
        let empty = command.is_some_and(|command| command.0.as_slice().is_empty());
        refuse_if(empty, || key("command"), "it is empty")?;
        for (name, value) in &service.environment {
            let key = || key(&format!("environment.{}", name.escape_default()));
            let nameless = name.is_empty() || name.contains(['=', '\0']);
            refuse_if(nameless, key, "a variable's name has no = and no NUL")?;
            refuse_if(value.contains('\0'), key, "a value can't hold a NUL")?;
            self.check_placeholders(value, key)?;
        }
        for tag in service.tags.iter().flatten() {
            check_name(&key("tags"), tag)?;
        }
        Ok(())
    }

    fn check_fspf_key(&self, given: Option<&FspfKey>, key: impl Fn() -> String) -> Checked {
        let Some(FspfKey::Secret(text)) = given else {
            return Ok(());
        };
        self.check_placeholders(text, &key)?;
        let name = match Placeholder::all(text).as_deref() {
            Ok([mark]) if mark.end == text.len() => mark.text,
            _ => "",
        };
        let binary = self
            .secret(name)
            .is_some_and(|secret| secret.kind.is_none_or(|kind| kind == SecretKind::Binary));
        refuse_if(!binary, key, "it takes 64 hex digits, or a binary secret")
    }
}

impl Service {
    /// Whether some enclave can be this service.
    pub(crate) fn names_enclaves(&self) -> bool {
        let old = self
            .mrenclaves
            .as_ref()
            .is_some_and(|list| !list.is_empty());
        let new = self.attestation.as_ref().map(OneOrMany::as_slice);
        old || new.is_some_and(|variants| !variants.is_empty())
    }
}

fn check_factors(service: &Service, index: usize) -> Checked {
    let key = || format!("services[{index}].attestation");
    let both = service.mrenclaves.is_some() && service.attestation.is_some();
    let what = "mrenclaves and attestation say the same in two ways: use one";
    refuse_if(both, key, what)?;
    let variants = service.attestation.iter();
    for variant in variants.flat_map(|variants| variants.as_slice()) {
        let measured = variant.mrenclave.as_ref();
        let empty = measured.is_some_and(|list| list.as_slice().is_empty());
        refuse_if(
            empty || (measured.is_none() && variant.signer.is_none()),
            key,
            "each variant names a measurement or a signer",
        )?;
        let Some(signer) = &variant.signer else {
            continue;
        };
        let range = signer.isvsvn_min.is_some() || signer.isvsvn_max.is_some();
        let what = "it takes isvsvn, or isvsvn_min and isvsvn_max";
        refuse_if(signer.isvsvn.is_some() && range, key, what)?;
        let (least, most) = (signer.isvsvn_min, signer.isvsvn_max);
        let backwards = least.zip(most).is_some_and(|(least, most)| least > most);
        refuse_if(backwards, key, "isvsvn_min is greater than isvsvn_max")?;
    }
    Ok(())
}

fn check_exports(volume: &Volume, key: impl Fn() -> String) -> Checked {
    let exports = volume.export.iter();
    for export in exports.flat_map(|export| export.as_slice()) {
        let Export {
            session,
            session_hash,
            to,
            update_policy,
        } = export;
        let direct = Reference {
            session: session.clone(),
            session_hash: *session_hash,
            namespace: None,
        };
        let bare = direct == Reference::default();
        refuse_if(
            to.is_some() != bare || (update_policy.is_some() && !bare),
            &key,
            "it names a session, or has it below `to` where it says more",
        )?;
        let reference = to.as_ref().unwrap_or(&direct);
        let space = reference.namespace.is_some();
        refuse_if(space, &key, "volumes are not exported to namespaces")?;
        check_reference(reference, &key)?;
    }
    Ok(())
}
