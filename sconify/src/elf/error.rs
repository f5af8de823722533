//! Why a program is refused.

use crate::{Exit, Fault};

/// What makes a program unfit for an enclave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no ELF file of this kind, or is damaged.
    #[error("not a usable ELF file: {what}, at offset {offset:#x}")]
    Format {
        /// What is wrong there.
        what: &'static str,
        /// Offset in the file.
        offset: u64,
    },
    /// It is a sound ELF file, and no static-pie program for x86-64.
    #[error("not a static-pie program: {0}")]
    Kind(&'static str),
    /// A loadable segment breaks a rule.
    #[error("segment {number}, at {address:#x}: {rule}")]
    Segment {
        /// Its place among the program headers, from 0.
        number: usize,
        /// Its address.
        address: u64,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A relocation that nothing would apply, or must not.
    #[error("relocation {number}, of type {kind} at {address:#x}: {rule}")]
    Relocation {
        /// Its place in its table, from 0.
        number: u64,
        /// R_X86_64_….
        kind: u32,
        /// What it would change.
        address: u64,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// The program asks for relocations of its code.
    #[error("text relocations: {0}")]
    TextRelocations(&'static str),
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Format { .. } => "elf.format",
            Self::Kind(_) => "elf.kind",
            Self::Segment { .. } => "elf.segments",
            Self::Relocation { .. } | Self::TextRelocations(_) => "elf.relocations",
        }
    }

    fn exit(&self) -> Exit {
        Exit::Unusable
    }

    fn advice(&self) -> Option<String> {
        match self {
            Self::Kind(_) => Some(
                "build it for x86_64-unknown-linux-gnu with -C target-feature=+crt-static, \
                 or let `sconify build` do so"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
