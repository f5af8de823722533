use protocol::receipt::ReceiptStatus;

/// Why a call was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The order has no receipt.
    #[error("the order has no receipt, create it first")]
    Unknown,
    /// The order has a receipt.
    #[error("the order has a receipt already, update it instead")]
    Taken,
    /// The status can't follow the one that is there.
    #[error("a receipt that is {} cannot become {}", from.name(), to.name())]
    Status {
        /// What is there.
        from: ReceiptStatus,
        /// What was asked for.
        to: ReceiptStatus,
    },
    /// The same type and data by the same key are there.
    #[error("the receipt has this update already, change its data to say it again")]
    Repeated,
    /// The receipt has as many updates as it may have.
    #[error("the receipt has as many updates as it may have")]
    Full,
    /// Others kept changing the receipt; nothing was written.
    #[error("the receipt is being changed by others, try again later")]
    Contended,
    /// A stored record can't be read.
    #[error("the stored receipt is damaged, restore the store from a backup")]
    Damaged,
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}
