//! What an order works on: texts and files.

use std::io::Read;
use std::path::{Path, PathBuf};

use client::Protection;

use crate::failure::Failure;

/// The order's inputs.
#[derive(clap::Args)]
pub(super) struct InputArgs {
    /// The inputs, each an item of its own. One that begins with a hyphen: -i="-3 ab".
    #[arg(
        short = 'i',
        long = "in_data",
        alias = "in-data",
        value_name = "TEXT",
        num_args = 1..,
        allow_negative_numbers = true
    )]
    texts: Vec<String>,
    /// A file whose bytes are one more input, after those of --in_data; - is standard input.
    #[arg(long = "in_data_file", alias = "in-data-file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Send the inputs in clear.
    #[arg(short = 'p', long = "in_data_plain", alias = "in-data-plain")]
    plain: bool,
}

impl InputArgs {
    /// The inputs' bytes.
    pub(super) fn read(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let texts = self.texts.iter().map(|text| Ok(text.clone().into_bytes()));
        texts
            .chain(self.files.iter().map(|file| read(file)))
            .collect()
    }

    /// How they travel.
    pub(super) fn protection(&self) -> Protection {
        if self.plain {
            Protection::Plain
        } else {
            Protection::Session
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    bytes.map_err(|error| {
        Failure::unusable(format_args!("{} cannot be read: {error}", file.display()))
    })
}
