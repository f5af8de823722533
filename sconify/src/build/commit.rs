//! When the checkout's commit was made.

use std::path::Path;
use std::process::Command;

use sgx::sigstruct::Date;

use super::environment;
use super::toolchain::ask;

/// The day, in UTC, of the commit that is checked out; `None` where no git says one.
pub(super) fn date(checkout: &Path) -> Option<Date> {
    let git = environment::find_tool(Path::new("git")).ok()?;
    let mut command = Command::new(git);
    environment::clean(&mut command);
    let seconds =
        ask(command
            .arg("-C")
            .arg(checkout)
            .args(["show", "--no-patch", "--format=%ct", "HEAD"]))
        .ok()?;
    Date::from_unix(seconds.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_commits_has_no_date() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(date(folder.path()), None);
    }
}
