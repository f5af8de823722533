//! Opening a directory: store, keys, the first epoch, and the writing threads.

use std::sync::Arc;

use tokio::runtime::Handle;
use transparency::map::MapId;
use transparency::note::Note;
use transparency::vrf::Suite;

use super::{Directory, config};
use crate::auditors::AuditorKeys;
use crate::core::Core;
use crate::current::{Current, Newest};
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::records::Records;
use crate::sequencer::{Sequencer, now};
use crate::stamp::Stamp;
use crate::storage::{Epoch, Options, Snapshot, Storage};
use crate::witness::Panel;
use crate::{Config, Error};

impl Directory {
    /// Opens the store in its folder, or makes one, with its keys and epoch 0. Must be called within a Tokio
    /// runtime, on which witnesses are asked.
    ///
    /// # Errors
    ///
    /// Each names the setting or the file.
    pub fn open(config: &Config) -> Result<Arc<Self>, Error> {
        check(config)?;
        let keys = Arc::new(Keys::open(&config.keys, &config.realm)?);
        let panel = Panel::new(&config.witnesses)?;
        let auditors = AuditorKeys::new(&config.auditors)?;
        let storage = Arc::new(Storage::open(&config.folder, options(config)?).map_err(stored)?);
        let suite = suite(config);
        let metrics = Arc::new(Metrics::new());
        let snapshot = first(&storage, &keys, config)?;
        let snapshot = cosigned(&storage, &panel, config, snapshot)?;
        let current = Current::of(snapshot, &storage)
            .map_err(|_| Error::Store("the newest head can't be read".to_owned()))?;
        metrics.show_epoch(current.epoch());
        let core = Arc::new(Core {
            storage: Arc::clone(&storage),
            keys: Arc::clone(&keys),
            realm: config.realm.clone(),
            newest: Newest::new(current),
            metrics: Arc::clone(&metrics),
        });
        let trust = config::trust(config, &keys, suite)?;
        let sequencer = Sequencer::start(Arc::clone(&core), config, panel, Handle::current());
        Ok(Arc::new(Self {
            records: Records::new(storage, keys, suite, metrics),
            sequencer: sequencer.map_err(stored)?,
            core,
            apps: config.apps.clone(),
            auditors,
            suite,
            trust,
        }))
    }
}

fn check(config: &Config) -> Result<(), Error> {
    let bad = |setting, fault: &str| {
        Err(Error::Setting {
            setting,
            fault: fault.to_owned(),
        })
    };
    if config.epoch.is_zero() || config.heartbeat < config.epoch {
        return bad(
            "epoch",
            "it must be more than nothing, and no longer than the heartbeat",
        );
    }
    let witnesses = &config.witnesses;
    if witnesses.threshold > witnesses.list.len() {
        return bad(
            "witnesses",
            "the threshold is higher than there are witnesses",
        );
    }
    if config.auditors.threshold > config.auditors.keys.len() {
        return bad(
            "auditors",
            "the threshold is higher than there are auditors",
        );
    }
    Ok(())
}

fn options(config: &Config) -> Result<Options, Error> {
    let map = MapId::new(config.realm.as_str()).map_err(|fault| Error::Setting {
        setting: "realm",
        fault: fault.to_string(),
    })?;
    let mut options = Options::new(map);
    options.retention = config.retention;
    Ok(options)
}

/// The newest epoch; where there is none, epoch 0 of an empty map.
fn first(storage: &Storage, keys: &Keys, config: &Config) -> Result<Arc<Snapshot>, Error> {
    if let Some(snapshot) = storage.snapshot() {
        return Ok(snapshot);
    }
    let sealed = match storage.sealed() {
        Some(sealed) => sealed,
        None => {
            let epoch = Epoch {
                issued: now(),
                ..Epoch::default()
            };
            let mut stamp = Stamp {
                keys,
                realm: &config.realm,
                issued: epoch.issued,
            };
            storage.seal(epoch, &mut stamp).map_err(stored)?
        }
    };
    // The empty map says nothing that a witness could be needed for.
    storage.publish(sealed.checkpoint).map_err(stored)
}

/// The newest epoch with the signatures of enough witnesses: one that was sealed just before the directory was
/// killed has none, and clients that ask for some would refuse every answer until the next. Witnesses that
/// can't be reached now sign the next one.
fn cosigned(
    storage: &Arc<Storage>,
    panel: &Panel,
    config: &Config,
    snapshot: Arc<Snapshot>,
) -> Result<Arc<Snapshot>, Error> {
    let checkpoint = String::from_utf8_lossy(snapshot.checkpoint()).into_owned();
    let signatures = Note::parse(&checkpoint).map_or(0, |note| note.signatures.len());
    // One is the log's own.
    if panel.is_empty() || signatures > config.witnesses.threshold.max(1) {
        return Ok(snapshot);
    }
    let (prover, size) = (Arc::clone(storage), snapshot.head().epoch + 1);
    let asked = panel.cosign(&checkpoint, move |old| prover.consistency(old, size).ok());
    match Handle::current().block_on(asked) {
        Ok(said) if said.count > 0 => {
            let published = storage.publish(said.note.into_bytes());
            published.map_err(stored)
        }
        _ => {
            tracing::warn!("no witness has signed the newest head");
            Ok(snapshot)
        }
    }
}

fn stored(error: crate::storage::Error) -> Error {
    Error::Store(error.to_string())
}

#[cfg(not(feature = "plain-vrf"))]
fn suite(_: &Config) -> Suite {
    Suite::Bound
}

#[cfg(feature = "plain-vrf")]
fn suite(config: &Config) -> Suite {
    config.suite
}
