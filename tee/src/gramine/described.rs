//! The driver against a device that does what Gramine's documentation says ("Attestation and secret
//! provisioning", low-level interface). It was written from that text: nothing here was recorded on
//! hardware.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::*;
use crate::quoted::tests::{quote, report};

/// What the device holds, and what is wrong with it.
struct State {
    attestation: &'static [u8],
    report_data: [u8; 64],
    target: Option<Vec<u8>>,
    /// Contents that it gives in place of its own.
    instead: BTreeMap<&'static str, Vec<u8>>,
}

#[derive(Clone)]
struct Device(Arc<Mutex<State>>);

impl Device {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            attestation: b"dcap",
            report_data: [0xEE; 64],
            target: None,
            instead: BTreeMap::new(),
        })))
    }

    fn instead(self, name: &'static str, content: &[u8]) -> Self {
        self.0
            .lock()
            .unwrap()
            .instead
            .insert(name, content.to_vec());
        self
    }

    fn driver(&self) -> Gramine {
        Gramine::on(Box::new(self.clone()), Gramine::FOLDER.into())
    }
}

fn name(path: &Path) -> &str {
    let name = path.strip_prefix(Gramine::FOLDER).unwrap();
    name.to_str().unwrap()
}

impl Files for Device {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        let state = self.0.lock().unwrap();
        let name = name(path);
        let content = match name {
            _ if state.instead.contains_key(name) => state.instead[name].clone(),
            "attestation_type" => state.attestation.to_vec(),
            // Only with DCAP is there such a file.
            "quote" if state.attestation == b"dcap" => quote(QuotedTee::Sgx, state.report_data),
            "my_target_info" => TargetInfo::of(&report([0; 64])).to_bytes().to_vec(),
            "report" if state.target.is_some() => Report {
                body: report(state.report_data),
                key_id: [0; 32],
                mac: [0; 16],
            }
            .to_bytes()
            .to_vec(),
            "keys/_sgx_mrenclave" => vec![0xAA; 16],
            "keys/_sgx_mrsigner" => vec![0xBB; 16],
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        if content.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(Zeroizing::new(content))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        match (name(path), bytes.len()) {
            ("user_report_data", 64) => state.report_data.copy_from_slice(bytes),
            ("target_info", 512) => state.target = Some(bytes.to_vec()),
            ("user_report_data" | "target_info", _) => {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            _ => return Err(io::ErrorKind::PermissionDenied.into()),
        }
        Ok(())
    }

    fn make_folder(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn remove_folder(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

fn wanted(bound_to: Binding, svn: u16) -> Wanted {
    Wanted {
        bound_to,
        svn,
        platform: PlatformVersion::Present,
    }
}

#[test]
fn a_quote_is_read_over_what_was_written() {
    let device = Device::new();
    let found = device.driver().evidence(&[3; 64]).unwrap();
    assert_eq!(found, quote(QuotedTee::Sgx, [3; 64]));
    assert_eq!(device.driver().kind(), Kind::Gramine);
    // Some releases end the line.
    let line = Device::new().instead("attestation_type", b"dcap\n");
    assert!(line.driver().evidence(&[3; 64]).is_ok());
}

#[test]
fn a_quote_over_something_else_is_not_used() {
    for instead in [
        quote(QuotedTee::Sgx, [4; 64]),
        quote(QuotedTee::Tdx, [3; 64]),
        vec![],
    ] {
        let device = Device::new().instead("quote", &instead);
        let error = device.driver().evidence(&[3; 64]).unwrap_err();
        assert_eq!(error.code(), "tee.answer");
        assert!(
            error.to_string().contains("/dev/attestation/quote"),
            "{error}"
        );
    }
    let endless = Device::new().instead("quote", &vec![0; quote::MAX_SIZE + 1]);
    assert_eq!(
        endless.driver().evidence(&[3; 64]).unwrap_err().code(),
        "tee.device"
    );
}

#[test]
fn without_dcap_the_manifest_is_named() {
    let device = Device::new();
    device.0.lock().unwrap().attestation = b"none";
    let error = device.driver().evidence(&[3; 64]).unwrap_err();
    assert_eq!(error.code(), "tee.unavailable");
    assert!(
        error.to_string().contains("sgx.remote_attestation"),
        "{error}"
    );
}

#[test]
fn outside_gramine_the_file_is_named() {
    let error = Gramine::new("/nonexistent").evidence(&[3; 64]).unwrap_err();
    assert_eq!(error.code(), "tee.device");
    assert!(
        error.to_string().contains("/nonexistent/attestation_type"),
        "{error}"
    );
}

#[test]
fn keys_are_those_of_the_present_versions() {
    let driver = Device::new().driver();
    let key = driver.sealing_key(&wanted(Binding::Signer, 4)).unwrap();
    assert_eq!(key.platform(), [5; 16]);
    let at = |version| Wanted {
        platform: PlatformVersion::At(version),
        ..wanted(Binding::Signer, 4)
    };
    assert_eq!(
        driver.sealing_key(&at([5; 16])).unwrap().expose(),
        key.expose()
    );
    let other = driver
        .sealing_key(&wanted(Binding::Measurement, 4))
        .unwrap();
    assert_ne!(key.expose(), other.expose());

    let refusal = |wanted: &Wanted| driver.sealing_key(wanted).err().unwrap();
    assert!(matches!(
        refusal(&wanted(Binding::Signer, 5)),
        Error::Refused(Refusal::InvalidIsvSvn)
    ));
    assert_eq!(
        refusal(&wanted(Binding::Signer, 3)).code(),
        "tee.unavailable"
    );
    assert_eq!(refusal(&at([4; 16])).code(), "tee.unavailable");
}

#[test]
fn a_key_or_report_of_another_length_is_not_used() {
    for (file, content) in [
        ("keys/_sgx_mrsigner", vec![1; 15]),
        ("keys/_sgx_mrsigner", vec![]),
        ("report", vec![0; 431]),
        ("report", vec![0xFF; 432]),
        ("my_target_info", vec![0; 511]),
    ] {
        let device = Device::new().instead(file, &content);
        let error = device.driver().sealing_key(&wanted(Binding::Signer, 4));
        assert_eq!(error.err().unwrap().code(), "tee.answer", "{file}");
    }
}
