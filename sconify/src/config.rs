//! `enclave.toml`: what an enclave is made with, beside its program.
//!
//! ```toml
//! name = "worker"
//! product_id = 1
//! security_version = 1
//!
//! [heap]
//! size = "64 MiB"
//! measured = false
//!
//! [threads]
//! count = 16
//! stack = "2 MiB"
//!
//! [ssa]
//! frames = 2
//! pages = 1
//!
//! [attributes]
//! features = ["avx", "avx512"]
//! ```
//!
//! An unknown key is refused. Everything that the file says is measured: it stands in the enclave's
//! [manifest](crate::manifest).

mod features;
mod size;

use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use sgx::PAGE_SIZE;

use crate::{Exit, Fault};

pub use features::Feature;
pub use session::Place;
pub use size::{NotASize, Size};

/// What `enclave.toml` says. Its fields stand in the order of the alphabet, and so in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the processor is asked for.
    #[serde(default)]
    pub attributes: AttributesConfig,
    /// Memory that the program allocates from.
    pub heap: Heap,
    /// The name of program and image: small letters, digits and dashes.
    #[serde(skip_serializing)]
    pub name: String,
    /// ISVPRODID: which product of its signer this is.
    pub product_id: u16,
    /// ISVSVN: the signer's security version. Greater ones may read what smaller ones have sealed.
    pub security_version: u16,
    /// Where the processor saves a thread's state when it leaves the enclave.
    #[serde(default)]
    pub ssa: Ssa,
    /// How many threads may be inside at once, and what each has.
    pub threads: Threads,
}

/// Memory that the program allocates from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Heap {
    /// Whether its zeros are measured. If not, the host chooses what the pages hold at first, so the
    /// program must not trust them to be zero.
    #[serde(default)]
    pub measured: bool,
    /// A multiple of the page size.
    pub size: Size,
}

/// How many threads may be inside at once, and what each has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Threads {
    /// At least one.
    pub count: u16,
    /// Of each; a multiple of the page size.
    pub stack: Size,
}

/// State save areas of each thread (SDM 3D, 35.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ssa {
    /// NSSA: how many frames. A second one takes what comes while an exception is being handled.
    pub frames: u32,
    /// SSAFRAMESIZE: pages of a frame.
    pub pages: u32,
}

/// What the processor is asked for. These stand in SIGSTRUCT, whose mask makes them binding.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttributesConfig {
    /// MISCSELECT.EXINFO: page faults and general protection faults leave their address in the SSA.
    pub exinfo: bool,
    /// Register files that the program may use beyond those of x87 and SSE.
    pub features: Vec<Feature>,
    /// ATTRIBUTES.KSS: key separation and sharing.
    pub kss: bool,
}

/// Why an `enclave.toml` is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no TOML, or has not the keys that it must have, or a value of another type.
    #[error("{}{message}", place.map_or_else(String::new, |place| format!("{place}: ")))]
    Shape {
        /// Where; none if it's about the whole file.
        place: Option<Place>,
        /// What is wrong there, and what can stand there.
        message: String,
    },
    /// A value can't be used.
    #[error("`{key}` is {found}: {rule}")]
    Value {
        /// As in `heap.size`.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What may.
        rule: String,
    },
    /// Longer than any honest one.
    #[error("the file has more than {MAX_LENGTH} bytes: it is no enclave.toml")]
    Length,
}

/// Bytes that the file may have.
pub const MAX_LENGTH: usize = 64 << 10;

/// What one heap may have. An enclave's size is bounded by [`crate::layout::MAX_SIZE`].
const MAX_HEAP: Size = Size(256 << 30);
const MAX_STACK: Size = Size(1 << 30);
const MAX_THREADS: u16 = 1024;
const MAX_SSA_FRAMES: u32 = 16;
const MAX_SSA_PAGES: u32 = 16;
const MAX_NAME: usize = 64;

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`] if it can't be read, and those of [`Config::parse`].
    pub fn read(path: &Path) -> Result<Self, crate::Error> {
        use io::Read as _;

        let cannot = |source| crate::Error::io("read", path)(source);
        let file = fs::File::open(path).map_err(cannot)?;
        let mut text = String::new();
        file.take(MAX_LENGTH as u64 + 1)
            .read_to_string(&mut text)
            .map_err(cannot)?;
        Self::parse(&text).map_err(crate::Error::of_file(path))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// See [`enum@Error`]: the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error::Length);
        }
        let mut config: Self = toml::from_str(text).map_err(|error| Error::Shape {
            place: error
                .span()
                .filter(|span| span.len() < text.len())
                .map(|span| Place::of(text, span.start)),
            message: one_line(error.message()),
        })?;
        config.attributes.features.sort_unstable();
        config.check()?;
        Ok(config)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        check_name(&self.name)?;
        check_size("heap.size", self.heap.size, MAX_HEAP)?;
        check_size("threads.stack", self.threads.stack, MAX_STACK)?;
        check_range(
            "threads.count",
            self.threads.count.into(),
            MAX_THREADS.into(),
        )?;
        check_range("ssa.frames", self.ssa.frames, MAX_SSA_FRAMES)?;
        check_range("ssa.pages", self.ssa.pages, MAX_SSA_PAGES)?;
        self.attributes.check(self.ssa)
    }
}

impl Default for Ssa {
    fn default() -> Self {
        Self {
            frames: 2,
            pages: 1,
        }
    }
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Shape { .. } | Self::Length => "config.key",
            Self::Value { .. } => "config.value",
        }
    }

    fn exit(&self) -> Exit {
        Exit::Unusable
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(fits)
        && name.len() <= MAX_NAME
    {
        return Ok(());
    }
    let shown: String = name.chars().take(MAX_NAME).collect();
    Err(Error::Value {
        key: "name",
        found: format!("\"{}\"", shown.escape_default()),
        rule: format!(
            "it takes a small letter, then small letters, digits and dashes, {MAX_NAME} in all"
        ),
    })
}

fn check_size(key: &'static str, size: Size, most: Size) -> Result<(), Error> {
    if size.0 > 0 && size <= most && size.0.is_multiple_of(PAGE_SIZE as u64) {
        return Ok(());
    }
    Err(Error::Value {
        key,
        found: size.to_string(),
        rule: format!("it takes a multiple of {PAGE_SIZE} B up to {most}"),
    })
}

fn check_range(key: &'static str, number: u32, most: u32) -> Result<(), Error> {
    if (1..=most).contains(&number) {
        return Ok(());
    }
    Err(Error::Value {
        key,
        found: number.to_string(),
        rule: format!("it takes 1 to {most}"),
    })
}

/// Messages of the TOML reader may have several.
fn one_line(message: &str) -> String {
    message
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str = r#"
name = "worker"
product_id = 1
security_version = 2

[heap]
size = "64 MiB"
measured = true

[threads]
count = 16
stack = "2 MiB"

[ssa]
frames = 2
pages = 1

[attributes]
features = ["avx512", "avx"]
kss = true
exinfo = true
"#;

    fn edited(from: &str, to: &str) -> String {
        assert!(WHOLE.contains(from), "{from}");
        WHOLE.replace(from, to)
    }

    #[test]
    fn a_whole_file_is_read() {
        let config = Config::parse(WHOLE).unwrap();
        assert_eq!((config.product_id, config.security_version), (1, 2));
        assert_eq!(config.heap.size, Size(64 << 20));
        assert!(config.heap.measured);
        assert_eq!(config.threads.count, 16);
        let attributes = config.attributes.attributes();
        assert_eq!((attributes.flags, attributes.xfrm), (0x84, 0xe7));
        assert_eq!(config.attributes.miscselect().0, 1);
    }

    #[test]
    fn what_may_be_left_out_has_a_default() {
        let text = WHOLE.split("[ssa]").next().unwrap();
        let config = Config::parse(text).unwrap();
        assert_eq!(
            config.ssa,
            Ssa {
                frames: 2,
                pages: 1
            }
        );
        let attributes = config.attributes.attributes();
        assert_eq!((attributes.flags, attributes.xfrm), (4, 3));
    }

    #[test]
    fn the_order_of_features_does_not_matter() {
        let other = edited(r#""avx512", "avx""#, r#""avx", "avx512""#);
        assert_eq!(
            Config::parse(&other).unwrap(),
            Config::parse(WHOLE).unwrap()
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_place() {
        for (from, to, code, said) in [
            (
                "count",
                "counts",
                "config.key",
                "line 11, column 1: unknown field `counts`",
            ),
            ("[ssa]", "[sa]", "config.key", "unknown field `sa`"),
            ("count = 16", "", "config.key", "missing field `count`"),
            ("16", "65536", "config.key", "line 11, column 9: "),
            ("16", "-1", "config.key", "line 11"),
            ("true", "1", "config.key", "expected a boolean"),
            ("\"64 MiB\"", "67108864", "config.key", "expected a string"),
            ("64 MiB", "64 MB", "config.key", "`64 MB` is no size"),
            (
                "\"avx512\"",
                "\"sse\"",
                "config.key",
                "unknown variant `sse`",
            ),
            ("[heap]", "[heap", "config.key", "line 6"),
            ("64 MiB", "64 B", "config.value", "`heap.size` is 64 B"),
            ("64 MiB", "0 MiB", "config.value", "`heap.size` is 0 B"),
            ("64 MiB", "16777215 TiB", "config.value", "up to 256 GiB"),
            ("2 MiB", "2 GiB", "config.value", "`threads.stack`"),
            ("16", "0", "config.value", "`threads.count` is 0"),
            ("16", "1025", "config.value", "it takes 1 to 1024"),
            ("frames = 2", "frames = 0", "config.value", "`ssa.frames`"),
            ("pages = 1", "pages = 17", "config.value", "`ssa.pages`"),
            ("\"worker\"", "\"../worker\"", "config.value", "`name`"),
            ("\"worker\"", "\"\"", "config.value", "`name`"),
            ("\"avx\"", "\"avx512\"", "config.value", "each feature once"),
            (", \"avx\"", "", "config.value", "avx512 needs avx"),
            ("\"avx512\"", "\"amx\"", "config.value", "frames of 3 pages"),
        ] {
            let error = Config::parse(&edited(from, to)).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.code(), code, "{text}");
            assert!(text.contains(said), "{from} -> {to}: {text}");
            assert!(!text.contains('\n'), "{text}");
        }
        assert!(
            Config::parse("")
                .unwrap_err()
                .to_string()
                .starts_with("missing")
        );
        let long = Config::parse(&" ".repeat(MAX_LENGTH + 1)).unwrap_err();
        assert!(matches!(long, Error::Length));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_in_one_line(at in 0..WHOLE.len(), with in "\\PC{0,4}", cut in 0..8_usize) {
            let end = (at + cut).min(WHOLE.len());
            let text = format!("{}{with}{}", &WHOLE[..at], &WHOLE[end..]);
            match Config::parse(&text) {
                Ok(config) => prop_assert!(config.check().is_ok()),
                Err(error) => prop_assert_eq!(error.to_string().lines().count(), 1),
            }
        }
    }
}
