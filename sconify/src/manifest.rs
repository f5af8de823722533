//! The enclave's manifest: a measured page, or some, that say what the enclave was made with. So what
//! a runtime believes about its heap, its threads and its files is measured too.
//!
//! The page begins with [`MAGIC`], then the length of the text (u32, little-endian), then the text: JSON
//! without blanks, its keys in the order of the alphabet. Zeros follow up to the page's end.

use serde::{Deserialize, Serialize};
use sgx::PAGE_SIZE;

use crate::config::{self, AttributesConfig, Config, Heap, Size, Ssa, Threads};

/// How the first page begins.
pub const MAGIC: &[u8; 16] = b"SCONCE-MANIFEST\0";

/// The version of the text that this crate writes and reads.
pub const VERSION: u32 = 1;

/// Bytes before the text.
const HEADER: usize = MAGIC.len() + size_of::<u32>();

/// Bytes that a text may have: several times as many as the largest enclave's.
const MAX_TEXT: usize = 256 << 10;

/// What the text says. Its fields, and those within it, stand in the order of the alphabet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What stands where, in ascending order.
    pub areas: Vec<AreaRecord>,
    /// Where every thread begins to run.
    pub entry: u64,
    /// The digest of the files' manifest, 64 hex digits, if the image has files.
    pub files: Option<String>,
    /// The name of the program.
    pub name: String,
    /// What `enclave.toml` says.
    pub parameters: Parameters,
    /// Where the table of workloads stands, if the program has one.
    pub table: Option<Table>,
    /// [`VERSION`].
    pub version: u32,
}

/// A range of the enclave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaRecord {
    /// How many of them follow each other.
    pub count: u32,
    /// `program`, `manifest`, `heap` or `thread`.
    pub kind: String,
    /// Bytes of each.
    pub length: u64,
    /// Where the first begins, from the enclave's base.
    pub offset: u64,
}

/// What `enclave.toml` says; sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// `attributes`.
    pub attributes: AttributesConfig,
    /// `heap`.
    pub heap: HeapRecord,
    /// `product_id`.
    pub product_id: u16,
    /// `security_version`.
    pub security_version: u16,
    /// `ssa`.
    pub ssa: Ssa,
    /// `threads`.
    pub threads: ThreadsRecord,
}

/// `heap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeapRecord {
    /// Whether its zeros are measured.
    pub measured: bool,
    /// Bytes.
    pub size: u64,
}

/// `threads`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThreadsRecord {
    /// How many.
    pub count: u16,
    /// Bytes of the stack of each.
    pub stack: u64,
}

/// Where the table of workloads stands in the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Bytes.
    pub length: u64,
    /// From the enclave's base.
    pub offset: u64,
    /// SHA-256 of its bytes, 64 hex digits.
    pub sha256: String,
}

/// Pages that are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the enclave's manifest can't be read: {0}")]
pub struct Error(String);

impl Manifest {
    /// The bytes of the pages, zeros included.
    #[must_use]
    pub fn to_pages(&self) -> Vec<u8> {
        #[expect(
            clippy::expect_used,
            reason = "numbers, texts and lists always serialise"
        )]
        let text = serde_json::to_vec(self).expect("numbers, texts and lists serialise");
        let mut pages = Vec::with_capacity((HEADER + text.len()).next_multiple_of(PAGE_SIZE));
        pages.extend_from_slice(MAGIC);
        pages.extend_from_slice(&(text.len() as u32).to_le_bytes());
        pages.extend_from_slice(&text);
        pages.resize(pages.len().next_multiple_of(PAGE_SIZE), 0);
        pages
    }

    /// How many bytes of pages there are, by the first of them.
    ///
    /// # Errors
    ///
    /// If it does not begin as a manifest does.
    pub fn pages_length(first_page: &[u8; PAGE_SIZE]) -> Result<usize, Error> {
        text_length(first_page).map(|length| (HEADER + length).next_multiple_of(PAGE_SIZE))
    }

    /// Reads pages. Nothing but what [`Manifest::to_pages`] writes is taken.
    ///
    /// # Errors
    ///
    /// If they're anything else.
    pub fn parse(pages: &[u8]) -> Result<Self, Error> {
        let length = text_length(pages)?;
        let text = pages
            .get(HEADER..HEADER + length)
            .ok_or_else(|| Error("it ends within its text".to_owned()))?;
        let manifest: Self =
            serde_json::from_slice(text).map_err(|error| Error(error.to_string()))?;
        if manifest.version != VERSION {
            let version = manifest.version;
            return Err(Error(format!(
                "it is of version {version}, and this sconify reads {VERSION}"
            )));
        }
        if manifest.to_pages() != pages {
            return Err(Error("it is not in its canonical form".to_owned()));
        }
        Ok(manifest)
    }
}

impl Manifest {
    /// The `enclave.toml` that says the same.
    ///
    /// # Errors
    ///
    /// Where it says what no `enclave.toml` may say.
    pub fn config(&self) -> Result<Config, config::Error> {
        let Parameters {
            attributes,
            heap,
            product_id,
            security_version,
            ssa,
            threads,
        } = self.parameters.clone();
        let config = Config {
            attributes,
            heap: Heap {
                measured: heap.measured,
                size: Size(heap.size),
            },
            name: self.name.clone(),
            product_id,
            security_version,
            ssa,
            threads: Threads {
                count: threads.count,
                stack: Size(threads.stack),
            },
        };
        config.check()?;
        Ok(config)
    }
}

impl Parameters {
    /// What the file says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            attributes: config.attributes.clone(),
            heap: HeapRecord {
                measured: config.heap.measured,
                size: config.heap.size.0,
            },
            product_id: config.product_id,
            security_version: config.security_version,
            ssa: config.ssa,
            threads: ThreadsRecord {
                count: config.threads.count,
                stack: config.threads.stack.0,
            },
        }
    }
}

fn text_length(pages: &[u8]) -> Result<usize, Error> {
    let header = pages
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.first_chunk::<4>())
        .ok_or_else(|| Error("it does not begin with SCONCE-MANIFEST".to_owned()))?;
    let length = u32::from_le_bytes(*header) as usize;
    if length > MAX_TEXT {
        return Err(Error(format!("its text has more than {MAX_TEXT} bytes")));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(areas: usize) -> Manifest {
        let area = |number: usize| AreaRecord {
            count: 1,
            kind: "program".to_owned(),
            length: 0x1000,
            offset: number as u64 * 0x1000,
        };
        Manifest {
            areas: (0..areas).map(area).collect(),
            entry: 0x1234,
            files: Some("ab".repeat(32)),
            name: "worker".to_owned(),
            parameters: Parameters {
                attributes: AttributesConfig::default(),
                heap: HeapRecord {
                    measured: false,
                    size: 1 << 20,
                },
                product_id: 1,
                security_version: 2,
                ssa: Ssa::default(),
                threads: ThreadsRecord {
                    count: 3,
                    stack: 1 << 16,
                },
            },
            table: None,
            version: VERSION,
        }
    }

    #[test]
    fn pages_are_read_as_they_are_written() {
        for areas in [0, 1, 100] {
            let pages = sample(areas).to_pages();
            assert_eq!(Manifest::parse(&pages), Ok(sample(areas)));
            let first = pages.first_chunk().unwrap();
            assert_eq!(Manifest::pages_length(first), Ok(pages.len()));
        }
    }

    #[test]
    fn the_text_is_the_documented_one() {
        let text = serde_json::to_string(&sample(1)).unwrap();
        insta::assert_snapshot!(text);
    }

    /// Independent of the order in which the structures happen to have their fields.
    #[test]
    fn all_keys_are_in_the_order_of_the_alphabet() {
        fn check(value: &serde_json::Value) -> String {
            use serde_json::Value;
            match value {
                Value::Object(members) => {
                    let mut members: Vec<_> = members.iter().collect();
                    members.sort_by_key(|(key, _)| *key);
                    let members = members
                        .iter()
                        .map(|(key, value)| format!("{key:?}:{}", check(value)));
                    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
                }
                Value::Array(items) => {
                    let items: Vec<_> = items.iter().map(check).collect();
                    format!("[{}]", items.join(","))
                }
                other => other.to_string(),
            }
        }
        let text = serde_json::to_string(&sample(2)).unwrap();
        assert_eq!(check(&serde_json::from_str(&text).unwrap()), text);
    }

    #[test]
    fn other_forms_are_refused() {
        let pages = sample(1).to_pages();
        let edit = |from: &str, to: &str| {
            let at = pages
                .windows(from.len())
                .position(|part| part == from.as_bytes());
            let mut pages = pages.clone();
            pages[at.unwrap()..][..to.len()].copy_from_slice(to.as_bytes());
            pages
        };
        let mut longer = pages.clone();
        longer.resize(2 * PAGE_SIZE, 0);
        for (what, pages) in [
            ("no magic", edit("SCONCE", "sconce")),
            ("another version", edit("\"version\":1", "\"version\":2")),
            ("an unknown key", edit("\"entry\"", "\"enter\"")),
            ("a blank", edit(",\"files\"", " \"files\"")),
            ("a page too many", longer),
            ("a page too few", pages[..PAGE_SIZE / 8].to_vec()),
            ("nothing", Vec::new()),
        ] {
            assert!(Manifest::parse(&pages).is_err(), "{what}");
        }
    }

    proptest! {
        #[test]
        fn no_byte_can_change(at in 0..PAGE_SIZE, flip in 1..=255_u8) {
            let mut pages = sample(3).to_pages();
            pages[at] ^= flip;
            // Another text may be read, but never this one.
            prop_assert_ne!(Manifest::parse(&pages), Ok(sample(3)));
        }
    }
}
