//! Which workers there are.

use std::collections::HashSet;

use protocol::WorkerId;
use serde::{Deserialize, Serialize};

use crate::{Client, Error};

/// Which workers to look for. Everything given must be equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Criteria {
    /// 1 TEE-SGX, 2 MPC, 3 ZK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_type: Option<i64>,
    /// Hex text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Hex text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_type_id: Option<String>,
}

impl Default for Criteria {
    /// Every worker of type 1: listeners refuse a search without criteria.
    fn default() -> Self {
        Self {
            worker_type: Some(1),
            organization_id: None,
            application_type_id: None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Next<'a> {
    #[serde(flatten)]
    criteria: &'a Criteria,
    look_up_tag: &'a WorkerId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    total_count: usize,
    ids: Vec<WorkerId>,
}

/// Pages after which a look-up ends, whatever the listener says there is.
const MAX_PAGES: usize = 100;
/// Ids after which it does.
const MAX_IDS: usize = 100_000;

impl Client {
    /// The ids of the workers that meet `criteria`, each once, in the listener's order. There are
    /// 100 000 at most, from 100 pages at most.
    ///
    /// # Errors
    ///
    /// Whatever [`call`](Self::call) returns.
    pub async fn lookup(&self, criteria: &Criteria) -> Result<Vec<WorkerId>, Error> {
        let first: Found = self.call("WorkerLookUp", criteria).await?;
        let total = first.total_count.min(MAX_IDS);
        let (mut ids, mut known) = (Vec::new(), HashSet::new());
        let mut page = first.ids;
        for pages in 1..=MAX_PAGES {
            let before = ids.len();
            let fresh = page.into_iter().filter(|id| known.insert(id.clone()));
            ids.extend(fresh.take(MAX_IDS - before));
            // Avalon's listener gives all at once, and can't continue (wire facts 3.6). A page that
            // brings nothing new is the last: from there a listener could go round for ever.
            let more = ids.len() > before && ids.len() < total && pages < MAX_PAGES;
            let Some(look_up_tag) = ids.last().filter(|_| more) else {
                break;
            };
            let next = Next {
                criteria,
                look_up_tag,
            };
            page = self.call::<Found>("WorkerLookUpNext", &next).await?.ids;
        }
        Ok(ids)
    }
}
