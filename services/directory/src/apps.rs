//! What applications demand of their data, before an update is taken.
//!
//! A profile maps ids of applications to bytes. For ids that it knows the directory checks what those bytes
//! say, so that what anybody reads there was true when it was written. A directory that does not check is
//! found out by whoever verifies it: auditors and requesters check the same again.

mod address;
mod eip712;
mod result_key;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use attestation::Time;
use transparency::messages::{Entry, Profile};

pub use address::{Address, NotAnAddress};
pub use eip712::{Signature, digest as result_key_digest};
pub use result_key::{APP as IEXEC_RESULT_KEY, ResultKey};
pub use worker::{APP as AVALON_WORKER, Workers};

/// Checks the data of one application.
pub trait Validator: Send + Sync {
    /// Whether `user` may have this data in this new entry.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn validate(&self, user: &str, data: &[u8], entry: &Entry, now: Time) -> Result<(), AppError>;
}

/// Why an application's data is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{app:?}: {fault}")]
pub struct AppError {
    /// The application's id, as it came.
    pub app: String,
    /// What is wrong with its data, and where.
    pub fault: String,
}

impl AppError {
    /// Its stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "directory.app"
    }
}

/// The applications whose data is checked. Others' is taken as it is, up to [`Apps::MAX_DATA`] bytes.
#[derive(Clone, Default)]
pub struct Apps(BTreeMap<&'static str, Arc<dyn Validator>>);

impl Apps {
    /// Most bytes of one application's data.
    pub const MAX_DATA: usize = protocol::entry::MAX;

    /// All that this version knows. Evidence of workers has to be genuine, and as this policy asks.
    #[must_use]
    pub fn new(workers: attestation::Policy) -> Self {
        Self::default()
            .with(AVALON_WORKER, Workers::new(workers))
            .with(IEXEC_RESULT_KEY, result_key::ResultKeys)
    }

    /// The same with another check, in the place of one for the same application.
    #[must_use]
    pub fn with(mut self, app: &'static str, validator: impl Validator + 'static) -> Self {
        self.0.insert(app, Arc::new(validator));
        self
    }

    /// Checks a whole profile.
    ///
    /// # Errors
    ///
    /// The first application, in the order of their ids, whose data is refused.
    pub fn check(
        &self,
        user: &str,
        profile: &Profile,
        entry: &Entry,
        now: Time,
    ) -> Result<(), AppError> {
        self.check_worker(user, profile)?;
        for (app, data) in &profile.0 {
            let refused = |fault: String| AppError {
                app: app.clone(),
                fault,
            };
            if app.is_empty() {
                return Err(refused("the id of the application is empty".to_owned()));
            }
            if data.len() > Self::MAX_DATA {
                let (length, most) = (data.len(), Self::MAX_DATA);
                return Err(refused(format!(
                    "its data has {length} bytes, and {most} are the most"
                )));
            }
            if let Some(validator) = self.0.get(app.as_str()) {
                validator.validate(user, data, entry, now)?;
            }
        }
        Ok(())
    }
}

impl Apps {
    /// Under a worker's id nothing else may stand than what a genuine worker has: otherwise anybody who may write
    /// could take the id first, and nobody but its owner can change an entry. And what stands beside other
    /// applications, auditors are not shown.
    fn check_worker(&self, user: &str, profile: &Profile) -> Result<(), AppError> {
        let is_worker = user.len() == WORKER_ID && user.bytes().all(is_lower_hex);
        if !is_worker || !self.0.contains_key(AVALON_WORKER) || profile.0.keys().eq([AVALON_WORKER])
        {
            return Ok(());
        }
        Err(AppError {
            app: AVALON_WORKER.to_owned(),
            fault: "the user's id is a worker's, whose entry has this application's data and no other's"
                .to_owned(),
        })
    }
}

/// Digits of a worker's id.
const WORKER_ID: usize = 64;

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

impl fmt::Debug for Apps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Never;

    impl Validator for Never {
        fn validate(&self, _: &str, _: &[u8], _: &Entry, _: Time) -> Result<(), AppError> {
            Err(AppError {
                app: "never".to_owned(),
                fault: "no".to_owned(),
            })
        }
    }

    fn check(app: &str, length: usize) -> Result<(), AppError> {
        let profile = Profile([(app.to_owned(), vec![7; length])].into());
        let apps = Apps::default().with("never", Never);
        apps.check("u", &profile, &Entry::default(), Time::from_unix(0))
    }

    #[test]
    fn a_workers_id_is_for_a_worker() {
        let id = protocol::WorkerId::from_name("scone-worker-1");
        let taken = |apps: &Apps, user: &str, ids: &[&str]| {
            let data = ids.iter().map(|app| ((*app).to_owned(), vec![7]));
            let now = Time::from_unix(0);
            apps.check(user, &Profile(data.collect()), &Entry::default(), now)
        };
        struct Any;
        impl Validator for Any {
            fn validate(&self, _: &str, _: &[u8], _: &Entry, _: Time) -> Result<(), AppError> {
                Ok(())
            }
        }
        let apps = Apps::default().with(AVALON_WORKER, Any);
        taken(&apps, id.as_str(), &[AVALON_WORKER]).unwrap();
        for ids in [&[][..], &["other"], &[AVALON_WORKER, "other"]] {
            let refused = taken(&apps, id.as_str(), ids).unwrap_err();
            assert_eq!(refused.app, AVALON_WORKER);
            taken(&apps, "alice", ids).unwrap();
            taken(&Apps::default(), id.as_str(), ids).unwrap();
        }
    }

    #[test]
    fn what_nobody_knows_is_bounded_and_taken() {
        assert_eq!(check("other", Apps::MAX_DATA), Ok(()));
        let refused = check("other", Apps::MAX_DATA + 1).unwrap_err();
        assert_eq!(refused.code(), "directory.app");
        assert!(refused.to_string().contains("65537"), "{refused}");
        assert!(check("", 1).is_err());
        assert!(check("never", 1).is_err());
    }
}
