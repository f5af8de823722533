//! Where a program's keys come from, as its host sees it.

use mio::{Registry, Token, Waker};
use provision::path;
use provision::relay::{Ask, Told, Unattested};
use sgx::Digest;

use crate::config::{Config, Keys, VaultAddress, WorkerName};
use crate::courier::{self, Courier};
use crate::error::Error;
use crate::launch::Launcher;
use crate::loss::Loss;
use crate::refusal;
use crate::vault_line::VaultLine;

/// The code of what the host itself refuses.
const REFUSED: &str = "provision.refused";

/// Answers what a program asks before it is ready: at once, or later with what its vault says.
pub(crate) struct KeyKeeper {
    worker: WorkerName,
    measurement: Option<Digest>,
    source: Source,
}

enum Source {
    None,
    Vault(Courier),
    Unattested(Option<Unattested>),
}

impl KeyKeeper {
    /// That of a host. Answers of a vault come as `event`.
    pub(crate) fn new(
        config: &Config,
        launcher: &Launcher,
        registry: &Registry,
        event: Token,
    ) -> Result<Self, Error> {
        let source = match &config.keys {
            Keys::None => Source::None,
            Keys::Unattested(keys) => Source::Unattested(keys.clone()),
            Keys::Vault(provision) => {
                let waker = Waker::new(registry, event);
                let waker = waker.map_err(Error::system("share an event queue"))?;
                Source::Vault(courier(&provision.vault, waker)?)
            }
        };
        Ok(Self {
            worker: config.worker.clone(),
            measurement: launcher.measurement(),
            source,
        })
    }

    /// Takes a question of the program: the answer, unless the vault is asked.
    pub(crate) fn ask(&mut self, tag: u64, body: &[u8]) -> Result<Option<Told>, Loss> {
        let ask = Ask::from_json(body)
            .map_err(|_| Loss::Conduct("it asks what no program asks of a vault"))?;
        let is_for_host = ask.path == path::UNATTESTED;
        match &mut self.source {
            Source::Unattested(Some(keys)) if is_for_host => Ok(Some(courier::told(200, keys))),
            Source::Unattested(None) if is_for_host => Ok(Some(courier::refused(
                REFUSED,
                "its host has no keys for it",
            ))),
            Source::Vault(courier) if !is_for_host => {
                if courier.send(tag, ask) {
                    Ok(None)
                } else {
                    Err(Loss::Conduct("it asks two things of its vault at once"))
                }
            }
            _ => Ok(Some(courier::refused(
                REFUSED,
                "its host was told of no such source of keys",
            ))),
        }
    }

    /// The vault's answer that has arrived, with its question's tag.
    pub(crate) fn answer(&mut self) -> Option<(u64, Told)> {
        let Source::Vault(courier) = &mut self.source else {
            return None;
        };
        let (tag, told) = courier.receive()?;
        refusal::report(&self.worker, self.measurement.as_ref(), &told);
        Some((tag, told))
    }

    /// The program is gone.
    pub(crate) fn forget(&mut self) {
        if let Source::Vault(courier) = &mut self.source {
            courier.forget();
        }
    }
}

fn courier(address: &VaultAddress, waker: Waker) -> Result<Courier, Error> {
    Courier::start(VaultLine::new(address), waker)
}
