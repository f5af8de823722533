//! `sconify scone`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::located::{Located, read_text};
use crate::scone::{Description, Error, Measurements, Session};
use crate::terminal::Terminal;
use crate::{Error as AnyError, image};

/// Write the session with which SCONE's CAS lets an image's program in, or check one.
///
/// The session asks for everything and puts up with nothing. What SCONE measures is its own enclave:
/// that measurement is not computed here, but can be given. Without it, the session lets nobody in.
#[derive(clap::Args)]
#[command(
    about = "Write or check a session for SCONE",
    after_help = "\
Examples:
  sconify scone target/sconify/worker --namespace sconce -o session.yaml
  sconify scone target/sconify/worker --scone-hash-file hash.txt --release -o session.yaml
  sconify scone --check session.yaml

Make hash.txt where SCONE is installed, with the program that SCONE has prepared:
  SCONE_HASH=1 ./worker > hash.txt"
)]
pub(crate) struct Args {
    /// An image: a folder, an OCI layout, or a tar with either
    #[arg(value_name = "IMAGE", required_unless_present = "check")]
    image: Option<PathBuf>,
    /// Check this session instead of writing one
    #[arg(long, value_name = "SESSION")]
    #[arg(conflicts_with_all = ["image", "out", "name", "namespace", "service_name", "command", "env", "scone_hash_file", "arguments"])]
    check: Option<PathBuf>,
    /// Where the session goes; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The session's name; the program's name if not given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The namespace that the session is in
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// The service's name; the program's name if not given
    #[arg(long, value_name = "NAME")]
    service_name: Option<String>,
    /// What the program is called as: its path and arguments, separated by blanks
    #[arg(long, value_name = "COMMAND", conflicts_with = "arguments")]
    command: Option<String>,
    /// A variable of the program's environment, which has no others
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// What the program printed with SCONE_HASH=1
    #[arg(long, value_name = "FILE")]
    scone_hash_file: Option<PathBuf>,
    /// Refuse a session that gives up what a release must not, or that lets nobody in
    #[arg(long)]
    release: bool,
    /// Arguments of the program
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<(), AnyError> {
    let (origin, text) = match (&args.check, &args.image) {
        (Some(path), _) => (path.display().to_string(), read_text(path)?),
        (None, Some(path)) => ("the session".to_owned(), write(path, args)?),
        // The command line's rules leave none of these.
        (None, None) => return Ok(()),
    };
    let report = report(&origin, &text, args)?;
    if args.check.is_some() {
        terminal.print(&report);
        return Ok(());
    }
    super::hand_over(&text, args.out.as_deref(), &report, terminal)
}

/// The text of an image's session.
fn write(path: &Path, args: &Args) -> Result<String, AnyError> {
    let image = image::open(path)?;
    let name = image.name()?;
    let measurements = args.scone_hash_file.as_ref().map(|path| {
        Measurements::parse(&read_text(path)?).map_err(|fault| {
            AnyError::from(Error::Measurement {
                origin: path.display().to_string(),
                fault,
            })
        })
    });
    let measurements = measurements.transpose()?;
    let command = match &args.command {
        Some(command) => command.split_whitespace().map(str::to_owned).collect(),
        None => {
            let program = std::iter::once(format!("/{name}"));
            program.chain(args.arguments.iter().cloned()).collect()
        }
    };
    let session = args.name.as_deref().unwrap_or(name);
    let session = match &args.namespace {
        Some(namespace) => format!("{namespace}/{session}"),
        None => session.to_owned(),
    };
    let description = Description {
        session: &session,
        service: args.service_name.as_deref().unwrap_or(name),
        command,
        environment: &args.env,
        measurements: measurements.as_ref(),
    };
    Ok(description.text()?)
}

fn report(origin: &str, text: &str, args: &Args) -> Result<Report, AnyError> {
    let session = Session::parse(text).map_err(|fault| Error::Session {
        origin: origin.to_owned(),
        fault,
    })?;
    let (gaps, concessions) = (session.gaps(), session.concessions());
    if args.release && !(gaps.is_empty() && concessions.is_empty()) {
        return Err(Error::Concessions {
            origin: origin.to_owned(),
            faults: gaps.into_iter().chain(concessions).collect(),
        }
        .into());
    }
    let says = |list: &[Located]| list.iter().map(Located::to_string).collect();
    let services = session.services.iter();
    Ok(Report {
        session: session.name.clone(),
        services: services
            .clone()
            .map(|service| service.name.clone())
            .collect(),
        mrenclaves: services
            .flat_map(|service| service.measurements())
            .map(|digest| digest.to_string())
            .collect(),
        gaps: says(&gaps),
        concessions: says(&concessions),
        text: (args.out.is_none() && args.check.is_none()).then(|| text.to_owned()),
    })
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// What is said of a session.
#[derive(Serialize)]
struct Report {
    session: String,
    services: Vec<String>,
    mrenclaves: Vec<String>,
    gaps: Vec<String>,
    concessions: Vec<String>,
    /// Where it is written nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "session      {}", self.session)?;
        writeln!(f, "services     {}", self.services.join(", "))?;
        for digest in &self.mrenclaves {
            writeln!(f, "measurement  {digest}, as the session names it")?;
        }
        if self.mrenclaves.is_empty() {
            let how = "scone:mrenclave: not computed here (see --scone-hash-file)";
            writeln!(f, "measurement  {how}")?;
        }
        for gap in &self.gaps {
            writeln!(f, "gap          {gap}")?;
        }
        for concession in &self.concessions {
            writeln!(f, "concession   {concession}")?;
        }
        Ok(())
    }
}
