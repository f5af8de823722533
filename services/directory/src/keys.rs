//! The directory's private keys: four, in one file that only its owner can read.
//!
//! ```text
//! # The private keys of the key directory ...
//! vrf
//! -----BEGIN PRIVATE KEY-----
//! ...
//! ```
//!
//! and so on for `map`, `log` and `checkpoint`. The VRF's key must stay the same for ever: it decides where
//! each user stands in the map. Of the others clients pin the public halves.

use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use transparency::note::{Kind, SignerKey};
use transparency::signature::SigningKey;
use transparency::vrf;
use zeroize::Zeroizing;

use crate::Error;

/// What a directory signs and proves with.
pub struct Keys {
    /// Gives users their places in the map, and proves them.
    pub vrf: vrf::SecretKey,
    /// Signs heads of the map.
    pub map: SigningKey,
    /// Signs the log's promises (`smh_sct`).
    pub log: SigningKey,
    /// Signs the log's checkpoints.
    pub checkpoint: SignerKey,
}

/// The names in the file, in their order there.
const NAMES: [&str; 4] = ["vrf", "map", "log", "checkpoint"];

/// Longest file; one of ours has less than 1 KiB.
const LONGEST: u64 = 64 << 10;

impl Keys {
    /// The keys in `file`, of the directory of this realm; made there if there is no such file.
    ///
    /// # Errors
    ///
    /// [`Error::Keys`] if the file can't be read or written, if others can read it, or if it does not hold the
    /// four keys.
    pub fn open(file: &Path, realm: &str) -> Result<Self, Error> {
        match read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = generate(realm).map_err(|fault| unusable(file, fault))?;
                write(file, &text)
                    .map_err(|error| unusable(file, format!("cannot be written: {error}")))?;
                Self::parse(&text, realm)
            }
            Err(error) => Err(error.to_string()),
            Ok(text) => Self::parse(&text, realm),
        }
        .map_err(|fault| unusable(file, fault))
    }

    /// The origin of the log's checkpoints, which is the name of their key too.
    pub fn origin(realm: &str) -> String {
        format!("{realm}/heads")
    }

    fn parse(text: &str, realm: &str) -> Result<Self, String> {
        let [vrf, map, log, checkpoint] = blocks(text)?;
        let wrong = |name: &str, fault: &dyn std::fmt::Display| format!("the key {name}: {fault}");
        let seed =
            seed(&checkpoint).ok_or_else(|| wrong("checkpoint", &"no Ed25519 key in PKCS #8"))?;
        Ok(Self {
            vrf: vrf::SecretKey::from_pem(&vrf).map_err(|fault| wrong("vrf", &fault))?,
            map: SigningKey::from_pem(&map).map_err(|fault| wrong("map", &fault))?,
            log: SigningKey::from_pem(&log).map_err(|fault| wrong("log", &fault))?,
            checkpoint: SignerKey::from_seed(&Self::origin(realm), Kind::Ed25519, &seed)
                .map_err(|fault| wrong("checkpoint", &fault))?,
        })
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("map", &self.map)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

fn unusable(file: &Path, fault: impl Into<String>) -> Error {
    Error::Keys {
        path: file.to_owned(),
        fault: fault.into(),
    }
}

/// Reads it, if nobody else can.
fn read(file: &Path) -> io::Result<Zeroizing<String>> {
    let about = std::fs::metadata(file)?;
    if about.mode() & 0o077 != 0 {
        return Err(io::Error::other(
            "others than its owner can read it; change the keys if they may have done so, then: chmod 600",
        ));
    }
    if about.len() > LONGEST {
        return Err(io::Error::other("it is too long to be a file of keys"));
    }
    std::fs::read_to_string(file).map(Zeroizing::new)
}

/// Writes a file that was not there, whole or not at all.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    // Its mode is 0600 from the first moment.
    let mut scratch = tempfile::NamedTempFile::new_in(folder)?;
    scratch.write_all(text.as_bytes())?;
    scratch.as_file().sync_all()?;
    scratch.persist_noclobber(file)?;
    std::fs::File::open(folder)?.sync_all()
}

fn generate(realm: &str) -> Result<Zeroizing<String>, String> {
    let mut text = Zeroizing::new(format!(
        "# The private keys of the key directory {realm:?}. Whoever has them can lie in its name; without\n\
         # them it can't go on: keep a copy where nobody reads it.\n"
    ));
    for name in &NAMES[..3] {
        let key = SigningKey::generate().map_err(|fault| fault.to_string())?;
        text.push_str(&format!("{name}\n{}\n", key.to_pem().trim_end()));
    }
    let mut seed = Zeroizing::new([0; 32]);
    SystemRandom::new()
        .fill(&mut *seed)
        .map_err(|_| "the system gives no randomness".to_owned())?;
    let der = Zeroizing::new([&ED25519[..], &*seed].concat());
    let base64 = Zeroizing::new(STANDARD.encode(&*der));
    text.push_str(&format!("{}\n{BEGIN}\n{}\n{END}\n", NAMES[3], &*base64));
    Ok(text)
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// What stands before the seed in the PKCS #8 of an Ed25519 key (RFC 8410, section 7).
const ED25519: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

fn seed(pem: &str) -> Option<Zeroizing<[u8; 32]>> {
    let base64: Zeroizing<String> = Zeroizing::new(
        pem.lines()
            .filter(|line| !line.starts_with("-----"))
            .collect(),
    );
    let der = Zeroizing::new(STANDARD.decode(&*base64).ok()?);
    let seed = der.strip_prefix(&ED25519)?;
    Some(Zeroizing::new(seed.try_into().ok()?))
}

/// The PEM block under each name.
fn blocks(text: &str) -> Result<[Zeroizing<String>; 4], String> {
    let mut found: [Zeroizing<String>; 4] = Default::default();
    let mut name: Option<usize> = None;
    let mut inside = false;
    for (number, line) in (1..).zip(text.lines()) {
        match name {
            Some(at) if inside || line.starts_with("-----BEGIN ") => {
                found[at].push_str(line);
                found[at].push('\n');
                inside = !line.starts_with("-----END ");
                if !inside {
                    name = None;
                }
            }
            None if line.is_empty() || line.starts_with('#') => {}
            None => {
                let at = NAMES.iter().position(|name| *name == line);
                let at = at.filter(|at| found[*at].is_empty());
                name = Some(at.ok_or_else(|| {
                    format!("line {number} is not the name of a key that is not there yet (vrf, map, log, checkpoint)")
                })?);
            }
            Some(_) => return Err(format!("line {number} does not begin a PEM block")),
        }
    }
    match found.iter().position(|block| block.is_empty()) {
        None if !inside => Ok(found),
        None => Err("the last PEM block has no end".to_owned()),
        Some(at) => Err(format!("there is no key {}", NAMES[at])),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_made_once_and_for_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/directory.keys");
        let made = Keys::open(&file, "example.com").unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = Keys::open(&file, "example.com").unwrap();
        assert_eq!(made.map.id(), read.map.id());
        assert_eq!(made.log.id(), read.log.id());
        assert_ne!(made.map.id(), read.log.id());
        let outputs = [made, read].map(|keys| keys.vrf.evaluate("alice").unwrap());
        assert_eq!(outputs[0].as_bytes(), outputs[1].as_bytes());

        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = Keys::open(&file, "example.com").unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn damaged_files_are_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        Keys::open(&file, "x").unwrap();
        let good = std::fs::read_to_string(&file).unwrap();
        for (bad, says) in [
            (String::new(), "no key vrf"),
            (good.replace("map\n", "mop\n"), "line "),
            (good.replace("log\n", "map\n"), "line "),
            (good.replace("checkpoint\n", ""), "line "),
            (good.replace("vrf\n--", "vrf\nx\n--"), "does not begin"),
            (good[..good.len() - 30].to_owned(), "no end"),
            (good.replace("MC4CAQAwBQ", "MC4CAQAwBA"), "checkpoint"),
        ] {
            std::fs::write(&file, &bad).unwrap();
            let error = Keys::open(&file, "x").unwrap_err();
            assert!(error.to_string().contains(says), "{says}: {error}");
            assert_eq!(error.code(), "directory.key-file");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), bad);
        }
    }
}
