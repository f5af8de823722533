//! The tools of a build, and the parts of the C library that end up in its program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde::{Deserialize, Serialize};

use super::error::summary;
use super::{Error, environment, sha256};

/// What enclave programs are compiled for. Named on cargo's command line, so that flags for the
/// program do not reach build scripts and macros, which are linked dynamically.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What of the C library and the C compiler is linked into a static program.
const PARTS: [&str; 8] = [
    "rcrt1.o",
    "crti.o",
    "crtbeginS.o",
    "crtendS.o",
    "crtn.o",
    "libc.a",
    "libgcc.a",
    "libgcc_eh.a",
];

/// What made a program: another toolchain makes another one from the same sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Toolchain {
    /// The compiler's name for itself: version, commit and its date.
    pub rustc: String,
    /// The LLVM inside of it.
    pub llvm: String,
    /// The linker's name for itself, which it leaves in the program.
    pub linker: String,
    /// The C compiler's name for itself.
    pub c_compiler: String,
    /// The assembler that it calls.
    pub assembler: String,
    /// The C library and its version.
    pub libc: String,
    /// SHA-256, in hex, of each part of the C library and compiler that is linked in.
    pub parts: BTreeMap<String, String>,
}

impl Toolchain {
    /// In what this differs from `other`, in words: what, here, there.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        let named = [
            ("rustc", &self.rustc, &other.rustc),
            ("LLVM", &self.llvm, &other.llvm),
            ("linker", &self.linker, &other.linker),
            ("C compiler", &self.c_compiler, &other.c_compiler),
            ("assembler", &self.assembler, &other.assembler),
            ("C library", &self.libc, &other.libc),
        ];
        let named = named
            .into_iter()
            .map(|(what, here, there)| (what.to_owned(), here.clone(), there.clone()));
        let none = || "none".to_owned();
        let mut parts: Vec<_> = self.parts.keys().chain(other.parts.keys()).collect();
        parts.sort_unstable();
        parts.dedup();
        let parts = parts.into_iter().map(|part| {
            let digest = |side: &Self| side.parts.get(part).cloned().unwrap_or_else(none);
            (part.clone(), digest(self), digest(other))
        });
        named
            .chain(parts)
            .filter(|(_, here, there)| here != there)
            .collect()
    }
}

/// The tools, found.
pub(super) struct Tools {
    pub(super) cargo: PathBuf,
    pub(super) rustc: PathBuf,
    /// The folder of the Rust toolchain.
    pub(super) sysroot: PathBuf,
    /// The commit of which the compiler was built, if it says so.
    pub(super) commit: Option<String>,
    /// What they say of themselves; the linker speaks up in the program only.
    pub(super) said: Toolchain,
}

impl Tools {
    /// The tools that `checkout` asks for (`rust-toolchain.toml`, where rustup reads it), and the C
    /// compiler on the search path.
    pub(super) fn find(checkout: &Path) -> Result<Self, Error> {
        thread::scope(|scope| {
            let c = scope.spawn(CTools::find);
            let rust = RustTools::find(checkout);
            #[expect(clippy::expect_used, reason = "a panic there would be one here")]
            let c = c.join().expect("the thread does not panic")?;
            let rust = rust?;
            Ok(Self {
                cargo: rust.cargo,
                rustc: rust.rustc,
                sysroot: rust.sysroot,
                commit: rust.commit,
                said: Toolchain {
                    rustc: rust.version,
                    llvm: rust.llvm,
                    linker: String::new(),
                    c_compiler: c.version,
                    assembler: c.assembler,
                    libc: c.libc,
                    parts: c.parts,
                },
            })
        })
    }
}

struct RustTools {
    cargo: PathBuf,
    rustc: PathBuf,
    sysroot: PathBuf,
    version: String,
    llvm: String,
    commit: Option<String>,
}

impl RustTools {
    fn find(checkout: &Path) -> Result<Self, Error> {
        let mut rustc = Command::new("rustc");
        environment::of_user(&mut rustc);
        let sysroot = ask(rustc
            .env_remove("RUSTUP_TOOLCHAIN")
            .current_dir(checkout)
            .args(["--print", "sysroot"]))?;
        let sysroot = PathBuf::from(sysroot);
        // Rustup's are found past rustup; a distribution's stand on the search path.
        let own = |name: &str| {
            let path = sysroot.join("bin").join(name);
            let path = if path.is_file() { path } else { name.into() };
            environment::find_tool(&path)
        };
        let (cargo, rustc) = (own("cargo")?, own("rustc")?);
        let said = ask(clean(&rustc).arg("-vV"))?;
        let line = |name: &str| {
            let mut lines = said.lines();
            lines
                .find_map(|line| line.strip_prefix(name))
                .map(str::to_owned)
        };
        let first = said.lines().next().unwrap_or_default();
        Ok(Self {
            cargo,
            rustc,
            sysroot,
            version: first.strip_prefix("rustc ").unwrap_or(first).to_owned(),
            llvm: line("LLVM version: ").unwrap_or_default(),
            commit: line("commit-hash: ").filter(|commit| commit != "unknown"),
        })
    }
}

struct CTools {
    version: String,
    assembler: String,
    libc: String,
    parts: BTreeMap<String, String>,
}

impl CTools {
    fn find() -> Result<Self, Error> {
        let cc = environment::find_tool(Path::new("cc"))?;
        let version = first_line(ask(clean(&cc).arg("--version"))?);
        let assembler = ask(clean(&cc).arg("-print-prog-name=as"))?;
        let assembler = environment::find_tool(Path::new(&assembler))?;
        let assembler = first_line(ask(clean(&assembler).arg("--version"))?);
        let libc = libc(&cc)?;
        let mut parts = BTreeMap::new();
        for part in PARTS {
            let path = ask(clean(&cc).arg(format!("-print-file-name={part}")))?;
            // Where there is none the compiler repeats the name.
            let bytes = match fs::read(&path) {
                Ok(bytes) if path != part => bytes,
                _ => return Err(Error::NoPart { part }),
            };
            parts.insert(part.to_owned(), sha256(&bytes));
        }
        Ok(Self {
            version,
            assembler,
            libc,
            parts,
        })
    }
}

/// What its headers say of the C library's version.
fn libc(cc: &Path) -> Result<String, Error> {
    let defined = ask(clean(cc).args([
        "-E",
        "-dM",
        "-include",
        "features.h",
        "-x",
        "c",
        "/dev/null",
    ]))?;
    let value = |name: &str| {
        let mut lines = defined.lines();
        lines.find_map(|line| {
            line.strip_prefix("#define ")?
                .strip_prefix(name)?
                .strip_prefix(' ')
        })
    };
    Ok(match (value("__GLIBC__"), value("__GLIBC_MINOR__")) {
        (Some(major), Some(minor)) => format!("glibc {major}.{minor}"),
        _ => "unknown".to_owned(),
    })
}

fn first_line(text: String) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// A tool that hears nothing from the caller but where to find its own parts.
fn clean(tool: &Path) -> Command {
    let mut command = Command::new(tool);
    environment::clean(&mut command);
    command
}

/// What a tool prints, without the last line's end.
pub(super) fn ask(command: &mut Command) -> Result<String, Error> {
    let tool = PathBuf::from(command.get_program());
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Tool {
            tool: tool.clone(),
            source,
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::ToolFailed {
            tool,
            said: summary(&said).to_owned(),
        });
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolchain() -> Toolchain {
        Toolchain {
            rustc: "1.95.0".to_owned(),
            llvm: "22.1.2".to_owned(),
            linker: "LLD 22.1.2".to_owned(),
            c_compiler: "cc 12.2.0".to_owned(),
            assembler: "as 2.40".to_owned(),
            libc: "glibc 2.36".to_owned(),
            parts: BTreeMap::from([("libc.a".to_owned(), "00".to_owned())]),
        }
    }

    #[test]
    fn differences_are_named() {
        let (one, mut other) = (toolchain(), toolchain());
        assert!(one.differences(&other).is_empty());
        other.libc = "glibc 2.41".to_owned();
        other.parts.insert("libc.a".to_owned(), "01".to_owned());
        other.parts.insert("libm.a".to_owned(), "02".to_owned());
        let differences = one.differences(&other);
        let told: Vec<_> = differences
            .iter()
            .map(|(what, here, there)| format!("{what} {here} {there}"))
            .collect();
        assert_eq!(
            told,
            [
                "C library glibc 2.36 glibc 2.41",
                "libc.a 00 01",
                "libm.a none 02"
            ]
        );
    }

    #[test]
    fn the_tools_of_this_machine_are_found() {
        let tools = Tools::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(tools.cargo.is_absolute() && tools.rustc.is_absolute());
        assert!(tools.said.rustc.starts_with("1."), "{:?}", tools.said);
        assert!(tools.said.libc.starts_with("glibc 2."), "{:?}", tools.said);
        assert_eq!(tools.said.parts.len(), PARTS.len());
    }

    #[test]
    fn a_tool_that_fails_says_why() {
        let error = ask(Command::new("sh").args(["-c", "echo bad luck >&2; exit 1"])).unwrap_err();
        assert!(error.to_string().contains("bad luck"), "{error}");
        let error = ask(&mut Command::new("/no/such/tool")).unwrap_err();
        assert!(matches!(error, Error::Tool { .. }), "{error}");
    }
}
