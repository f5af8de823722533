//! Images made by hand, the same every time, for tests of everything that reads images.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use sgx::sigstruct::Date;

use crate::build::Provenance;
use crate::config::Config;
use crate::elf::{Program, sample};
use crate::files::format::{Content, Entry, Manifest, ManifestDigest, Mode, Node, Region};
use crate::files::merkle::Hasher;
use crate::files::path::FilePath;
use crate::layout::Layout;
use crate::sign::{self, Flavour, SignerKey};
use crate::symbols::{Symbol, Symbols};
use crate::{image, stream};

/// A part of a function's body.
pub(crate) enum Part {
    /// These bytes.
    Bytes(&'static [u8]),
    /// A call of the function with this position.
    Call(usize),
}

/// Functions one behind the other from this offset on, aligned to 16 bytes: code, symbols.
pub(crate) fn assemble(start: u64, functions: &[(&str, &[Part])]) -> (Vec<u8>, Symbols) {
    let size = |body: &[Part]| -> u64 {
        let sizes = body.iter().map(|part| match part {
            Part::Bytes(bytes) => bytes.len() as u64,
            Part::Call(_) => 5,
        });
        sizes.sum()
    };
    let mut offsets = Vec::new();
    let mut end = start;
    for (_, body) in functions {
        offsets.push(end);
        end = (end + size(body)).next_multiple_of(16);
    }
    let mut code = vec![0xcc; (end - start) as usize];
    let mut symbols = Vec::new();
    for ((name, body), offset) in functions.iter().zip(&offsets) {
        let mut at = *offset;
        for part in *body {
            let bytes = match part {
                Part::Bytes(bytes) => bytes.to_vec(),
                Part::Call(callee) => {
                    let distance = offsets[*callee] as i32 - (at as i32 + 5);
                    [&[0xe8][..], &distance.to_le_bytes()].concat()
                }
            };
            let place = (at - start) as usize;
            code[place..place + bytes.len()].copy_from_slice(&bytes);
            at += bytes.len() as u64;
        }
        symbols.push(Symbol {
            offset: *offset,
            size: size(body),
            name: (*name).to_owned(),
        });
    }
    (code, Symbols::new(symbols))
}

/// A key of a signer: making one takes seconds.
pub(crate) fn key() -> &'static SignerKey {
    static KEY: LazyLock<SignerKey> = LazyLock::new(|| SignerKey::generate().unwrap());
    &KEY
}

/// What an image is made of.
pub(crate) struct Sample {
    /// Its functions; the first is where it begins.
    pub(crate) functions: Vec<(&'static str, Vec<Part>)>,
    /// Text among its constants.
    pub(crate) text: &'static str,
    /// Its `enclave.toml`.
    pub(crate) config: String,
    /// What it says of how it was made; nothing, if it's `None`.
    pub(crate) provenance: Option<Provenance>,
    /// Whether it has a file of symbols.
    pub(crate) has_symbols: bool,
    /// Files in the authenticated region `/data`: name, content.
    pub(crate) files: Vec<(&'static str, &'static str)>,
}

impl Sample {
    /// A small one.
    pub(crate) fn new() -> Self {
        use Part::{Bytes, Call};

        Self {
            functions: vec![
                (
                    "sample::start",
                    vec![Call(1), Call(2), Bytes(b"\xb8\x3c\0\0\0\x0f\x05")],
                ),
                ("sample::none", vec![Bytes(b"\xb8\x05\0\0\0\xc3")]),
                (
                    "sample::other",
                    vec![Bytes(b"UH"), Call(1), Call(3), Bytes(b"]\xc3")],
                ),
                ("sample::last", vec![Bytes(b"\x31\xc0\xc3")]),
            ],
            text: "all is well\0sample 1.0 of something\0/src/sample/main.rs\0",
            config: "name = \"sample\"\n\
                     product_id = 3\n\
                     security_version = 4\n\
                     heap = { size = \"64 KiB\" }\n\
                     threads = { count = 2, stack = \"32 KiB\" }\n"
                .to_owned(),
            provenance: Some(provenance()),
            has_symbols: true,
            files: Vec::new(),
        }
    }

    /// The program's file, and its symbols.
    pub(crate) fn program(&self) -> (Vec<u8>, Symbols) {
        const CONSTANTS: usize = 0x800;
        let start = (sample::CODE + sample::SHIFT) as u64;
        let functions: Vec<_> = self
            .functions
            .iter()
            .map(|(name, body)| (*name, &body[..]))
            .collect();
        let (code, symbols) = assemble(start, &functions);
        let mut file = sample::program(code.len());
        file[sample::CODE..sample::CODE + code.len()].copy_from_slice(&code);
        let text = self.text.as_bytes();
        file[CONSTANTS..CONSTANTS + text.len()].copy_from_slice(text);
        // The first segment ends behind the text: its sizes in file and memory.
        let end = ((CONSTANTS + text.len()) as u64).to_le_bytes();
        for at in [32, 40] {
            let at = sample::PROGRAM_HEADERS + at;
            file[at..at + 8].copy_from_slice(&end);
        }
        (file, symbols)
    }

    /// What is measured of its files, if it has some.
    fn manifest(&self) -> Option<Manifest> {
        let path = |path: &str| FilePath::new(path).unwrap();
        let region = Region {
            path: path("/data"),
            mode: Mode::Authenticated,
        };
        let files = self.files.iter().map(|(name, content)| {
            let mut hasher = Hasher::new();
            hasher.chunk(content.as_bytes());
            Entry {
                path: path(&format!("/data/{name}")),
                node: Node::File(Content {
                    size: content.len() as u64,
                    executable: false,
                    stored: hasher.finish(),
                    id: None,
                }),
            }
        });
        let folder = Entry {
            path: path("/data"),
            node: Node::Folder,
        };
        let entries = std::iter::once(folder).chain(files).collect();
        let manifest = Manifest::new(vec![region], None, entries);
        (!self.files.is_empty()).then(|| manifest.unwrap())
    }

    /// Writes the image, signed if there is a key.
    pub(crate) fn write(&self, folder: &Path, key: Option<&SignerKey>) {
        let config = Config::parse(&self.config).unwrap();
        let (file, symbols) = self.program();
        let program = Program::parse(file).unwrap();
        let files = self.manifest().map(|manifest| manifest.encode());
        let digest = files.as_ref().map(|bytes| ManifestDigest::of(bytes).0);
        let layout = Layout::plan(&config, &program, digest).unwrap();
        let write = |member: &str, bytes: &[u8]| fs::write(folder.join(member), bytes).unwrap();
        fs::create_dir_all(folder.join(image::ENCLAVE)).unwrap();
        let mut sgxs = Vec::new();
        let measurement = stream::write(&layout, &program, |piece| {
            sgxs.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
        write(&image::stream("sample"), &sgxs);
        let mut rebuilt = Vec::new();
        program.write_rebuilt(&mut rebuilt).unwrap();
        write("sample", &rebuilt);
        write(image::CONFIG, self.config.as_bytes());
        if self.has_symbols {
            write(image::SYMBOLS, symbols.to_string().as_bytes());
        }
        if let Some(files) = files {
            write(image::MANIFEST, &files);
            fs::create_dir_all(folder.join("files/data")).unwrap();
            for (name, content) in &self.files {
                write(&format!("files/data/{name}"), content.as_bytes());
            }
        }
        if let Some(provenance) = &self.provenance {
            write(image::PROVENANCE, provenance.to_json().as_bytes());
        }
        if let Some(key) = key {
            let date = Date::new(2024, 2, 29).unwrap();
            let body = sign::body_of(&config, measurement.mrenclave, Flavour::Release, date);
            let signed = sign::sign(&body, key).unwrap();
            write(&image::signature("sample"), signed.as_bytes());
        }
    }
}

fn provenance() -> Provenance {
    let text = r#"{
        "version": 1,
        "program": {
            "package": "sample", "target": "x86_64-unknown-linux-gnu", "profile": "enclave",
            "sha256": "5a5a"
        },
        "toolchain": {
            "rustc": "1.95.0", "llvm": "22.1.2", "linker": "LLD 22.1.2", "c-compiler": "cc 12.2.0",
            "assembler": "GNU assembler 2.40", "libc": "glibc 2.36", "parts": { "libc.a": "1c1c" }
        },
        "flags": ["rustc -C target-feature=+crt-static"],
        "packages": [
            { "name": "ring", "version": "0.17.14", "checksum": "2b2b", "linked": true },
            { "name": "sample", "version": "0.1.0", "features": ["more"], "linked": true }
        ],
        "sources": { "sha256": "3c3c", "files": { "sample/src/main.rs": "4d4d" } }
    }"#;
    Provenance::parse(text).unwrap()
}
