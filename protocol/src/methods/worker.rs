//! The worker registry's methods (wire facts, 3.5 to 3.7 and 3.10).

use super::{Reader, fault};
use crate::envelope::ErrorObject;
use crate::ids::{HexText, NotHex, WorkerId};
use crate::json::{self, Members, Shape};
use crate::record::{Status, WorkerRecord};

/// Parameters of `WorkerRetrieve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retrieve {
    /// The worker.
    pub worker_id: WorkerId,
}

impl Retrieve {
    /// Checks the parameters.
    pub fn parse(params: &Members<'_>) -> Result<Self, ErrorObject> {
        let reader = Reader::new(params, &["workerId"], &[])?;
        Ok(Self {
            worker_id: reader.id("workerId", "Worker id", WorkerId::new)?,
        })
    }
}

/// Parameters of `WorkerLookUp` and `WorkerLookUpNext`: what a record must equal, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookUp {
    /// 1 TEE-SGX, 2 MPC, 3 ZK.
    pub worker_type: Option<i64>,
    /// Hex text.
    pub organization_id: Option<HexText>,
    /// Hex text.
    pub application_type_id: Option<HexText>,
    /// Only entries after this id; "next" alone has it.
    pub after: Option<WorkerId>,
}

const CRITERIA: [&str; 3] = ["workerType", "organizationId", "applicationTypeId"];

impl LookUp {
    /// Checks the parameters of `WorkerLookUp`.
    pub fn parse(params: &Members<'_>) -> Result<Self, ErrorObject> {
        Self::read(params, &CRITERIA)
    }

    /// Checks the parameters of `WorkerLookUpNext`. Avalon's schema and its handler disagree on
    /// the tag's spelling; both are taken.
    pub fn parse_next(params: &Members<'_>) -> Result<Self, ErrorObject> {
        let mut known = CRITERIA.to_vec();
        known.extend(["lookUpTag", "lookupTag"]);
        let mut lookup = Self::read(params, &known)?;
        let reader = Reader::new(params, &[], &known)?;
        let name = if params.get("lookUpTag").is_some() {
            "lookUpTag"
        } else {
            "lookupTag"
        };
        if params.get(name).is_none() {
            return Err(fault("'lookUpTag' is a required property"));
        }
        lookup.after = Some(reader.id(name, "look up tag", WorkerId::new)?);
        Ok(lookup)
    }

    fn read(params: &Members<'_>, known: &[&str]) -> Result<Self, ErrorObject> {
        let reader = Reader::new(params, &[], known)?;
        let hex = |name, title| -> Result<Option<HexText>, ErrorObject> {
            let text = reader.optional_hex(name, title)?;
            Ok(text.and_then(|t| HexText::new(t.into_owned()).ok()))
        };
        let worker_type = params.get("workerType").map(worker_type).transpose()?;
        Ok(Self {
            worker_type,
            organization_id: hex("organizationId", "organization id")?,
            application_type_id: hex("applicationTypeId", "application type id")?,
            after: None,
        })
    }

    /// Whether a record meets all criteria given.
    pub fn matches(&self, record: &WorkerRecord) -> bool {
        let same = |wanted: &Option<HexText>, found: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.as_str() == found)
        };
        self.worker_type
            .is_none_or(|wanted| wanted == record.worker_type)
            && same(&self.organization_id, &record.organization_id)
            && same(&self.application_type_id, &record.application_type_id)
    }
}

fn worker_type(value: &serde_json::value::RawValue) -> Result<i64, ErrorObject> {
    json::integer(value)
        .filter(|n| (1..=3).contains(n))
        .ok_or_else(|| fault("WorkType should be an Integer of range 1-3"))
}

/// Parameters of `WorkerRegister` (operators).
#[derive(Clone, Debug)]
pub struct Register {
    /// The worker.
    pub worker_id: WorkerId,
    /// Its record, active.
    pub record: WorkerRecord,
}

impl Register {
    /// Checks the parameters.
    pub fn parse(params: &Members<'_>) -> Result<Self, ErrorObject> {
        let names = [
            "workerId",
            "workerType",
            "organizationId",
            "applicationTypeId",
            "details",
        ];
        let reader = Reader::new(params, &names, &[])?;
        let id = |text: String| -> Result<String, NotHex> { HexText::new(text).map(String::from) };
        let kind = reader
            .raw("workerType")
            .ok_or_else(|| fault("'workerType'"))?;
        Ok(Self {
            worker_id: reader.id("workerId", "Worker id", WorkerId::new)?,
            record: WorkerRecord {
                worker_type: worker_type(kind)?,
                organization_id: reader.id("organizationId", "organization id", id)?,
                application_type_id: reader.id("applicationTypeId", "application type id", id)?,
                details: details(&reader)?,
                status: Status::Active,
            },
        })
    }
}

/// Parameters of `WorkerUpdate` (operators).
#[derive(Clone, Debug)]
pub struct Update {
    /// The worker.
    pub worker_id: WorkerId,
    /// Its new details, in full.
    pub details: serde_json::Value,
}

impl Update {
    /// Checks the parameters.
    pub fn parse(params: &Members<'_>) -> Result<Self, ErrorObject> {
        let names = ["workerId", "details"];
        let reader = Reader::new(params, &names, &[])?;
        Ok(Self {
            worker_id: reader.id("workerId", "Worker id", WorkerId::new)?,
            details: details(&reader)?,
        })
    }
}

/// Parameters of `WorkerSetStatus` (operators).
#[derive(Clone, Debug)]
pub struct SetStatus {
    /// The worker.
    pub worker_id: WorkerId,
    /// Its new status.
    pub status: Status,
}

impl SetStatus {
    /// Checks the parameters.
    pub fn parse(params: &Members<'_>) -> Result<Self, ErrorObject> {
        let names = ["workerId", "status"];
        let reader = Reader::new(params, &names, &[])?;
        let status = Status::from_code(reader.integer("status", "status")?)
            .ok_or_else(|| fault("Status should be an Integer of range 1-4"))?;
        Ok(Self {
            worker_id: reader.id("workerId", "Worker id", WorkerId::new)?,
            status,
        })
    }
}

/// `details` must be an object that names keys which can be used.
fn details(reader: &Reader<'_, '_>) -> Result<serde_json::Value, ErrorObject> {
    let value = reader
        .raw("details")
        .filter(|value| json::shape(value) == Shape::Object)
        .and_then(json::read::<serde_json::Value>)
        .ok_or_else(|| super::bad_format("details"))?;
    crate::record::WorkerKeys::from_details(&value)
        .map_err(|fault| self::fault(fault.to_string()))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_up(text: &str) -> Result<LookUp, String> {
        LookUp::parse(&Members::parse(text).unwrap()).map_err(|e| e.message.into_owned())
    }

    #[test]
    fn criteria() {
        assert_eq!(look_up(r#"{"workerType":1}"#).unwrap().worker_type, Some(1));
        for bad in [
            r#"{"workerType":4}"#,
            r#"{"workerType":"1"}"#,
            r#"{"workerType":1.0}"#,
        ] {
            assert_eq!(
                look_up(bad).unwrap_err(),
                "WorkType should be an Integer of range 1-3"
            );
        }
        assert!(look_up(r#"{"organizationId":"x"}"#).is_err());
        assert!(look_up(r#"{"lookUpTag":"ab"}"#).is_err());
    }

    #[test]
    fn next_takes_both_spellings() {
        for name in ["lookUpTag", "lookupTag"] {
            let text = format!(r#"{{"workerType":1,"{name}":"ab"}}"#);
            let next = LookUp::parse_next(&Members::parse(&text).unwrap()).unwrap();
            assert_eq!(next.after.unwrap().as_str(), "ab");
        }
        let text = r#"{"workerType":1}"#;
        assert!(LookUp::parse_next(&Members::parse(text).unwrap()).is_err());
    }

    #[test]
    fn plain_names_are_no_worker_ids() {
        let text = r#"{"workerId":"graphene-worker-1"}"#;
        let error = Retrieve::parse(&Members::parse(text).unwrap()).unwrap_err();
        assert_eq!(error.message, "Invalid data format for Worker id");
    }
}
