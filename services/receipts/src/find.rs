use protocol::WorkOrderId;
use protocol::methods::receipt::LookUp;
use protocol::receipt::Receipt;
use store::Cursor;

use crate::rows::{
    RECORDS, Stored, by_requester, by_service, by_status, by_worker, order_of, partition, under,
};
use crate::{Error, Receipts};

/// A page of what was found, in the order of the ids' bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// At most [`PAGE`] orders whose receipts meet the criteria.
    pub orders: Vec<WorkOrderId>,
    /// After which id the next page begins, if there may be one. It may lie behind the last order
    /// of this page, also where this page has none: a call looks at so many receipts only.
    pub next: Option<WorkOrderId>,
}

/// Most orders on one page.
pub const PAGE: usize = 256;

/// Most receipts that one call looks at.
const EXAMINED: usize = 1024;

/// So many are looked at before others get their turn: an embedded store never makes one wait.
const TURN: usize = 32;

impl Receipts {
    /// The receipts that meet all criteria and stand after their tag: the first page of them.
    pub async fn look_up(&self, criteria: &LookUp) -> Result<Found, Error> {
        let lists = lists(criteria);
        let records = RECORDS.to_vec();
        // The first list leads; that the others have it too is seen from the receipt.
        let prefix = lists.first().unwrap_or(&records);
        let certain = lists.len() < 2;
        let mut found = Found::default();
        let mut last = criteria.after.clone();
        let mut examined = 0;
        loop {
            let cursor = last.as_ref().map(|id| Cursor::after(under(prefix, id)));
            let page = self
                .table()
                .scan(&partition(), prefix, cursor.as_ref(), PAGE)
                .await?;
            for row in &page.rows {
                if found.orders.len() == PAGE || examined == EXAMINED {
                    found.next = last;
                    return Ok(found);
                }
                let id = order_of(&row.key, prefix)?;
                if certain || self.is_match(&id, criteria).await? {
                    found.orders.push(id.clone());
                }
                last = Some(id);
                examined += 1;
                if examined % TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
            if page.next.is_none() {
                return Ok(found);
            }
        }
    }

    async fn is_match(&self, id: &WorkOrderId, criteria: &LookUp) -> Result<bool, Error> {
        let found = self.get(id).await?;
        Ok(found.is_some_and(|stored| matches(&stored, criteria)))
    }
}

/// The lists that receipts meeting the criteria stand in, the shortest (by custom) first: requester
/// ids are often made for one order.
fn lists(criteria: &LookUp) -> Vec<Vec<u8>> {
    let requester = criteria.requester_id.as_ref();
    let service = criteria.worker_service_id.as_ref();
    let worker = criteria.worker_id.as_ref();
    [
        requester.map(|id| by_requester(id.as_str())),
        service.map(|id| by_service(id.as_str())),
        worker.map(|id| by_worker(id.as_str())),
        criteria.status.map(by_status),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn matches(stored: &Stored, criteria: &LookUp) -> bool {
    fn same<T: PartialEq>(wanted: &Option<T>, found: &T) -> bool {
        wanted.as_ref().is_none_or(|wanted| wanted == found)
    }
    let Receipt {
        worker_service_id,
        worker_id,
        requester_id,
        ..
    } = &stored.receipt;
    same(&criteria.worker_service_id, worker_service_id)
        && same(&criteria.worker_id, worker_id)
        && same(&criteria.requester_id, requester_id)
        && same(&criteria.status, &stored.status)
}
