//! `sconify gramine`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::files::format::Mode;
use crate::gramine::{Contents, Error, Manifest, View};
use crate::located::{Located, read_text};
use crate::terminal::Terminal;
use crate::verify::{Expected, verify};
use crate::{Error as AnyError, image};

/// Write the manifest with which Gramine runs an image's program, or check one.
///
/// The manifest pins the program and the files of authenticated regions, and allows nothing else. What
/// Gramine measures is its own enclave: that measurement is not computed here, but can be given.
#[derive(clap::Args)]
#[command(
    about = "Write or check a manifest for Gramine",
    after_help = "\
Examples:
  sconify gramine target/sconify/worker -o worker.manifest
  sconify gramine target/sconify/worker --release -o worker.manifest -- --list
  sconify gramine --check worker.manifest --sigstruct-view view.json

Make view.json where Gramine is installed:
  gramine-sgx-sign --manifest worker.manifest --key key.pem --output worker.manifest.sgx
  gramine-sgx-sigstruct-view --output-format json worker.sig > view.json"
)]
pub(crate) struct Args {
    /// An image: a folder, an OCI layout, or a tar with either
    #[arg(value_name = "IMAGE", required_unless_present = "check")]
    image: Option<PathBuf>,
    /// Check this manifest instead of writing one
    #[arg(long, value_name = "MANIFEST", conflicts_with_all = ["image", "out", "arguments"])]
    check: Option<PathBuf>,
    /// Where the manifest goes; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Refuse a manifest that gives up what a release must not, such as one of a debug enclave, and an
    /// image that is not as it was measured
    #[arg(long)]
    release: bool,
    /// What `gramine-sgx-sigstruct-view --output-format json` printed of the signed manifest
    #[arg(long, value_name = "FILE")]
    sigstruct_view: Option<PathBuf>,
    /// Arguments of the program
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<(), AnyError> {
    let mut fault = None;
    let (origin, text) = match (&args.check, &args.image) {
        (Some(path), _) => (path.display().to_string(), read_text(path)?),
        (None, Some(path)) => {
            let contents = {
                let _reading = terminal.spinner("reading the image");
                Contents::read(&image::open(path)?)?
            };
            if let Some(error) = unmeasured(path, terminal) {
                if args.release {
                    return Err(error);
                }
                fault = Some(error);
            }
            warn_of_left_out(&contents, terminal);
            ("the manifest".to_owned(), contents.text(&args.arguments)?)
        }
        // The command line's rules leave none of these.
        (None, None) => return Ok(()),
    };
    let report = report(&origin, &text, args)?;
    if let Some(error) = fault {
        terminal.warn(format_args!(
            "the manifest pins what is there now, and not what was measured: {error}"
        ));
    }
    if args.check.is_some() {
        terminal.print(&report);
        return Ok(());
    }
    super::hand_over(&text, args.out.as_deref(), &report, terminal)
}

/// Why an image isn't what was measured: what a manifest pins is what lies there.
fn unmeasured(path: &Path, terminal: &Terminal) -> Option<AnyError> {
    let _verifying = terminal.spinner("verifying the image");
    let verification = verify(path, &Expected::default(), terminal);
    let answer = verification.and_then(|verification| Ok(verification.answer()?));
    answer.err()
}

fn warn_of_left_out(contents: &Contents, terminal: &Terminal) {
    for (path, mode) in contents.left_out() {
        let why = match mode {
            Mode::Encrypted => "it is encrypted in a way that Gramine can't open",
            _ => "nothing protects it",
        };
        terminal.warn(format_args!("{path} is left out of the manifest: {why}"));
    }
}

fn report(origin: &str, text: &str, args: &Args) -> Result<Report, AnyError> {
    let manifest = Manifest::parse(text).map_err(|fault| Error::Manifest {
        origin: origin.to_owned(),
        fault,
    })?;
    let concessions = manifest.concessions();
    if args.release && !concessions.is_empty() {
        return Err(Error::Concessions {
            origin: origin.to_owned(),
            faults: concessions,
        }
        .into());
    }
    let view = args.sigstruct_view.as_ref();
    let view = view.map(|path| {
        let origin = path.display().to_string();
        let view = View::parse(&read_text(path)?).map_err(|fault| Error::View {
            origin: origin.clone(),
            fault,
        })?;
        let fits = view.fits(&manifest);
        fits.map_err(|fault| Error::Mismatch { origin, fault })?;
        Ok::<_, AnyError>(view)
    });
    let view = view.transpose()?;
    Ok(Report {
        entrypoint: manifest.libos.entrypoint.clone(),
        enclave_size: manifest.sgx.enclave_size.map(|size| size.to_string()),
        trusted_files: manifest.sgx.trusted_files.len(),
        debug: manifest.sgx.debug.unwrap_or(false),
        mrenclave: view.as_ref().map(|view| view.measurement().to_string()),
        mrsigner: view.as_ref().map(|view| view.signer().to_string()),
        concessions: concessions.iter().map(Located::to_string).collect(),
        manifest: (args.out.is_none() && args.check.is_none()).then(|| text.to_owned()),
    })
}

/// What is said of a manifest.
#[derive(Serialize)]
struct Report {
    entrypoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    enclave_size: Option<String>,
    trusted_files: usize,
    debug: bool,
    mrenclave: Option<String>,
    mrsigner: Option<String>,
    concessions: Vec<String>,
    /// Where it is written nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "program        {}", self.entrypoint)?;
        writeln!(f, "trusted files  {}", self.trusted_files)?;
        let flavour = if self.debug {
            "debug: a debugger reads everything"
        } else {
            "production"
        };
        writeln!(f, "enclave        {flavour}")?;
        match (&self.mrenclave, &self.mrsigner) {
            (Some(mrenclave), Some(mrsigner)) => {
                writeln!(f, "measurement    {mrenclave}")?;
                writeln!(f, "signer         {mrsigner}")?;
                writeln!(
                    f,
                    "               as gramine-sgx-sigstruct-view printed them"
                )?;
            }
            _ => writeln!(
                f,
                "measurement    gramine:mrenclave: not computed here (see --sigstruct-view)"
            )?,
        }
        for concession in &self.concessions {
            writeln!(f, "concession     {concession}")?;
        }
        Ok(())
    }
}
