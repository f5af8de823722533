//! The host of a worker with the committed test keys. Like that of `sconce host --until-stdin-closes`, but
//! that has no way to be given keys.

use std::ffi::OsString;
use std::io::Read as _;
use std::process::ExitCode;

use ::host::{Config, Keys, WorkerName};
use rustix::process::{Signal, getpid, kill_process};
use sconce_tests::keys;
use sconce_tests::platform::program_arguments;

/// Runs it: program, manager's endpoint, and the manager's token.
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut argument = || arguments.next().unwrap().into_string().unwrap();
    let worker = WorkerName::new(keys::WORKER).unwrap();
    let mut config = Config::new(worker, argument());
    config.program_args = program_arguments(keys::WORKER);
    config.keys = Keys::Unattested(Some(keys::worker_unattested()));
    config.bind = Some("tcp://127.0.0.1:0".to_owned());
    config.manager = Some(argument());
    config.token = Some(argument());
    std::thread::spawn(|| {
        let mut input = std::io::stdin().lock();
        while input.read(&mut [0; 64]).is_ok_and(|length| length > 0) {}
        kill_process(getpid(), Signal::TERM).unwrap();
    });
    match ::host::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
