//! The tables of a manifest, with the keys that Gramine's schema has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::values::{
    EnvValue, FileCheckPolicy, LogLevel, Mask32, Mask64, Need, ProfileMode, ProfileScope,
    RemoteAttestation, Sha256, Size, Switch, TrustedFile, Uri,
};

/// What runs first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Libos {
    /// The program's path inside.
    pub entrypoint: String,
    /// Whether system calls check the pointers that they are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_invalid_pointers: Option<bool>,
}

/// What the program finds when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Loader {
    /// Gramine's own library OS. Its tools fill it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Entrypoint>,
    /// The arguments, the program's name first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    /// A trusted file with the arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argv_src_file: Option<Uri>,
    /// A trusted file with the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_src_file: Option<Uri>,
    /// The group id that the program sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// The host chooses the arguments.
    #[serde(
        rename = "insecure__use_cmdline_argv",
        skip_serializing_if = "Option::is_none"
    )]
    pub insecure_use_cmdline_argv: Option<bool>,
    /// The host chooses the environment.
    #[serde(
        rename = "insecure__use_host_env",
        skip_serializing_if = "Option::is_none"
    )]
    pub insecure_use_host_env: Option<bool>,
    /// The program lies at foreseeable addresses.
    #[serde(
        rename = "insecure__disable_aslr",
        skip_serializing_if = "Option::is_none"
    )]
    pub insecure_disable_aslr: Option<bool>,
    /// Where Gramine's log goes; standard error if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_file: Option<String>,
    /// How much it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    /// The user id that the program sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The environment.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, EnvValue>,
}

/// Gramine's library OS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entrypoint {
    /// Where it is.
    pub uri: Uri,
    /// Its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
}

/// The file system inside.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fs {
    /// The working folder at first; `/` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_dir: Option<String>,
    /// Keys of encrypted mounts, for everybody to read.
    #[serde(
        rename = "insecure__keys",
        default,
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub insecure_keys: BTreeMap<String, String>,
    /// What stands at `/`; the host's working folder if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// What stands elsewhere, in the order in which it is mounted.
    pub mounts: Vec<Mount>,
}

/// What stands at `/`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// What kind of file system.
    #[serde(default, rename = "type")]
    pub kind: MountType,
    /// Of the host; all kinds but `tmpfs` need one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<Uri>,
    /// Of `encrypted` ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// What kind of file system.
    #[serde(default, rename = "type")]
    pub kind: MountType,
    /// Where, inside.
    pub path: String,
    /// Of the host; all kinds but `tmpfs` need one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<Uri>,
    /// Of `encrypted` ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
}

/// Kinds of file systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MountType {
    /// Files of the host, each of which is trusted or allowed.
    #[default]
    Chroot,
    /// Files of the host that Gramine encrypts.
    Encrypted,
    /// Files in the enclave's memory.
    Tmpfs,
    /// Memory that the host sees.
    UntrustedShm,
}

/// The enclave.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sgx {
    /// Whether a debugger may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug: Option<bool>,
    /// Whether memory is added while it runs (SGX2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edmm_enable: Option<bool>,
    /// SIZE: a power of two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enclave_size: Option<Size>,
    /// How many threads may be inside at once, Gramine's own among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_threads: Option<u32>,
    /// ISVPRODID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isvprodid: Option<u16>,
    /// ISVSVN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isvsvn: Option<u16>,
    /// How it proves what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_attestation: Option<RemoteAttestation>,
    /// What becomes of files that are neither trusted nor allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_check_policy: Option<FileCheckPolicy>,
    /// Whether the processor says where a fault was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_exinfo: Option<bool>,
    /// Faults are handled although the processor doesn't say where they were.
    #[serde(
        rename = "insecure__allow_memfaults_without_exinfo",
        skip_serializing_if = "Option::is_none"
    )]
    pub insecure_allow_memfaults_without_exinfo: Option<bool>,
    /// Threads outside that make system calls for it.
    #[serde(
        rename = "insecure__rpc_thread_num",
        skip_serializing_if = "Option::is_none"
    )]
    pub insecure_rpc_thread_num: Option<u32>,
    /// Whether all memory is touched at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preheat_enclave: Option<bool>,
    /// Whether it counts its exits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_stats: Option<bool>,
    /// Whether VTune may profile it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vtune_profile: Option<bool>,
    /// Memory for trusted files that were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_files_cache_size: Option<Size>,
    /// Features of the processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_features: Option<CpuFeatures>,
    /// What its sealing keys depend on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal_key: Option<SealKey>,
    /// Whether it is profiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Files that nobody checks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_files: Vec<Uri>,
    /// Files with their digests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_files: Vec<TrustedFile>,
}

/// Features of the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CpuFeatures {
    /// AVX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avx: Option<Need>,
    /// AVX-512.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avx512: Option<Need>,
    /// AMX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amx: Option<Need>,
    /// MPX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mpx: Option<Switch>,
    /// Protection keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkru: Option<Switch>,
}

/// Masks of the KEYREQUEST for sealing keys (SDM 3D, 35.17.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SealKey {
    /// ATTRIBUTEMASK.FLAGS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags_mask: Option<Mask64>,
    /// ATTRIBUTEMASK.XFRM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xfrm_mask: Option<Mask64>,
    /// MISCMASK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub misc_mask: Option<Mask32>,
}

/// Profiling, of debug enclaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// Which processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable: Option<ProfileScope>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ProfileMode>,
    /// With the stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_stack: Option<bool>,
    /// Samples a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency: Option<u32>,
}

/// System calls.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sys {
    /// Whether `fork` and the like fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disallow_subprocesses: Option<bool>,
    /// Whether the host's names and resolver are taken over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_extra_runtime_domain_names_conf: Option<bool>,
    /// Whether the host may send SIGTERM, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_sigterm_injection: Option<bool>,
    /// Whether `flock` works.
    #[serde(
        rename = "experimental__enable_flock",
        skip_serializing_if = "Option::is_none"
    )]
    pub experimental_enable_flock: Option<bool>,
    /// Whether `eventfd` works, which the host emulates.
    #[serde(
        rename = "insecure__allow_eventfd",
        skip_serializing_if = "Option::is_none"
    )]
    pub insecure_allow_eventfd: Option<bool>,
    /// The program's break.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brk: Option<Brk>,
    /// Stacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<Stack>,
    /// Open files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fds: Option<Fds>,
    /// System calls that answer without being made.
    #[serde(rename = "debug__mock_syscalls", skip_serializing_if = "Vec::is_empty")]
    pub debug_mock_syscalls: Vec<MockSyscall>,
    /// Requests to devices that reach the host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_ioctls: Vec<AllowedIoctl>,
    /// What they take. Gramine's schema doesn't look inside either.
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    pub ioctl_structs: toml::Table,
}

/// The program's break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Brk {
    /// How far it may go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<Size>,
}

/// Stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stack {
    /// Of each thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
}

/// Open files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fds {
    /// How many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A system call that answers without being made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MockSyscall {
    /// Its name.
    pub name: String,
    /// What it returns.
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    pub returns: Option<i64>,
}

/// A request to a device that reaches the host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedIoctl {
    /// Its number.
    pub request_code: u32,
    /// What it takes: a key of `sys.ioctl_structs`.
    #[serde(rename = "struct", skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
}
