//! What differs of two images beside their pages: parameters, manifest, workloads, files, signature,
//! provenance, members.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde::Serialize;
use serde_json::Value;

use crate::build::Provenance;
use crate::build::provenance::Package;
use crate::config::Size;
use crate::files::{Files, format};
use crate::image;
use crate::inspect::{Signature, mrsigner};
use crate::reading::{Beside, Reading, Workload};

/// Something that is otherwise in the second image than in the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// What.
    pub what: String,
    /// In the first image; `None` if it's not there.
    pub first: Option<String>,
    /// In the second image; `None` if it's not there.
    pub second: Option<String>,
}

/// What differs of how the two were made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProvenanceDifference {
    /// Which of the two says nothing; nothing can be said then.
    pub missing: Vec<String>,
    /// Compilers, linker, C library and their parts.
    pub toolchain: Vec<Change>,
    /// What the compilers were told; profile and target.
    pub flags: Vec<Change>,
    /// Packages: versions, checksums, features.
    pub packages: Vec<Change>,
    /// Files of the checkout, and their digests.
    pub sources: Vec<Change>,
}

impl ProvenanceDifference {
    /// Whether both say how they were made, and say the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything that stands in both maps with other values, or in one of them.
fn changes<K: Ord + AsRef<str>>(
    first: &BTreeMap<K, String>,
    second: &BTreeMap<K, String>,
) -> Vec<Change> {
    let keys: std::collections::BTreeSet<&K> = first.keys().chain(second.keys()).collect();
    keys.into_iter()
        .map(|key| Change {
            what: key.as_ref().to_owned(),
            first: first.get(key).cloned(),
            second: second.get(key).cloned(),
        })
        .filter(|change| change.first != change.second)
        .collect()
}

/// What ECREATE says, and what `enclave.toml` said, as measured.
pub(super) fn parameters(first: &Reading, second: &Reading) -> Vec<Change> {
    let of = |reading: &Reading| {
        let mut map = BTreeMap::new();
        let created = reading.summary.parameters;
        map.insert("SIZE".to_owned(), format!("0x{:x}", created.size));
        let pages = created.ssa_frame_size.to_string();
        map.insert("SSAFRAMESIZE".to_owned(), pages);
        if let Some(manifest) = &reading.manifest {
            flatten("", &value(&manifest.parameters), &mut map);
            let parameters = &manifest.parameters;
            let sizes = [
                ("heap.size", parameters.heap.size),
                ("threads.stack", parameters.threads.stack),
            ];
            map.extend(sizes.map(|(key, size)| (key.to_owned(), Size(size).to_string())));
        }
        map
    };
    changes(&of(first), &of(second))
}

/// What else the enclave's manifest says.
pub(super) fn manifest(first: &Reading, second: &Reading) -> Vec<Change> {
    let of = |reading: &Reading| {
        let mut map = BTreeMap::new();
        let Some(manifest) = &reading.manifest else {
            return map;
        };
        let mut text = |key: &str, value: String| map.insert(key.to_owned(), value);
        text("name", manifest.name.clone());
        text("entry", format!("0x{:x}", manifest.entry));
        text("version", manifest.version.to_string());
        if let Some(files) = &manifest.files {
            text("files", format!("sha256:{files}"));
        }
        if let Some(table) = &manifest.table {
            text("table of workloads", format!("sha256:{}", table.sha256));
        }
        for area in &manifest.areas {
            let key = format!("area {}", area.kind);
            let value = format!("0x{:x}, {} bytes", area.offset, area.length);
            map.entry(key)
                .and_modify(|all: &mut String| *all = format!("{all}; {value}"))
                .or_insert(value);
        }
        map
    };
    changes(&of(first), &of(second))
}

/// What the programs run for requesters.
pub(super) fn workloads(first: &Reading, second: &Reading) -> Vec<Change> {
    let of = |reading: &Reading| -> BTreeMap<String, String> {
        let workloads = reading.workloads.iter().flatten();
        workloads
            .map(|one: &Workload| (one.id.clone(), one.signature()))
            .collect()
    };
    changes(&of(first), &of(second))
}

/// What the file manifests list. Those of images alone; their digest stands in the pages.
pub(super) fn files(first: &Reading, second: &Reading) -> Vec<Change> {
    let of = |reading: &Reading| {
        let mut map = BTreeMap::new();
        let Ok(Some(files)) = Files::of(reading) else {
            return map;
        };
        for region in files.manifest().regions() {
            let mode = format!("{:?}", region.mode).to_lowercase();
            map.insert(format!("region {}", region.path.as_str()), mode);
        }
        for entry in files.manifest().entries() {
            map.insert(entry.path.as_str().to_owned(), node(&entry.node));
        }
        map
    };
    changes(&of(first), &of(second))
}

fn node(node: &format::Node) -> String {
    match node {
        format::Node::Folder => "folder".to_owned(),
        format::Node::Link(to) => format!("link to {to}"),
        format::Node::File(content) => format!(
            "{}{} bytes, root {}{}",
            if content.executable {
                "executable, "
            } else {
                ""
            },
            content.size,
            &hex::encode(content.stored.0)[..16],
            if content.id.is_some() {
                ", encrypted"
            } else {
                ""
            },
        ),
    }
}

/// What the two SIGSTRUCTs say.
pub(super) fn signature(first: &Reading, second: &Reading) -> Vec<Change> {
    let of = |reading: &Reading| {
        let mut map = BTreeMap::new();
        let sigstruct = reading
            .beside
            .as_ref()
            .and_then(|one| one.sigstruct.as_ref());
        let Some(sigstruct) = sigstruct else {
            return map;
        };
        let body = sigstruct.body();
        let mut text = |key: &str, value: String| map.insert(key.to_owned(), value);
        text("signer", mrsigner(sigstruct).to_string());
        text("DATE", body.date.to_string());
        text("ISVPRODID", body.product_id.to_string());
        text("ISVSVN", body.security_version.to_string());
        text("VENDOR", format!("0x{:x}", body.vendor));
        text("SWDEFINED", format!("0x{:x}", body.software_defined));
        text("ATTRIBUTES", attributes(body.attributes));
        text("ATTRIBUTEMASK", attributes(body.attributes_mask));
        text("MISCSELECT", format!("0x{:x}", body.miscselect.0));
        text("MISCMASK", format!("0x{:x}", body.miscselect_mask.0));
        text("CET_ATTRIBUTES", format!("0x{:x}", body.cet_attributes));
        text("ISVFAMILYID", hex::encode(body.family_id));
        text("ISVEXTPRODID", hex::encode(body.extended_product_id));
        let holds = Signature::of(sigstruct, reading).faults;
        text(
            "validity",
            if holds.is_empty() {
                "holds".to_owned()
            } else {
                holds.join(", ")
            },
        );
        map
    };
    let (one, other) = (of(first), of(second));
    if one.is_empty() != other.is_empty() {
        return vec![Change {
            what: "signature".to_owned(),
            first: one.get("signer").cloned(),
            second: other.get("signer").cloned(),
        }];
    }
    changes(&one, &other)
}

fn attributes(attributes: sgx::Attributes) -> String {
    let debug = if attributes.is_debug() {
        " (DEBUG)"
    } else {
        ""
    };
    format!(
        "FLAGS 0x{:x}{debug}, XFRM 0x{:x}",
        attributes.flags, attributes.xfrm
    )
}

/// What the two say of how they were made.
pub(super) fn provenance(first: &Reading, second: &Reading) -> ProvenanceDifference {
    let of = |reading: &'_ Reading| {
        let beside = reading.beside.as_ref();
        beside.and_then(|beside| beside.provenance.clone())
    };
    let (Some(one), Some(other)) = (of(first), of(second)) else {
        let sides = [("the first", first), ("the second", second)];
        let silent = sides
            .into_iter()
            .filter(|(_, reading)| of(reading).is_none());
        return ProvenanceDifference {
            missing: silent.map(|(word, _)| word.to_owned()).collect(),
            ..ProvenanceDifference::default()
        };
    };
    ProvenanceDifference {
        missing: Vec::new(),
        toolchain: toolchain(&one, &other),
        flags: changes(&flags(&one), &flags(&other)),
        packages: packages(&one.packages, &other.packages),
        sources: changes(&one.sources.files, &other.sources.files),
    }
}

fn toolchain(one: &Provenance, other: &Provenance) -> Vec<Change> {
    let differences = one.toolchain.differences(&other.toolchain);
    let changes = differences.into_iter().map(|(what, here, there)| Change {
        what,
        first: Some(here),
        second: Some(there),
    });
    changes.collect()
}

/// Each flag is there or not; the rest has values.
fn flags(provenance: &Provenance) -> BTreeMap<String, String> {
    let program = &provenance.program;
    let named = [
        ("package", &program.package),
        ("profile", &program.profile),
        ("target", &program.target),
    ];
    let named = named.map(|(key, value)| (key.to_owned(), value.clone()));
    let flags = provenance.flags.iter();
    let flags = flags.map(|flag| (flag.clone(), "given".to_owned()));
    named.into_iter().chain(flags).collect()
}

/// By name: several versions of one package may be there.
fn packages(first: &[Package], second: &[Package]) -> Vec<Change> {
    let of = |packages: &[Package]| {
        let mut map: BTreeMap<String, String> = BTreeMap::new();
        for package in packages {
            let checksum = package.checksum.as_deref().unwrap_or("own");
            let features = package.features.join(",");
            let linked = if package.linked { "" } else { " (build time)" };
            let text = format!("{} {checksum} [{features}]{linked}", package.version);
            map.entry(package.name.clone())
                .and_modify(|all| *all = format!("{all}; {text}"))
                .or_insert(text);
        }
        map
    };
    let mut changes = changes(&of(first), &of(second));
    for change in &mut changes {
        shorten(change);
    }
    changes
}

/// Leaves out of checksums and features what both sides have: `1.2.3 <64 digits> [a,b]`.
fn shorten(change: &mut Change) {
    let part = |text: &Option<String>, number: usize| -> Option<String> {
        text.as_ref()?.split(' ').nth(number).map(str::to_owned)
    };
    let versions = (part(&change.first, 0), part(&change.second, 0));
    let several = [&change.first, &change.second]
        .into_iter()
        .flatten()
        .any(|text| text.contains(';'));
    if several {
        return;
    }
    if versions.0 != versions.1 {
        (change.first, change.second) = versions;
    } else if part(&change.first, 1) != part(&change.second, 1) {
        change.first = part(&change.first, 1).map(|sum| format!("checksum {sum}"));
        change.second = part(&change.second, 1).map(|sum| format!("checksum {sum}"));
    } else {
        let rest = |text: &Option<String>| -> Option<String> {
            text.as_ref()?
                .splitn(3, ' ')
                .nth(2)
                .map(|rest| format!("features {rest}"))
        };
        (change.first, change.second) = (rest(&change.first), rest(&change.second));
    }
}

/// Members of the images that nothing else here speaks of, and whose bytes differ. They are not
/// measured.
pub(super) fn members(
    first: &Reading,
    second: &Reading,
    (program_differs, provenance_differs): (bool, bool),
    files: &[Change],
) -> Result<Vec<Change>, image::Error> {
    let (Some(one), Some(other)) = (&first.beside, &second.beside) else {
        return Ok(Vec::new());
    };
    let mut names: Vec<&str> = one.image.members().map(|(name, _)| name).collect();
    names.extend(other.image.members().map(|(name, _)| name));
    names.sort_unstable();
    names.dedup();
    let mut found = Vec::new();
    for name in names {
        let told = [image::stream(&one.program), image::signature(&one.program)];
        let is_program = [&one.program, &other.program]
            .into_iter()
            .any(|one| one == name);
        let follows = program_differs && (is_program || name == image::SYMBOLS)
            || provenance_differs && name == image::PROVENANCE;
        let path = name.strip_prefix(image::FILES);
        let is_listed = path.is_some_and(|path| files.iter().any(|change| change.what == path));
        let is_told = told.iter().any(|member| member == name) || name == image::MANIFEST;
        if is_told || is_listed || follows {
            continue;
        }
        let sizes = [one, other].map(|side| side.image.member(name).map(|member| member.size()));
        if sizes[0] == sizes[1] && equal(one, other, name)? {
            continue;
        }
        let [first, mut second] = sizes.map(|size| size.map(|size| format!("{size} bytes")));
        if first == second {
            second = second.map(|size| format!("{size}, other ones"));
        }
        found.push(Change {
            what: name.to_owned(),
            first,
            second,
        });
    }
    Ok(found)
}

/// Compares a member of both, of one size.
fn equal(one: &Beside, other: &Beside, name: &str) -> Result<bool, image::Error> {
    const BLOCK: usize = 64 << 10;
    let (mut left, mut right) = (one.image.reader(name)?, other.image.reader(name)?);
    let (mut a, mut b) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut rest = left.len();
    while rest > 0 {
        let length = rest.min(BLOCK as u64) as usize;
        let cannot = |side: &Beside| {
            let path = side.image.path().join(name);
            move |source| image::Error::Io {
                action: "read",
                path,
                source,
            }
        };
        left.read_exact(&mut a[..length]).map_err(cannot(one))?;
        right.read_exact(&mut b[..length]).map_err(cannot(other))?;
        if a[..length] != b[..length] {
            return Ok(false);
        }
        rest -= length as u64;
    }
    Ok(true)
}

/// Keys with dots, and values as text.
fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let key = |name: &str| {
        if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}.{name}")
        }
    };
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                flatten(&key(name), value, into);
            }
        }
        Value::String(text) => {
            into.insert(prefix.to_owned(), text.clone());
        }
        Value::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|item| {
                    item.as_str()
                        .map_or_else(|| item.to_string(), str::to_owned)
                })
                .collect();
            into.insert(prefix.to_owned(), items.join(" "));
        }
        other => {
            into.insert(prefix.to_owned(), other.to_string());
        }
    }
}

fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}
