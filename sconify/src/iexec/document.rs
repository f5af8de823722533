//! One value of a JSON text, replaced in place.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Object;

/// The text of an `iexec.json`, and where its `app.mrenclave` is.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    text: &'a str,
    app: Range<usize>,
    /// Where the value of the last member of `app` ends.
    last_end: Option<usize>,
    /// What stands between the `{` of `app` and its first member.
    gap: &'a str,
    value: Option<Range<usize>>,
    fingerprint: Option<Range<usize>>,
    current: Current,
}

/// What `app.mrenclave` is before it's filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Current {
    /// Not there.
    Missing,
    /// An object.
    Object,
    /// A text, or something else.
    Other,
}

impl<'a> Document<'a> {
    /// Finds the place.
    ///
    /// # Errors
    ///
    /// If it is no JSON object with an object `app`, or a name in one of those that matter is there
    /// twice.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        let whole: Members<'a> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let app = whole.get("app").ok_or("it has no member `app`")?;
        let within = |name: &'static str| move |error| format!("`{name}`: {error}");
        let members: Members<'a> = serde_json::from_str(app.get()).map_err(within("app"))?;
        let place = |value: &'a RawValue| {
            // The values are parts of the text.
            let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
            start..start + value.get().len()
        };
        let value = members.get("mrenclave");
        let object = value.filter(|value| value.get().starts_with('{'));
        let fingerprint = match object {
            None => None,
            Some(object) => {
                let within = within("app.mrenclave");
                let object: Members<'a> = serde_json::from_str(object.get()).map_err(within)?;
                let fingerprint = object.get("fingerprint");
                fingerprint.filter(|value| value.get().starts_with('"'))
            }
        };
        let inside = app.get().get(1..).unwrap_or_default();
        let gap = inside.len() - inside.trim_start().len();
        Ok(Self {
            text,
            app: place(app),
            last_end: members.0.last().map(|(_, last)| place(last).end),
            gap: &inside[..gap],
            value: value.map(place),
            fingerprint: fingerprint.map(place),
            current: match (value, object) {
                (None, _) => Current::Missing,
                (_, Some(_)) => Current::Object,
                _ => Current::Other,
            },
        })
    }

    /// What is there.
    #[must_use]
    pub fn current(&self) -> Current {
        self.current
    }

    /// With a text in that place.
    #[must_use]
    pub fn with_text(&self, value: &str) -> String {
        self.with_value(&quoted(value))
    }

    /// With an object in that place, laid out as the rest of `app` is.
    #[must_use]
    pub fn with_object(&self, object: &Object) -> String {
        let members = [
            ("framework", to_json(&object.framework)),
            ("version", quoted(&object.version)),
            (
                "entrypoint",
                object.entrypoint.as_deref().map(quoted).unwrap_or_default(),
            ),
            (
                "heapSize",
                object.heap_size.as_ref().map(to_json).unwrap_or_default(),
            ),
            ("fingerprint", quoted(&object.fingerprint)),
        ];
        let members: Vec<_> = members
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("\"{name}\":{}{value}", self.blank()))
            .collect();
        let Some((line_end, indent)) = self.layout() else {
            return self.with_value(&format!("{{{}}}", members.join(",")));
        };
        // `app` lies two levels deep.
        let deeper = format!("{line_end}{indent}{}", &indent[..indent.len() / 2]);
        let members = members.join(&format!(",{deeper}"));
        self.with_value(&format!("{{{deeper}{members}{line_end}{indent}}}"))
    }

    /// With another fingerprint in the object that is there; `None` if there is none.
    #[must_use]
    pub fn with_fingerprint(&self, fingerprint: &str) -> Option<String> {
        let place = self.fingerprint.clone()?;
        Some(self.replaced(place, &quoted(fingerprint)))
    }

    fn with_value(&self, value: &str) -> String {
        let named = format!("\"mrenclave\":{}{value}", self.blank());
        match (&self.value, self.last_end) {
            (Some(place), _) => self.replaced(place.clone(), value),
            (None, Some(end)) => self.replaced(end..end, &format!(",{}{named}", self.gap)),
            (None, None) => {
                let inside = self.app.start + 1;
                self.replaced(inside..inside, &named)
            }
        }
    }

    fn replaced(&self, place: Range<usize>, by: &str) -> String {
        let (before, after) = (&self.text[..place.start], &self.text[place.end..]);
        format!("{before}{by}{after}")
    }

    /// How lines end and how far members of `app` are indented; `None` if all stands in one line.
    fn layout(&self) -> Option<(&'a str, &'a str)> {
        let gap = self.gap.get(self.gap.find(['\r', '\n'])?..)?;
        let indent = gap.trim_start_matches(['\r', '\n']);
        let line_end = &gap[..gap.len() - indent.len()];
        let plain = indent.chars().all(|blank| matches!(blank, ' ' | '\t'));
        plain.then_some((line_end, indent))
    }

    /// What stands behind a colon.
    fn blank(&self) -> &'static str {
        if self.gap.is_empty() { "" } else { " " }
    }
}

/// An object's members, each name once, their values as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().find(|(member, _)| member == name);
        found.map(|(_, value)| *value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members<'de>, M::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    // Which of the two counts is for each reader to choose.
                    if matches!(name.as_str(), "app" | "mrenclave" | "fingerprint")
                        && members.iter().any(|(member, _)| *member == name)
                    {
                        return Err(M::Error::custom(format_args!("`{name}` is there twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

fn quoted(text: &str) -> String {
    to_json(&text)
}

#[expect(clippy::expect_used, reason = "texts and numbers are always JSON")]
fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("made of strings and numbers")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::Framework;
    use super::*;

    /// What iExec's command line writes.
    const FILE: &str = r#"{
  "description": "My iExec ressource description",
  "license": "MIT",
  "app": {
    "owner": "0x9A07Ea49a32C1E69eD7B6dFe1aa1C19181465C52",
    "name": "test_sgx",
    "mrenclave": "",
    "checksum": "0xc4f18d6e024ac1bd1b0cf08484ca7baaf4c63eb67a20fefe51017424df2a5179"
  },
  "order": {"apporder": {"app": "0x00", "mrenclave": "of another"}}
}
"#;

    fn object() -> Object {
        Object {
            framework: Framework::Scone,
            version: "v5.9".to_owned(),
            entrypoint: Some("/worker \"a\"".to_owned()),
            heap_size: Some(1 << 30),
            fingerprint: "ab".repeat(32),
        }
    }

    fn of_gramine() -> Object {
        Object {
            framework: Framework::Gramine,
            version: "v0".to_owned(),
            entrypoint: None,
            heap_size: None,
            fingerprint: "cd".repeat(32),
        }
    }

    fn app(text: &str) -> Value {
        serde_json::from_str::<Value>(text).unwrap()["app"].clone()
    }

    #[test]
    fn a_text_is_put_in_its_place() {
        let filled = Document::parse(FILE).unwrap().with_text("key|tag|digest");
        let expected = FILE.replace(r#""mrenclave": "","#, r#""mrenclave": "key|tag|digest","#);
        assert_eq!(filled, expected);
        let again = Document::parse(&filled).unwrap().with_text("");
        assert_eq!(again, FILE);
    }

    #[test]
    fn an_object_is_laid_out_as_the_rest_is() {
        let document = Document::parse(FILE).unwrap();
        insta::assert_snapshot!(document.with_object(&object()), @r#"
        {
          "description": "My iExec ressource description",
          "license": "MIT",
          "app": {
            "owner": "0x9A07Ea49a32C1E69eD7B6dFe1aa1C19181465C52",
            "name": "test_sgx",
            "mrenclave": {
              "framework": "SCONE",
              "version": "v5.9",
              "entrypoint": "/worker \"a\"",
              "heapSize": 1073741824,
              "fingerprint": "abababababababababababababababababababababababababababababababab"
            },
            "checksum": "0xc4f18d6e024ac1bd1b0cf08484ca7baaf4c63eb67a20fefe51017424df2a5179"
          },
          "order": {"apporder": {"app": "0x00", "mrenclave": "of another"}}
        }
        "#);
        let tabs = FILE.replace("  ", "\t").replace('\n', "\r\n");
        let filled = Document::parse(&tabs).unwrap().with_object(&of_gramine());
        let start =
            "\t\t\"mrenclave\": {\r\n\t\t\t\"framework\": \"GRAMINE\",\r\n\t\t\t\"version\"";
        assert!(filled.contains(start), "{filled}");
        assert_eq!(
            filled.replace('\t', "  ").replace("\r\n", "\n"),
            document.with_object(&of_gramine())
        );
    }

    /// What iExec's SDK 8.24 puts on chain for these objects.
    #[test]
    fn objects_have_the_members_and_the_order_that_go_on_chain() {
        let scone = Object {
            framework: Framework::Scone,
            version: "v5.9".to_owned(),
            entrypoint: Some("python3 /app/app.py".to_owned()),
            heap_size: Some(1_073_741_824),
            fingerprint: "b84bc68bae8cdc8703ca4525b2cc16deffe9def4247498ebcc467830a67caf6d"
                .to_owned(),
        };
        let gramine = Object {
            fingerprint: "c879351b3640a21331c4d931d3e32bfbb8373b502966f9c639538666b2cf3641"
                .to_owned(),
            ..of_gramine()
        };
        for (object, on_chain) in [
            (
                scone,
                r#"{"framework":"SCONE","version":"v5.9","entrypoint":"python3 /app/app.py","heapSize":1073741824,"fingerprint":"b84bc68bae8cdc8703ca4525b2cc16deffe9def4247498ebcc467830a67caf6d"}"#,
            ),
            (
                gramine,
                r#"{"framework":"GRAMINE","version":"v0","fingerprint":"c879351b3640a21331c4d931d3e32bfbb8373b502966f9c639538666b2cf3641"}"#,
            ),
        ] {
            let filled = Document::parse(r#"{"app":{}}"#)
                .unwrap()
                .with_object(&object);
            assert_eq!(filled, format!(r#"{{"app":{{"mrenclave":{on_chain}}}}}"#));
        }
    }

    #[test]
    fn the_fingerprint_alone_is_replaced() {
        let filled = Document::parse(FILE).unwrap().with_object(&object());
        let document = Document::parse(&filled).unwrap();
        assert_eq!(document.current(), Current::Object);
        let other = document.with_fingerprint(&"00".repeat(32)).unwrap();
        assert_eq!(other, filled.replace(&"ab".repeat(32), &"00".repeat(32)));
        assert_eq!(Document::parse(FILE).unwrap().with_fingerprint("x"), None);
    }

    #[test]
    fn a_member_that_is_not_there_is_added() {
        for (text, expected) in [
            (r#"{"app":{}}"#, r#"{"app":{"mrenclave":"x"}}"#),
            (
                r#"{"app":{"a":[1]}}"#,
                r#"{"app":{"a":[1],"mrenclave":"x"}}"#,
            ),
            (
                "{\n  \"app\": {\n    \"a\": \"}\"\n  }\n}",
                "{\n  \"app\": {\n    \"a\": \"}\",\n    \"mrenclave\": \"x\"\n  }\n}",
            ),
            (
                r#"{ "app": { "a": 1 } }"#,
                r#"{ "app": { "a": 1, "mrenclave": "x" } }"#,
            ),
        ] {
            let document = Document::parse(text).unwrap();
            assert_eq!(document.current(), Current::Missing);
            assert_eq!(document.with_text("x"), expected);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, what) in [
            ("", "EOF"),
            ("[]", "an object"),
            ("{}", "no member `app`"),
            (r#"{"app":"x"}"#, "`app`: "),
            (r#"{"app":{},"app":{}}"#, "`app` is there twice"),
            (
                r#"{"app":{"mrenclave":"","mrenclave":""}}"#,
                "`mrenclave` is there twice",
            ),
            (
                r#"{"app":{"mrenclave":{"fingerprint":1,"fingerprint":2}}}"#,
                "twice",
            ),
            (r#"{"app":{}} x"#, "trailing"),
            ("\u{feff}{\"app\":{}}", "expected value"),
        ] {
            let refusal = Document::parse(text).unwrap_err();
            assert!(refusal.contains(what), "{text}: {refusal}");
        }
    }

    /// Members of any kind, in any layout.
    fn file() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            Just("1e3"),
            Just("\"\\u00e9}{\\\"\""),
            Just("[ {}, null ]"),
            Just("{\"app\": {\"mrenclave\": 1}}"),
        ];
        let members = prop::collection::vec(("[a-d]{1,3}", value), 0..4);
        let gap = prop::sample::select(&["", " ", "\n", "\n    ", "\r\n\t\t"][..]);
        (members, prop::option::of(0..4usize), gap).prop_map(|(members, at, gap)| {
            let mut members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("\"{name}\"{gap}:{value}"))
                .collect();
            if let Some(at) = at {
                members.insert(at.min(members.len()), format!("\"mrenclave\" :{gap}null"));
            }
            let members = members.join(&format!(",{gap}"));
            format!("{gap}{{\"z\":0,{gap}\"app\":{{{gap}{members}}}{gap}}}{gap}")
        })
    }

    proptest! {
        #[test]
        fn nothing_else_changes(text in file(), value in "[a-f0-9|\"\\\\é]{0,9}") {
            let document = Document::parse(&text).unwrap();
            for filled in [document.with_text(&value), document.with_object(&object())] {
                let mut expected = app(&text);
                let mut found = app(&filled);
                let put = found["mrenclave"].take();
                expected["mrenclave"] = Value::Null;
                prop_assert_eq!(found, expected);
                prop_assert!(put == json!(value) || put == json!(object()));
                // What stands before and behind it is the same, byte by byte.
                let alike = |(a, b): &(u8, u8)| a == b;
                let before = text.bytes().zip(filled.bytes()).take_while(alike).count();
                let after = text.bytes().rev().zip(filled.bytes().rev()).take_while(alike).count();
                prop_assert!(before + after >= text.len() - "null".len());
            }
        }
    }
}
