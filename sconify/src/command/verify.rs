//! `sconify verify`.

use std::path::PathBuf;
use std::str::FromStr;

use sgx::{Digest, Kind, Mrenclave, Mrsigner, NotADigest};

use crate::Error;
use crate::terminal::Terminal;
use crate::verify::{Expected, verify};

/// Check that an image is what it says: measure it again, and compare everything with that.
///
/// Computes the measurement from the stream's bytes; compares with it the program, the parameters, the
/// signature and the files. Says each check by its name, and what none of them proves.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconify verify target/sconify/worker
  sconify verify worker.tar --expect sim:mrenclave:3b62… --signer 9d4f… --release
  sconify verify target/sconify/worker --json

Exit status: 0 all checks passed; 1 one failed; 2 it is no image, or its stream is not canonical.")]
pub(super) struct Args {
    /// An image (a folder, an OCI layout, or a tar with either), or a stream.
    #[arg(value_name = "IMAGE|FILE.sgxs")]
    image: PathBuf,
    /// The measurement that it has to have: 64 hex digits, or with its kind
    #[arg(long, value_name = "MRENCLAVE", value_parser = mrenclave)]
    expect: Option<Mrenclave>,
    /// The signer that it has to have: 64 hex digits, or with its kind
    #[arg(long, value_name = "MRSIGNER", value_parser = mrsigner)]
    signer: Option<Mrsigner>,
    /// Check that it may be released: no debugger may look in, and the date is pinned
    #[arg(long)]
    release: bool,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<(), Error> {
    let expected = Expected {
        mrenclave: args.expect,
        mrsigner: args.signer,
        release: args.release,
    };
    let measuring = terminal.spinner("measuring");
    let verification = verify(&args.image, &expected, terminal)?;
    drop(measuring);
    terminal.print(&verification);
    Ok(verification.answer()?)
}

fn mrenclave(text: &str) -> Result<Mrenclave, String> {
    digest(text, |digest| match digest {
        Digest::Mrenclave(Kind::Sim, found) => Some(found),
        _ => None,
    })
}

fn mrsigner(text: &str) -> Result<Mrsigner, String> {
    digest(text, |digest| match digest {
        Digest::Mrsigner(Kind::Sim, found) => Some(found),
        _ => None,
    })
}

/// Bare digits, or a digest whose kind can be computed here.
fn digest<T: FromStr<Err = NotADigest>>(
    text: &str,
    take: impl Fn(Digest) -> Option<T>,
) -> Result<T, String> {
    if !text.contains(':') {
        return text.parse().map_err(|error: NotADigest| error.to_string());
    }
    let digest: Digest = text
        .parse()
        .map_err(|error: NotADigest| error.to_string())?;
    take(digest).ok_or_else(|| {
        "that is another kind of digest than is computed here: sim:mrenclave:… for --expect, \
         sim:mrsigner:… for --signer"
            .to_owned()
    })
}
