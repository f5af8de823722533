//! What clap has no form for: Avalon's two-letter options, texts that look like options, and variables
//! of the environment that are empty.

use std::ffi::{OsStr, OsString};

use clap::Command;
use clap::builder::Resettable;

/// `-wx` and `-rs` of `submit` under their long names; everything else as it came.
///
/// `-w x` stays a worker called `x`, and so does what follows `--`.
pub(crate) fn with_long_names(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let (mut submit, mut options) = (false, true);
    args.into_iter()
        .map(|arg| {
            options &= arg != "--";
            submit |= arg == "submit";
            match arg.to_str() {
                Some(text) if submit && options => long_name(text).map_or(arg, OsString::from),
                _ => arg,
            }
        })
        .collect()
}

/// Whether something looks like an option and was meant as a text: no option has blanks.
pub(crate) fn has_text_like_an_option(args: &[OsString]) -> bool {
    args.iter()
        .filter_map(|arg| arg.to_str())
        .any(|arg| arg.starts_with('-') && arg.contains(' ') && !arg.contains('='))
}

/// The commands, blind to variables of the environment that are empty: as with settings, these count
/// as not set.
pub(crate) fn without_empty_variables(command: Command) -> Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| match arg.get_env().is_some_and(is_empty) {
            true => arg.env(Resettable::Reset),
            false => arg,
        })
        .mut_subcommands(without_empty_variables)
}

fn long_name(arg: &str) -> Option<String> {
    match arg {
        "-wx" => Some("--worker_id_hex".to_owned()),
        "-rs" => Some("--requester_signature".to_owned()),
        _ => arg
            .strip_prefix("-wx=")
            .map(|id| format!("--worker_id_hex={id}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(args: &str) -> String {
        let args = with_long_names(args.split(' ').map(OsString::from));
        let args: Vec<_> = args.iter().map(|arg| arg.to_str().unwrap()).collect();
        args.join(" ")
    }

    #[test]
    fn two_letter_options_get_their_long_names() {
        let cases = [
            (
                "sconce submit -wx ab -rs",
                "sconce submit --worker_id_hex ab --requester_signature",
            ),
            (
                "sconce -q submit -wx=ab",
                "sconce -q submit --worker_id_hex=ab",
            ),
        ];
        for (short, wanted) in cases {
            assert_eq!(long(short), wanted);
        }
    }

    #[test]
    fn everything_else_stays() {
        for args in [
            "sconce submit -w x",
            "sconce submit -w=x -r -o",
            "sconce submit -wxy",
            "sconce submit -i -- -wx -rs",
            "sconce order list -wx",
            "sconce -rs",
        ] {
            assert_eq!(long(args), args);
        }
    }
}
