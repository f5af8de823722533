//! The journal, from outside: a file, a platform that counts, and a host that does what it likes with both.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod hostile;
mod killed;
mod machine;
mod ordinary;
mod support;
mod upgraded;
