//! What the keys of a manifest say together.

use std::collections::BTreeMap;

use super::{
    EnvValue, FileCheckPolicy, LogLevel, Manifest, MountType, ProfileScope, Sha256, Size, Uri,
};
use crate::located::Located;

/// Pages of the enclave.
const PAGE: u64 = sgx::PAGE_SIZE as u64;

type Checked = Result<(), Located>;

impl Manifest {
    /// Checks what the schema can't say.
    ///
    /// # Errors
    ///
    /// The first key whose value can't be.
    pub fn check(&self) -> Checked {
        let start = &self.libos.entrypoint;
        refuse_if(start.is_empty(), "libos.entrypoint", "it is empty")?;
        self.check_loader()?;
        self.check_fs()?;
        self.check_sgx()?;
        self.check_trusted_files()?;
        self.check_sys()
    }

    /// What a manifest gives up that a release must not: each way in which the host, or whoever holds
    /// the machine, could change or see what the enclave does.
    #[must_use]
    pub fn concessions(&self) -> Vec<Located> {
        let mut found = Vec::new();
        let mut concede = |given: bool, key: &str, what: &str| {
            if given {
                found.push(Located::key(key, what));
            }
        };
        let on = |flag: Option<bool>| flag == Some(true);
        let (sgx, loader) = (&self.sgx, &self.loader);
        concede(on(sgx.debug), "sgx.debug", "a debugger reads everything");
        concede(
            !sgx.allowed_files.is_empty(),
            "sgx.allowed_files",
            "the host chooses what these files hold",
        );
        concede(
            sgx.file_check_policy == Some(FileCheckPolicy::AllowAllButLog),
            "sgx.file_check_policy",
            "the host chooses what all other files hold",
        );
        concede(
            sgx.insecure_rpc_thread_num.is_some_and(|count| count > 0),
            "sgx.insecure__rpc_thread_num",
            "it is open to known attacks",
        );
        concede(
            on(sgx.insecure_allow_memfaults_without_exinfo),
            "sgx.insecure__allow_memfaults_without_exinfo",
            "the host chooses what faults say",
        );
        let profiled = sgx.profile.and_then(|profile| profile.enable);
        concede(
            profiled.is_some_and(|scope| scope != ProfileScope::None)
                || on(sgx.vtune_profile)
                || on(sgx.enable_stats),
            "sgx.profile",
            "profiles tell what the program does",
        );
        concede(
            on(loader.insecure_use_cmdline_argv),
            "loader.insecure__use_cmdline_argv",
            "the host chooses the arguments",
        );
        concede(
            on(loader.insecure_use_host_env),
            "loader.insecure__use_host_env",
            "the host chooses the environment",
        );
        concede(
            on(loader.insecure_disable_aslr),
            "loader.insecure__disable_aslr",
            "the program lies at foreseeable addresses",
        );
        concede(
            !matches!(
                loader.log_level,
                None | Some(LogLevel::None | LogLevel::Error)
            ),
            "loader.log_level",
            "the log tells what the program does",
        );
        concede(
            loader
                .env
                .values()
                .any(|value| *value == EnvValue::Passthrough),
            "loader.env",
            "the host chooses variables that are passed through",
        );
        concede(
            !self.fs.insecure_keys.is_empty(),
            "fs.insecure__keys",
            "everybody reads these keys",
        );
        let mut kinds = self.fs.mounts.iter().map(|mount| mount.kind);
        concede(
            kinds.any(|kind| kind == MountType::UntrustedShm),
            "fs.mounts",
            "the host reads and writes shared memory",
        );
        concede(
            on(self.sys.insecure_allow_eventfd),
            "sys.insecure__allow_eventfd",
            "the host chooses what eventfd says",
        );
        concede(
            !self.sys.debug_mock_syscalls.is_empty(),
            "sys.debug__mock_syscalls",
            "system calls answer without being made",
        );
        concede(
            !self.sys.allowed_ioctls.is_empty(),
            "sys.allowed_ioctls",
            "the host answers these requests",
        );
        found
    }

    fn check_loader(&self) -> Checked {
        let loader = &self.loader;
        let ways = [
            loader.insecure_use_cmdline_argv == Some(true),
            loader.argv.is_some(),
            loader.argv_src_file.is_some(),
        ];
        refuse_if(
            ways.into_iter().filter(|way| *way).count() > 1,
            "loader.argv",
            "arguments come from one of argv, argv_src_file and insecure__use_cmdline_argv",
        )?;
        for argument in loader.argv.iter().flatten() {
            let nul = argument.contains('\0');
            refuse_if(nul, "loader.argv", "an argument can't hold a NUL")?;
        }
        for (name, value) in &loader.env {
            let key = || format!("loader.env.{}", name.escape_default());
            let nameless = name.is_empty() || name.contains(['=', '\0']);
            refuse_if(nameless, key(), "a variable's name has no = and no NUL")?;
            let nul = matches!(value, EnvValue::Value(value) if value.contains('\0'));
            refuse_if(nul, key(), "a value can't hold a NUL")?;
        }
        Ok(())
    }

    fn check_fs(&self) -> Checked {
        if let Some(root) = &self.fs.root {
            check_mount(
                "fs.root",
                root.kind,
                root.uri.as_ref(),
                root.key_name.is_some(),
            )?;
        }
        for (index, mount) in self.fs.mounts.iter().enumerate() {
            let key = format!("fs.mounts[{index}]");
            refuse_if(
                !mount.path.starts_with('/') || mount.path == "/" || mount.path.contains('\0'),
                format!("{key}.path"),
                "a path inside begins with / (what stands at / itself is fs.root)",
            )?;
            check_mount(
                &key,
                mount.kind,
                mount.uri.as_ref(),
                mount.key_name.is_some(),
            )?;
        }
        for (name, value) in &self.fs.insecure_keys {
            let mut bytes = [0; 16];
            let wrong = hex::decode_to_slice(value, &mut bytes).is_err();
            let key = format!("fs.insecure__keys.{}", name.escape_default());
            refuse_if(wrong, key, "a key is 32 hex digits")?;
        }
        Ok(())
    }

    fn check_sgx(&self) -> Checked {
        let sgx = &self.sgx;
        let size = sgx.enclave_size.map_or(PAGE * 2, |size| size.0);
        refuse_if(
            !size.is_power_of_two() || size < PAGE * 2,
            "sgx.enclave_size",
            "the size of an enclave is a power of two",
        )?;
        let threads = sgx.max_threads == Some(0);
        refuse_if(threads, "sgx.max_threads", "there is at least one thread")?;
        let cache = sgx.trusted_files_cache_size;
        whole_pages("sgx.trusted_files_cache_size", cache)
    }

    fn check_trusted_files(&self) -> Checked {
        let mut seen: BTreeMap<&Uri, Option<Sha256>> = BTreeMap::new();
        for (index, file) in self.sgx.trusted_files.iter().enumerate() {
            let key = || format!("sgx.trusted_files[{index}]");
            refuse_if(
                file.uri.is_folder() && file.sha256.is_some(),
                key(),
                "a folder has no digest",
            )?;
            let before = seen.insert(&file.uri, file.sha256).flatten();
            refuse_if(
                before.is_some() && file.sha256.is_some() && before != file.sha256,
                key(),
                "the same file stands above with another digest",
            )?;
        }
        let mut allowed = self.sgx.allowed_files.iter();
        refuse_if(
            allowed.any(|uri| seen.contains_key(uri)),
            "sgx.allowed_files",
            "a file can't be trusted and allowed",
        )
    }

    fn check_sys(&self) -> Checked {
        let sys = &self.sys;
        whole_pages("sys.stack.size", sys.stack.and_then(|stack| stack.size))?;
        whole_pages("sys.brk.max_size", sys.brk.and_then(|brk| brk.max_size))?;
        for (index, ioctl) in sys.allowed_ioctls.iter().enumerate() {
            let missing = |name: &String| !sys.ioctl_structs.contains_key(name);
            refuse_if(
                ioctl.layout.as_ref().is_some_and(missing),
                format!("sys.allowed_ioctls[{index}].struct"),
                "sys.ioctl_structs has no such key",
            )?;
        }
        Ok(())
    }
}

fn check_mount(key: &str, kind: MountType, uri: Option<&Uri>, named: bool) -> Checked {
    refuse_if(
        uri.is_none() && kind != MountType::Tmpfs,
        format!("{key}.uri"),
        "all but tmpfs need a URI of the host",
    )?;
    refuse_if(
        named && kind != MountType::Encrypted,
        format!("{key}.key_name"),
        "only encrypted ones have a key",
    )
}

fn whole_pages(key: &str, size: Option<Size>) -> Checked {
    let whole = size.is_none_or(|size| size.0.is_multiple_of(PAGE));
    refuse_if(!whole, key, "it is no multiple of 4K")
}

fn refuse_if(wrong: bool, key: impl Into<String>, what: &str) -> Checked {
    if wrong {
        return Err(Located::key(key, what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = "libos.entrypoint = \"/worker\"\nfs.mounts = []\n";

    #[test]
    fn values_that_cannot_be_are_refused_by_their_key() {
        let digests = |second: &str| {
            let digest = |digit: &str| digit.repeat(64);
            format!(
                "sgx.trusted_files = [{{ uri = \"file:a\", sha256 = \"{}\" }}, \
                 {{ uri = \"file:a\", sha256 = \"{}\" }}]\n",
                digest("0"),
                digest(second)
            )
        };
        assert!(Manifest::parse(&format!("{SMALLEST}{}", digests("0"))).is_ok());
        let key = |text: &str| format!("fs.insecure__keys.k = \"{text}\"\n");
        for (added, at) in [
            ("sgx.enclave_size = \"3M\"\n", "`sgx.enclave_size`"),
            ("sgx.enclave_size = \"4K\"\n", "`sgx.enclave_size`"),
            ("sgx.max_threads = 0\n", "`sgx.max_threads`"),
            ("sys.stack.size = \"100\"\n", "`sys.stack.size`"),
            (
                "loader.argv = []\nloader.argv_src_file = \"file:a\"\n",
                "`loader.argv`",
            ),
            ("loader.env.\"A=\" = \"\"\n", "`loader.env.A=`"),
            (
                "sgx.allowed_files = [\"file:a\"]\nsgx.trusted_files = [\"file:a\"]\n",
                "`sgx.allowed_files`",
            ),
            (
                "sys.allowed_ioctls = [{ request_code = 1, struct = \"s\" }]\n",
                "`sys.allowed_ioctls[0].struct`",
            ),
            ("fs.root.type = \"chroot\"\n", "`fs.root.uri`"),
            (&key("00"), "`fs.insecure__keys.k`"),
            (&digests("1"), "`sgx.trusted_files[1]`"),
        ] {
            let error = Manifest::parse(&format!("{SMALLEST}{added}")).unwrap_err();
            assert!(error.to_string().starts_with(at), "{added}: {error}");
        }
    }

    #[test]
    fn mounts_are_complete() {
        for (mount, at) in [
            ("{ path = \"/a\" }", "`fs.mounts[0].uri`"),
            ("{ path = \"a\", uri = \"file:a\" }", "`fs.mounts[0].path`"),
            ("{ path = \"/\", uri = \"file:a\" }", "`fs.mounts[0].path`"),
            (
                "{ path = \"/a\", uri = \"file:a\", key_name = \"k\" }",
                "`fs.mounts[0].key_name`",
            ),
        ] {
            let text = format!("libos.entrypoint = \"/a\"\nfs.mounts = [{mount}]\n");
            let error = Manifest::parse(&text).unwrap_err();
            assert!(error.to_string().starts_with(at), "{mount}: {error}");
        }
    }

    #[test]
    fn each_concession_is_found() {
        assert_eq!(Manifest::parse(SMALLEST).unwrap().concessions(), []);
        for (added, key) in [
            ("sgx.debug = true\n", "sgx.debug"),
            ("sgx.allowed_files = [\"file:a\"]\n", "sgx.allowed_files"),
            (
                "sgx.file_check_policy = \"allow_all_but_log\"\n",
                "sgx.file_check_policy",
            ),
            (
                "sgx.insecure__rpc_thread_num = 1\n",
                "sgx.insecure__rpc_thread_num",
            ),
            (
                "sgx.insecure__allow_memfaults_without_exinfo = true\n",
                "sgx.insecure__allow_memfaults_without_exinfo",
            ),
            ("sgx.profile.enable = \"main\"\n", "sgx.profile"),
            ("sgx.enable_stats = true\n", "sgx.profile"),
            (
                "loader.insecure__use_cmdline_argv = true\n",
                "loader.insecure__use_cmdline_argv",
            ),
            (
                "loader.insecure__use_host_env = true\n",
                "loader.insecure__use_host_env",
            ),
            (
                "loader.insecure__disable_aslr = true\n",
                "loader.insecure__disable_aslr",
            ),
            ("loader.log_level = \"warning\"\n", "loader.log_level"),
            ("loader.env.A = { passthrough = true }\n", "loader.env"),
            (
                "fs.insecure__keys.k = \"00000000000000000000000000000000\"\n",
                "fs.insecure__keys",
            ),
            (
                "sys.insecure__allow_eventfd = true\n",
                "sys.insecure__allow_eventfd",
            ),
            (
                "sys.debug__mock_syscalls = [{ name = \"fork\" }]\n",
                "sys.debug__mock_syscalls",
            ),
            (
                "sys.allowed_ioctls = [{ request_code = 1 }]\n",
                "sys.allowed_ioctls",
            ),
        ] {
            let manifest = Manifest::parse(&format!("{SMALLEST}{added}")).unwrap();
            let found = manifest.concessions();
            assert_eq!(found.len(), 1, "{added}");
            assert!(
                found[0].to_string().starts_with(&format!("`{key}`")),
                "{added}"
            );
        }
    }
}
