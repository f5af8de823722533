//! The embedded engine for the conformance suite.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, like tests"
)]

use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use sconce_store::conformance::{Factory, Handle, Limits, Store};
use sconce_store::redb::{Engine, Options};

/// Stores in temporary folders, small enough that every limit is reached.
pub(crate) struct Redb;

#[async_trait]
impl Factory for Redb {
    async fn create(&self, limits: Limits) -> Box<dyn Store> {
        let folder = tempfile::tempdir().unwrap();
        Box::new(RedbStore {
            file: folder.path().join("store.redb"),
            options: Options {
                max_orders: limits.max_orders,
                max_finished: limits.max_finished,
                max_body: 1 << 20,
                max_result: 1 << 20,
                max_value: 64 << 10,
                max_batch: 128,
                ..Options::default()
            },
            engine: Mutex::new(Weak::new()),
            _folder: folder,
        })
    }
}

struct RedbStore {
    file: PathBuf,
    options: Options,
    /// The one engine that the file allows, shared by all handles.
    engine: Mutex<Weak<Engine>>,
    _folder: tempfile::TempDir,
}

#[async_trait]
impl Store for RedbStore {
    async fn open(&self) -> Handle {
        let mut slot = self.engine.lock().unwrap();
        let engine = slot.upgrade().unwrap_or_else(|| {
            let engine = Engine::open(&self.file, self.options.clone()).unwrap();
            Arc::new(engine)
        });
        *slot = Arc::downgrade(&engine);
        Handle {
            orders: engine.clone(),
            table: engine,
        }
    }
}
