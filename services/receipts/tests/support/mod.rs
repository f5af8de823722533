//! Receipts that are signed, over a table that may leave open what it did.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use protocol::crypto::secp256k1::SigningKey;
use protocol::ids::HexText;
use protocol::methods::receipt::LookUp;
use protocol::receipt::{Draft, ReceiptStatus, UpdateDraft, VerifiedReceipt, VerifiedUpdate};
use protocol::{RequesterId, SystemEntropy, WorkOrderId, WorkerId};
use sconce_receipts::{Error, Receipts};
use store::redb::{Engine, Options};
use store::{Committed, Cursor, Key, Page, PartitionId, Row, Table, Write};

pub(crate) struct Fixture {
    pub(crate) receipts: Receipts,
    pub(crate) faulty: Arc<Faulty>,
    /// The creator's.
    pub(crate) key: SigningKey,
    pub(crate) worker: SigningKey,
    folder: tempfile::TempDir,
}

fn key() -> SigningKey {
    SigningKey::generate(&SystemEntropy::new()).unwrap()
}

pub(crate) fn id(text: &str) -> WorkOrderId {
    WorkOrderId::new(text).unwrap()
}

pub(crate) fn hex(text: &str) -> HexText {
    HexText::new(text).unwrap()
}

/// The id of the order of this number.
pub(crate) fn order(number: usize) -> String {
    format!("{number:04x}")
}

/// Service, worker, requester; status.
pub(crate) fn criteria(parties: [Option<&str>; 3], status: Option<ReceiptStatus>) -> LookUp {
    LookUp {
        worker_service_id: parties[0].map(hex),
        worker_id: parties[1].map(|id| WorkerId::new(id).unwrap()),
        requester_id: parties[2].map(|id| RequesterId::new(id).unwrap()),
        status,
        after: None,
    }
}

fn open(folder: &tempfile::TempDir) -> Arc<Faulty> {
    let file = folder.path().join("store");
    Arc::new(Faulty {
        table: Engine::open(file, Options::default()).unwrap(),
        open: AtomicUsize::new(0),
        performed: AtomicBool::new(false),
        later: AtomicU64::new(0),
    })
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faulty = open(&folder);
        Self {
            receipts: Receipts::new(faulty.clone()),
            faulty,
            key: key(),
            worker: key(),
            folder,
        }
    }

    /// Closes the store and opens it again.
    pub(crate) fn reopen(&mut self) {
        let nowhere = tempfile::tempdir().unwrap();
        self.faulty = open(&nowhere);
        self.receipts = Receipts::new(self.faulty.clone());
        self.faulty = open(&self.folder);
        self.receipts = Receipts::new(self.faulty.clone());
    }

    pub(crate) fn receipt(&self, order: &str) -> VerifiedReceipt {
        self.receipt_of(order, ["a1", "b1", "c1"])
    }

    /// Of this service, worker and requester.
    pub(crate) fn receipt_of(&self, order: &str, parties: [&str; 3]) -> VerifiedReceipt {
        let draft = Draft {
            work_order_id: &id(order),
            worker_id: &WorkerId::new(parties[1]).unwrap(),
            requester_id: &RequesterId::new(parties[2]).unwrap(),
            request_hash: [1; 32],
            status: ReceiptStatus::Pending,
        };
        let mut receipt = draft.sign(&self.key, &SystemEntropy::new()).unwrap();
        receipt.worker_service_id = hex(parties[0]);
        let signature = self.key.sign(&receipt.digest());
        receipt.requester_signature = base64(&signature);
        receipt.verify().unwrap()
    }

    pub(crate) fn update(&self, order: &str, to: ReceiptStatus, data: &str) -> VerifiedUpdate {
        self.update_by(order, to, data, &self.key, "c1")
    }

    pub(crate) fn update_by(
        &self,
        order: &str,
        status: ReceiptStatus,
        data: &str,
        key: &SigningKey,
        updater: &str,
    ) -> VerifiedUpdate {
        let draft = UpdateDraft {
            work_order_id: &id(order),
            updater_id: &hex(updater),
            status,
            data,
        };
        draft.sign(key).verify(&[&key.verifying_key()]).unwrap()
    }

    pub(crate) async fn receipts_update(
        &self,
        order: &str,
        status: ReceiptStatus,
        data: &str,
    ) -> Result<(), Error> {
        self.receipts
            .update(&self.update(order, status, data))
            .await
    }

    /// How many records of any kind there are.
    pub(crate) async fn rows(&self) -> usize {
        let partition = PartitionId::from("receipts");
        let page = self.faulty.scan(&partition, b"", None, 1000).await.unwrap();
        page.rows.len()
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A table that leaves open what became of some commits.
pub(crate) struct Faulty {
    table: Engine,
    open: AtomicUsize,
    performed: AtomicBool,
    /// Seconds that its clock is ahead of the engine's.
    later: AtomicU64,
}

impl Faulty {
    /// The next `count` commits are answered with "unknown", performed or not.
    pub(crate) fn leave_open(&self, count: usize, performed: bool) {
        self.performed.store(performed, Ordering::SeqCst);
        self.open.store(count, Ordering::SeqCst);
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        self.later.fetch_add(time.as_secs(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Table for Faulty {
    async fn get(&self, partition: &PartitionId, key: &Key) -> Result<Option<Row>, store::Error> {
        Table::get(&self.table, partition, key).await
    }

    async fn scan(
        &self,
        partition: &PartitionId,
        prefix: &[u8],
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, store::Error> {
        self.table.scan(partition, prefix, cursor, limit).await
    }

    async fn commit(
        &self,
        partition: &PartitionId,
        batch: Vec<Write>,
    ) -> Result<Committed, store::Error> {
        let open = self.open.load(Ordering::SeqCst);
        if open == 0 {
            return self.table.commit(partition, batch).await;
        }
        self.open.store(open - 1, Ordering::SeqCst);
        if self.performed.load(Ordering::SeqCst) {
            self.table.commit(partition, batch).await?;
        }
        Err(store::Error::Unknown("a test".to_owned()))
    }

    async fn time(&self) -> Result<Duration, store::Error> {
        let later = Duration::from_secs(self.later.load(Ordering::SeqCst));
        Ok(self.table.time().await? + later)
    }
}
