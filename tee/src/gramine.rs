//! SGX below Gramine, whose library OS shows evidence and keys as files.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use link::report::Refusal;
use sgx::quote::{self, Tee as QuotedTee};
use sgx::{Kind, Report, TargetInfo};
use zeroize::Zeroizing;

use crate::files::{Files, System, fault, wrong};
use crate::quoted;
use crate::seal::{Binding, PlatformVersion, SealingKey, Wanted};
use crate::{Error, Tee};

/// Gramine's `/dev/attestation`.
///
/// REPORTDATA is written to one file, and the quote over it is read from another; so one caller at a
/// time, and what comes back is compared with what was asked for. The sealing keys are those of the
/// present security versions alone: Gramine asks the processor for no others.
pub struct Gramine {
    folder: PathBuf,
    files: Box<dyn Files>,
    /// The files are the whole process's.
    turn: Mutex<()>,
}

/// Bytes of a sealing key.
const KEY: usize = 16;
/// More than the name of any way of attesting has.
const LONGEST_TYPE: usize = 64;

impl Gramine {
    /// Where Gramine shows it.
    pub const FOLDER: &'static str = "/dev/attestation";

    /// With the files in this folder: [`FOLDER`](Self::FOLDER).
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::on(Box::new(System), folder.into())
    }

    fn on(files: Box<dyn Files>, folder: PathBuf) -> Self {
        let turn = Mutex::new(());
        Self {
            folder,
            files,
            turn,
        }
    }

    fn read(&self, name: &str, limit: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        let path = self.folder.join(name);
        let read = self.files.read(&path, limit);
        read.map_err(fault("read", &path))
    }

    fn read_exactly<const N: usize>(&self, name: &str) -> Result<Zeroizing<[u8; N]>, Error> {
        let bytes = self.read(name, N)?;
        let bytes: Result<[u8; N], _> = bytes.as_slice().try_into();
        bytes
            .map(Zeroizing::new)
            .map_err(|_| self.wrong(name, "too few bytes"))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.folder.join(name);
        let written = self.files.write(&path, bytes);
        written.map_err(fault("write to", &path))
    }

    fn wrong(&self, name: &str, what: &'static str) -> Error {
        wrong(&self.folder.join(name), what)
    }

    fn unavailable(what: &'static str) -> Error {
        let kind = Kind::Gramine;
        Error::Unavailable { kind, what }
    }

    /// What the processor says of this enclave, to itself.
    fn own_report(&self) -> Result<Report, Error> {
        let own: Zeroizing<[u8; TargetInfo::SIZE]> = self.read_exactly("my_target_info")?;
        self.write("target_info", &*own)?;
        self.write("user_report_data", &[0; 64])?;
        let report = self.read_exactly("report")?;
        Report::parse(&report).map_err(|_| self.wrong("report", "no REPORT"))
    }
}

impl Tee for Gramine {
    fn kind(&self) -> Kind {
        Kind::Gramine
    }

    fn evidence(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, Error> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read("attestation_type", LONGEST_TYPE)?.trim_ascii() != b"dcap" {
            return Err(Self::unavailable(
                "quote here: its manifest has to say sgx.remote_attestation = \"dcap\"",
            ));
        }
        self.write("user_report_data", report_data)?;
        let quote = self.read("quote", quote::MAX_SIZE)?;
        quoted::check(&quote, QuotedTee::Sgx, report_data)
            .map_err(|what| self.wrong("quote", what))?;
        Ok(quote.to_vec())
    }

    fn sealing_key(&self, wanted: &Wanted) -> Result<SealingKey, Error> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let own = self.own_report()?.body;
        if wanted.svn > own.isv_svn {
            return Err(Refusal::InvalidIsvSvn.into());
        }
        if wanted.svn < own.isv_svn {
            return Err(Self::unavailable(
                "sealing key of an earlier version of the program",
            ));
        }
        let present = [PlatformVersion::Present, PlatformVersion::At(own.cpusvn)];
        if !present.contains(&wanted.platform) {
            return Err(Self::unavailable(
                "sealing key of another version of the platform",
            ));
        }
        let name = match wanted.bound_to {
            Binding::Measurement => "keys/_sgx_mrenclave",
            Binding::Signer => "keys/_sgx_mrsigner",
        };
        let key: Zeroizing<[u8; KEY]> = self.read_exactly(name)?;
        SealingKey::derive(Kind::Gramine, &*key, wanted, own.cpusvn)
            .ok_or_else(|| self.wrong(name, "a secret that makes no key"))
    }
}

#[cfg(test)]
#[path = "gramine/described.rs"]
mod described;
