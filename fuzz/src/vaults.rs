//! CAS with its sessions, and a platform with a program that asks.

use std::sync::{Arc, LazyLock};

use attestation::Time;
use protocol::SystemEntropy;
use provision::api::SessionWritten;
use provision::{SessionName, VaultKey};
use session::Hex32;
use simulator::{Platform, Secs, Seed, Settings};
use vault::cas::{Cas, Error, Limits, Principal, Sessions};
use vault::state::{Decision, Event};

/// Who writes sessions.
pub(crate) const ALICE: Principal = Principal::Key(Hex32([0xa1; 32]));

/// When the platform was made.
pub(crate) const MADE: u64 = 1_790_000_000;

/// The vault of all runs.
static KEY: LazyLock<Arc<VaultKey>> =
    LazyLock::new(|| Arc::new(VaultKey::generate().expect("randomness")));

/// CAS, and what it keeps.
pub(crate) struct World {
    pub(crate) cas: Cas,
    pub(crate) sessions: Sessions,
}

impl World {
    pub(crate) fn new(limits: Limits) -> Self {
        let entropy = Arc::new(SystemEntropy::new());
        Self {
            cas: Cas::new(Arc::clone(&KEY), entropy, limits).expect("randomness"),
            sessions: Sessions::default(),
        }
    }

    /// Writes a session in the three steps.
    pub(crate) fn put(
        &mut self,
        who: Principal,
        name: &SessionName,
        text: &str,
        now: Time,
    ) -> Result<SessionWritten, Error> {
        let plan = self.cas.plan(&self.sessions, who, name, text, now);
        let draft = self.cas.make(refusal(plan)?, now);
        let written = self.cas.write(&self.sessions, refusal(draft)?, now);
        for event in written.events {
            if let Event::Cas(event) = event {
                self.sessions.apply(event);
            }
        }
        written.reply
    }
}

/// A refusal is one line of the log, and changes nothing.
fn refusal<T>(decision: Decision<Result<T, Error>>) -> Result<T, Error> {
    assert!(decision.events.is_empty());
    if let Err(error) = &decision.reply {
        assert_eq!(decision.audit.len(), 1);
        assert_eq!(decision.audit[0].code.as_deref(), Some(error.code()));
    }
    decision.reply
}

/// A simulated platform.
pub(crate) fn platform() -> Platform {
    let seed = Seed::from_bytes([1; 32]);
    Platform::new(seed, Settings::new(MADE)).expect("a platform")
}

/// The program that asks.
pub(crate) fn program() -> Secs {
    let mut secs = Secs::new(sgx::Mrenclave([0x11; 32]), sgx::Mrsigner([0x22; 32]));
    secs.isv_prod_id = 1;
    secs.isv_svn = 1;
    secs
}

/// A session whose service `app` that program is.
pub(crate) fn session(root: &str) -> String {
    format!(
        "\
name: shop/till
version: \"0.3.10\"
access_policy: {{read: [CREATOR], update: [CREATOR]}}
security: {{attestation: {{mode: simulated, simulated_roots: [\"{root}\"]}}}}
services:
  - name: app
    attestation: [{{mrenclave: \"{measurement}\", signer: {{mrsigner: \"{signer}\", isvprodid: 1, isvsvn_min: 1}}}}]
    command: [/app, $$SCONE::token$$]
    environment: {{TOKEN: $$SCONE::token$$}}
secrets:
  - {{name: token, kind: ascii}}
",
        measurement = "11".repeat(32),
        signer = "22".repeat(32),
    )
}
