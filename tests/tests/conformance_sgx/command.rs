//! The same through the command: `sconify` as its user starts it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use sconce_tests::platform::sconce_program;
use serde_json::Value;
use sgx::sgxs::Error;
use sgx::sigstruct::Date;

use crate::ensure;

/// `measure` prints the digest, with its kind.
pub(crate) fn measures(stream: &Path, mrenclave: &str) -> Result<(), String> {
    let output = run([OsStr::new("measure"), stream.as_os_str()])?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let wanted = format!("sim:mrenclave:{mrenclave}");
    ensure!(output.status.success(), "{}", said(&output));
    ensure!(
        printed.lines().next() == Some(&wanted),
        "the command prints {printed}"
    );
    Ok(())
}

/// `measure` exits with 2, and names rule and offset.
pub(crate) fn refuses(stream: &Path, error: &Error) -> Result<(), String> {
    let output = run([OsStr::new("measure"), stream.as_os_str()])?;
    let code = output.status.code();
    ensure!(code == Some(2), "the command exits with {code:?}");
    ensure!(output.stdout.is_empty(), "the command prints something");
    let said = said(&output);
    ensure!(
        said.starts_with(&format!("error[{}]: ", error.code()))
            && said.contains(&error.to_string()),
        "the command says {said}"
    );
    Ok(())
}

/// `sign` writes these bytes with the options of the vector.
pub(crate) fn signs(
    (stream, key): (&Path, &Path),
    options: &Value,
    date: Date,
    wanted: &[u8],
) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let out = folder.path().join("out.sig");
    let date = date.to_string();
    let options = options.as_array().ok_or("no options")?;
    let options = options.iter().filter_map(Value::as_str).map(OsStr::new);
    let fixed = ["sign", "--date", &date, "--key"].map(OsStr::new);
    let files = [stream.as_os_str(), OsStr::new("--out"), out.as_os_str()];
    let output = run(fixed
        .into_iter()
        .chain([key.as_os_str()])
        .chain(options)
        .chain(files))?;
    ensure!(output.status.success(), "{}", said(&output));
    let made = std::fs::read(&out).map_err(|e| e.to_string())?;
    ensure!(made == wanted, "the command signs otherwise");
    Ok(())
}

fn run<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<Output, String> {
    let mut command = Command::new(sconce_program());
    command.arg("sconify").args(arguments);
    command.output().map_err(|e| e.to_string())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
