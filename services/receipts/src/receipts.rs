use std::sync::Arc;
use std::time::Duration;

use protocol::WorkOrderId;
use protocol::crypto::secp256k1::VerifyingKey;
use protocol::ids::HexText;
use protocol::receipt::{Update, UpdateIndex, VerifiedReceipt, VerifiedUpdate};
use store::{Committed, Expected, Table, Version, Write};

use crate::Error;
use crate::rows::{
    Stored, by_status, enter, partition, read_update, record_key, remove, under, update_key,
    updates_of,
};

/// Typed access to the receipts.
#[derive(Clone)]
pub struct Receipts {
    table: Arc<dyn Table>,
}

/// Most updates of one receipt.
pub const MAX_UPDATES: u32 = 64;

/// How often a change is tried against others. Each time that it fails another update was stored,
/// so that a receipt is full before this many have failed.
const ATTEMPTS: u32 = MAX_UPDATES + 2;

/// Pauses between calls of a store that leaves open what happened.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(320),
];

impl Receipts {
    /// The receipts that stand in `table`.
    pub fn new(table: Arc<dyn Table>) -> Self {
        Self { table }
    }

    /// Stores a receipt. Of several for one order exactly one is.
    ///
    /// # Errors
    ///
    /// [`Error::Taken`] if the order has a receipt, even the same.
    pub async fn create(&self, receipt: &VerifiedReceipt) -> Result<(), Error> {
        let receipt = receipt.receipt();
        let stored = Stored {
            receipt: receipt.clone(),
            status: receipt.receipt_create_status,
            updates: 0,
            created: self.now().await?,
        };
        let mut batch = vec![stored.write(Expected::Absent)?];
        batch.extend(stored.listed().map(enter));
        let mut doubt = Doubt::default();
        loop {
            match self.read(&receipt.work_order_id).await {
                Ok(None) => {}
                // An earlier try of this call has stored it.
                Ok(Some((found, _))) if doubt.is_there() && found.receipt == *receipt => {
                    return Ok(());
                }
                Ok(Some(_)) => return Err(Error::Taken),
                Err(error) => return Err(doubt.about(error)),
            }
            match self.table.commit(&partition(), batch.clone()).await {
                Ok(Committed::Done(_)) => return Ok(()),
                // Another was faster: that one is read now.
                Ok(Committed::Conflict(_)) => {}
                Err(error) => doubt.pause_after(error).await?,
            }
        }
    }

    /// The receipt of an order, as it is now.
    pub async fn get(&self, id: &WorkOrderId) -> Result<Option<Stored>, Error> {
        Ok(self.read(id).await?.map(|(stored, _)| stored))
    }

    /// Adds an update. None that was acknowledged is lost, however many come at once, and each is
    /// judged by the status that it finds.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`], [`Error::Status`], [`Error::Repeated`] and [`Error::Full`].
    pub async fn update(&self, update: &VerifiedUpdate) -> Result<(), Error> {
        let id = &update.update().work_order_id;
        let mut doubt = Doubt::default();
        for _ in 0..ATTEMPTS {
            let (stored, version) = match self.read(id).await {
                Ok(found) => found.ok_or(Error::Unknown)?,
                Err(error) => return Err(doubt.about(error)),
            };
            let earlier = self.updates(id).await.map_err(|error| doubt.about(error))?;
            if earlier.iter().any(|one| repeats(one, update)) {
                // Nobody else can have made the very same meanwhile without being told so.
                return if doubt.is_there() {
                    Ok(())
                } else {
                    Err(Error::Repeated)
                };
            }
            let batch = next(&stored, version, update)?;
            match self.table.commit(&partition(), batch).await {
                Ok(Committed::Done(_)) => return Ok(()),
                Ok(Committed::Conflict(_)) => {}
                Err(error) => doubt.pause_after(error).await?,
            }
        }
        Err(Error::Contended)
    }

    /// One update of a receipt and how many there are; with `updater` only that one's are looked at.
    /// `None` instead of an update that isn't there.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`].
    pub async fn get_update(
        &self,
        id: &WorkOrderId,
        updater: Option<&HexText>,
        index: UpdateIndex,
    ) -> Result<(Option<Update>, usize), Error> {
        let (stored, _) = self.read(id).await?.ok_or(Error::Unknown)?;
        let Some(updater) = updater else {
            let number = place(index, stored.updates as usize).map(|at| at + 1);
            let update = match number.and_then(|number| u32::try_from(number).ok()) {
                Some(number) => self.read_update(id, number).await?,
                None => None,
            };
            return Ok((update, stored.updates as usize));
        };
        let mut updates = self.updates(id).await?;
        updates.retain(|update| update.updater_id == *updater);
        let count = updates.len();
        let found = place(index, count).map(|at| updates.swap_remove(at));
        Ok((found, count))
    }

    pub(crate) fn table(&self) -> &dyn Table {
        self.table.as_ref()
    }

    /// Seconds since 1970 by the store's clock: setting the machine's must not make receipts old.
    pub(crate) async fn now(&self) -> Result<u64, Error> {
        Ok(self.table.time().await?.as_secs())
    }

    pub(crate) async fn read(&self, id: &WorkOrderId) -> Result<Option<(Stored, Version)>, Error> {
        let row = self.table.get(&partition(), &record_key(id)).await?;
        row.map(|row| Ok((Stored::read(&row)?, row.version)))
            .transpose()
    }

    async fn read_update(&self, id: &WorkOrderId, number: u32) -> Result<Option<Update>, Error> {
        let row = self
            .table
            .get(&partition(), &update_key(id, number))
            .await?;
        row.as_ref().map(read_update).transpose()
    }

    /// All updates of a receipt, in their order.
    async fn updates(&self, id: &WorkOrderId) -> Result<Vec<Update>, Error> {
        let prefix = updates_of(id);
        let mut updates = Vec::new();
        let mut cursor = None;
        loop {
            let page = self
                .table
                .scan(&partition(), &prefix, cursor.as_ref(), MAX_UPDATES as usize)
                .await?;
            for row in &page.rows {
                updates.push(read_update(row)?);
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(updates);
            }
        }
    }
}

/// Where in a list of `count` an update is.
fn place(index: UpdateIndex, count: usize) -> Option<usize> {
    let at = match index {
        UpdateIndex::Last => count.checked_sub(1),
        UpdateIndex::At(at) => usize::try_from(at).ok()?.checked_sub(1),
    };
    at.filter(|at| *at < count)
}

/// The batch that adds `update` to a receipt, if its rules allow it.
fn next(stored: &Stored, version: Version, update: &VerifiedUpdate) -> Result<Vec<Write>, Error> {
    let update = update.update();
    let (from, to) = (stored.status, update.update_type);
    if !from.allows(to) {
        return Err(Error::Status { from, to });
    }
    if stored.updates >= MAX_UPDATES {
        return Err(Error::Full);
    }
    let id = &update.work_order_id;
    let changed = Stored {
        status: to,
        updates: stored.updates + 1,
        ..stored.clone()
    };
    let mut batch = vec![
        changed.write(Expected::Version(version))?,
        Write::Put {
            key: update_key(id, changed.updates),
            value: serde_json::to_vec(update).map_err(|_| Error::Damaged)?,
            expected: Expected::Absent,
        },
    ];
    if from != to {
        batch.push(remove(under(&by_status(from), id)));
        batch.push(enter(under(&by_status(to), id)));
    }
    Ok(batch)
}

/// Whether both say the same by the same key: then one is a copy, whoever sent it. A signature has
/// no nonce, and there are many signatures of one text.
fn repeats(earlier: &Update, update: &VerifiedUpdate) -> bool {
    let same_key = || {
        let pem = earlier.receipt_verification_key.as_deref();
        let key = pem.and_then(|pem| VerifyingKey::from_pem(pem).ok());
        key.is_some_and(|key| key.is_same_key(update.key()))
    };
    let new = update.update();
    earlier.update_type == new.update_type && earlier.update_data == new.update_data && same_key()
}

/// Whether an earlier try of a call may have been performed.
#[derive(Default)]
struct Doubt {
    tries: usize,
}

impl Doubt {
    fn is_there(&self) -> bool {
        self.tries > 0
    }

    /// Waits before the next try; the error that ends the call where there is none.
    async fn pause_after(&mut self, error: store::Error) -> Result<(), Error> {
        match (&error, PAUSES.get(self.tries)) {
            (store::Error::Unknown(_), Some(pause)) => {
                self.tries += 1;
                tokio::time::sleep(*pause).await;
                Ok(())
            }
            _ => Err(self.about(error.into())),
        }
    }

    /// After a try in doubt, "nothing happened" is true of the last try only.
    fn about(&self, error: Error) -> Error {
        match error {
            Error::Store(store::Error::Unavailable(why)) if self.is_there() => {
                Error::Store(store::Error::Unknown(why))
            }
            other => other,
        }
    }
}
