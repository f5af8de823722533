//! Running one workload and answering for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use protocol::answer::{Asked, OneTimeKey, Signer};
use protocol::crypto::aes::{Ivs, SessionKey};
use protocol::detail;
use protocol::envelope::ErrorObject;
use protocol::methods::submit::Submit;
use protocol::opening::Opened;
use protocol::processor::{error_frame, result_frame};
use protocol::{Entropy, EntropyFailed, Reason};
use serde_json::value::RawValue;
use workload::{Context, Description, Failure, OUTPUT_LIMIT};
use zeroize::Zeroizing;

use crate::keys::WorkerKeys;

/// An order whose cryptography held and whose workload is known; it waits to be run.
pub struct Job {
    workload: &'static Description,
    inputs: Vec<Zeroizing<Vec<u8>>>,
    address: Address,
}

/// Everything that an answer needs besides the output.
struct Address {
    id: Box<RawValue>,
    work_order: String,
    worker: String,
    workload: String,
    requester: String,
    session_key: SessionKey,
    ivs: Ivs,
    /// Signs in place of the worker's key, in a pool.
    one_time: Option<OneTimeKey>,
}

/// A failure and the workload's words about it, which only the requester may read.
struct Fault {
    reason: Reason,
    message: Zeroizing<String>,
}

impl Fault {
    fn new(reason: Reason, message: impl Into<String>) -> Self {
        let message = Zeroizing::new(message.into());
        Self { reason, message }
    }
}

impl Job {
    pub(super) fn new(
        workload: &'static Description,
        order: &Submit<'_>,
        id: &RawValue,
        opened: Opened,
        one_time: Option<OneTimeKey>,
    ) -> Self {
        let Opened {
            session_key,
            ivs,
            inputs,
        } = opened;
        let mut address = Address::of(order, id, session_key, ivs);
        address.one_time = one_time;
        Self {
            workload,
            inputs,
            address,
        }
    }

    /// How long the workload may run.
    pub fn time_limit(&self) -> Duration {
        self.workload.time_limit
    }

    /// The answer if it runs longer. Nothing can stop a thread that overruns, so somebody else makes
    /// and sends it.
    pub fn overdue(&self, entropy: &dyn Entropy) -> Vec<u8> {
        self.address.failure(&over_time(self.workload), entropy)
    }

    /// Runs the workload and answers, however long it takes. A panic ends only this order.
    pub fn run(&self, keys: &WorkerKeys, entropy: &dyn Entropy) -> Vec<u8> {
        let fault = match self.call() {
            Err(fault) => fault,
            Ok(output) => match self.address.success(&output, keys, entropy) {
                Ok(reply) => return reply,
                Err(EntropyFailed) => Fault::new(Reason::Internal, ""),
            },
        };
        self.address.failure(&fault, entropy)
    }

    fn call(&self) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let items: Vec<&[u8]> = self.inputs.iter().map(|item| item.as_slice()).collect();
        let context = Context::new(
            &self.address.worker,
            &self.address.work_order,
            &self.address.requester,
        );
        let run = || (self.workload.run)(&context, &items);
        let output = catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
            let said = payload
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let said = said.unwrap_or("no message");
            Fault::new(
                Reason::WorkloadPanicked,
                format!("the workload panicked: {said}"),
            )
        })?;
        let output = output.map(Zeroizing::new).map_err(|failure| {
            let reason = match failure {
                Failure::Input(_) => Reason::WorkloadInput,
                _ => Reason::WorkloadFailed,
            };
            Fault::new(reason, failure.message())
        })?;
        if output.len() > OUTPUT_LIMIT {
            let length = output.len();
            let message = format!("the output has {length} bytes, more than {OUTPUT_LIMIT}");
            return Err(Fault::new(Reason::WorkloadOutput, message));
        }
        Ok(output)
    }
}

fn over_time(workload: &Description) -> Fault {
    let limit = workload.time_limit;
    let message = format!("the workload ran longer than its time limit of {limit:?}");
    Fault::new(Reason::WorkloadTime, message)
}

/// The answer to an order for a workload that isn't in the table.
pub(super) fn unknown_workload(
    order: &Submit<'_>,
    id: &RawValue,
    opened: Opened,
    entropy: &dyn Entropy,
) -> Vec<u8> {
    let message = match order.workload_id.name() {
        Some(name) => format!("this worker has no workload `{name}`"),
        None => "the workload id is not the hex of a UTF-8 name".to_owned(),
    };
    let Opened {
        session_key, ivs, ..
    } = opened;
    let address = Address::of(order, id, session_key, ivs);
    address.failure(&Fault::new(Reason::WorkloadUnknown, message), entropy)
}

impl Address {
    fn of(order: &Submit<'_>, id: &RawValue, session_key: SessionKey, ivs: Ivs) -> Self {
        Self {
            id: id.to_owned(),
            work_order: order.work_order_id.as_str().to_owned(),
            worker: order.worker_id.as_str().to_owned(),
            workload: order.workload_id.as_str().to_owned(),
            requester: order.requester_id.as_str().to_owned(),
            session_key,
            ivs,
            one_time: None,
        }
    }

    fn success(
        &self,
        output: &[u8],
        keys: &WorkerKeys,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyFailed> {
        let asked = Asked {
            work_order: &self.work_order,
            worker: &self.worker,
            workload: &self.workload,
            requester: &self.requester,
            session_key: &self.session_key,
            ivs: self.ivs,
        };
        let signer = match &self.one_time {
            Some(key) => Signer::OneTime(key),
            None => Signer::Published(keys.signing()),
        };
        let result = asked.answer(output, signer, entropy)?;
        // Made of strings and numbers: writing it can't fail.
        let text = serde_json::to_string(&result).unwrap_or_default();
        Ok(result_frame(&self.id, &text))
    }

    fn failure(&self, fault: &Fault, entropy: &dyn Entropy) -> Vec<u8> {
        let mut error = ErrorObject::for_manager(fault.reason).about(&self.work_order);
        let sealed = detail::seal(&self.session_key, &self.work_order, &fault.message, entropy);
        if let (Ok(sealed), false) = (sealed, fault.message.is_empty()) {
            error.data.get_or_insert_default().detail = Some(sealed);
        }
        error_frame(Some(&self.id), &error)
    }
}
