//! Options of Avalon's generic client that have no meaning here: refused with what to use instead, or
//! taken with a note where they do no harm.

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Options that Sconce has no use for.
#[derive(clap::Args)]
#[command(next_help_heading = "Options of Avalon without a use here")]
pub(super) struct UnusedArgs {
    /// Refused: there is no registry contract.
    #[arg(short = 'a', long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Refused: there is no blockchain connector.
    #[arg(short = 'b', long, value_name = "NAME")]
    blockchain: Option<String>,
    /// Not read: options say everything.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<String>,
    /// Only `registry` is meant.
    #[arg(short = 'm', long, value_name = "MODE", value_parser = ["registry", "listing"])]
    mode: Option<String>,
    /// The worker's record says it.
    #[arg(short = 't', long, value_name = "KIND", value_parser = ["EPID", "DCAP"])]
    attestation: Option<String>,
}

impl UnusedArgs {
    /// Refuses, or says what is ignored.
    pub(super) fn check(&self, terminal: &Terminal) -> Result<(), Failure> {
        let uri = "give the listener's address with --uri, as in --uri http://localhost:1947";
        if self.address.is_some() {
            return Err(
                Failure::unusable("--address: workers are not found by contract").advice(uri),
            );
        }
        if self.blockchain.is_some() {
            return Err(
                Failure::unusable("--blockchain: orders do not go through one").advice(uri),
            );
        }
        if self.mode.as_deref() == Some("listing") {
            return Err(
                Failure::unusable("--mode listing: there is no listing contract").advice(uri),
            );
        }
        if self.config.is_some() {
            terminal.note("--config is not read; options and SCONCE_URI say everything");
        }
        if self.attestation.is_some() {
            terminal.note("--attestation is ignored; the worker's record says what there is");
        }
        Ok(())
    }
}
