//! The command line.

use std::os::fd::RawFd;

pub(super) const USAGE: &str = "usage: sconce-vault --report-socket DESCRIPTOR --journal DESCRIPTOR\n\
                                \x20                   --listen DESCRIPTOR [--pool DESCRIPTOR]\n\
                                It is started by a host, with a socket as standard input.";

/// Which descriptors are what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    /// To the platform.
    pub(super) report_socket: RawFd,
    /// The file with the sealed state.
    pub(super) journal: RawFd,
    /// Where TLS connections come.
    pub(super) listen: RawFd,
    /// Where pools come.
    pub(super) pool: Option<RawFd>,
}

impl Arguments {
    pub(super) fn parse(mut given: impl Iterator<Item = String>) -> Option<Self> {
        let [mut report_socket, mut journal, mut listen, mut pool] = [None; 4];
        while let Some(name) = given.next() {
            let place = match name.as_str() {
                "--report-socket" => &mut report_socket,
                "--journal" => &mut journal,
                "--listen" => &mut listen,
                "--pool" => &mut pool,
                _ => return None,
            };
            if place.replace(given.next()?.parse().ok()?).is_some() {
                return None;
            }
        }
        Some(Self {
            report_socket: report_socket?,
            journal: journal?,
            listen: listen?,
            pool,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Arguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_descriptor_is_named_once() {
        let wanted = Arguments {
            report_socket: 3,
            journal: 4,
            listen: 5,
            pool: None,
        };
        let line = "--listen 5 --report-socket 3 --journal 4";
        assert_eq!(parse(line), Some(wanted));
        assert_eq!(parse(&format!("{line} --pool 6")).unwrap().pool, Some(6));
        for bad in ["", "--listen 5", "--listen"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        for more in [
            "--listen 5",
            "--pool",
            "--pool x",
            "--verbose",
            "--worker w",
        ] {
            assert_eq!(parse(&format!("{line} {more}")), None, "{more}");
        }
    }
}
