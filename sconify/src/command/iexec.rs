//! `sconify iexec`.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sgx::{Digest, Kind, Mrenclave, NotADigest};
use zeroize::Zeroizing;

use super::files::read_image;
use crate::Error;
use crate::config::Size;
use crate::files::{self, Files};
use crate::iexec::{self, Current, Document, Framework, Object};
use crate::output::rewrite_whole;
use crate::reading::Reading;
use crate::terminal::Terminal;

/// No `iexec.json` is longer.
const LONGEST: u64 = 1 << 20;

/// Fill the image's fingerprint into an iexec.json, as `app.mrenclave`.
///
/// As a text it is key|tag|measurement if the image has encrypted files, else the measurement alone:
/// what iExec's tools of 2019 took. As an object it is what they have taken since 2021. Nothing else in
/// the file changes.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconify iexec target/sconify/worker
  sconify iexec worker.tar --fs-key fs.key --file app/iexec.json
  sconify iexec worker.tar --framework scone --framework-version v5.9 \\
      --fingerprint scone:mrenclave:$(cat hash.txt)

A text has the fingerprint of our image, which only the simulated platform runs, unless --fingerprint
says another. An object names SCONE or Gramine, so it takes what their own tools printed.")]
pub(super) struct Args {
    /// An image: a folder, an OCI layout, or a tar with either.
    #[arg(value_name = "IMAGE")]
    image: PathBuf,
    /// The file to fill in.
    #[arg(long, value_name = "FILE", default_value = "iexec.json")]
    file: PathBuf,
    /// Text or object [default: object if the file has one or --framework is given, else text].
    #[arg(long, value_enum)]
    form: Option<Form>,
    /// The key of encrypted files, which is part of the text.
    #[arg(long = "fs-key", value_name = "FILE")]
    key: Option<PathBuf>,
    /// What SCONE or Gramine measured: as in scone:mrenclave:<64 hex digits>.
    #[arg(long, value_name = "DIGEST", value_parser = fingerprint_of)]
    fingerprint: Option<Digest>,
    /// Whose enclave it is, in a new object.
    #[arg(long, value_enum)]
    framework: Option<Framework>,
    /// The framework's version as iExec names it, in a new object: v5.9.
    #[arg(long, value_name = "VERSION", requires = "framework")]
    framework_version: Option<String>,
    /// What runs in the enclave, in a new object for SCONE [default: /NAME of the program].
    #[arg(long, value_name = "COMMAND", requires = "framework")]
    entrypoint: Option<String>,
    /// The enclave's heap, in a new object for SCONE [default: as measured].
    #[arg(long, value_name = "SIZE", requires = "framework")]
    heap: Option<Size>,
}

/// How the fingerprint is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Form {
    /// `key|tag|measurement`, or the measurement.
    #[value(alias = "string")]
    Text,
    /// With framework, version, entry point and heap.
    Object,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<(), Error> {
    let text = read(&args.file)?;
    let refuse = |what| iexec::Error::File {
        path: args.file.clone(),
        what,
    };
    let document = Document::parse(&text).map_err(refuse)?;
    let reading = read_image(&args.image, terminal)?;
    let digest = args.fingerprint.unwrap_or_else(|| reading.digest());
    let form = args.form.unwrap_or(match document.current() {
        Current::Object => Form::Object,
        _ if args.framework.is_some() => Form::Object,
        _ => Form::Text,
    });
    let mrenclave = check(args, form, digest)?;
    let filled = Zeroizing::new(match form {
        Form::Text => document.with_text(&fingerprint(args, &reading, mrenclave, terminal)?),
        Form::Object => fill_object(args, &document, &reading, mrenclave)?,
    });
    rewrite_whole(&args.file, |file| {
        let written = file.write_all(filled.as_bytes());
        written.map_err(Error::io("write", &args.file))
    })?;
    if matches!(digest, Digest::Mrenclave(Kind::Sim, _)) {
        terminal.warn(
            "this measurement is that of our image, which only the simulated platform runs; \
             SCONE and Gramine make other enclaves of it: --fingerprint takes what they print",
        );
    }
    if form == Form::Text && args.key.is_some() {
        terminal.warn(format_args!(
            "{} has the key of the encrypted files now: whoever reads it can decrypt them",
            args.file.display()
        ));
    }
    terminal.print(&Filled {
        file: args.file.clone(),
        form,
        mrenclave: digest.to_string(),
    });
    Ok(())
}

/// A digest that says whose it is.
fn fingerprint_of(text: &str) -> Result<Digest, String> {
    if text.parse::<Mrenclave>().is_ok() {
        return Err(
            "say whose measurement it is: scone:mrenclave:… or gramine:mrenclave:…".to_owned(),
        );
    }
    text.parse().map_err(|error: NotADigest| error.to_string())
}

/// Whether the options agree with each other.
fn check(args: &Args, form: Form, digest: Digest) -> Result<Mrenclave, iexec::Error> {
    let Digest::Mrenclave(kind, mrenclave) = digest else {
        return Err(iexec::Error::Options(
            "--fingerprint takes a measurement: scone:mrenclave:… or gramine:mrenclave:…",
        ));
    };
    let other = match (kind, args.framework) {
        (Kind::Scone, Some(Framework::Gramine)) | (Kind::Gramine, Some(Framework::Scone)) => true,
        (Kind::Gramine, None) => form == Form::Text,
        _ => false,
    };
    if other {
        return Err(iexec::Error::Options(
            "--fingerprint is of another framework than the enclave's",
        ));
    }
    if form == Form::Object && args.fingerprint.is_none() {
        return Err(iexec::Error::Options(
            "an object names SCONE's or Gramine's enclave, and only their tools know what that \
             measures: give --fingerprint what they printed",
        ));
    }
    if form == Form::Text && args.framework.is_some() {
        return Err(iexec::Error::Options(
            "--framework is for objects, and --form asks for a text",
        ));
    }
    Ok(mrenclave)
}

/// `key|tag|measurement`, or the measurement.
fn fingerprint(
    args: &Args,
    reading: &Reading,
    mrenclave: Mrenclave,
    terminal: &Terminal,
) -> Result<Zeroizing<String>, Error> {
    let encrypted = Files::of(reading)?.filter(|files| files.manifest().key_check().is_some());
    match (encrypted, &args.key) {
        (None, None) => Ok(Zeroizing::new(mrenclave.to_string())),
        (None, Some(_)) => Err(iexec::Error::Options(
            "the image has no encrypted files, so --fs-key has no place in the text",
        )
        .into()),
        (Some(_), None) => Err(iexec::Error::Options(
            "the image has encrypted files, and their key is part of the text: give --fs-key FILE",
        )
        .into()),
        (Some(files), Some(path)) => {
            let key = files.read_key(path, terminal)?;
            let tag = key.tag(&files.manifest().encode());
            Ok(files::fingerprint(&key, tag, mrenclave))
        }
    }
}

fn fill_object(
    args: &Args,
    document: &Document<'_>,
    reading: &Reading,
    mrenclave: Mrenclave,
) -> Result<String, iexec::Error> {
    let digits = mrenclave.to_string();
    let Some(framework) = args.framework else {
        return document.with_fingerprint(&digits).ok_or(iexec::Error::Options(
            "the file has no object with a fingerprint: say what goes into a new one, --framework …",
        ));
    };
    let version = args.framework_version.clone();
    let version = version.ok_or(iexec::Error::Options(
        "a new object needs --framework-version: what iExec calls it, such as v5.9",
    ))?;
    let program = reading.beside.as_ref().map(|beside| &beside.program);
    let measured = reading.manifest.as_ref();
    let (entrypoint, heap) = match framework {
        Framework::Gramine if args.entrypoint.is_some() || args.heap.is_some() => {
            return Err(iexec::Error::Options(
                "--entrypoint and --heap are for SCONE: an object for Gramine has neither",
            ));
        }
        Framework::Gramine => (None, None),
        Framework::Scone => (
            args.entrypoint
                .clone()
                .or(program.map(|name| format!("/{name}"))),
            args.heap
                .or(measured.map(|measured| Size(measured.parameters.heap.size))),
        ),
    };
    Ok(document.with_object(&Object {
        framework,
        version,
        entrypoint,
        heap_size: heap.map(|heap| heap.0),
        fingerprint: digits,
    }))
}

fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    let cannot = |error| Error::io("read", path)(error);
    let mut bytes = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(cannot)?;
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    let refuse = |what: &str| iexec::Error::File {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    if bytes.len() as u64 > LONGEST {
        return Err(refuse("it is far too long").into());
    }
    match str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(refuse("it is no UTF-8").into()),
    }
}

/// What was filled in; the key is not repeated.
#[derive(Serialize)]
struct Filled {
    file: PathBuf,
    form: Form,
    mrenclave: String,
}

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match self.form {
            Form::Text => "a text",
            Form::Object => "an object",
        };
        writeln!(f, "file         {}", self.file.display())?;
        writeln!(f, "written as   {form}")?;
        writeln!(f, "measurement  {}", self.mrenclave)
    }
}
