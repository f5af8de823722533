//! Ids, the names made of them, and the attribute's own grammar, whatever somebody writes.

use std::time::Duration;

use proptest::prelude::*;
use sconce_registry::naming::{LONGEST_ID, check_id, function_name};
use sconce_registry::{DEFAULT_TIME_LIMIT, LONGEST_TIME_LIMIT, Options};

/// What may stand in an annotation, by the test's own reckoning.
fn is_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= LONGEST_ID
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && parts
            .iter()
            .all(|part| !part.is_empty() && part.chars().all(plain))
}

proptest! {
    #[test]
    fn any_text_is_an_id_or_not(text in prop_oneof!["[a-z0-9-]{0,70}", "[ -~é]{0,10}", any::<String>()]) {
        prop_assert_eq!(check_id(&text).is_ok(), is_id(&text), "{}", text);
    }

    #[test]
    fn names_of_functions_are_rust_and_tell_ids_apart(one in "[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,3}", other in "[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,3}") {
        let (first, second) = (function_name(&one), function_name(&other));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        prop_assert!(first.starts_with(|c: char| c.is_ascii_lowercase()) && first.chars().all(plain));
        prop_assert_eq!(first == second, one == other);
    }

    #[test]
    fn options_are_read_as_they_are_written(
        id in "[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,3}",
        limit in prop::option::of((1u64..5000, "ms|s|m")),
        network in any::<bool>(),
        files in any::<bool>(),
    ) {
        let mut text = format!("{id:?}");
        let mut wanted = DEFAULT_TIME_LIMIT;
        if let Some((number, unit)) = limit {
            text += &format!(", time = \"{number}{unit}\"");
            wanted = Duration::from_millis(number * match unit.as_str() {
                "ms" => 1,
                "s" => 1000,
                _ => 60_000,
            });
        }
        for (said, name) in [(network, ", network"), (files, ", files")] {
            if said {
                text += name;
            }
        }
        match syn::parse_str::<Options>(&text) {
            Ok(options) => {
                prop_assert_eq!(options.id, id);
                prop_assert_eq!(options.time_limit, wanted);
                prop_assert_eq!(options.capabilities.network, network);
                prop_assert_eq!(options.capabilities.files, files);
            }
            Err(fault) => prop_assert!(wanted > LONGEST_TIME_LIMIT, "{}", fault),
        }
    }

    #[test]
    fn any_options_are_read_or_refused_with_a_reason(text in prop_oneof!["[ -~]{0,40}", any::<String>(), r#""a", time = "[0-9a-z ]{0,25}""#]) {
        match syn::parse_str::<Options>(&text) {
            Ok(options) => {
                prop_assert!(is_id(&options.id));
                prop_assert!(!options.time_limit.is_zero() && options.time_limit <= LONGEST_TIME_LIMIT);
            }
            Err(fault) => prop_assert!(!fault.to_string().is_empty()),
        }
    }
}
