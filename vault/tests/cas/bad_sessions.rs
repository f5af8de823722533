//! Sessions that are refused, one fault each.

mod given;
mod programs;
mod secrets;
mod texts;

use crate::support::{ALICE, World};

/// What is changed in a good session: a text of it and what stands there instead, or what stands behind it.
enum Change {
    Instead(&'static str, &'static str),
    Behind(&'static str),
    Whole(&'static str),
}

use Change::{Behind, Instead, Whole};
use given::GIVEN;
use programs::PROGRAMS;
use secrets::SECRETS;
use texts::{NAMES, TEXTS};

/// Name, change, code, and what the message says.
type Case = (&'static str, Change, &'static str, &'static str);

const ROOT: &str = "ROOT";
const FORM: &str = "cas.form";
const SECRET: &str = "cas.secret";
const IMPORT: &str = "cas.import";
const NAME: &str = "name: shop/till\n";
const FACTORS: &str = "{mrenclave: ";
const MODE: &str = "mode: simulated";
const TOKEN: &str = "{name: token, kind: ascii}";

#[test]
fn each_is_refused_and_leaves_nothing() {
    let all = [TEXTS, NAMES, PROGRAMS, GIVEN, SECRETS];
    assert!(all.iter().map(|cases| cases.len()).sum::<usize>() >= 80);
    let mut faults = Vec::new();
    for (name, change, code, says) in all.into_iter().flatten() {
        let mut world = World::new();
        let good = world.till("");
        let root = format!("[\"{}\"]", world.platform.fingerprint());
        let text = match change {
            Whole(text) => (*text).to_owned(),
            Behind(text) => format!("{good}{text}"),
            Instead(from, to) => {
                let from = from.replace(ROOT, &root);
                assert!(good.contains(&from), "{name}");
                good.replacen(&from, to, 1)
            }
        };
        let Err(error) = world.put(ALICE, "shop/till", &text) else {
            faults.push(format!("{name}: it is taken"));
            continue;
        };
        let message = error.to_string();
        if error.code() != *code || !message.contains(says) {
            faults.push(format!("{name}: {}: {message}", error.code()));
        }
        assert!(!message.contains("hunter2"), "{name}: {message}");
        assert!(message.lines().count() == 1, "{name}: {message}");
        assert!(world.state.cas.is_empty(), "{name}");
        let [line] = &world.log[..] else {
            panic!("{name}: not one line in the log");
        };
        assert_eq!(line.code.as_deref(), Some(error.code()), "{name}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn modes_without_attestation_have_their_own_code() {
    for mode in ["mode: none", "mode: maa\n    url: \"https://a\""] {
        let mut world = World::new();
        let text = world.till("");
        let (head, tail) = text.split_once("    mode: simulated\n").unwrap();
        let (_, tail) = tail.split_once('\n').unwrap();
        let text = format!("{head}    {mode}\n{tail}");
        let error = world.put(ALICE, "shop/till", &text).unwrap_err();
        assert_eq!(error.code(), "cas.unattested", "{error}");
    }
}

#[test]
fn what_is_too_long_is_not_read() {
    let mut world = World::new();
    let text = format!(
        "{}# {}\n",
        world.till(""),
        "a".repeat(provision::MAX_SESSION)
    );
    let error = world.put(ALICE, "shop/till", &text).unwrap_err();
    assert_eq!(error.code(), "cas.form");
    assert!(error.to_string().contains("bytes"), "{error}");
}

#[test]
fn the_good_one_is_taken() {
    let mut world = World::new();
    let text = world.till("");
    assert!(world.put(ALICE, "shop/till", &text).is_ok());
}
