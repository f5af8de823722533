//! The vault of a data folder: what is known of it, and its owner's key.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use attestation::policy::{Program, SgxProgram};
use attestation::{Fingerprint, Policy, TrustAnchor};
use provision::text::{Base64, Text};
use provision::{Realm, VAULT_PRODUCT};
use serde::{Deserialize, Serialize};
use sgx::Digest;
use vault_client::{Error, Identity, Trust, Vault};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::folders;
use crate::platform::{self, Found};

/// The file that says which vault it is.
const RECORD: &str = "vault.json";
/// The file with the key of its owner.
const OPERATOR_KEY: &str = "operator.key";
/// The file with the policy that takes the workers of the platform and no others.
pub(crate) const REQUESTER_POLICY: &str = "requester-policy.toml";

/// Which vault it is. Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VaultRecord {
    /// Where it is reached, as in `127.0.0.1:8081`.
    pub(crate) address: String,
    /// The name that it gave itself. None: it has not said it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) realm: Option<Realm>,
    /// Its measurement, with its kind.
    pub(crate) measurement: Text<Digest>,
    /// Its signer, with its kind.
    pub(crate) signer: Text<Digest>,
    /// Whether a debugger may look into it.
    pub(crate) debug: bool,
    /// The fingerprint of the simulated platform's root: `sim:` and 64 hex digits.
    pub(crate) root: Text<Fingerprint>,
    /// That root's certificate, DER in base64.
    pub(crate) root_certificate: Base64,
}

impl VaultRecord {
    /// Reads that of a data folder.
    pub(crate) fn read(data: &Path) -> Result<Self, Failure> {
        let file = data.join(RECORD);
        let text = fs::read(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::failed(format_args!(
                "no vault has run in {}: there is no {RECORD}",
                data.display()
            ))
            .advice("start a platform with `sconce up`, or name its folder with --data-dir"),
            _ => Failure::failed(format_args!("{}: {error}", file.display())),
        })?;
        serde_json::from_slice(&text).map_err(|error| {
            Failure::unusable(format_args!("{}: {error}", file.display()))
                .advice("`sconce up` writes it anew at each start")
        })
    }

    /// Writes it into a data folder.
    pub(crate) fn write(&self, data: &Path) -> Result<(), Failure> {
        // Made of strings and numbers: writing it can't fail.
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        write(&data.join(RECORD), &text)
    }

    /// That of a realm that has been found out.
    pub(crate) fn with_realm(self, realm: Option<Realm>) -> Self {
        Self { realm, ..self }
    }

    /// What makes one believe that it is this vault.
    pub(crate) fn trust(&self) -> Result<Trust, Failure> {
        let Text(root) = self.root;
        let anchor = TrustAnchor::simulated(&self.root_certificate.0, root).map_err(|error| {
            Failure::unusable(format_args!("{RECORD}: the root of the platform: {error}"))
        })?;
        let mut policy = Policy::strict(Program::Sgx(SgxProgram {
            measurements: vec![self.measurement.0],
            signers: vec![self.signer.0],
            product: Some(VAULT_PRODUCT),
            ..SgxProgram::default()
        }));
        policy.allow_debug = self.debug;
        policy.allow_sim = true;
        policy.simulated_roots = vec![root];
        Ok(Trust::Attested {
            policy: Box::new(policy),
            anchor: Box::new(anchor),
            realm: self.realm.clone(),
        })
    }
}

/// Connects to the vault of a data folder as its owner. It is verified before it is told anything.
pub(crate) fn connect(data: &Path) -> Result<Vault, Failure> {
    let record = VaultRecord::read(data)?;
    let identity = read_identity(&operator_key(data))?;
    Vault::connect(&record.address, &record.trust()?, Some(&identity))
        .map_err(|error| not_connected(&error, data))
}

/// Why there is no connection: often because no platform runs.
fn not_connected(error: &Error, data: &Path) -> Failure {
    let is_away = matches!(error, Error::Unreachable { .. });
    if !(is_away && matches!(platform::look(data), Ok(Found::Nothing))) {
        return Failure::of_vault(error);
    }
    let is_usual = folders::usual_data().is_ok_and(|usual| usual == data);
    let option = if is_usual {
        String::new()
    } else {
        format!(" --data-dir {}", data.display())
    };
    let advice = format!("no platform runs there: start it with `sconce up{option}`");
    Failure::of_vault_advised(error, Some(&advice))
}

/// The owner's key, of a data folder that has one.
pub(crate) fn operator_key(data: &Path) -> PathBuf {
    data.join(OPERATOR_KEY)
}

/// The owner's key in a data folder, made if it isn't there.
pub(crate) fn make_identity(data: &Path) -> Result<Identity, Failure> {
    let file = operator_key(data);
    if file.exists() {
        return read_identity(&file);
    }
    let (identity, pem) = Identity::generate().map_err(Failure::failed)?;
    let pem = Zeroizing::new(pem);
    write(&file, pem.as_bytes())?;
    Ok(identity)
}

fn read_identity(file: &Path) -> Result<Identity, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::unusable(format_args!("{}: {error}", file.display())).advice(
            "it is the key of the vault's owner, which `sconce up` makes; nobody else has it",
        )
    })?;
    let text = Zeroizing::new(text);
    Identity::from_pem(&text).map_err(|error| {
        Failure::unusable(format_args!("{}: {error}", file.display()))
            .advice("put its backup there: a vault has one owner, and knows it by this key")
    })
}

fn write(file: &Path, text: &[u8]) -> Result<(), Failure> {
    folders::replace(file, &file.with_extension("new"), text).map_err(|error| {
        Failure::failed(format_args!(
            "{} cannot be written: {error}",
            file.display()
        ))
        .advice("choose another folder with --data-dir")
    })
}

/// The policy that takes workers of these measurements, by this signer, and no others.
///
/// A worker takes its keys from a vault of its own signer. Without the signer, whoever runs it could sign the same
/// program, and a vault of his own besides.
pub(crate) fn requester_policy(
    measurements: Vec<Digest>,
    signer: Digest,
    debug: bool,
    root: Fingerprint,
) -> Policy {
    let mut policy = Policy::strict(Program::Sgx(SgxProgram {
        measurements,
        signers: vec![signer],
        product: Some(provision::WORKER_PRODUCT),
        ..SgxProgram::default()
    }));
    policy.allow_debug = debug;
    policy.allow_sim = true;
    policy.simulated_roots = vec![root];
    policy
}

/// Writes such a policy into a data folder.
pub(crate) fn write_requester_policy(data: &Path, policy: &Policy) -> Result<(), Failure> {
    let rules = toml::to_string(policy).map_err(Failure::failed)?;
    let debug = if policy.allow_debug {
        "# The workers may be DEBUGGED: whoever runs them can read what they are sent. Images that are released\n\
         # can't be, and then allow_debug stays out of this file.\n"
    } else {
        ""
    };
    let text = format!(
        "# What the workers of this platform measure, as `sconce up` has launched them: for `sconce submit\n\
         # --policy` on this machine. Whoever wants to trust more than this folder builds the image and\n\
         # measures it. The platform is SIMULATED and protects nothing.\n{debug}\n{rules}"
    );
    write(&data.join(REQUESTER_POLICY), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use sgx::{Kind, Mrenclave, Mrsigner};

    use super::*;

    #[test]
    fn the_owners_key_is_made_once_and_is_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let made = make_identity(folder.path()).unwrap();
        let again = make_identity(folder.path()).unwrap();
        assert_eq!(made.who(), again.who());
        let file = operator_key(folder.path());
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&file, "s3cr3t").unwrap();
        let refused = make_identity(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("a vault has one owner"), "{refused}");
        assert!(!refused.contains("s3cr3t"), "{refused}");
    }

    #[test]
    fn the_policy_for_requesters_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let measured = Digest::Mrenclave(Kind::Sim, Mrenclave([7; 32]));
        let signer = Digest::Mrsigner(Kind::Sim, Mrsigner([8; 32]));
        let root = Fingerprint::of(b"a root");
        for debug in [false, true] {
            let written = requester_policy(vec![measured], signer, debug, root);
            write_requester_policy(folder.path(), &written).unwrap();
            let text = fs::read_to_string(folder.path().join(REQUESTER_POLICY)).unwrap();
            let policy: Policy = toml::from_str(&text).unwrap();
            assert_eq!(policy.allow_debug, debug);
            assert!(policy.allow_sim);
            assert_eq!(policy.simulated_roots, [root]);
            assert_eq!(text.contains("DEBUGGED"), debug);
            assert!(text.contains(&measured.to_string()), "{text}");
            assert!(text.contains(&signer.to_string()), "{text}");
        }
    }
}
