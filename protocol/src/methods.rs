//! Parameters of the methods (wire facts, section 3), checked as Avalon's schemas do.
//!
//! A fault is reported in Avalon's words where they are known.

pub mod receipt;
pub mod submit;
pub mod worker;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::envelope::{ErrorObject, check_names};
use crate::ids::{NotHex, WorkOrderId};
use crate::json::{self, Members};
use crate::reason::Reason;

/// A method that the listener answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Submits a work order.
    WorkOrderSubmit,
    /// Fetches the result of an order.
    WorkOrderGetResult,
    /// Finds workers by type, organization and application type.
    WorkerLookUp,
    /// More of what [`Method::WorkerLookUp`] found.
    WorkerLookUpNext,
    /// Fetches a worker's record.
    WorkerRetrieve,
    /// States something about an order.
    WorkOrderReceiptCreate,
    /// Adds to a receipt.
    WorkOrderReceiptUpdate,
    /// Fetches a receipt.
    WorkOrderReceiptRetrieve,
    /// Fetches what was added to a receipt.
    WorkOrderReceiptUpdateRetrieve,
    /// Finds receipts by service, worker, requester and status.
    WorkOrderReceiptLookUp,
    /// More of what [`Method::WorkOrderReceiptLookUp`] found.
    WorkOrderReceiptLookUpNext,
    /// Adds a worker's record (operators).
    WorkerRegister,
    /// Replaces a worker's details (operators).
    WorkerUpdate,
    /// Changes a worker's status (operators).
    WorkerSetStatus,
}

impl Method {
    /// Every method.
    pub const ALL: &'static [Method] = &[
        Method::WorkOrderSubmit,
        Method::WorkOrderGetResult,
        Method::WorkerLookUp,
        Method::WorkerLookUpNext,
        Method::WorkerRetrieve,
        Method::WorkOrderReceiptCreate,
        Method::WorkOrderReceiptUpdate,
        Method::WorkOrderReceiptRetrieve,
        Method::WorkOrderReceiptUpdateRetrieve,
        Method::WorkOrderReceiptLookUp,
        Method::WorkOrderReceiptLookUpNext,
        Method::WorkerRegister,
        Method::WorkerUpdate,
        Method::WorkerSetStatus,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Method::WorkOrderSubmit => "WorkOrderSubmit",
            Method::WorkOrderGetResult => "WorkOrderGetResult",
            Method::WorkerLookUp => "WorkerLookUp",
            Method::WorkerLookUpNext => "WorkerLookUpNext",
            Method::WorkerRetrieve => "WorkerRetrieve",
            Method::WorkOrderReceiptCreate => "WorkOrderReceiptCreate",
            Method::WorkOrderReceiptUpdate => "WorkOrderReceiptUpdate",
            Method::WorkOrderReceiptRetrieve => "WorkOrderReceiptRetrieve",
            Method::WorkOrderReceiptUpdateRetrieve => "WorkOrderReceiptUpdateRetrieve",
            Method::WorkOrderReceiptLookUp => "WorkOrderReceiptLookUp",
            Method::WorkOrderReceiptLookUpNext => "WorkOrderReceiptLookUpNext",
            Method::WorkerRegister => "WorkerRegister",
            Method::WorkerUpdate => "WorkerUpdate",
            Method::WorkerSetStatus => "WorkerSetStatus",
        }
    }

    /// The method of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|m| m.name() == name)
    }

    /// Whether only operators may call it.
    pub const fn is_for_operators(self) -> bool {
        matches!(
            self,
            Method::WorkerRegister | Method::WorkerUpdate | Method::WorkerSetStatus
        )
    }
}

/// Parameters of `WorkOrderGetResult`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetResult {
    /// The order.
    pub work_order_id: WorkOrderId,
}

impl GetResult {
    /// Checks the parameters.
    pub fn parse(params: &Members<'_>) -> Result<Self, ErrorObject> {
        let reader = Reader::new(params, &["workOrderId"], &[])?;
        let work_order_id = reader.id("workOrderId", "work order id", WorkOrderId::new)?;
        Ok(Self { work_order_id })
    }
}

/// Reads members with Avalon's wording for faults.
pub(crate) struct Reader<'m, 'a>(&'m Members<'a>);

impl<'m, 'a> Reader<'m, 'a> {
    /// Checks the members' names.
    pub(crate) fn new(
        members: &'m Members<'a>,
        required: &[&str],
        optional: &[&str],
    ) -> Result<Self, ErrorObject> {
        check_names(members, required, optional).map_err(fault)?;
        Ok(Self(members))
    }

    pub(crate) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name)
    }

    /// A string, or a fault that names it `title`; `""` when absent.
    pub(crate) fn text(&self, name: &str, title: &str) -> Result<Cow<'a, str>, ErrorObject> {
        match self.raw(name) {
            None => Ok(Cow::Borrowed("")),
            Some(value) => json::string(value).ok_or_else(|| bad_format(title)),
        }
    }

    /// A hex text of any length.
    pub(crate) fn hex(&self, name: &str, title: &str) -> Result<Cow<'a, str>, ErrorObject> {
        let text = self.text(name, title)?;
        if crate::ids::is_hex(&text) {
            Ok(text)
        } else {
            Err(bad_format(title))
        }
    }

    /// A hex text of any length that may be absent, but not empty.
    pub(crate) fn optional_hex(
        &self,
        name: &str,
        title: &str,
    ) -> Result<Option<Cow<'a, str>>, ErrorObject> {
        self.raw(name).map(|_| self.hex(name, title)).transpose()
    }

    /// An id, made by `new`.
    pub(crate) fn id<T>(
        &self,
        name: &str,
        title: &str,
        new: impl FnOnce(String) -> Result<T, NotHex>,
    ) -> Result<T, ErrorObject> {
        let text = self.text(name, title)?;
        new(text.into_owned()).map_err(|NotHex| bad_format(title))
    }

    /// An integer of at most 64 bits.
    pub(crate) fn integer(&self, name: &str, title: &str) -> Result<i64, ErrorObject> {
        self.raw(name)
            .and_then(json::integer)
            .ok_or_else(|| bad_format(title))
    }
}

/// A parameter fault with this text.
pub(crate) fn fault(text: impl Into<Cow<'static, str>>) -> ErrorObject {
    ErrorObject::for_client(Reason::RequestMember).saying(text)
}

/// Avalon's "Invalid data format for …".
pub(crate) fn bad_format(title: &str) -> ErrorObject {
    fault(format!("Invalid data format for {title}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_found_by_name() {
        for method in Method::ALL {
            assert_eq!(Method::from_name(method.name()), Some(*method));
        }
        assert_eq!(Method::from_name("EncryptionKeyGet"), None);
    }

    #[test]
    fn get_result_takes_one_hex_id() {
        let parse = |text| GetResult::parse(&Members::parse(text).unwrap());
        assert!(parse(r#"{"workOrderId":"ab"}"#).is_ok());
        for bad in [
            r#"{"workOrderId":"xy"}"#,
            r#"{"workOrderId":7}"#,
            r#"{"workOrderId":"ab","x":1}"#,
            r#"{"id":"ab"}"#,
        ] {
            assert_eq!(parse(bad).unwrap_err().code, 2, "{bad}");
        }
    }
}
