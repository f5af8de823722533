/// Why the registry refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no record to change.
    #[error("no worker of that id is registered, register it first")]
    Unknown,
    /// Another record stands there.
    #[error("a worker of that id is registered with other values, update it instead")]
    Taken,
    /// The encryption key was replaced so long ago that orders for it could be repeated.
    #[error(
        "the worker's encryption key was replaced by another and must not come back: orders that \
         were recorded for it could be repeated; stop that process, and have new keys made"
    )]
    Retired,
    /// Others kept changing the record; nothing was written.
    #[error("the worker's record is being changed by others, try again later")]
    Contended,
    /// A stored record can't be read.
    #[error("the stored record of a worker is damaged, register the worker again")]
    Damaged,
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}
