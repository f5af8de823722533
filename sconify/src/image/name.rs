//! Names of members: relative, with no way out, and fit to be printed.

/// Longer than any path that Linux opens.
const LONGEST: usize = 4095;

/// Why `name` can't be a member's; nothing if it can.
pub(crate) fn fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("has no name")
    } else if name.len() > LONGEST {
        Some("has a name that is too long")
    } else if name.chars().any(char::is_control) {
        Some("has a control character in its name")
    } else if name.starts_with('/') {
        Some("has an absolute name")
    } else if name.split('/').any(|part| part == "..") {
        Some("leads out of the image")
    } else if name.split('/').any(|part| part.is_empty() || part == ".") {
        Some("has an empty part, or a `.`, in its name")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn only_plain_relative_names_do() {
        for name in ["worker", "enclave/worker.sgxs", "files/a/..b", "é", "a b"] {
            assert_eq!(fault(name), None, "{name}");
        }
        let long = "a/".repeat(2100) + "a";
        for name in [
            "",
            "/",
            "/a",
            "..",
            "../a",
            "a/../b",
            "a/..",
            ".",
            "./a",
            "a//b",
            "a/",
            "a\nb",
            "a\0",
            "\u{1b}[2J",
            &long,
        ] {
            assert!(fault(name).is_some(), "{name:?}");
        }
    }
}
