//! A platform of real processes under load, while things break: killed and hung processes, a disk
//! that fails, a clock that jumps. Whatever happens, each accepted order ends with its own result.
//!
//! | module | subject |
//! |---|---|
//! | `kills` | SIGKILL and SIGSTOP of platform, hosts and workers at seeded moments |
//! | `vault_kills` | SIGKILL of vault, its host, hosts and workers while sessions are written |
//! | `sessions` | those sessions, and the audit log |
//! | `disk` | a full disk, a read-only one |
//! | `clock` | a system clock that is set back and forth |
//! | `load` | requesters that go on whatever happens |
//! | `history` | what they saw, compared with what was promised |

mod clock;
mod disk;
mod history;
mod kills;
mod load;
mod sessions;
mod vault_kills;

/// The seed of this run: `SCONCE_SEED`, and the same each time without.
fn seed() -> u64 {
    sconce_tests::random::number_from("SCONCE_SEED", 1947)
}
