//! Adding a workload.
use crate::Error;
use std::path::{Path, PathBuf};
/// todo
pub fn new_workload(_root: &Path, _id: &str) -> Result<Vec<PathBuf>, Error> {
    Ok(vec![])
}
