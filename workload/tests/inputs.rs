//! How an order's items become a workload's inputs, whatever is in them.

use proptest::prelude::*;
use sconce_workload::__private::Arguments;
use sconce_workload::{Failure, FromInput, Input};

const INPUTS: &[Input] = &[
    Input {
        name: "one",
        kind: "String",
    },
    Input {
        name: "two",
        kind: "u64",
    },
    Input {
        name: "three",
        kind: "String",
    },
];

type Three = (String, u64, String);

fn three(items: &[&[u8]]) -> Result<Three, Failure> {
    let mut arguments = Arguments::several(items, INPUTS)?;
    Ok((arguments.take()?, arguments.take()?, arguments.take()?))
}

fn items() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let item = prop_oneof![
        "[ \\t\\n]{0,3}([a-z0-9]{1,5}[ \\t\\n]{1,3}){0,5}[a-z0-9]{0,5}"
            .prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(item, 0..5)
}

fn slices(items: &[Vec<u8>]) -> Vec<&[u8]> {
    items.iter().map(Vec::as_slice).collect()
}

proptest! {
    #[test]
    fn tokens_of_one_item_and_items_of_a_token_each_mean_the_same(one in "[!-~]{1,9}", two in any::<u64>(), three_ in "[!-~é]{1,9}", blanks in "[ \\t\\r\\n]{1,4}") {
        let wanted: Three = (one.clone(), two, three_.clone());
        let split = format!("{blanks}{one}{blanks}{two}{blanks}{three_}{blanks}");
        prop_assert_eq!(three(&[split.as_bytes()]).map_err(|failure| failure.to_string()), Ok(wanted.clone()));
        // What follows is ignored, as Avalon's samples do.
        prop_assert_eq!(three(&[split.as_bytes(), b"more"]).map_err(|failure| failure.to_string()), Ok(wanted.clone()));

        let number = two.to_string();
        let items: [&[u8]; 3] = [one.as_bytes(), number.as_bytes(), three_.as_bytes()];
        prop_assert_eq!(three(&items).map_err(|failure| failure.to_string()), Ok(wanted));
    }

    #[test]
    fn any_items_are_inputs_or_refused_with_a_reason(items in items()) {
        let items = slices(&items);
        let results = [
            three(&items).map(drop),
            Arguments::only::<String>(&items, &INPUTS[0]).map(drop),
            Arguments::only::<Vec<u8>>(&items, &INPUTS[0]).map(drop),
            Arguments::only::<u64>(&items, &INPUTS[1]).map(drop),
            Arguments::only::<f64>(&items, &INPUTS[1]).map(drop),
            Arguments::only::<bool>(&items, &INPUTS[1]).map(drop),
            Arguments::only::<char>(&items, &INPUTS[1]).map(drop),
        ];
        for result in results {
            if let Err(failure) = result {
                prop_assert!(matches!(failure, Failure::Input(_)));
                prop_assert!(!failure.message().is_empty());
            }
        }
    }

    #[test]
    fn whole_items_are_kept_to_the_byte(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(Arguments::only::<Vec<u8>>(&[&bytes], &INPUTS[0]).ok(), Some(bytes.clone()));
        let text = Arguments::only::<String>(&[&bytes], &INPUTS[0]).ok();
        prop_assert_eq!(text, String::from_utf8(bytes).ok());
    }

    #[test]
    fn numbers_are_read_back(whole in any::<i128>(), real in any::<f64>(), blanks in "[ \\n]{0,3}") {
        let written = format!("{blanks}{whole}{blanks}");
        prop_assert_eq!(i128::from_input(written.as_bytes()).ok(), Some(whole));
        prop_assert_eq!(u8::from_input(written.as_bytes()).ok(), u8::try_from(whole).ok());
        let written = format!("{blanks}{real:?}{blanks}");
        prop_assert_eq!(f64::from_input(written.as_bytes()).ok(), Some(real).filter(|real| real.is_finite()));
    }
}
