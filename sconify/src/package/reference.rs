//! Names of images: `sconce/worker:0.1.0-debug`.

use std::fmt;
use std::str::FromStr;

use super::Error;

/// The name that an image goes by where it's loaded: a repository and a tag, as docker has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    name: String,
    tag: String,
}

/// The most bytes of a name with its registry, and of a tag (OCI distribution specification 1.1).
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

impl Reference {
    /// What stands after the colon.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The last part of the name.
    #[must_use]
    pub fn title(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// The name with its registry, as containerd wants it: docker adds `docker.io`, and `library` to a
    /// name of one part.
    #[must_use]
    pub fn full(&self) -> String {
        let Self { name, tag } = self;
        match name.split_once('/') {
            None => format!("docker.io/library/{name}:{tag}"),
            Some((first, _)) if is_registry(first) => format!("{name}:{tag}"),
            Some(_) => format!("docker.io/{name}:{tag}"),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refusal = |what| Error::Reference {
            text: text.to_owned(),
            what,
        };
        let (name, tag) = text
            .rsplit_once(':')
            .filter(|(_, tag)| !tag.contains('/'))
            .ok_or_else(|| refusal("has no tag"))?;
        if !is_tag(tag) {
            return Err(refusal(
                "has a tag that is not letters, digits, `_`, `.` and `-`",
            ));
        }
        let parts = match name.split_once('/') {
            Some((first, rest)) if is_registry(first) => {
                if !is_host(first) {
                    return Err(refusal("has a registry that is no host and port"));
                }
                rest
            }
            _ => name,
        };
        if name.len() > LONGEST_NAME || !parts.split('/').all(is_part) {
            return Err(refusal(
                "has a name that is not lower-case letters and digits, with single `.`, `_`, `-` or `/` \
                 between",
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            tag: tag.to_owned(),
        })
    }
}

/// Whether the first part of a name is a registry, as docker decides it.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let is_label = |label: &str| {
        let inner = label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-');
        !label.is_empty() && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    host.split('.').all(is_label) && port.parse::<u16>().is_ok()
}

/// Lower-case letters and digits in runs, with `.`, `_`, `__` or hyphens between them.
fn is_part(part: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = bytes.first().is_some_and(alphanumeric) && bytes.last().is_some_and(alphanumeric);
    let mut separators = bytes.split(alphanumeric).filter(|run| !run.is_empty());
    ends && separators
        .all(|run| matches!(run, b"." | b"_" | b"__") || run.iter().all(|byte| *byte == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let rest = |byte: u8| word(byte) || byte == b'.' || byte == b'-';
    tag.len() <= LONGEST_TAG && tag.bytes().next().is_some_and(word) && tag.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_docker_takes() {
        for (text, full) in [
            ("worker:1", "docker.io/library/worker:1"),
            (
                "sconce/worker:0.1.0-debug",
                "docker.io/sconce/worker:0.1.0-debug",
            ),
            ("ghcr.io/a/b_c/d--e:x", "ghcr.io/a/b_c/d--e:x"),
            ("localhost/worker:_", "localhost/worker:_"),
            ("localhost:5000/worker:1", "localhost:5000/worker:1"),
            ("a__b.c:Z.z-9", "docker.io/library/a__b.c:Z.z-9"),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(reference.full(), full);
        }
    }

    #[test]
    fn other_names_are_refused() {
        let long_tag = format!("a:{}", "x".repeat(129));
        let long_name = format!("{}:1", "x".repeat(256));
        for text in [
            "",
            ":",
            "worker",
            "worker:",
            ":1",
            "Worker:1",
            "a/:1",
            "/a:1",
            "a//b:1",
            "a___b:1",
            "a..b:1",
            "-a:1",
            "a-:1",
            "a:-1",
            "a:.1",
            "a:b c",
            "a b:1",
            "a:1\n",
            "localhost:5000/a",
            "localhost:70000/a:1",
            "-x.y/a:1",
            "a@sha256:00",
            "é:1",
            &long_tag,
            &long_name,
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
    }
}
