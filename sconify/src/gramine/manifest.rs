//! A manifest as a whole.

use serde::{Deserialize, Serialize};

use super::{Fs, Libos, Loader, Sgx, Sys};
use crate::config::Place;
use crate::located::Located;

/// Bytes that a manifest may have. One with a hundred thousand trusted files is smaller.
const MAX_LENGTH: usize = 16 << 20;

/// Gramine's manifest, as `gramine-sgx-sign` takes it: rendered, not a template.
///
/// The keys are those of Gramine's own schema, where unknown ones are errors too.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What runs first.
    pub libos: Libos,
    /// What the program finds when it starts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub loader: Loader,
    /// The file system inside.
    pub fs: Fs,
    /// The enclave.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sgx: Sgx,
    /// System calls.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sys: Sys,
}

impl Manifest {
    /// Reads a manifest and checks what its keys say together.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong: with line and column for what isn't TOML or not a key of a
    /// manifest, with the key for what its value can't be.
    pub fn parse(text: &str) -> Result<Self, Located> {
        if text.len() > MAX_LENGTH {
            return Err(Located::text("it is too long for a manifest"));
        }
        if text.contains("{{") || text.contains("{%") {
            return Err(Located::text(
                "it is a template: render it with gramine-manifest first",
            ));
        }
        let manifest: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            Located::place(Place::of(text, start), one_line(error.message()))
        })?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The text of the manifest. It's the same for equal manifests, and [`Manifest::parse`] reads it.
    ///
    /// # Errors
    ///
    /// A message if `sys.ioctl_structs` holds what TOML can't; a manifest that was read never does.
    pub fn to_toml(&self) -> Result<String, Located> {
        toml::to_string_pretty(self)
            .map_err(|error| Located::key("sys.ioctl_structs", error.to_string()))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Messages of the TOML reader may have several.
fn one_line(message: &str) -> String {
    let lines: Vec<_> = message.lines().map(str::trim).collect();
    lines.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = "libos.entrypoint = \"/worker\"\nfs.mounts = []\n";

    fn refused(text: &str) -> String {
        Manifest::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_smallest_manifest_says_little() {
        let manifest = Manifest::parse(SMALLEST).unwrap();
        assert_eq!(manifest.libos.entrypoint, "/worker");
        assert_eq!(Manifest::parse(&manifest.to_toml().unwrap()), Ok(manifest));
    }

    #[test]
    fn unknown_keys_are_refused_where_they_stand() {
        for (added, place) in [
            ("sgx.enclave_sise = \"1G\"\n", "line 3, column 5: "),
            ("sgx.thread_num = 4\n", "line 3, column 5: "),
            (
                "[sgx.cpu_features]\navx2 = \"required\"\n",
                "line 4, column 1: ",
            ),
            ("loader.preload = \"file:x\"\n", "line 3, column 8: "),
            ("loader.env.A = { valeu = \"\" }\n", "line 3, column 18: "),
            (
                "sgx.trusted_files = [{ uri = \"file:a\", md5 = \"\" }]\n",
                "line 3, column 40: ",
            ),
            ("extra = 1\n", "line 3, column 1: "),
        ] {
            let message = refused(&format!("{SMALLEST}{added}"));
            assert!(message.starts_with(place), "{added}: {message}");
            assert!(message.contains("unknown field"), "{added}: {message}");
        }
    }

    #[test]
    fn values_of_another_kind_are_refused() {
        for added in [
            "sgx.isvprodid = 65536\n",
            "sgx.isvsvn = -1\n",
            "sgx.debug = \"true\"\n",
            "sgx.enclave_size = 1024\n",
            "sgx.enclave_size = \"1T\"\n",
            "sgx.remote_attestation = \"epid\"\n",
            "sgx.file_check_policy = \"lax\"\n",
            "sgx.cpu_features.mpx = \"unspecified\"\n",
            "sgx.seal_key.misc_mask = \"0x1ffffffff\"\n",
            "sgx.trusted_files = [\"worker\"]\n",
            "sgx.trusted_files = [{ uri = \"file:a\", sha256 = \"00\" }]\n",
            "loader.env.A = { passthrough = false }\n",
            "loader.env.A = { passthrough = true, value = \"\" }\n",
            "loader.env.A = 1\n",
            "loader.log_level = \"info\"\n",
            "loader.entrypoint = \"file:libsysdb.so\"\n",
            "fs.root.type = \"ext4\"\n",
        ] {
            let message = refused(&format!("{SMALLEST}{added}"));
            assert!(message.starts_with("line 3, column "), "{added}: {message}");
            assert!(!message.contains('\n'), "{added}: {message}");
        }
    }

    #[test]
    fn what_must_be_there_is_named() {
        assert!(refused("fs.mounts = []\n").contains("missing field `libos`"));
        assert!(refused("libos.entrypoint = \"/a\"\n").contains("missing field `fs`"));
        assert!(refused("libos.entrypoint = \"{{ entrypoint }}\"\n").contains("template"));
    }
}
