//! ZeroMQ frames: between manager and worker, between host and manager.

use protocol::answer::WorkOrderResult;
use protocol::envelope::Reply;
use protocol::membership::{HostMessage, ManagerMessage};
use protocol::processor::{Outcome, Request, Signup, order_frame, signup_frame};
use protocol::record::{WorkerKeys, WorkerRecord};

use crate::support::{assert_json, survives};

/// `data` is a frame; everybody reads it.
pub fn run(data: &[u8]) {
    match Request::parse(data) {
        Ok(Request::Order(text)) => {
            let again = order_frame(1, &text);
            assert_eq!(Request::parse(&again), Ok(Request::Order(text)));
        }
        Ok(Request::Signup) => assert_eq!(Request::parse(&signup_frame(1)), Ok(Request::Signup)),
        // Those of pools, which no manager here writes.
        Ok(_) => {}
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
    if let Some(outcome) = Outcome::parse(data) {
        let shown = outcome.for_client("ab");
        assert_json(&shown);
        // It is stored, and read again for each who asks.
        assert!(serde_json::from_slice::<Reply>(&shown).is_ok());
    }
    survives::<HostMessage>(data);
    survives::<ManagerMessage>(data);
    survives::<WorkOrderResult>(data);
    if let Ok(record) = serde_json::from_slice::<WorkerRecord>(data) {
        let written = serde_json::to_vec(&record).unwrap_or_default();
        let again = serde_json::from_slice::<WorkerRecord>(&written);
        // A fraction in somebody's details may come out as its neighbour.
        assert!(again.is_ok_and(|again| again.status == record.status));
    }
    if let Some(signup) = survives::<Signup>(data) {
        let record = WorkerRecord::of_signup(&signup);
        // Whatever it says of the keys, it says so without harm.
        let _ = WorkerKeys::from_details(&record.details);
    }
}
