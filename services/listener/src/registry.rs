//! The registry's methods (wire facts 3.5 to 3.7 and 3.10).

use protocol::envelope::ErrorObject;
use protocol::json::Members;
use protocol::methods::worker::{LookUp, Register, Retrieve, SetStatus, Update};
use protocol::record::{Status, WorkerRecord};
use protocol::{Reason, WorkerId};
use serde::Serialize;
use workers::Error;

use crate::orders::failed;
use crate::repeat::repeated;
use crate::rpc::{Answer, Service, result, success};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    total_count: usize,
    lookup_tag: String,
    ids: Vec<String>,
}

impl Service {
    pub(crate) async fn look_up(&self, params: &Members<'_>) -> Answer {
        self.find(&LookUp::parse(params)?).await
    }

    pub(crate) async fn look_up_next(&self, params: &Members<'_>) -> Answer {
        self.find(&LookUp::parse_next(params)?).await
    }

    async fn find(&self, criteria: &LookUp) -> Answer {
        let found = answered(|| self.registry.look_up(criteria)).await?;
        let ids: Vec<String> = found.iter().map(|(id, _)| id.to_string()).collect();
        result(&Found {
            total_count: ids.len(),
            lookup_tag: ids.last().cloned().unwrap_or_default(),
            ids,
        })
    }

    pub(crate) async fn retrieve(&self, params: &Members<'_>) -> Answer {
        let asked = Retrieve::parse(params)?;
        match self.worker(&asked.worker_id).await? {
            Some(record) => result(&record),
            None => Err(ErrorObject::for_client(Reason::WorkerUnknown)),
        }
    }

    pub(crate) async fn register(&self, params: &Members<'_>) -> Answer {
        let Register { worker_id, record } = Register::parse(params)?;
        answered(|| self.registry.register(&worker_id, &record)).await?;
        done(&worker_id, "Worker registered successfully")
    }

    pub(crate) async fn update(&self, params: &Members<'_>) -> Answer {
        let Update { worker_id, details } = Update::parse(params)?;
        answered(|| self.registry.update(&worker_id, &details)).await?;
        done(&worker_id, "Worker updated successfully")
    }

    pub(crate) async fn set_status(&self, params: &Members<'_>) -> Answer {
        let SetStatus { worker_id, status } = SetStatus::parse(params)?;
        answered(|| self.registry.set_status(&worker_id, status)).await?;
        done(&worker_id, "Worker status updated successfully")
    }

    /// A worker's status, if there is a worker.
    pub(crate) async fn status_of(&self, id: &WorkerId) -> Result<Option<Status>, ErrorObject> {
        answered(|| self.registry.status(id)).await
    }

    /// A worker's record, if there is one.
    pub(crate) async fn worker(&self, id: &WorkerId) -> Result<Option<WorkerRecord>, ErrorObject> {
        answered(|| self.registry.get(id)).await
    }
}

fn done(worker: &WorkerId, text: &'static str) -> Answer {
    tracing::info!(%worker, "{text}");
    success(text)
}

/// Calls the registry until it answers, a few times.
async fn answered<T, F>(call: impl FnMut() -> F) -> Result<T, ErrorObject>
where
    F: Future<Output = Result<T, Error>>,
{
    use store::Error::{Unavailable, Unknown};
    let again = |error: &Error| matches!(error, Error::Store(Unavailable(_) | Unknown(_)));
    repeated(call, again).await.map_err(refusal)
}

fn refusal(error: Error) -> ErrorObject {
    match error {
        Error::Unknown => ErrorObject::for_client(Reason::WorkerUnknown),
        Error::Taken => ErrorObject::for_client(Reason::WorkerTaken),
        Error::Retired => ErrorObject::for_client(Reason::RequestMember)
            .saying("The worker's encryption key was replaced before and must not come back"),
        Error::Contended => ErrorObject::for_client(Reason::Busy)
            .saying("The worker is being changed by others. Please try again later"),
        Error::Store(error) => failed("the registry could not be used", &error),
        other => {
            tracing::error!(error = %other, "the registry is damaged");
            ErrorObject::for_client(Reason::Internal)
        }
    }
}
