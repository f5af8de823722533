//! Finding the checkout.

use std::path::{Path, PathBuf};

use super::Error;

/// The nearest folder from `start` upwards that is a checkout of Sconce: a `Cargo.toml` with a
/// `[workspace]` table, beside `workloads.json`.
///
/// # Errors
///
/// [`Error::NoCheckout`] if there is none, or `start` can't be read.
pub fn find_checkout(start: &Path) -> Result<PathBuf, Error> {
    let none = || Error::NoCheckout {
        from: start.to_owned(),
    };
    let start = std::path::absolute(start).map_err(|_| none())?;
    start
        .ancestors()
        .find(|folder| is_checkout(folder))
        .map(Path::to_owned)
        .ok_or_else(none)
}

fn is_checkout(folder: &Path) -> bool {
    let has_workspace = |manifest: String| {
        manifest
            .lines()
            .any(|line| line.trim_end() == "[workspace]")
    };
    folder.join("workloads.json").is_file()
        && std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(has_workspace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_nearest_folder_with_both_files_is_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = std::path::absolute(folder.path()).unwrap();
        let member = root.join("member");
        let deep = member.join("src/deep");
        fs::create_dir_all(&deep).unwrap();
        assert!(matches!(
            find_checkout(&deep),
            Err(Error::NoCheckout { from }) if from == deep
        ));

        fs::write(root.join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
        assert!(find_checkout(&deep).is_err());

        fs::write(root.join("workloads.json"), "{}").unwrap();
        assert_eq!(find_checkout(&deep).unwrap(), root);
        assert_eq!(find_checkout(&root).unwrap(), root);

        fs::write(member.join("Cargo.toml"), "[package]\n[workspace.x]\n").unwrap();
        fs::write(member.join("workloads.json"), "{}").unwrap();
        assert_eq!(find_checkout(&deep).unwrap(), root);
    }
}
