//! What every server does at its door, whatever it serves: places for connections, times that their
//! parts may take, how often one may come, and TLS.

mod limits;
mod places;
mod rate;
mod socket;
mod timed;
mod tls;
mod validity;

pub use limits::{Allowance, Connections, Rate};
pub use places::{Place, Places};
pub use rate::Buckets;
pub use socket::{BindError, bind, pause_after, prepare};
pub use timed::{Progress, Timed};
pub use tls::{Tls, TlsError, TlsFiles};
