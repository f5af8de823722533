//! `sconify measure`: what an enclave measures, by its stream, its image, or its program and
//! `enclave.toml`.

mod map;

use std::fmt;
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sgx::{Digest, Kind};

use crate::config::{Config, Size};
use crate::elf::Program;
use crate::layout::Layout;
use crate::output::write_whole;
use crate::stream::{self, Measurement};
use crate::terminal::Terminal;
use crate::{Error, image, reading};

use map::PageMap;

/// What `sconify measure` takes.
#[derive(clap::Args)]
#[command(
    about = "Print what an enclave measures, and check that its stream is canonical",
    after_help = "\
Examples:
  sconify measure enclave.sgxs
  sconify measure target/sconify/worker --page-map
  sconify measure --program sconce-worker --config worker/enclave.toml --out worker.sgxs

A stream that breaks a rule is refused (exit status 2), with the rule and the offset."
)]
pub(crate) struct Args {
    /// A stream (.sgxs), or an image: a folder, an OCI layout, or a tar with either
    #[arg(value_name = "FILE.sgxs|IMAGE", required_unless_present = "program")]
    #[arg(conflicts_with_all = ["program", "config", "out", "rebuilt", "files"])]
    input: Option<PathBuf>,
    /// A static-pie program, to be laid out
    #[arg(long, value_name = "ELF", requires = "config")]
    program: Option<PathBuf>,
    /// What the enclave is made with: its enclave.toml
    #[arg(long, value_name = "TOML", requires = "program")]
    config: Option<PathBuf>,
    /// Write the stream there
    #[arg(short, long, value_name = "FILE.sgxs")]
    out: Option<PathBuf>,
    /// Write the program there as it's rebuilt from its measured pages
    #[arg(long, value_name = "FILE")]
    rebuilt: Option<PathBuf>,
    /// The digest of the files' manifest, if the enclave has files: 64 hex digits
    #[arg(long, value_name = "HEX", value_parser = files_digest)]
    files: Option<[u8; 32]>,
    /// Say of each range of pages what it may do and whether it's measured
    #[arg(long)]
    page_map: bool,
}

pub(crate) fn run(args: Args, terminal: &Terminal) -> Result<(), Error> {
    let report = match (&args.input, &args.program, &args.config) {
        (Some(input), ..) => of_input(input, args.page_map, terminal)?,
        (None, Some(program), Some(config)) => of_program(program, config, &args, terminal)?,
        // The command line's rules leave none of these.
        (None, ..) => return Ok(()),
    };
    terminal.print(&report);
    Ok(())
}

#[derive(Serialize)]
struct Report {
    mrenclave: String,
    size: u64,
    ssa_frame_size: u32,
    pages: u64,
    measured_pages: u64,
    partly_measured_pages: u64,
    stream_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_map: Option<PageMap>,
}

fn of_input(path: &Path, page_map: bool, terminal: &Terminal) -> Result<Report, Error> {
    let name = path.display().to_string();
    if reading::is_stream(path)? {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        return of_stream(&name, file, length, page_map, terminal);
    }
    let image = image::open(path)?;
    let stream = image::stream(image.name()?);
    let reader = image.reader(&stream)?;
    let length = reader.len();
    of_stream(
        &format!("{name}/{stream}"),
        reader,
        length,
        page_map,
        terminal,
    )
}

fn of_stream(
    name: &str,
    reader: impl Read,
    length: u64,
    page_map: bool,
    terminal: &Terminal,
) -> Result<Report, Error> {
    let bar = terminal.bar("measuring", length);
    let mut map = page_map.then(PageMap::default);
    let summary = reading::each_page(name, bar.over(reader), |page| {
        if let Some(map) = &mut map {
            map.push(page);
        }
        Ok(())
    })?;
    Ok(Report {
        mrenclave: Digest::Mrenclave(Kind::Sim, summary.mrenclave).to_string(),
        size: summary.parameters.size,
        ssa_frame_size: summary.parameters.ssa_frame_size,
        pages: summary.pages,
        measured_pages: summary.measured,
        partly_measured_pages: summary.partly_measured,
        stream_bytes: summary.bytes,
        page_map: map,
    })
}

fn of_program(
    program: &Path,
    config: &Path,
    args: &Args,
    terminal: &Terminal,
) -> Result<Report, Error> {
    let config = Config::read(config)?;
    let program = Program::read(program)?;
    let layout = Layout::plan(&config, &program, args.files)?;
    let bar = terminal.bar("measuring", layout.stream_length());
    let measurement = match &args.out {
        None => stream::write(&layout, &program, |piece| {
            bar.advance(piece.len() as u64);
            Ok(())
        })?,
        Some(path) => write_whole(path, false, |out| {
            stream::write(&layout, &program, |piece| {
                bar.advance(piece.len() as u64);
                out.write_all(piece).map_err(Error::io("write", path))
            })
        })?,
    };
    if let Some(path) = &args.rebuilt {
        write_whole(path, true, |out| {
            program.write_rebuilt(out).map_err(Error::io("write", path))
        })?;
    }
    let map = args.page_map.then(|| PageMap::of(&layout));
    Ok(Report::of(&measurement, map))
}

impl Report {
    fn of(measurement: &Measurement, page_map: Option<PageMap>) -> Self {
        Self {
            mrenclave: measurement.digest().to_string(),
            size: measurement.size,
            ssa_frame_size: measurement.ssa_frame_size,
            pages: measurement.pages,
            measured_pages: measurement.measured_pages,
            partly_measured_pages: 0,
            stream_bytes: measurement.bytes,
            page_map,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.mrenclave)?;
        writeln!(f, "  size           {:#x} ({})", self.size, Size(self.size))?;
        writeln!(f, "  SSA frame size {} (pages)", self.ssa_frame_size)?;
        write!(f, "  pages          {}, ", self.pages)?;
        write!(f, "the content of {} measured", self.measured_pages)?;
        if self.partly_measured_pages > 0 {
            write!(f, ", of {} in part", self.partly_measured_pages)?;
        }
        writeln!(f, "\n  stream         {} bytes", self.stream_bytes)?;
        match &self.page_map {
            Some(map) => write!(f, "\n{map}"),
            None => Ok(()),
        }
    }
}

fn files_digest(text: &str) -> Result<[u8; 32], String> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest)
        .map_err(|_| "write 64 hex digits, as `sconify files` prints them".to_owned())?;
    Ok(digest)
}
