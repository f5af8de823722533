//! What the programs share that measure the whole system.
//!
//! | module | subject |
//! |---|---|
//! | [`arguments`] | what the command line says |
//! | [`figures`] | medians, percentiles, how they are printed, what was promised |
//! | [`limit`] | what no worker can do without |
//! | [`processes`] | what a platform's processes cost in time and memory |
//! | [`requesters`] | many orders: as many as possible, or so many a second |
//! | [`stored`] | a store that is full of finished orders |

pub mod arguments;
pub mod figures;
pub mod limit;
pub mod processes;
pub mod requesters;
pub mod stored;
