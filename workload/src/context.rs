//! Who asks, and where the workload runs.

/// What a workload may know about the work order that it serves.
///
/// A workload that wants it takes `context: &Context` as its first parameter.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    worker_id: &'a str,
    work_order_id: &'a str,
    requester_id: &'a str,
}

impl<'a> Context<'a> {
    /// The context of one work order; ids as the request has them.
    pub fn new(worker_id: &'a str, work_order_id: &'a str, requester_id: &'a str) -> Self {
        Self {
            worker_id,
            work_order_id,
            requester_id,
        }
    }

    /// The worker that runs the order (hexadecimal).
    pub fn worker_id(&self) -> &'a str {
        self.worker_id
    }

    /// The work order (hexadecimal).
    pub fn work_order_id(&self) -> &'a str {
        self.work_order_id
    }

    /// Who asked (hexadecimal). Chosen by the requester: not proven unless the request is signed.
    pub fn requester_id(&self) -> &'a str {
        self.requester_id
    }
}
