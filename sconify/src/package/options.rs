//! Values of options.

use std::fmt;
use std::str::FromStr;

use super::Error;

/// Whose a folder is, and who a container runs as: numbers, since a package has no list of users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Owner {
    /// Its user id.
    pub user: u32,
    /// Its group id.
    pub group: u32,
}

/// The largest id that a ustar header holds.
const LARGEST: u32 = 0o777_7777;

impl FromStr for Owner {
    type Err = Error;

    /// `UID`, with a group of the same number, or `UID:GID`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (user, group) = text.split_once(':').unwrap_or((text, text));
        let number = |text: &str| text.parse().ok().filter(|id| *id <= LARGEST);
        match (number(user), number(group)) {
            (Some(user), Some(group)) => Ok(Self { user, group }),
            _ => Err(Error::Option {
                option: "--user",
                value: text.to_owned(),
                what: "is not UID or UID:GID, numbers up to 2097151",
            }),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.group)
    }
}

/// A variable of the container's environment: `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable(String);

impl Variable {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Variable {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_name = |name: &str| {
            let mut bytes = name.bytes();
            bytes
                .next()
                .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
                && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        match text.split_once('=') {
            Some((name, value)) if is_name(name) && !value.contains('\0') => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Error::Option {
                option: "--env",
                value: text.to_owned(),
                what: "is not NAME=VALUE",
            }),
        }
    }
}

/// An absolute path in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// With the slash before it.
    #[must_use]
    pub fn absolute(&self) -> String {
        format!("/{}", self.0)
    }

    /// Without it, as names in a layer are.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refusal = |what| Error::Option {
            option: "--volume-folder",
            value: text.to_owned(),
            what,
        };
        let name = text
            .strip_prefix('/')
            .ok_or_else(|| refusal("is no absolute path"))?;
        match crate::image::name_fault(name) {
            None => Ok(Self(name.to_owned())),
            Some(_) => Err(refusal("is no plain absolute path")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked() {
        let owner: Owner = "65532".parse().unwrap();
        assert_eq!(owner.to_string(), "65532:65532");
        let owner: Owner = "1:2".parse().unwrap();
        assert_eq!(owner, Owner { user: 1, group: 2 });
        for text in ["", "root", "1:", ":1", "-1", "2097152", "1:2:3"] {
            assert!(text.parse::<Owner>().is_err(), "{text}");
        }
        for text in ["A=", "_a1=x=y"] {
            assert_eq!(text.parse::<Variable>().unwrap().as_str(), text);
        }
        for text in ["", "A", "=x", "1A=x", "A B=x", "A=\0"] {
            assert!(text.parse::<Variable>().is_err(), "{text}");
        }
        let place: Place = "/var/lib/sconce".parse().unwrap();
        assert_eq!(place.name(), "var/lib/sconce");
        assert_eq!(place.absolute(), "/var/lib/sconce");
        for text in ["", "/", "var", "/a/../b", "/a/", "//a", "/a\n"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
