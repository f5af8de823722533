//! The levels that a platform has reached.

use sgx::quote::{Body, TdReport};

use crate::claims::CurrentTcb;
use crate::pck;
use crate::tcb::{Level, Status};
use crate::tcb_info::{Error, Platform, TcbInfo};

/// The levels of all that a program runs on, but for the quoting enclave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) platform: Level,
    pub(crate) tdx_module: Option<Level>,
    pub(crate) current: Option<CurrentTcb>,
}

impl Reached {
    /// What a TCB info says of a platform with these certified versions, and of the TDX module that a
    /// trust domain reports.
    pub(crate) fn of(body: &Body, certified: &pck::Tcb, tcb_info: &TcbInfo) -> Result<Self, Error> {
        match body {
            Body::Sgx(_) => {
                let (platform, tdx_module) = at(tcb_info, certified, None)?;
                Ok(Self {
                    platform,
                    tdx_module,
                    current: None,
                })
            }
            Body::Tdx(report) => Self::of_domain(report, certified, tcb_info),
        }
    }

    fn of_domain(
        report: &TdReport,
        certified: &pck::Tcb,
        tcb_info: &TcbInfo,
    ) -> Result<Self, Error> {
        let svn = &report.tee_tcb_svn;
        tcb_info.check_module(svn, &report.mr_signer_seam.0, report.seam_attributes)?;
        let (platform, tdx_module) = at(tcb_info, certified, Some(svn))?;
        let current = match &report.tdx15 {
            None => None,
            Some(tdx15) => {
                let (platform, tdx_module) = at(tcb_info, certified, Some(&tdx15.tee_tcb_svn2))?;
                Some(CurrentTcb {
                    platform,
                    tdx_module,
                })
            }
        };
        Ok(Self {
            platform,
            tdx_module,
            current,
        })
    }

    /// All of it as one status.
    pub(crate) fn status(&self) -> Status {
        let both = |platform: &Level, module: &Option<Level>| {
            let module = module
                .as_ref()
                .map_or(platform.status, |level| level.status);
            platform.status.and(module)
        };
        let launched = both(&self.platform, &self.tdx_module);
        match &self.current {
            Some(current) => launched.relaunch(both(&current.platform, &current.tdx_module)),
            None => launched,
        }
    }

    pub(crate) fn levels(&self) -> impl Iterator<Item = &Level> {
        let current = self.current.as_ref();
        [
            Some(&self.platform),
            self.tdx_module.as_ref(),
            current.map(|current| &current.platform),
            current.and_then(|current| current.tdx_module.as_ref()),
        ]
        .into_iter()
        .flatten()
    }
}

/// The levels of a platform, and of its TDX module if that has levels of its own, at these versions.
fn at(
    tcb_info: &TcbInfo,
    certified: &pck::Tcb,
    tdx: Option<&[u8; 16]>,
) -> Result<(Level, Option<Level>), Error> {
    let platform = tcb_info.platform_level(Platform {
        components: &certified.components,
        pcesvn: certified.pcesvn,
        tdx,
    })?;
    let module = match tdx {
        Some(svn) => tcb_info.module_level(svn)?,
        None => None,
    };
    Ok((platform.clone(), module.cloned()))
}

#[cfg(test)]
mod tests;
