//! What operators see of a platform: its logs, its metrics, its health, and the commands that show
//! them.

mod commands;
mod logs;
mod metrics;
mod platform;
