//! A complete file with the defaults, each with its meaning.

use std::fmt::Write as _;

use super::value::Value;
use super::{Settings, Visitor};

/// The text of the file.
pub(crate) fn example() -> String {
    let mut example = Example(HEAD.to_owned());
    Settings::default().visit(&mut example);
    example.0
}

const HEAD: &str = "\
# Settings of `sconce up`, all with their defaults. Keep the lines that differ.
#
# The file is found by --config FILE, SCONCE_CONFIG, as sconce.toml in the data folder, or as
# sconce.toml in the working directory. SCONCE_LIMITS_BODY goes before limits.body here, and
# `sconce up --set limits.body=1MiB` before that. `sconce config check FILE` tries it,
# `sconce config show` says what counts and why.
#
# Sizes: 512B, 64KiB, 8MiB, 4GiB. Times: 500ms, 30s, 5min, 2h, 7d. Paths start from this file's
# folder.
";

/// Columns of a line.
const WIDTH: usize = 100;

struct Example(String);

impl Example {
    fn comment(&mut self, text: &str) {
        let mut line = String::from("#");
        for word in text.split_whitespace() {
            if line.len() + 1 + word.len() > WIDTH {
                self.line(&line);
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        // Writing to a string can't fail.
        let _infallible = writeln!(self.0, "{line}");
    }
}

impl Visitor for Example {
    fn section(&mut self, name: &'static str, about: &'static str) {
        self.line("");
        self.comment(about);
        self.line(&format!("[{name}]"));
    }

    fn setting(
        &mut self,
        name: &'static str,
        _: Option<&'static str>,
        about: &'static str,
        value: &mut dyn Value,
    ) {
        self.line("");
        self.comment(about);
        self.comment(&format!("Here goes {}.", value.wanted()));
        self.line(&format!("{name} = {}", value.shown()));
    }
}
