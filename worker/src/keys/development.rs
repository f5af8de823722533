//! Keys in a file: for development, since whoever owns the machine can read them.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};

use protocol::SystemEntropy;
use protocol::crypto::pem;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{KeySource, KeySourceError, WorkerKeys};

/// A file with one worker's keys, which are made when it is empty.
///
/// The host opens it: for reading and writing, anew for each process, since processes of a worker that
/// start together take turns by `flock`. The first makes the keys and the others read them. One that
/// was killed while it wrote has left a torn file, whose keys nobody has used: the next makes others.
#[derive(Debug)]
pub struct DevelopmentKeyFile {
    worker: String,
    file: File,
}

const WARNING: &str = "DEVELOPMENT KEYS: anybody who can read this file can read every order of \
                       this worker. Nothing attests them. Never use them for real data.";

/// How a file of ours begins, written whole or not.
const BEGIN: &str = "{\n  \"warning\": \"DEVELOPMENT KEYS: ";

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
    pub fn new(worker: impl Into<String>, file: File) -> Self {
        let worker = worker.into();
        Self { worker, file }
    }

    /// The keys that are there, or new ones. Whoever calls it has the lock.
    fn read_or_make(&self) -> Result<WorkerKeys, KeySourceError> {
        let text = self.read()?;
        if is_torn(&text) {
            return self.make();
        }
        let content = serde_json::from_slice(&text)
            .map_err(|_| KeySourceError::Content("its members are others"))?;
        self.keys_of(&content)
    }

    fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeySourceError> {
        let metadata = self.file.metadata().map_err(fault("read"))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(KeySourceError::Permissions);
        }
        let length = metadata.len();
        if !metadata.is_file() || length > MAX_FILE {
            return Err(KeySourceError::Content("it is no small file"));
        }
        let mut text = Zeroizing::new(vec![0; usize::try_from(length).unwrap_or_default()]);
        self.file
            .read_exact_at(&mut text, 0)
            .map_err(fault("read"))?;
        Ok(text)
    }

    fn keys_of(&self, content: &Content) -> Result<WorkerKeys, KeySourceError> {
        let unusable = |why| move |_| KeySourceError::Content(why);
        if content.worker != self.worker {
            return Err(KeySourceError::Content("it names another worker"));
        }
        let signing = protocol::ids::decode(&content.signing_key)
            .map(Zeroizing::new)
            .ok_or(KeySourceError::Content("signingKey is no hex"))?;
        let signing =
            SigningKey::from_bytes(&signing).map_err(unusable("signingKey is no secp256k1 key"))?;
        let der = pem::decode("PRIVATE KEY", &content.encryption_key)
            .map(Zeroizing::new)
            .map_err(|_| KeySourceError::Content("encryptionKey is no PKCS#8 PEM"))?;
        let decryption = DecryptionKey::from_pkcs8(&der)
            .map_err(unusable("encryptionKey is no RSA key of 2048 to 8192 bits"))?;
        Ok(WorkerKeys::new(&self.worker, signing, decryption)?)
    }

    /// Makes keys, and does not give them away before they are written.
    fn make(&self) -> Result<WorkerKeys, KeySourceError> {
        let signing = SigningKey::generate(&SystemEntropy::new())?;
        let decryption = DecryptionKey::generate()?;
        let content = Content {
            warning: WARNING.to_owned(),
            worker: self.worker.clone(),
            signing_key: hex::encode(signing.expose().as_ref()),
            encryption_key: pem::encode("PRIVATE KEY", &decryption.expose_pkcs8()?),
        };
        // Made of strings: writing it can't fail.
        let text = Zeroizing::new(serde_json::to_vec_pretty(&content).unwrap_or_default());
        let written = self
            .file
            .set_len(0)
            .and_then(|()| self.file.write_all_at(&text, 0))
            .and_then(|()| self.file.sync_all());
        written.map_err(fault("write"))?;
        Ok(WorkerKeys::new(&self.worker, signing, decryption)?)
    }
}

impl KeySource for DevelopmentKeyFile {
    fn keys(&self) -> Result<WorkerKeys, KeySourceError> {
        self.file.lock().map_err(fault("lock"))?;
        let keys = self.read_or_make();
        // If it can't be given back, the end of the process does it.
        let _kept: io::Result<()> = self.file.unlock();
        keys
    }

    fn kind(&self) -> &'static str {
        "development"
    }
}

/// Whether the text was to become one of ours, and wasn't written to its end: it is a beginning of one,
/// followed by nothing or, on some file systems after a power failure, by zeros.
fn is_torn(text: &[u8]) -> bool {
    let end = text.iter().rposition(|byte| *byte != 0);
    let written = &text[..end.map_or(0, |last| last + 1)];
    let begins = written.starts_with(BEGIN.as_bytes()) || BEGIN.as_bytes().starts_with(written);
    begins && serde_json::from_slice::<Content>(written).is_err_and(|error| error.is_eof())
}

fn fault(action: &'static str) -> impl FnOnce(io::Error) -> KeySourceError {
    move |source| KeySourceError::File { action, source }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use super::*;

    /// As a host opens it.
    fn at(path: &Path) -> DevelopmentKeyFile {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .unwrap();
        DevelopmentKeyFile::new("w", file)
    }

    fn put(path: &Path, text: &[u8]) {
        let mut file = at(path).file;
        file.set_len(0).unwrap();
        file.write_all(text).unwrap();
    }

    #[test]
    fn processes_that_start_together_agree() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.keys");
        let key = || at(&path).keys().unwrap().signup().encryption_key.clone();
        let keys: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(key)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(key(), keys[0], "they stay");
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "there is no other file");
    }

    #[test]
    fn whoever_has_the_lock_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.keys");
        let other = at(&path);
        let made = other.make().unwrap().signup().verifying_key.clone();
        let whole = std::fs::read(&path).unwrap();
        put(&path, &whole[..whole.len() / 2]);
        other.file.lock().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| at(&path).keys().unwrap().signup().verifying_key.clone());
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(!waiting.is_finished());
            put(&path, &whole);
            other.file.unlock().unwrap();
            assert_eq!(waiting.join().unwrap(), made, "nothing was taken for torn");
        });
    }

    #[test]
    fn a_torn_file_is_written_anew_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.keys");
        let first = at(&path).keys().unwrap().signup().verifying_key.clone();
        let whole = std::fs::read(&path).unwrap();
        assert!(whole.starts_with(BEGIN.as_bytes()));
        for end in 0..whole.len() {
            assert!(is_torn(&whole[..end]), "{end}");
            let mut zeros = whole.clone();
            zeros[end..].fill(0);
            assert!(is_torn(&zeros), "{end} and zeros");
        }
        assert!(!is_torn(&whole));
        let mut longer = whole.clone();
        longer.push(b'{');
        assert!(!is_torn(&longer), "no write of ours leaves that");
        assert!(!is_torn(b"{\n  \"warning\": \"mine"), "not ours");

        put(&path, &whole[..whole.len() - 9]);
        let second = at(&path).keys().unwrap().signup().verifying_key.clone();
        assert_ne!(first, second);
        let again = at(&path).keys().unwrap().signup().verifying_key.clone();
        assert_eq!(second, again);
    }

    #[test]
    fn unusable_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.keys");
        let refuse = |text: &str| {
            put(&path, text.as_bytes());
            let error = at(&path).keys().err().unwrap().to_string();
            assert!(error.contains("development key file"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            error
        };
        assert!(refuse("[]").contains("members"));
        let other = r#"{"warning":"","worker":"v","signingKey":"","encryptionKey":""}"#;
        assert!(refuse(other).contains("another worker"));
        assert!(refuse(&other.replace("\"v\"", "\"w\"")).contains("signingKey"));

        std::fs::remove_file(&path).unwrap();
        at(&path).keys().unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let error = at(&path).keys().err().unwrap().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn one_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.keys");
        drop(at(&path));
        let source = DevelopmentKeyFile::new("w", File::open(&path).unwrap());
        let refused = source.keys().err().unwrap();
        assert!(matches!(
            refused,
            KeySourceError::File {
                action: "write",
                ..
            }
        ));
    }
}
