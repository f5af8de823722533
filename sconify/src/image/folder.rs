//! Folders.

use std::fs::{self, File, FileType, Metadata};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use super::{Error, Member, Members, Reader, Source, name};

/// Lists a folder and those in it, following no link.
pub(super) fn list(root: &Path) -> Result<Members, Error> {
    let mut members = Members::default();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let entry = entry.map_err(Error::io("read", &folder))?;
            let path = entry.path();
            let file_name = entry.file_name();
            let Some(file_name) = file_name.to_str() else {
                let shown = file_name.to_string_lossy();
                return Err(Error::member(root, &shown, "has a name that is not UTF-8"));
            };
            let name = format!("{prefix}{file_name}");
            if let Some(what) = name::fault(&name) {
                return Err(Error::member(root, &name, what));
            }
            let metadata = fs::symlink_metadata(&path).map_err(Error::io("read", &path))?;
            if metadata.is_dir() {
                members.add_folder(root, &name)?;
                folders.push((path, name + "/"));
            } else if let Some(what) = special(metadata.file_type()) {
                members.add_special(&name, what);
            } else {
                members.add(root, &name, member(&metadata, &path))?;
            }
        }
    }
    Ok(members)
}

/// Opens a file that was listed with this size.
pub(super) fn open(root: &Path, name: &str, path: &Path, size: u64) -> Result<Reader, Error> {
    // Whatever was put in its place must not be followed, nor waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(Error::io("read", path))?;
    let metadata = file.metadata().map_err(Error::io("read", path))?;
    if !metadata.is_file() || metadata.len() != size {
        return Err(Error::member(root, name, "has changed while it was read"));
    }
    Ok(Reader::whole(Arc::new(file), size))
}

fn member(metadata: &Metadata, path: &Path) -> Member {
    Member {
        size: metadata.len(),
        executable: metadata.permissions().mode() & 0o111 != 0,
        source: Source::File(path.to_owned()),
    }
}

fn special(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_symlink() {
        Some("is a link, and an image has none")
    } else if kind.is_fifo() || kind.is_socket() {
        Some("is a pipe or a socket")
    } else {
        Some("is a device")
    }
}
