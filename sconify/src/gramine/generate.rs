//! The manifest of an image.

use sgx::PAGE_SIZE;

use super::{
    CpuFeatures, FileCheckPolicy, Fs, Libos, Loader, LogLevel, Manifest, Mount, MountType, Need,
    RemoteAttestation, Root, Sgx, Sha256, Size, Stack, Sys, TrustedFile, Uri,
};
use crate::config::{Config, Feature};
use crate::image::FILES;
use crate::located::Located;

/// What Gramine's own loader, library OS and their tables may take of an enclave.
const RESERVE: u64 = 64 << 20;

/// The smallest enclave: Gramine's own default.
const SMALLEST: u64 = 256 << 20;

/// Threads that Gramine itself may have: one for other processes, one for timers, one for handshakes.
const HELPERS: u32 = 3;

/// An enclave program, as far as Gramine has to know it.
#[derive(Debug, Clone)]
pub struct Program<'a> {
    /// Its parameters. Heap and stacks give the enclave's size.
    pub config: &'a Config,
    /// The program of the image: its digest and its size in bytes.
    pub content: ([u8; 32], u64),
    /// Arguments after the program's name.
    pub arguments: &'a [String],
    /// Whether a debugger may read the enclave.
    pub debug: bool,
    /// Paths of its authenticated regions.
    pub regions: &'a [String],
    /// The files in them.
    pub files: &'a [TrustedContent],
}

/// A file that the program may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedContent {
    /// Its absolute path, inside.
    pub path: String,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
}

impl Manifest {
    /// The manifest with which Gramine runs an image's program: it's started in the image's folder, and
    /// opens nothing but the program and the files of authenticated regions, as they are now.
    ///
    /// # Errors
    ///
    /// What can't stand in a manifest: a path with a NUL, or an enclave larger than 2^63 bytes.
    pub fn for_image(program: &Program<'_>) -> Result<Self, Located> {
        let config = program.config;
        let inside = format!("/{}", config.name);
        let manifest = Self {
            libos: Libos {
                entrypoint: inside.clone(),
                check_invalid_pointers: None,
            },
            loader: loader(&inside, program.arguments),
            fs: file_system(&inside, program),
            sgx: enclave(program)?,
            sys: Sys {
                disallow_subprocesses: Some(true),
                stack: Some(Stack {
                    size: Some(Size(config.threads.stack.0)),
                }),
                ..Sys::default()
            },
        };
        manifest.check()?;
        Ok(manifest)
    }

    /// The text of [`Manifest::for_image`] with a few lines before it that say what it is.
    ///
    /// # Errors
    ///
    /// As [`Manifest::for_image`].
    pub fn text_for_image(program: &Program<'_>) -> Result<String, Located> {
        let manifest = Self::for_image(program)?;
        Ok(format!("{HEADING}{}", manifest.to_toml()?))
    }
}

/// Before every manifest.
const HEADING: &str = "\
# For gramine-sgx-sign of Gramine 1.8 or later, in the folder of the image. What Gramine measures is
# its own enclave: see docs/hardware.md.

";

fn loader(inside: &str, arguments: &[String]) -> Loader {
    let argv = std::iter::once(inside.to_owned()).chain(arguments.iter().cloned());
    Loader {
        argv: Some(argv.collect()),
        log_level: Some(LogLevel::Error),
        ..Loader::default()
    }
}

fn file_system(inside: &str, program: &Program<'_>) -> Fs {
    let mount = |path: &str, uri: Uri| Mount {
        kind: MountType::Chroot,
        path: path.to_owned(),
        uri: Some(uri),
        key_name: None,
    };
    let itself = mount(inside, Uri::file(&program.config.name));
    let on_host = |path: &str| Uri::file(&format!("{FILES}{path}"));
    let (roots, others): (Vec<_>, Vec<_>) = program.regions.iter().partition(|path| *path == "/");
    let root = if roots.is_empty() {
        // Otherwise the host's folder would stand there.
        (MountType::Tmpfs, None)
    } else {
        (MountType::Chroot, Some(Uri::file(FILES)))
    };
    let regions = others.into_iter().map(|path| mount(path, on_host(path)));
    Fs {
        start_dir: Some("/".to_owned()),
        root: Some(Root {
            kind: root.0,
            uri: root.1,
            key_name: None,
        }),
        mounts: std::iter::once(itself).chain(regions).collect(),
        ..Fs::default()
    }
}

fn enclave(program: &Program<'_>) -> Result<Sgx, Located> {
    let config = program.config;
    let trusted = |uri, sha256| TrustedFile {
        uri,
        sha256: Some(Sha256(sha256)),
    };
    let itself = trusted(Uri::file(&config.name), program.content.0);
    let files = program.files.iter();
    let files = files.map(|file| trusted(uri_of(file), file.sha256));
    Ok(Sgx {
        debug: Some(program.debug),
        enclave_size: Some(enclave_size(program)?),
        max_threads: Some(u32::from(config.threads.count) + HELPERS),
        isvprodid: Some(config.product_id),
        isvsvn: Some(config.security_version),
        remote_attestation: Some(RemoteAttestation::Dcap),
        file_check_policy: Some(FileCheckPolicy::Strict),
        use_exinfo: Some(config.attributes.exinfo),
        cpu_features: Some(features(config)),
        trusted_files: std::iter::once(itself).chain(files).collect(),
        ..Sgx::default()
    })
}

/// Required are those that the program asks for; the others are off, so that the host has no choice.
fn features(config: &Config) -> CpuFeatures {
    let need = |feature| {
        let wanted = config.attributes.features.contains(&feature);
        Some(if wanted {
            Need::Required
        } else {
            Need::Disabled
        })
    };
    CpuFeatures {
        avx: need(Feature::Avx),
        avx512: need(Feature::Avx512),
        amx: need(Feature::Amx),
        mpx: None,
        pkru: None,
    }
}

fn enclave_size(program: &Program<'_>) -> Result<Size, Located> {
    let config = program.config;
    let threads = u64::from(config.threads.count) + u64::from(HELPERS);
    let pages = |bytes: u64| bytes.checked_next_multiple_of(PAGE_SIZE as u64);
    let size = || {
        let stacks = config.threads.stack.0.checked_mul(threads)?;
        let content = pages(program.content.1)?.checked_add(config.heap.size.0)?;
        RESERVE
            .checked_add(content)?
            .checked_add(stacks)?
            .checked_next_power_of_two()
    };
    let size = size().ok_or_else(|| Located::key("sgx.enclave_size", "it is too large"))?;
    Ok(Size(size.max(SMALLEST)))
}

fn uri_of(file: &TrustedContent) -> Uri {
    Uri::file(&format!("{FILES}{}", file.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
name = \"worker\"
product_id = 7
security_version = 3
heap = { size = \"64 MiB\" }
threads = { count = 16, stack = \"2 MiB\" }
attributes = { features = [\"avx\"] }
";

    #[test]
    fn the_manifest_of_an_image() {
        let config = Config::parse(CONFIG).unwrap();
        let file = TrustedContent {
            path: "/etc/model.bin".to_owned(),
            sha256: [0x22; 32],
        };
        let text = Manifest::text_for_image(&Program {
            config: &config,
            content: ([0x11; 32], 6_200_000),
            arguments: &["--list".to_owned()],
            debug: false,
            regions: &["/etc".to_owned()],
            files: &[file],
        })
        .unwrap();
        insta::assert_snapshot!("manifest", text);
        let manifest = Manifest::parse(&text).unwrap();
        assert_eq!(manifest.concessions(), []);
        assert_eq!(Manifest::parse(&manifest.to_toml().unwrap()), Ok(manifest));
    }

    #[test]
    fn a_region_may_be_everything() {
        let config = Config::parse(CONFIG).unwrap();
        let manifest = Manifest::for_image(&Program {
            config: &config,
            content: ([0; 32], 1),
            arguments: &[],
            debug: false,
            regions: &["/".to_owned()],
            files: &[],
        })
        .unwrap();
        let root = manifest.fs.root.unwrap();
        assert_eq!(
            (root.kind, root.uri),
            (MountType::Chroot, Some(Uri::file("files")))
        );
        assert_eq!(manifest.fs.mounts.len(), 1);
    }

    #[test]
    fn a_large_heap_makes_a_large_enclave() {
        let mut config = Config::parse(CONFIG).unwrap();
        config.heap.size.0 = 1 << 30;
        let size = |config: &Config| {
            let program = Program {
                config,
                content: ([0; 32], 1),
                arguments: &[],
                debug: true,
                regions: &[],
                files: &[],
            };
            Manifest::for_image(&program).map(|manifest| manifest.sgx.enclave_size)
        };
        assert_eq!(size(&config), Ok(Some(Size(2 << 30))));
        config.heap.size.0 = u64::MAX - 5000;
        assert!(size(&config).is_err());
    }

    #[test]
    fn what_no_manifest_can_hold_is_refused() {
        let config = Config::parse(CONFIG).unwrap();
        let program = Program {
            config: &config,
            content: ([0; 32], 1),
            arguments: &["\0".to_owned()],
            debug: true,
            regions: &[],
            files: &[],
        };
        let error = Manifest::for_image(&program).unwrap_err();
        assert!(error.to_string().starts_with("`loader.argv`"), "{error}");
    }
}
