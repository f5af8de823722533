//! What those who read and the one who writes have in common.

use std::sync::Arc;

use crate::current::Newest;
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::storage::Storage;

/// See the module.
pub(crate) struct Core {
    pub(crate) storage: Arc<Storage>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) realm: String,
    pub(crate) newest: Newest,
    pub(crate) metrics: Arc<Metrics>,
}
