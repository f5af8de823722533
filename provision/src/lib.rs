//! How a vault gives an attested program its secrets: both ends of a release.
