//! Names: what an id may be, and how the names that follow from it are made.

use proc_macro2::Ident;
use syn::ext::IdentExt;

/// The longest id, in characters.
pub const LONGEST_ID: usize = 64;

/// Checks that `id` may name a workload: 1 to 64 of `a`-`z`, `0`-`9` and single `-` between them,
/// a letter first.
///
/// # Errors
///
/// What is wrong with it, as the end of the sentence "the id ...".
pub fn check_id(id: &str) -> Result<(), &'static str> {
    if id.is_empty() {
        return Err("is empty");
    }
    if id.len() > LONGEST_ID {
        return Err("is longer than 64 characters");
    }
    if !id
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    {
        return Err("has characters other than a-z, 0-9 and `-`");
    }
    if !id.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err("does not begin with a letter");
    }
    if id.ends_with('-') {
        return Err("ends with `-`");
    }
    if id.contains("--") {
        return Err("has two `-` in a row");
    }
    Ok(())
}

/// The name of the constant that `#[workload]` puts beside a function.
pub fn description_name(function: &Ident) -> Ident {
    let name = format!("__workload_{}", function.unraw());
    Ident::new(&name, function.span())
}

/// The function, and the module around it, that a new workload gets.
pub fn function_name(id: &str) -> String {
    id.replace('-', "_")
}

/// Whether a function and a module may have this name.
pub(crate) fn is_free(name: &str) -> bool {
    /// Keywords of the edition that the parser lets pass, crates that generated code refers to,
    /// and files that mean something to cargo.
    const TAKEN: [&str; 8] = [
        "alloc",
        "core",
        "gen",
        "lib",
        "main",
        "std",
        "workload",
        "workloads",
    ];
    !TAKEN.contains(&name) && syn::parse_str::<Ident>(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        for id in ["python-fib", "a", "a1-2b"] {
            assert_eq!(check_id(id), Ok(()), "{id}");
        }
        for id in ["", "A", "1a", "-a", "a-", "a--b", "a_b", "a b", "é", "a.b"] {
            assert!(check_id(id).is_err(), "{id}");
        }
        assert_eq!(check_id(&"a".repeat(64)), Ok(()));
        assert!(check_id(&"a".repeat(65)).is_err());
    }

    #[test]
    fn raw_identifiers_lose_their_mark() {
        let ident = syn::parse_str("r#match").unwrap();
        assert_eq!(description_name(&ident), "__workload_match");
    }

    #[test]
    fn keywords_and_crates_are_no_names() {
        for name in [
            "match", "self", "crate", "async", "try", "gen", "std", "a-b", "",
        ] {
            assert!(!is_free(name), "{name}");
        }
        assert!(is_free(&function_name("my-workload")));
    }
}
