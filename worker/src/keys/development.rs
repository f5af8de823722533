//! Keys in a file: for development, since whoever owns the machine can read them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use protocol::crypto::pem;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use protocol::{Entropy, SystemEntropy};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{KeySource, KeySourceError, WorkerKeys};

/// A file with one worker's keys, made when it isn't there.
///
/// Any number of processes of the worker may start at once: the first to finish writing wins, and
/// the others read its file.
#[derive(Debug)]
pub struct DevelopmentKeyFile {
    worker: String,
    path: PathBuf,
}

const WARNING: &str = "DEVELOPMENT KEYS: anybody who can read this file can read every order of \
                       this worker. Nothing attests them. Never use them for real data.";

/// No key file is larger.
const MAX_FILE: u64 = 64 * 1024;

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Content {
    #[zeroize(skip)]
    warning: String,
    #[zeroize(skip)]
    worker: String,
    /// 32 bytes in hex.
    signing_key: String,
    /// PKCS#8 PEM.
    encryption_key: String,
}

impl DevelopmentKeyFile {
    /// The key file of the worker called `worker`.
    pub fn new(worker: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            worker: worker.into(),
            path: path.into(),
        }
    }

    fn read(&self, mut file: File) -> Result<WorkerKeys, KeySourceError> {
        let metadata = file.metadata().map_err(|e| self.fault("read", e))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(KeySourceError::Permissions { path: self.shown() });
        }
        if !metadata.is_file() || metadata.len() > MAX_FILE {
            return Err(self.content("it is no small file"));
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text)
            .map_err(|e| self.fault("read", e))?;
        let content: Content =
            serde_json::from_str(&text).map_err(|_| self.content("its members are others"))?;
        if content.worker != self.worker {
            return Err(self.content("it names another worker"));
        }
        let signing = Zeroizing::new(
            protocol::ids::decode(&content.signing_key)
                .ok_or_else(|| self.content("signingKey is no hex"))?,
        );
        let signing = SigningKey::from_bytes(&signing)
            .map_err(|_| self.content("signingKey is no secp256k1 key"))?;
        let der = pem::decode("PRIVATE KEY", &content.encryption_key)
            .map_err(|_| self.content("encryptionKey is no PKCS#8 PEM"))?;
        let decryption = DecryptionKey::from_pkcs8(&Zeroizing::new(der))
            .map_err(|_| self.content("encryptionKey is no RSA key of 2048 to 8192 bits"))?;
        Ok(WorkerKeys::new(&self.worker, signing, decryption)?)
    }

    fn create(&self) -> Result<(), KeySourceError> {
        let entropy = SystemEntropy::new();
        let signing = SigningKey::generate(&entropy)?;
        let encryption_key =
            pem::encode("PRIVATE KEY", &DecryptionKey::generate()?.expose_pkcs8()?);
        let content = Content {
            warning: WARNING.to_owned(),
            worker: self.worker.clone(),
            signing_key: hex::encode(signing.expose().as_ref()),
            encryption_key,
        };
        let text = Zeroizing::new(serde_json::to_string_pretty(&content).unwrap_or_default());
        let suffix = hex::encode((&entropy as &dyn Entropy).bytes::<8>()?);
        self.publish(&text, &self.path.with_extension(format!("new-{suffix}")))
            .map_err(|e| self.fault("write", e))
    }

    /// Writes the whole file beside its place, then links it there: readers see all or nothing,
    /// and a file that somebody else put there first stays.
    fn publish(&self, text: &str, temporary: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(temporary)?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all());
        let linked = written.and_then(|()| std::fs::hard_link(temporary, &self.path));
        std::fs::remove_file(temporary)?;
        match linked {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        match self.path.parent().filter(|p| !p.as_os_str().is_empty()) {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }

    fn fault(&self, action: &'static str, source: io::Error) -> KeySourceError {
        let path = self.shown();
        KeySourceError::File {
            action,
            path,
            source,
        }
    }

    fn content(&self, why: &'static str) -> KeySourceError {
        let path = self.shown();
        KeySourceError::Content { path, why }
    }
}

impl KeySource for DevelopmentKeyFile {
    fn keys(&self) -> Result<WorkerKeys, KeySourceError> {
        let missing = match File::open(&self.path) {
            Ok(file) => return self.read(file),
            Err(e) => e,
        };
        if missing.kind() != io::ErrorKind::NotFound {
            return Err(self.fault("read", missing));
        }
        self.create()?;
        let file = File::open(&self.path).map_err(|e| self.fault("read", e))?;
        self.read(file)
    }

    fn kind(&self) -> &'static str {
        "development"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(folder: &tempfile::TempDir) -> DevelopmentKeyFile {
        DevelopmentKeyFile::new("w", folder.path().join("w.keys"))
    }

    #[test]
    fn processes_that_start_together_agree() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| at(&folder).keys().unwrap().signup().encryption_key.clone())
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "temporary files are gone");
        let mode = std::fs::metadata(folder.path().join("w.keys"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn unusable_files_are_named_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.keys");
        let refuse = |text: &str| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            let error = at(&folder).keys().err().unwrap().to_string();
            assert!(error.contains("w.keys"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            error
        };
        assert!(refuse("").contains("members"));
        let other = r#"{"warning":"","worker":"v","signingKey":"","encryptionKey":""}"#;
        assert!(refuse(other).contains("another worker"));
        assert!(refuse(&other.replace("\"v\"", "\"w\"")).contains("signingKey"));

        std::fs::remove_file(&path).unwrap();
        at(&folder).keys().unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let error = at(&folder).keys().err().unwrap().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let missing = DevelopmentKeyFile::new("w", "/nonexistent/w.keys");
        assert!(matches!(missing.keys(), Err(KeySourceError::File { .. })));
    }
}
