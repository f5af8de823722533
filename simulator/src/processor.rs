//! What the processor does for an enclave: EREPORT and EGETKEY.

use aws_lc_rs::cmac;
use sgx::{
    Attributes, KeyName, KeyPolicy, KeyRequest, Miscselect, Report, ReportBody, TargetInfo, flags,
};
use zeroize::Zeroizing;

use crate::error::KeyError;
use crate::keys::Seed;
use crate::platform::Key;
use crate::secs::Secs;
use crate::tcb::Tcb;

/// Attributes that no mask takes out of a sealing key: INIT and DEBUG (SDM 3D, EGETKEY).
const ALWAYS: Attributes = Attributes {
    flags: flags::INIT | flags::DEBUG,
    xfrm: 0,
};

/// A processor of certain security versions, with its fuses.
pub(crate) struct Processor {
    /// The secret that was burnt into it: what its keys follow from.
    seal_fuses: Zeroizing<[u8; 16]>,
    /// Chosen by who owns the machine.
    owner_epoch: Zeroizing<[u8; 16]>,
    /// KEYID of the reports since it was started. It is no secret.
    report_key_id: [u8; 32],
    tcb: Tcb,
}

impl Processor {
    pub(crate) fn new(seed: &Seed, tcb: Tcb) -> Self {
        Self {
            seal_fuses: seed.derive_half("seal fuses"),
            owner_epoch: seed.derive_half("owner epoch"),
            report_key_id: *seed.derive("report key id", &[]),
            tcb,
        }
    }

    /// EREPORT (SDM 3D, "EREPORT—Create a Cryptographic Report of the Enclave").
    pub(crate) fn ereport(
        &self,
        secs: &Secs,
        target: &TargetInfo,
        report_data: &[u8; 64],
    ) -> Report {
        let body = secs.report_body(self.tcb.cpusvn(), *report_data);
        let key = self.report_key(target, self.report_key_id);
        Report {
            body,
            key_id: self.report_key_id,
            mac: mac(&key, &body),
        }
    }

    /// Whether a report was made on this processor for this enclave: what the enclave itself would find
    /// out with its report key.
    pub(crate) fn made(&self, report: &Report, target: &TargetInfo) -> bool {
        let key = self.report_key(target, report.key_id);
        cmac::verify(&cmac_key(&key), &report.body.to_bytes(), &report.mac).is_ok()
    }

    /// EGETKEY (SDM 3D, "EGETKEY—Retrieves a Cryptographic Key").
    pub(crate) fn egetkey(&self, secs: &Secs, request: &KeyRequest) -> Result<Key, KeyError> {
        check_policy(secs, request)?;
        let name = request.name;
        let allowed = match name {
            KeyName::EINITTOKEN => secs.attributes.flags & flags::EINITTOKEN_KEY != 0,
            KeyName::PROVISION | KeyName::PROVISION_SEAL => {
                secs.attributes.flags & flags::PROVISIONKEY != 0
            }
            KeyName::REPORT => return Ok(self.report_key(&secs.target(), request.key_id)),
            KeyName::SEAL => true,
            _ => return Err(KeyError::InvalidKeyname),
        };
        if !allowed {
            return Err(KeyError::InvalidAttribute);
        }
        let newer = |(asked, own): (&u8, u8)| *asked > own;
        if request.cpusvn.iter().zip(self.tcb.cpusvn()).any(newer) {
            return Err(KeyError::InvalidCpusvn);
        }
        if request.isv_svn > secs.isv_svn || request.config_svn > secs.config_svn {
            return Err(KeyError::InvalidIsvsvn);
        }
        let mut of = Dependencies::new(name);
        of.masked(secs, request);
        match name {
            KeyName::SEAL => of.sealing(secs, request),
            _ => of.signer(secs),
        }
        if matches!(name, KeyName::SEAL | KeyName::EINITTOKEN) {
            of.add(&request.key_id);
        }
        // Provisioning keys outlive the owner, and the first of them even the fuses that are only this
        // machine's: here it has no others.
        if name != KeyName::PROVISION && name != KeyName::PROVISION_SEAL {
            of.add(&self.owner_epoch[..]);
        }
        Ok(of.derive(&self.seal_fuses))
    }

    fn report_key(&self, target: &TargetInfo, key_id: [u8; 32]) -> Key {
        let mut of = Dependencies::new(KeyName::REPORT);
        of.add(&target.to_bytes());
        of.add(&key_id);
        of.add(&self.tcb.cpusvn());
        of.add(&self.owner_epoch[..]);
        of.derive(&self.seal_fuses)
    }
}

/// What no processor would run.
fn check_policy(secs: &Secs, request: &KeyRequest) -> Result<(), KeyError> {
    const SEPARATION: KeyPolicy = KeyPolicy(
        KeyPolicy::NOISVPRODID.0
            | KeyPolicy::CONFIGID.0
            | KeyPolicy::ISVFAMILYID.0
            | KeyPolicy::ISVEXTPRODID.0,
    );
    if !request.policy.is_known() {
        return Err(KeyError::GeneralProtection(
            "a reserved bit of KEYPOLICY is set",
        ));
    }
    let separate = request.policy.0 & SEPARATION.0 != 0;
    if separate && secs.attributes.flags & flags::KSS == 0 {
        return Err(KeyError::GeneralProtection(
            "KEYPOLICY asks for key separation, and the enclave's ATTRIBUTES have no KSS",
        ));
    }
    Ok(())
}

/// What a key follows from. The values are those of the SDM; how a processor lays them out and
/// derives a key of them is its maker's secret, and this is our own way.
struct Dependencies(Vec<u8>);

impl Dependencies {
    fn new(name: KeyName) -> Self {
        Self(name.0.to_le_bytes().to_vec())
    }

    /// Adds a field. All fields of a key's name have their fixed size, so that no two requests are the
    /// same bytes.
    fn add(&mut self, field: &[u8]) {
        self.0.extend(field);
    }

    /// Versions, and what the masks leave.
    fn masked(&mut self, secs: &Secs, request: &KeyRequest) {
        let attributes = secs.attributes & (request.attributes_mask | ALWAYS);
        let Miscselect(miscselect_mask) = request.miscselect_mask;
        self.add(&request.cpusvn);
        self.add(&request.isv_svn.to_le_bytes());
        self.add(&attributes.to_bytes());
        self.add(&request.attributes_mask.to_bytes());
        self.add(&(secs.miscselect.0 & miscselect_mask).to_le_bytes());
        self.add(&miscselect_mask.to_le_bytes());
        self.add(&[secs.cet_attributes & request.cet_attributes_mask]);
        self.add(&[request.cet_attributes_mask]);
        self.add(&request.policy.0.to_le_bytes());
    }

    /// What the policy of a sealing key asks for.
    fn sealing(&mut self, secs: &Secs, request: &KeyRequest) {
        let policy = request.policy;
        let mut choose = |wanted: bool, field: &[u8]| {
            if wanted {
                self.0.extend(field);
            } else {
                self.0.extend(field.iter().map(|_| 0));
            }
        };
        choose(policy.contains(KeyPolicy::MRENCLAVE), &secs.mrenclave.0);
        choose(policy.contains(KeyPolicy::MRSIGNER), &secs.mrsigner.0);
        choose(
            !policy.contains(KeyPolicy::NOISVPRODID),
            &secs.isv_prod_id.to_le_bytes(),
        );
        choose(policy.contains(KeyPolicy::CONFIGID), &secs.config_id);
        choose(
            policy.contains(KeyPolicy::CONFIGID),
            &request.config_svn.to_le_bytes(),
        );
        choose(policy.contains(KeyPolicy::ISVFAMILYID), &secs.isv_family_id);
        choose(
            policy.contains(KeyPolicy::ISVEXTPRODID),
            &secs.isv_ext_prod_id,
        );
    }

    /// What the other keys follow from: signer and product.
    fn signer(&mut self, secs: &Secs) {
        self.add(&secs.mrsigner.0);
        self.add(&secs.isv_prod_id.to_le_bytes());
    }

    fn derive(&self, fuses: &[u8; 16]) -> Key {
        Key(tag(fuses, &self.0))
    }
}

fn mac(key: &Key, body: &ReportBody) -> [u8; 16] {
    tag(key.expose(), &body.to_bytes())
}

#[expect(
    clippy::expect_used,
    reason = "AES-CMAC of bytes in memory fails with a key of another size alone"
)]
fn tag(key: &[u8; 16], message: &[u8]) -> [u8; 16] {
    let tag = cmac::sign(&raw_key(key), message).expect("a key of 16 bytes");
    let mut bytes = [0; 16];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

fn cmac_key(key: &Key) -> cmac::Key {
    raw_key(key.expose())
}

#[expect(clippy::expect_used, reason = "the key has the algorithm's size")]
fn raw_key(key: &[u8; 16]) -> cmac::Key {
    cmac::Key::new(cmac::AES_128, key).expect("16 bytes are a key")
}

#[cfg(test)]
mod tests {
    use sgx::{Mrenclave, Mrsigner};

    use super::*;
    use crate::settings::Settings;

    fn processor() -> Processor {
        Processor::new(&Seed::from_bytes([1; 32]), Settings::CURRENT)
    }

    fn secs() -> Secs {
        Secs {
            isv_prod_id: 5,
            isv_svn: 3,
            ..Secs::new(Mrenclave([1; 32]), Mrsigner([2; 32]))
        }
    }

    fn request(policy: KeyPolicy) -> KeyRequest {
        KeyRequest {
            name: KeyName::SEAL,
            policy,
            isv_svn: 3,
            cet_attributes_mask: 0,
            cpusvn: Settings::CURRENT.cpusvn(),
            attributes_mask: Attributes {
                flags: flags::DEBUG,
                xfrm: 0,
            },
            key_id: [9; 32],
            miscselect_mask: Miscselect(0),
            config_svn: 0,
        }
    }

    fn seal(secs: &Secs, request: &KeyRequest) -> Key {
        processor().egetkey(secs, request).expect("a key")
    }

    #[test]
    fn the_target_alone_can_check_a_report() {
        let (processor, target) = (processor(), secs().target());
        let report = processor.ereport(&secs(), &target, &[7; 64]);
        assert!(processor.made(&report, &target));

        // The target's own way: its report key by EGETKEY, and CMAC.
        let request = KeyRequest {
            name: KeyName::REPORT,
            key_id: report.key_id,
            ..request(KeyPolicy(0))
        };
        let key = processor.egetkey(&secs(), &request).expect("a report key");
        assert_eq!(mac(&key, &report.body), report.mac);

        let other = Secs {
            config_svn: 1,
            ..secs()
        };
        assert!(!processor.made(&report, &other.target()));
        let elsewhere = Processor::new(&Seed::from_bytes([2; 32]), Settings::CURRENT);
        assert!(!elsewhere.made(&report, &target));
    }

    #[test]
    fn a_changed_report_is_refused() {
        let (processor, target) = (processor(), secs().target());
        let report = processor.ereport(&secs(), &target, &[7; 64]);
        let bytes = report.to_bytes();
        for at in 0..Report::SIZE {
            let mut changed = bytes;
            changed[at] ^= 1;
            // Reserved bytes are refused by their form.
            let taken =
                Report::parse(&changed).is_ok_and(|report| processor.made(&report, &target));
            assert!(!taken, "byte {at}");
        }
    }

    #[test]
    fn sealing_keys_follow_their_policy() {
        let (own, signer) = (request(KeyPolicy::MRENCLAVE), request(KeyPolicy::MRSIGNER));
        let update = Secs {
            mrenclave: Mrenclave([8; 32]),
            isv_svn: 4,
            ..secs()
        };
        let product = Secs {
            isv_prod_id: 6,
            ..secs()
        };
        let stranger = Secs {
            mrsigner: Mrsigner([8; 32]),
            ..secs()
        };
        assert_eq!(seal(&secs(), &own), seal(&secs(), &own));
        assert_ne!(seal(&secs(), &own), seal(&update, &own));
        assert_eq!(seal(&secs(), &signer), seal(&update, &signer));
        assert_ne!(seal(&secs(), &signer), seal(&product, &signer));
        assert_ne!(seal(&secs(), &signer), seal(&stranger, &signer));
        assert_ne!(seal(&secs(), &own), seal(&secs(), &signer));
    }

    #[test]
    fn a_debugger_gets_other_keys_whatever_is_masked() {
        let mut debug = secs();
        debug.attributes.flags |= flags::DEBUG;
        let request = KeyRequest {
            attributes_mask: Attributes { flags: 0, xfrm: 0 },
            ..request(KeyPolicy::MRSIGNER)
        };
        assert_ne!(seal(&secs(), &request), seal(&debug, &request));

        // What is masked out makes no difference.
        let mut wide = secs();
        wide.attributes.xfrm |= 4;
        assert_eq!(seal(&secs(), &request), seal(&wide, &request));
        let counted = KeyRequest {
            attributes_mask: Attributes::ALL,
            ..request
        };
        assert_ne!(seal(&secs(), &counted), seal(&wide, &counted));
    }

    #[test]
    fn older_keys_can_be_had_and_newer_cannot() {
        let processor = processor();
        let now = request(KeyPolicy::MRSIGNER);
        let before = KeyRequest { isv_svn: 2, ..now };
        let after = KeyRequest { isv_svn: 4, ..now };
        assert_ne!(seal(&secs(), &now), seal(&secs(), &before));
        assert_eq!(
            processor.egetkey(&secs(), &after),
            Err(KeyError::InvalidIsvsvn)
        );
        let configured = KeyRequest {
            config_svn: 1,
            ..now
        };
        assert_eq!(
            processor.egetkey(&secs(), &configured),
            Err(KeyError::InvalidIsvsvn)
        );

        let older = Processor::new(&Seed::from_bytes([1; 32]), Settings::OLDER);
        assert_eq!(older.egetkey(&secs(), &now), Err(KeyError::InvalidCpusvn));
        let old = KeyRequest {
            cpusvn: Settings::OLDER.cpusvn(),
            ..now
        };
        assert_eq!(
            older.egetkey(&secs(), &old).expect("its own"),
            seal(&secs(), &old)
        );
    }

    #[test]
    fn keys_that_are_not_for_everybody_are_refused() {
        let processor = processor();
        let ask = |flags: u64, name: KeyName, policy: KeyPolicy| {
            let mut secs = secs();
            secs.attributes.flags |= flags;
            let request = KeyRequest {
                name,
                ..request(policy)
            };
            processor.egetkey(&secs, &request)
        };
        let signer = KeyPolicy::MRSIGNER;
        for (name, flag) in [
            (KeyName::EINITTOKEN, flags::EINITTOKEN_KEY),
            (KeyName::PROVISION, flags::PROVISIONKEY),
            (KeyName::PROVISION_SEAL, flags::PROVISIONKEY),
        ] {
            assert_eq!(ask(0, name, signer), Err(KeyError::InvalidAttribute));
            ask(flag, name, signer).expect("allowed");
        }
        assert_eq!(ask(0, KeyName(5), signer), Err(KeyError::InvalidKeyname));
        for policy in [
            KeyPolicy(1 << 6),
            signer | KeyPolicy::CONFIGID,
            signer | KeyPolicy::NOISVPRODID,
        ] {
            assert!(matches!(
                ask(0, KeyName::SEAL, policy),
                Err(KeyError::GeneralProtection(_))
            ));
        }
        ask(flags::KSS, KeyName::SEAL, signer | KeyPolicy::CONFIGID).expect("allowed");
    }
}
