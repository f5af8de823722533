//! `sconify sign`: SIGSTRUCT of a stream.

mod fields;

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sgx::sgxs::Summary;
use sgx::sigstruct::{Body, VerifiedSigstruct};
use sgx::{Digest, Kind};

use self::fields::Fields;
use crate::Error;
use crate::command::key::read_private;
use crate::config::Config;
use crate::output::write_whole;
use crate::reading::each_page;
use crate::sign::{self, Flavour};
use crate::terminal::Terminal;

/// Sign a stream: write its SIGSTRUCT.
///
/// The stream is measured first. The same key over the same stream makes the same 1808 bytes, because
/// the date is given and never today's. A key in a hardware module signs in two steps: --out-tbs writes
/// the 256 bytes that it signs, and --signature takes what it made of them.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconify sign --key signer.pem --date 2024-02-29 worker.sgxs -o worker.sig
  sconify sign --key signer.pem --release --config enclave.toml worker.sgxs -o worker.sig
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) \\
      sconify sign --key signer.pem worker.sgxs -o worker.sig

With a key in a hardware module (RSA-3072, e = 3; PKCS #1 v1.5 with SHA-256):
  sconify sign --date 2024-02-29 --release worker.sgxs --out-tbs worker.tbs
  pkcs11-tool --sign --mechanism SHA256-RSA-PKCS --input-file worker.tbs --output-file worker.rsa
  sconify sign --date 2024-02-29 --release worker.sgxs \\
      --signature worker.rsa --public-key signer.pub.pem -o worker.sig")]
pub(super) struct Args {
    /// The stream.
    #[arg(value_name = "FILE.sgxs")]
    stream: PathBuf,
    /// Where the SIGSTRUCT goes.
    #[arg(
        short,
        long,
        value_name = "FILE.sig",
        required_unless_present = "out_tbs"
    )]
    out: Option<PathBuf>,
    /// The key that signs, in PEM form.
    #[arg(short, long, value_name = "FILE", required_unless_present_any = ["out_tbs", "signature"])]
    key: Option<PathBuf>,
    /// Write the 256 bytes that are signed, and sign nothing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "key", "signature"])]
    out_tbs: Option<PathBuf>,
    /// A signature over those bytes that was made elsewhere: 384 bytes, big-endian.
    #[arg(
        long,
        value_name = "FILE",
        requires = "public_key",
        conflicts_with = "key"
    )]
    signature: Option<PathBuf>,
    /// The public half of the key that made it, in PEM form.
    #[arg(long, value_name = "FILE", requires = "signature")]
    public_key: Option<PathBuf>,
    /// Refuse what a debugger could look into: the mask covers DEBUG, and DEBUG is not set.
    #[arg(long, conflicts_with = "debug")]
    release: bool,
    /// Take ATTRIBUTES, MISCSELECT, product and security version from this enclave.toml, and have
    /// masks that cover everything.
    #[arg(long, value_name = "FILE", conflicts_with_all = fields::OF_CONFIG)]
    config: Option<PathBuf>,
    #[command(flatten)]
    fields: Fields,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<(), Error> {
    let date = sign::pinned_date(args.fields.date)?;
    let config = args.config.as_deref().map(Config::read).transpose()?;
    let body = |mrenclave| match &config {
        Some(config) => sign::body_of(config, mrenclave, args.flavour(), date),
        None => args.fields.body(mrenclave, args.release, date),
    };
    // Before the stream is read, which may take a while.
    if args.release {
        sign::check_release(&body(sgx::Mrenclave([0; 32])))?;
    }
    let signer = args.signer(terminal)?;
    let summary = measure(&args.stream, terminal)?;
    let body = body(summary.mrenclave);
    let Some(signer) = signer else {
        return args.to_be_signed(&body, terminal);
    };
    let signed = signer.sign(&body)?;
    if let Some(out) = &args.out {
        write(out, signed.as_bytes())?;
        terminal.print(&Facts::of(out, &signed));
    }
    if body.allows_debug() && !body.attributes.is_debug() {
        terminal.note(
            "this signature launches a debug enclave, too: --release has the mask cover DEBUG",
        );
    }
    Ok(())
}

impl Args {
    fn flavour(&self) -> Flavour {
        if self.fields.debug {
            Flavour::Debug
        } else {
            Flavour::Release
        }
    }

    /// Who signs; `None` if nobody is to.
    fn signer(&self, terminal: &Terminal) -> Result<Option<Signer>, Error> {
        if let Some(path) = &self.key {
            return Ok(Some(Signer::Key(read_private(path, terminal)?)));
        }
        let (Some(signature), Some(key)) = (&self.signature, &self.public_key) else {
            return Ok(None);
        };
        Ok(Some(Signer::Elsewhere {
            key: sign::read_public_key(key)?,
            signature: read_signature(signature)?,
        }))
    }

    /// Writes what is to be signed elsewhere.
    fn to_be_signed(&self, body: &Body, terminal: &Terminal) -> Result<(), Error> {
        let Some(out) = &self.out_tbs else {
            return Ok(());
        };
        write(out, &body.to_be_signed())?;
        terminal.print(&ToBeSigned {
            file: out.clone(),
            mrenclave: Digest::Mrenclave(Kind::Sim, body.mrenclave).to_string(),
            date: body.date.to_string(),
        });
        Ok(())
    }
}

/// Who signs.
enum Signer {
    Key(sign::SignerKey),
    Elsewhere {
        key: sgx::sigstruct::PublicKey,
        signature: Vec<u8>,
    },
}

impl Signer {
    fn sign(&self, body: &Body) -> Result<VerifiedSigstruct, sign::Error> {
        match self {
            Self::Key(key) => sign::sign(body, key),
            Self::Elsewhere { key, signature } => sign::complete(body, key, signature),
        }
    }
}

fn measure(path: &Path, terminal: &Terminal) -> Result<Summary, Error> {
    let cannot = |source| Error::io("read", path)(source);
    let file = File::open(path).map_err(cannot)?;
    let length = file.metadata().map_err(cannot)?.len();
    let bar = terminal.bar("measuring", length);
    let name = path.display().to_string();
    Ok(each_page(&name, bar.over(file), |_| Ok(()))?)
}

fn read_signature(path: &Path) -> Result<Vec<u8>, Error> {
    let cannot = |source| Error::io("read", path)(source);
    let file = File::open(path).map_err(cannot)?;
    // One more is enough to tell that it's too long.
    let mut bytes = Vec::with_capacity(sgx::sigstruct::KEY_SIZE + 1);
    file.take(sgx::sigstruct::KEY_SIZE as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    Ok(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    use std::io::Write as _;

    write_whole(path, false, |out| {
        out.write_all(bytes).map_err(Error::io("write", path))
    })
}

/// What is said of a signature.
#[derive(Serialize)]
struct Facts {
    file: PathBuf,
    mrenclave: String,
    mrsigner: String,
    date: String,
    product_id: u16,
    security_version: u16,
    allows_debug: bool,
}

impl Facts {
    fn of(file: &Path, signed: &VerifiedSigstruct) -> Self {
        let body = signed.body();
        Self {
            file: file.to_owned(),
            mrenclave: Digest::Mrenclave(Kind::Sim, body.mrenclave).to_string(),
            mrsigner: Digest::Mrsigner(Kind::Sim, signed.mrsigner()).to_string(),
            date: body.date.to_string(),
            product_id: body.product_id,
            security_version: body.security_version,
            allows_debug: body.allows_debug(),
        }
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "signature    {}", self.file.display())?;
        writeln!(f, "measurement  {}", self.mrenclave)?;
        writeln!(f, "signer       {}", self.mrsigner)?;
        writeln!(f, "date         {}", self.date)?;
        let (product, version) = (self.product_id, self.security_version);
        writeln!(f, "product      {product}, security version {version}")?;
        let debug = if self.allows_debug { "yes" } else { "no" };
        writeln!(f, "debug        {debug}")
    }
}

/// What is said of bytes that are signed elsewhere.
#[derive(Serialize)]
struct ToBeSigned {
    file: PathBuf,
    mrenclave: String,
    date: String,
}

impl fmt::Display for ToBeSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "to sign      {}", self.file.display())?;
        writeln!(f, "measurement  {}", self.mrenclave)?;
        writeln!(f, "date         {}", self.date)
    }
}
