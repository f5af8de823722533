//! `sconify build`.

use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;
use sgx::sigstruct::Date;
use zeroize::Zeroizing;

use crate::Error;
use crate::build::{self, Image, Plan, Progress, Stage, Step, WORKER};
use crate::files;
use crate::sign::Flavour;
use crate::terminal::{self, Terminal};

/// What `sconify build` takes.
#[derive(clap::Args)]
#[command(
    about = "Compile an enclave program, measure and sign it, and make an image of it",
    after_help = "\
Examples:
  sconify build
  sconify build --release --key signer.pem --date 2024-02-29
  sconify build --fs-dir ./models:/models --out /tmp/image

The same sources, tools and options make the same image, wherever they are. Without --release the
image is signed for debugging, by a key that is made once for this checkout."
)]
pub(crate) struct Args {
    /// Sign for use: no debugger may look into the enclave. Needs a key and a date
    #[arg(long)]
    release: bool,
    /// The signer's key, RSA-3072 with exponent 3, in PEM [default: a development key]
    #[arg(long = "key", value_name = "FILE")]
    signer: Option<PathBuf>,
    /// The signature's date [default: SOURCE_DATE_EPOCH, or that of the commit]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
    /// What the enclave is made with [default: enclave.toml beside the program's sources]
    #[arg(long, value_name = "TOML")]
    config: Option<PathBuf>,
    /// The folder of the image [default: target/sconify/<name>]
    #[arg(short, long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// The package of the enclave program
    #[arg(long, value_name = "NAME", default_value = WORKER)]
    package: String,
    #[command(flatten)]
    files: files::Options,
}

/// Does it.
pub(crate) fn run(args: Args, terminal: &Terminal) -> Result<(), Error> {
    let here = std::env::current_dir().map_err(Error::io("read", "."))?;
    let files = match args.files.is_empty() {
        true => None,
        false => Some(args.files.plan(terminal)?),
    };
    let plan = Plan {
        checkout: build::find_checkout(&here)?,
        package: args.package,
        config: args.config,
        flavour: if args.release {
            Flavour::Release
        } else {
            Flavour::Debug
        },
        key: args.signer,
        date: args.date,
        files,
        out: args.out,
    };
    let image = built(&plan, terminal)?;
    terminal.print(&Report::of(&image, &plan));
    Ok(())
}

/// Builds an image and shows how far it is, and what the compiler says if it says no.
pub(super) fn built(plan: &Plan, terminal: &Terminal) -> Result<Image, Error> {
    let mut display = Display::new(terminal);
    let image = build::image(plan, terminal, &mut |step| display.show(step));
    display.end();
    if let Err(Error::Build(build::Error::Cargo { diagnostics, .. })) = &image {
        for line in diagnostics.lines() {
            terminal.say(line);
        }
    }
    image
}

/// What was built.
#[derive(Serialize)]
struct Report {
    image: PathBuf,
    mrenclave: String,
    mrsigner: String,
    flavour: &'static str,
    date: String,
    program_sha256: String,
    sources_sha256: String,
    unchanged: bool,
    /// What is said of the files, if there are some, and the box.
    #[serde(skip)]
    files: Zeroizing<String>,
    /// As in the box; has the key, if files are encrypted.
    fingerprint: String,
}

impl Report {
    fn of(image: &Image, plan: &Plan) -> Self {
        let measured = image.reading.summary.mrenclave;
        let files = plan.files.as_ref().map(files::Plan::report);
        Self {
            image: image.folder.clone(),
            mrenclave: image.measurement().to_string(),
            mrsigner: image.signer().to_string(),
            flavour: match plan.flavour {
                Flavour::Debug => "debug",
                Flavour::Release => "release",
            },
            date: image.signature.body().date.to_string(),
            program_sha256: image.provenance.program.sha256.clone(),
            sources_sha256: image.provenance.sources.sha256.clone(),
            unchanged: image.unchanged,
            files: files.map_or_else(
                || files::boxed(&measured.to_string()),
                |files| files.text(measured),
            ),
            fingerprint: files.map_or_else(
                || measured.to_string(),
                |files| files.fingerprint(measured).to_string(),
            ),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unchanged = if self.unchanged { " (unchanged)" } else { "" };
        writeln!(f, "image        {}{unchanged}", self.image.display())?;
        writeln!(f, "measurement  {}", self.mrenclave)?;
        writeln!(f, "signer       {}", self.mrsigner)?;
        writeln!(f, "signed for   {}, {}", self.flavour, self.date)?;
        writeln!(f, "program      sha256:{}", self.program_sha256)?;
        writeln!(f, "sources      sha256:{}", self.sources_sha256)?;
        write!(f, "\n{}", self.files.as_str())
    }
}

/// A line for each stage, or a spinner where somebody sees it.
struct Display<'a> {
    terminal: &'a Terminal,
    begun: Instant,
    spinner: Option<terminal::Progress>,
    compiled: usize,
}

impl<'a> Display<'a> {
    fn new(terminal: &'a Terminal) -> Self {
        Self {
            terminal,
            begun: Instant::now(),
            spinner: None,
            compiled: 0,
        }
    }

    fn show(&mut self, step: Step<'_>) {
        match step {
            Step::Waiting => self.stage("waiting for another build of this checkout".to_owned()),
            Step::Begins(stage) => {
                if stage > Stage::Compile && self.compiled > 0 {
                    self.terminal.say(format_args!(
                        "compiled {} crates in {:.0?}",
                        self.compiled,
                        self.begun.elapsed()
                    ));
                    self.compiled = 0;
                }
                self.stage(stage.to_string());
            }
            Step::Cargo(progress) => self.cargo(progress),
        }
    }

    fn stage(&mut self, what: String) {
        // The old one goes away first.
        self.spinner = None;
        self.spinner = Some(self.terminal.stage(what));
    }

    fn cargo(&mut self, progress: Progress<'_>) {
        let line = match progress {
            Progress::Waiting => "waiting for another cargo".to_owned(),
            Progress::Compiling { name } => {
                format!("{}: {name}; crates done: {}", Stage::Compile, self.compiled)
            }
            Progress::Finished { compiled, .. } => {
                self.compiled = compiled;
                return;
            }
            Progress::Started { .. } => return,
        };
        if let Some(spinner) = &self.spinner {
            spinner.say(line);
        }
    }

    fn end(&mut self) {
        self.spinner = None;
    }
}
