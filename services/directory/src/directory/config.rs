//! What a directory says of itself.

use transparency::trust::{Policy, Trust};
use transparency::vrf::Suite;

use crate::keys::Keys;
use crate::{Config, Error};

/// The realm, the keys, and whose signatures there are besides.
pub(super) fn trust(config: &Config, keys: &Keys, suite: Suite) -> Result<Trust, Error> {
    let vrf_key = keys.vrf.public_key().to_pem();
    let vrf_key = vrf_key.map_err(|fault| Error::Keys {
        path: config.keys.clone(),
        fault: fault.to_string(),
    })?;
    Ok(Trust {
        realm: config.realm.clone(),
        vrf_suite: suite.name().to_owned(),
        vrf_key,
        map_key: keys.map.verifying_key().to_pem(),
        log_key: Some(keys.log.verifying_key().to_pem()),
        checkpoint_key: Some(keys.checkpoint.verifier().to_string()),
        witnesses: Policy {
            threshold: config.witnesses.threshold,
            keys: config
                .witnesses
                .list
                .iter()
                .map(|witness| witness.key.clone())
                .collect(),
        },
        auditors: Policy {
            threshold: config.auditors.threshold,
            keys: config.auditors.keys.clone(),
        },
        ..Trust::default()
    })
}
