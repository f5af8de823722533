//! What operators can see of a platform: metrics for Prometheus, and whether it is ready.
//!
//! One [`Monitor`] is shared by the parts of a platform. What happens is noted when it happens, by
//! whoever does it; what simply is (orders in the store, worker processes, memory) is looked up
//! when somebody asks. So nothing here takes part in an order but a few counters.
//!
//! Labels come from closed sets and from the names of workers, which hosts must show a token to
//! bring in; nothing that a requester chooses gets into them. `docs/operations.md` lists every
//! metric, and a test compares that list with what is given out.

mod latency;
mod monitor;
mod orders;
mod process;
mod readiness;
mod refusals;
mod requests;
mod scrape;
mod sources;
mod store_file;
mod throttle;

pub use monitor::{CONTENT_TYPE, Monitor};
pub use orders::{Ended, Loss};
pub use readiness::{Missing, Part, Readiness};
pub use refusals::Refusal;
pub use requests::Connection;
pub use sources::WorkerSeen;
pub use throttle::Throttle;
