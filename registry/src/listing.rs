//! `workloads.json`: the reviewed list of what is compiled in.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::diagnostic::{Diagnostic, Place};
use crate::naming;

/// The list's name in the checkout's root.
pub(crate) const FILE: &str = "workloads.json";

/// The list's entries in its own order. Ids are checked and different from each other.
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    /// Ids whose entries cannot be read, which has been reported; nothing if that is so of the
    /// whole list.
    pub(crate) unread: Option<Vec<String>>,
}

/// One line of the list.
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) module: String,
    pub(crate) function: String,
    pub(crate) place: Place,
    /// Where the entry ends in the text, in bytes.
    pub(crate) end: usize,
}

/// An entry's members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    module: String,
    function: String,
}

impl Listing {
    /// Reads what can be read and reports the rest.
    pub(crate) fn parse(text: &str, problems: &mut Vec<Diagnostic>) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut json = serde_json::Deserializer::from_str(text);
        let members = json
            .deserialize_map(InOrder)
            .and_then(|members| json.end().map(|()| members));
        let members = match members {
            Ok(members) => members,
            Err(error) => {
                problems.push(malformed(&error, 1));
                return Self {
                    entries,
                    unread: None,
                };
            }
        };
        let mut unread = Vec::new();
        for (id, value) in members {
            // serde_json hands out slices of `text` itself: their address is their offset.
            let start = value.get().as_ptr().addr() - text.as_ptr().addr();
            let line = line_at(text, start);
            let place = Place::new(Path::new(FILE), line);
            if let Err(fault) = naming::check_id(&id) {
                problems.push(bad_id(place, &id, fault));
                continue;
            }
            if let Some(first) = entries.iter().find(|entry| entry.id == id) {
                problems.push(twice(place, first));
                continue;
            }
            match serde_json::from_str::<Members>(value.get()) {
                Ok(Members { module, function }) => entries.push(Entry {
                    id,
                    module,
                    function,
                    place,
                    end: start + value.get().len(),
                }),
                Err(error) => {
                    problems.push(malformed(&error, line));
                    unread.push(id);
                }
            }
        }
        Self {
            entries,
            unread: Some(unread),
        }
    }

    /// Whether the list names an id or, as far as it could be read, might.
    pub(crate) fn may_name(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.id == id)
            || self
                .unread
                .as_ref()
                .is_none_or(|unread| unread.iter().any(|name| name == id))
    }
}

/// An entry as it is written in the list.
pub(crate) fn entry_text(id: &str, module: &str, function: &str) -> String {
    format!(r#""{id}": {{ "module": "{module}", "function": "{function}" }}"#)
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text[..offset].bytes().filter(|byte| *byte == b'\n').count()
}

fn malformed(error: &serde_json::Error, first_line: usize) -> Diagnostic {
    let message = error.to_string();
    // The position stands in the place already, and is one within the entry.
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(message, _)| message);
    Diagnostic::new(
        Place::new(Path::new(FILE), first_line + error.line().saturating_sub(1)),
        format!("the list is malformed: {message}"),
        if message == "trailing comma" {
            "remove the comma after the last entry".to_owned()
        } else {
            let entry = entry_text("my-id", "workloads::my_module", "my_function");
            format!("write each entry as {entry}, with a comma between two")
        },
    )
}

fn bad_id(place: Place, id: &str, fault: &str) -> Diagnostic {
    Diagnostic::new(
        place,
        format!("the id {id:?} {fault}"),
        "use 1 to 64 of a-z, 0-9 and `-`, a letter first, here and in the annotation",
    )
}

fn twice(place: Place, first: &Entry) -> Diagnostic {
    let Entry { id, place: at, .. } = first;
    Diagnostic::new(
        place,
        format!("the id \"{id}\" is listed twice: first at {at}"),
        "remove one of the entries, or give it an id of its own",
    )
}

/// Reads an object member by member: a map would keep the last of two equal keys in silence.
struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with an entry for each id")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Vec<String>, Vec<String>) {
        let mut problems = Vec::new();
        let listing = Listing::parse(text, &mut problems);
        (
            listing.entries.into_iter().map(|entry| entry.id).collect(),
            problems
                .iter()
                .map(|problem| format!("{}: {}", problem.place, problem.problem))
                .collect(),
        )
    }

    #[test]
    fn entries_know_their_lines() {
        let text = "{\n  \"a\": { \"module\": \"m\", \"function\": \"f\" },\n  \"b\":\n    { \"module\": \"m\",\n \"function\": \"g\" }\n}\n";
        let mut problems = Vec::new();
        let listing = Listing::parse(text, &mut problems);
        assert!(problems.is_empty());
        let lines: Vec<_> = listing
            .entries
            .iter()
            .map(|entry| entry.place.line)
            .collect();
        assert_eq!(lines, [2, 4]);
        assert!(text[listing.entries[1].end..].starts_with("\n}"));
    }

    #[test]
    fn what_is_good_is_kept_beside_what_is_not() {
        let entry = r#"{ "module": "m", "function": "f" }"#;
        let text = format!(
            "{{ \"a\": {entry},\n\"a\": {entry},\n\"B\": {entry},\n\"c\": {{ \"module\": \"m\",\n \"class\": \"F\" }},\n\"d\": {{ \"module\": \"m\", \"module\": \"m\", \"function\": \"f\" }},\n\"e\": {entry} }}"
        );
        let (ids, problems) = parse(&text);
        assert_eq!(ids, ["a", "e"]);
        assert_eq!(
            problems,
            [
                "workloads.json:2: the id \"a\" is listed twice: first at workloads.json:1",
                "workloads.json:3: the id \"B\" has characters other than a-z, 0-9 and `-`",
                "workloads.json:5: the list is malformed: unknown field `class`, expected `module` or `function`",
                "workloads.json:6: the list is malformed: duplicate field `module`",
            ]
        );
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        for (text, problem) in [
            (
                "",
                "workloads.json:1: the list is malformed: EOF while parsing a value",
            ),
            (
                "{\n",
                "workloads.json:2: the list is malformed: EOF while parsing an object",
            ),
            (
                "{}\n{}",
                "workloads.json:2: the list is malformed: trailing characters",
            ),
            (
                "[]",
                "workloads.json:1: the list is malformed: invalid type: sequence, expected an object with an entry for each id",
            ),
        ] {
            assert_eq!(parse(text), (vec![], vec![problem.to_owned()]), "{text:?}");
        }
    }
}
