//! What a program is given and told when it's started.

use std::ffi::OsString;
use std::os::fd::{OwnedFd, RawFd};
use std::path::Path;

use crate::config::{Config, Keys};
use crate::error::Error;
use crate::{private_file, vault};

/// The first descriptor that isn't standard input, output or error.
pub(crate) const FIRST_OTHER: RawFd = 3;

/// Where a measured program finds its report socket.
pub(crate) const REPORT_SOCKET: RawFd = 3;

/// Where a vault finds the file with its sealed state.
const JOURNAL: RawFd = 4;

/// Where it takes TLS connections.
const LISTENER: RawFd = 5;

/// Where it takes those of pools.
const POOL: RawFd = 6;

/// The last of those that programs are given.
pub(crate) const LAST_GIVEN: RawFd = POOL;

/// Its arguments, its environment and its descriptors, but for those that every program has.
#[derive(Debug, Default)]
pub(crate) struct Outfit {
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) given: Vec<Given>,
}

/// A descriptor that a program is given under a number, of which an argument tells it.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) argument: &'static str,
    pub(crate) number: RawFd,
    pub(crate) descriptor: OwnedFd,
}

impl Outfit {
    /// That of a worker.
    pub(crate) fn of_worker(config: &Config) -> Self {
        let mut args = config.program_args.clone();
        match &config.keys {
            Keys::None => {}
            Keys::Vault(provision) => {
                args.extend(["--session".into(), provision.service.to_string().into()]);
            }
            Keys::Unattested(_) => args.push("--unattested".into()),
        }
        Self {
            args,
            env: config.program_env.clone(),
            given: vec![],
        }
    }

    /// That of a vault. Every process gets the same sockets, which stay bound between two of them.
    pub(crate) fn of_vault(config: &vault::Config) -> Result<Self, Error> {
        let copy = |socket: &std::net::TcpListener| {
            let copy = socket.try_clone().map(OwnedFd::from);
            copy.map_err(Error::system("duplicate a socket"))
        };
        let mut given = vec![
            Given {
                argument: "--journal",
                number: JOURNAL,
                descriptor: private(&config.journal)?,
            },
            Given {
                argument: "--listen",
                number: LISTENER,
                descriptor: copy(&config.listener)?,
            },
        ];
        if let Some(pool) = &config.pool {
            given.push(Given {
                argument: "--pool",
                number: POOL,
                descriptor: copy(pool)?,
            });
        }
        Ok(Self {
            args: config.program_args.clone(),
            env: vec![],
            given,
        })
    }
}

fn private(path: &Path) -> Result<OwnedFd, Error> {
    let file = private_file::open(path).map_err(|source| Error::PrivateFile {
        path: path.to_owned(),
        source,
    })?;
    Ok(file.into())
}
