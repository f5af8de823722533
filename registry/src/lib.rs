//! registry
mod declaration;
pub mod naming;
mod options;
mod text;
pub use declaration::{Declaration, Parameter};
pub use options::{Capabilities, DEFAULT_TIME_LIMIT, LONGEST_TIME_LIMIT, Options};
