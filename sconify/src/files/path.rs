//! Where a file lies in the enclave's file system.

use std::fmt;

use unicode_normalization::is_nfc;

/// Bytes in the longest path: behind `files`, where it lies in an image, Linux takes no longer one.
pub const MAX_PATH: usize = 4090;

/// Bytes in the longest name of a file or folder.
pub const MAX_NAME: usize = 255;

/// A path that has one spelling only: absolute, UTF-8 in normal form C, without `.`, `..`, `//`,
/// control characters, or a slash at its end. Paths are ordered by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(String);

/// Why a text is no such path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// It does not begin at the root.
    #[error("it does not begin with `/`")]
    Relative,
    /// It is longer than [`MAX_PATH`].
    #[error("it is longer than {MAX_PATH} bytes")]
    Long,
    /// Two slashes follow each other, or one stands at the end.
    #[error("it has a name without a letter (`//`, or a `/` at its end)")]
    Empty,
    /// `.` or `..` is among its names.
    #[error("`.` or `..` is among its names")]
    Dots,
    /// A name is longer than [`MAX_NAME`].
    #[error("a name in it is longer than {MAX_NAME} bytes")]
    LongName,
    /// It has a NUL, or a character that terminals act on.
    #[error("it has a control character")]
    Control,
    /// It is no UTF-8.
    #[error("it is no UTF-8")]
    Encoding,
    /// The same text could be written with other bytes.
    #[error("it is not in Unicode's normal form C, so that two files could look alike")]
    Form,
}

impl FilePath {
    /// The top of the file system.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Checks a path.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn new(path: &str) -> Result<Self, PathFault> {
        if path.len() > MAX_PATH {
            return Err(PathFault::Long);
        }
        let names = path.strip_prefix('/').ok_or(PathFault::Relative)?;
        if !names.is_empty() {
            names.split('/').try_for_each(check_name)?;
        }
        Ok(Self(path.to_owned()))
    }

    /// As [`new`](Self::new), of bytes as the system has them.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn from_bytes(path: &[u8]) -> Result<Self, PathFault> {
        Self::new(std::str::from_utf8(path).map_err(|_| PathFault::Encoding)?)
    }

    /// What lies under this folder by that name.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn join(&self, name: &str) -> Result<Self, PathFault> {
        check_name(name)?;
        let folder = self.0.trim_end_matches('/');
        if folder.len() + 1 + name.len() > MAX_PATH {
            return Err(PathFault::Long);
        }
        Ok(Self(format!("{folder}/{name}")))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text without the slash that it begins with: where the file lies under any folder.
    #[must_use]
    pub fn relative(&self) -> &str {
        &self.0[1..]
    }

    /// The folder that it lies in; `None` of the root.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        match self.0.rfind('/') {
            _ if self.0.len() == 1 => None,
            Some(0) => Some("/"),
            Some(at) => Some(&self.0[..at]),
            None => None,
        }
    }

    /// Whether `path` is this one or lies under it.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        match path.strip_prefix(self.0.as_str()) {
            Some(rest) => rest.is_empty() || rest.starts_with('/') || self.0.len() == 1,
            None => false,
        }
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a text may be the name of a file or folder.
pub(super) fn check_name(name: &str) -> Result<(), PathFault> {
    match name {
        "" => Err(PathFault::Empty),
        "." | ".." => Err(PathFault::Dots),
        _ if name.len() > MAX_NAME => Err(PathFault::LongName),
        _ if name.contains('/') => Err(PathFault::Empty),
        _ if name.contains(char::is_control) => Err(PathFault::Control),
        _ if !is_nfc(name) => Err(PathFault::Form),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        for good in ["/", "/app", "/app/a b", "/é", "/..."] {
            assert_eq!(FilePath::new(good).unwrap().as_str(), good);
        }
        for (bad, fault) in [
            ("", PathFault::Relative),
            ("app", PathFault::Relative),
            ("//", PathFault::Empty),
            ("/app/", PathFault::Empty),
            ("/a//b", PathFault::Empty),
            ("/a/./b", PathFault::Dots),
            ("/..", PathFault::Dots),
            ("/a\0b", PathFault::Control),
            ("/a\nb", PathFault::Control),
            ("/a\u{9b}2J", PathFault::Control),
            ("/e\u{301}", PathFault::Form),
            ("/\u{212b}", PathFault::Form),
        ] {
            assert_eq!(FilePath::new(bad), Err(fault), "{bad:?}");
        }
        assert_eq!(FilePath::from_bytes(b"/\xff"), Err(PathFault::Encoding));
        let name = "n".repeat(MAX_NAME);
        assert!(FilePath::new(&format!("/{name}")).is_ok());
        let fault = Err(PathFault::LongName);
        assert_eq!(FilePath::new(&format!("/{name}n")), fault);
        let long = "/12345".repeat(MAX_PATH / 6 + 1);
        assert_eq!(FilePath::new(&long), Err(PathFault::Long));
    }

    #[test]
    fn folders_hold_what_is_under_them() {
        let app = FilePath::new("/app").unwrap();
        assert!(app.holds("/app") && app.holds("/app/x/y"));
        assert!(!app.holds("/app-x") && !app.holds("/ap") && !app.holds("/"));
        assert!(FilePath::root().holds("/") && FilePath::root().holds("/app"));
    }

    #[test]
    fn parents_and_children_agree() {
        let root = FilePath::root();
        assert_eq!(root.parent(), None);
        let app = root.join("app").unwrap();
        assert_eq!((app.as_str(), app.parent()), ("/app", Some("/")));
        let file = app.join("f").unwrap();
        assert_eq!((file.as_str(), file.parent()), ("/app/f", Some("/app")));
        assert_eq!(file.relative(), "app/f");
        for bad in ["", ".", "..", "a/b", "\0"] {
            assert!(app.join(bad).is_err(), "{bad:?}");
        }
    }
}
