//! What stands in for programs of a platform: a worker that misbehaves, or, if its first argument is
//! `host`, the host of a worker whose keys the tests know.

mod host;
mod unruly;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|first| first == "host").is_some() {
        host::run(arguments)
    } else {
        unruly::run()
    }
}
