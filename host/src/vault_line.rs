//! A host's connection to the vault of its program.
//!
//! The host does not verify the vault: its program does, before it takes a single key, and would not
//! believe its host anyway.

use provision::path;
use provision::relay::{Ask, Told};
use serde_json::value::RawValue;
use vault_client::{Error, Method, Trust, Vault};

use crate::config::VaultAddress;
use crate::courier::{Line, Unanswered};

/// Asks over HTTPS, on one connection while that lasts.
pub(crate) struct VaultLine {
    address: VaultAddress,
    vault: Option<Vault>,
}

impl VaultLine {
    /// One that connects when it's first asked.
    pub(crate) fn new(address: &VaultAddress) -> Self {
        Self {
            address: address.clone(),
            vault: None,
        }
    }
}

impl Line for VaultLine {
    fn ask(&mut self, ask: &Ask) -> Result<Told, Unanswered> {
        let mut vault = match self.vault.take() {
            Some(vault) => vault,
            None => {
                let vault = Vault::connect(self.address.as_str(), &Trust::Unverified, None);
                vault.map_err(unanswered(true))?
            }
        };
        let (method, body) = match (&*ask.path, ask.body.get()) {
            (path::EVIDENCE, _) => (Method::Get, ""),
            (_, "null") => (Method::Post, "{}"),
            (_, body) => (Method::Post, body),
        };
        // A nonce is good for one release, so that is asked for once, unless nobody has heard it.
        let again = ask.path != path::RELEASE;
        let answer = vault
            .call(method, &ask.path, "application/json", body.as_bytes())
            .map_err(unanswered(again))?;
        self.vault = Some(vault);
        let body: Box<RawValue> = serde_json::from_slice(&answer.body).map_err(|_| Unanswered {
            again: false,
            why: "its answer is no JSON; is it a vault?".to_owned(),
        })?;
        Ok(Told {
            status: answer.status,
            body,
        })
    }
}

fn unanswered(may_repeat: bool) -> impl FnOnce(Error) -> Unanswered {
    move |error| Unanswered {
        again: may_repeat && error.is_passing(),
        why: error.to_string(),
    }
}
