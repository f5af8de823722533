//! The JSON form of TCB info.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use serde::Deserialize;
use sgx::quote::Tee;

use super::{Error, Module, ModuleVersion, PlatformLevel, TcbInfo};
use crate::document::{Isvsvn, LevelMembers};
use crate::json::{Date, Hex, Object};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Document {
    id: String,
    version: u32,
    issue_date: Date,
    next_update: Date,
    fmspc: Hex<6>,
    pce_id: Hex<2>,
    tcb_type: u32,
    tcb_evaluation_data_number: u32,
    tdx_module: Option<Object<ModuleMembers>>,
    tdx_module_identities: Option<Vec<Object<IdentityMembers>>>,
    tcb_levels: Vec<Object<LevelMembers<Svns>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ModuleMembers {
    mrsigner: Hex<48>,
    attributes: Hex<8>,
    attributes_mask: Hex<8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct IdentityMembers {
    id: String,
    mrsigner: Hex<48>,
    attributes: Hex<8>,
    attributes_mask: Hex<8>,
    tcb_levels: Vec<Object<LevelMembers<Isvsvn<u8>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Svns {
    sgxtcbcomponents: [Object<Component>; 16],
    pcesvn: u16,
    tdxtcbcomponents: Option<[Object<Component>; 16]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Component {
    svn: u8,
    /// Words for people; no rule looks at them.
    #[serde(rename = "category", default)]
    _category: Option<String>,
    #[serde(rename = "type", default)]
    _type: Option<String>,
}

impl TryFrom<Document> for TcbInfo {
    type Error = Error;

    fn try_from(document: Document) -> Result<Self, Error> {
        if (document.version, document.tcb_type) != (3, 0) {
            return Err(Error::Version {
                version: document.version,
                tcb_type: document.tcb_type,
            });
        }
        let tee = match document.id.as_str() {
            "SGX" => Tee::Sgx,
            "TDX" => Tee::Tdx,
            _ => {
                return Err(Error::Form("`id` is neither `SGX` nor `TDX`".into()));
            }
        };
        let wrong = |what| Error::Members { tee, what };
        if document.tdx_module.is_some() != (tee == Tee::Tdx) {
            return Err(wrong(
                "`tdxModule` has to be there for TDX, and for TDX only",
            ));
        }
        if document.tdx_module_identities.is_some() && tee == Tee::Sgx {
            return Err(wrong("`tdxModuleIdentities` is for TDX only"));
        }
        if document.issue_date.0 > document.next_update.0 {
            return Err(wrong("`nextUpdate` is before `issueDate`"));
        }
        Ok(Self {
            tee,
            issued: document.issue_date.0,
            next_update: document.next_update.0,
            fmspc: document.fmspc.0,
            pce_id: document.pce_id.0,
            evaluation: document.tcb_evaluation_data_number,
            module: document.tdx_module.map(|Object(module)| module.into()),
            modules: modules(document.tdx_module_identities.unwrap_or_default()).map_err(wrong)?,
            levels: levels(tee, document.tcb_levels).map_err(wrong)?,
        })
    }
}

/// The levels of a document in the order in which they are tried, which is not the document's: by
/// the SGX components, then PCESVN, then the TDX components, the highest first.
fn levels(
    tee: Tee,
    members: Vec<Object<LevelMembers<Svns>>>,
) -> Result<Vec<PlatformLevel>, &'static str> {
    let svns = |components: [Object<Component>; 16]| components.map(|component| component.0.svn);
    let mut levels = members
        .into_iter()
        .map(|Object(members)| {
            let (tcb, level) = members.into_parts();
            if tcb.tdxtcbcomponents.is_some() != (tee == Tee::Tdx) {
                return Err(
                    "`tdxtcbcomponents` has to be in every level for TDX, and for TDX only",
                );
            }
            Ok(PlatformLevel {
                components: svns(tcb.sgxtcbcomponents),
                pcesvn: tcb.pcesvn,
                tdx: tcb.tdxtcbcomponents.map(svns).unwrap_or_default(),
                level,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    levels.sort_by_key(|level| Reverse((level.components, level.pcesvn, level.tdx)));
    Ok(levels)
}

fn modules(members: Vec<Object<IdentityMembers>>) -> Result<Vec<ModuleVersion>, &'static str> {
    let mut modules: Vec<ModuleVersion> = Vec::with_capacity(members.len());
    for Object(members) in members {
        let version = module_version(&members.id)
            .ok_or("the `id` of a module is not `TDX_` and two hex digits")?;
        if version == 0 || modules.iter().any(|other| other.version == version) {
            return Err("a module's `id` stands twice, or is that of no version");
        }
        modules.push(ModuleVersion {
            version,
            module: Module {
                mrsigner: members.mrsigner.0,
                attributes: u64::from_le_bytes(members.attributes.0),
                attributes_mask: u64::from_le_bytes(members.attributes_mask.0),
            },
            levels: members.tcb_levels.into(),
        });
    }
    Ok(modules)
}

/// The version in a module's `id`, as in `TDX_03`.
fn module_version(id: &str) -> Option<u8> {
    let mut version = [0];
    hex::decode_to_slice(id.strip_prefix("TDX_")?, &mut version).ok()?;
    Some(version[0])
}

impl From<ModuleMembers> for Module {
    fn from(members: ModuleMembers) -> Self {
        Self {
            mrsigner: members.mrsigner.0,
            attributes: u64::from_le_bytes(members.attributes.0),
            attributes_mask: u64::from_le_bytes(members.attributes_mask.0),
        }
    }
}
