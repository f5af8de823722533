//! The system calls that a measured program may make.
//!
//! The thread that starts the program is under the same filters, from then on until the program's first
//! instruction; what that alone needs stands apart.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Op,
    SeccompCondition as Condition, SeccompFilter, SeccompRule as Rule, TargetArch,
};

use super::Profile;

/// Calls that are allowed with any arguments.
const ALLOWED: [c_long; 53] = [
    // Descriptors that it has.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_ppoll,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    // Memory. Where it can be made executable: below.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    // Threads, and waiting for each other.
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_membarrier,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Its own signals.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    // Time and randomness.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    // What starting it takes: a pipe, which is harmless, and the execution. To execute something else is
    // Landlock's to deny.
    libc::SYS_pipe2,
    libc::SYS_execve,
];

/// Older forms of some of them, which newer architectures have not.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_arch_prctl,
    libc::SYS_dup2,
    libc::SYS_poll,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// What a vault may do beyond that.
const OF_VAULTS: &[c_long] = &[libc::SYS_accept4];

/// Two filters, to be entered in this order: the second forbids to enter another. The stricter one
/// counts; the first is for an answer other than EPERM.
pub(super) fn filters(profile: Profile) -> Result<[BpfProgram; 2], BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let mut rules: BTreeMap<c_long, Vec<Rule>> = BTreeMap::new();
    let further = match profile {
        Profile::Worker => &[],
        Profile::Vault => OF_VAULTS,
    };
    for call in ALLOWED.iter().chain(OLDER).chain(further) {
        rules.insert(*call, Vec::new());
    }
    rules.extend(conditional()?);
    let allow = SeccompFilter::new(
        rules,
        SeccompAction::Errno(libc::EPERM as u32),
        SeccompAction::Allow,
        architecture,
    )?;
    // Its arguments lie in memory, where a filter doesn't see them. The C library then takes `clone`.
    let no_clone3 = SeccompFilter::new(
        BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS as u32),
        architecture,
    )?;
    Ok([no_clone3.try_into()?, allow.try_into()?])
}

/// Calls that are allowed with some arguments.
fn conditional() -> Result<BTreeMap<c_long, Vec<Rule>>, BackendError> {
    let no_code = |argument| without(argument, libc::PROT_EXEC as u64);
    // The host waits for the children that it has started, and for no others.
    let elsewhere = libc::CLONE_PARENT
        | libc::CLONE_PTRACE
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWTIME;
    let rules = [
        (libc::SYS_mmap, vec![no_code(2)?]),
        (libc::SYS_mprotect, vec![no_code(2)?]),
        (libc::SYS_clone, vec![without(0, elsewhere as u64)?]),
        // Without those that break memory on purpose (MADV_HWPOISON and what follows).
        (libc::SYS_madvise, vec![below(2, 32)?]),
        // Of a descriptor, not of a path: the C library's way of asking for the former.
        (
            libc::SYS_newfstatat,
            vec![with(3, libc::AT_EMPTY_PATH as u64)?],
        ),
        (libc::SYS_statx, vec![with(2, libc::AT_EMPTY_PATH as u64)?]),
        (
            libc::SYS_ioctl,
            vec![is(1, libc::FIONBIO)?, is(1, libc::FIOCLEX)?],
        ),
        (
            libc::SYS_fcntl,
            vec![
                is(1, libc::F_DUPFD as u64)?,
                is(1, libc::F_DUPFD_CLOEXEC as u64)?,
                is(1, libc::F_GETFD as u64)?,
                is(1, libc::F_SETFD as u64)?,
                is(1, libc::F_GETFL as u64)?,
                is(1, libc::F_SETFL as u64)?,
            ],
        ),
        (
            libc::SYS_prctl,
            vec![
                Rule::new(vec![equal(0, libc::PR_SET_DUMPABLE as u64)?, equal(1, 0)?])?,
                is(0, libc::PR_GET_DUMPABLE as u64)?,
                is(0, libc::PR_SET_NAME as u64)?,
            ],
        ),
        // By which whoever starts it learns that it worked. Both ends are its own; of sockets for
        // datagrams, each could also send to any that has a name.
        (
            libc::SYS_socketpair,
            vec![pair_of(libc::SOCK_STREAM)?, pair_of(libc::SOCK_SEQPACKET)?],
        ),
        // A group of its own, and no other's.
        (
            libc::SYS_setpgid,
            vec![Rule::new(vec![equal(0, 0)?, equal(1, 0)?])?],
        ),
        // Limits can be read, and not be set.
        (libc::SYS_prlimit64, vec![Rule::new(vec![all(2, 0)?])?]),
        // How `abort` ends the process.
        (libc::SYS_tgkill, vec![is(2, libc::SIGABRT as u64)?]),
    ];
    Ok(BTreeMap::from(rules))
}

/// If the argument has this value.
fn is(argument: u8, value: u64) -> Result<Rule, BackendError> {
    Rule::new(vec![equal(argument, value)?])
}

/// If the argument has none of these bits.
fn without(argument: u8, bits: u64) -> Result<Rule, BackendError> {
    masked(argument, bits, 0)
}

/// If the argument has all of these bits.
fn with(argument: u8, bits: u64) -> Result<Rule, BackendError> {
    masked(argument, bits, bits)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<Rule, BackendError> {
    let condition = Condition::new(argument, Length::Qword, Op::MaskedEq(mask), value)?;
    Rule::new(vec![condition])
}

/// If the argument, of 32 bits, is below this power of two.
fn below(argument: u8, bound: u32) -> Result<Rule, BackendError> {
    let beyond = Op::MaskedEq(u64::from(!(bound - 1)));
    let condition = Condition::new(argument, Length::Dword, beyond, 0)?;
    Rule::new(vec![condition])
}

/// A pair of Unix sockets of this type, whatever its flags.
fn pair_of(kind: i32) -> Result<Rule, BackendError> {
    /// Where the type stands beside flags (Linux, `SOCK_TYPE_MASK`).
    const TYPE: u64 = 0xf;
    let of_type = Condition::new(1, Length::Dword, Op::MaskedEq(TYPE), kind as u64)?;
    Rule::new(vec![equal(0, libc::AF_UNIX as u64)?, of_type])
}

/// With all 64 bits.
fn all(argument: u8, value: u64) -> Result<Condition, BackendError> {
    Condition::new(argument, Length::Qword, Op::Eq, value)
}

fn equal(argument: u8, value: u64) -> Result<Condition, BackendError> {
    // The kernel looks at the lower half of these.
    Condition::new(argument, Length::Dword, Op::Eq, value)
}
