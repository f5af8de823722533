//! What a platform's processes cost: processor time and memory, by what they are.

use std::fmt;
use std::ops::Sub;
use std::time::Duration;

use tests::command::Up;
use tests::process::Process;

use crate::figures::mib;

/// Processor time of each kind of process, all of a kind together.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Listener, manager and store.
    pub platform: Duration,
    /// The hosts.
    pub hosts: Duration,
    /// The worker programs.
    pub workers: Duration,
    /// This process, which plays the requesters.
    pub requesters: Duration,
}

impl Times {
    /// Used so far.
    ///
    /// # Panics
    ///
    /// If the platform or this process isn't there.
    pub fn of(up: &Up) -> Self {
        let sum = |processes: Vec<Process>| processes.iter().filter_map(Process::cpu).sum();
        Self {
            platform: up.process().cpu().expect("the platform"),
            hosts: sum(up.hosts()),
            workers: sum(up.workers()),
            requesters: this_process().cpu().expect("this process"),
        }
    }

    /// Without the requesters.
    pub fn served(&self) -> Duration {
        self.platform + self.hosts + self.workers
    }

    /// Of each of so many orders.
    #[must_use]
    pub fn each(self, orders: usize) -> Self {
        let orders = u32::try_from(orders).unwrap_or(u32::MAX);
        Self {
            platform: self.platform / orders,
            hosts: self.hosts / orders,
            workers: self.workers / orders,
            requesters: self.requesters / orders,
        }
    }
}

impl Sub for Times {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            platform: self.platform.saturating_sub(before.platform),
            hosts: self.hosts.saturating_sub(before.hosts),
            workers: self.workers.saturating_sub(before.workers),
            requesters: self.requesters.saturating_sub(before.requesters),
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        write!(
            f,
            "platform {:.0} µs, host {:.0} µs, worker {:.0} µs, requesters {:.0} µs",
            us(self.platform),
            us(self.hosts),
            us(self.workers),
            us(self.requesters)
        )
    }
}

/// Bytes in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Shared ones counted in each process.
    pub resident: u64,
    /// Shared ones divided by how many share them.
    pub proportional: u64,
}

impl Memory {
    /// Of these processes together.
    pub fn of(processes: &[Process]) -> Self {
        let sum = |what: fn(&Process) -> Option<u64>| processes.iter().filter_map(what).sum();
        Self {
            resident: sum(Process::resident),
            proportional: sum(Process::proportional),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resident, proportional) = (mib(self.resident), mib(self.proportional));
        write!(
            f,
            "resident {resident:>10}, proportional {proportional:>10}"
        )
    }
}

/// This process.
///
/// # Panics
///
/// Where there is no `/proc`.
pub fn this_process() -> Process {
    Process::of(std::process::id()).expect("/proc")
}
