//! JSON objects read member by member: every member once, values kept as the text they came in.
//!
//! Both the listener and the worker read an order, and hashes cover texts as they were sent. So a
//! text that two readers could understand differently (a member given twice) is refused here.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of one JSON object, in the order of the text.
#[derive(Debug)]
pub struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// Why a text couldn't be read as an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnObject {
    /// It isn't JSON at all.
    #[error("not a JSON text")]
    NotJson,
    /// It's JSON of another shape.
    #[error("not a JSON object")]
    OtherShape(Shape),
    /// A member stands in it twice, there are more than any object of the protocol has, or a name
    /// is no Unicode.
    #[error("a member is given twice, or there are too many")]
    Members,
}

/// The shape of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `{…}`
    Object,
    /// `[…]`; `true` if there is nothing in it.
    Array {
        /// Whether it has no elements.
        empty: bool,
    },
    /// `"…"`
    String,
    /// A number.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

impl<'a> Members<'a> {
    /// Reads `text` as an object.
    pub fn parse(text: &'a str) -> Result<Self, NotAnObject> {
        // Once through the text where all is well; what is wrong takes another time to say.
        let mut reader = serde_json::Deserializer::from_str(text);
        if let Ok(members) = reader.deserialize_map(MembersVisitor)
            && reader.end().is_ok()
        {
            return Ok(Self(members));
        }
        let value: &'a RawValue = serde_json::from_str(text).map_err(|_| NotAnObject::NotJson)?;
        Self::of(value)
    }

    /// Reads a value that is known to be JSON.
    pub fn of(value: &'a RawValue) -> Result<Self, NotAnObject> {
        match shape(value) {
            Shape::Object => {}
            other => return Err(NotAnObject::OtherShape(other)),
        }
        let mut reader = serde_json::Deserializer::from_str(value.get());
        let members = reader
            .deserialize_map(MembersVisitor)
            .map_err(|_| NotAnObject::Members)?;
        Ok(Self(members))
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
    }

    /// The names, in the order of the text.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with each member once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Self::Value = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            // Schemas know a dozen members; a search in a list is cheaper than a set, and the
            // bound keeps a hostile object from making it quadratic.
            if members.len() >= MAX_MEMBERS || members.iter().any(|(n, _)| *n == name) {
                return Err(A::Error::custom("member given twice"));
            }
            members.push((name, map.next_value()?));
        }
        Ok(members)
    }
}

/// No object of the protocol has more members.
const MAX_MEMBERS: usize = 64;

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The shape of a value, by its first character.
pub fn shape(value: &RawValue) -> Shape {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => Shape::Object,
        Some(b'[') => Shape::Array {
            empty: text[1..text.len() - 1].trim().is_empty(),
        },
        Some(b'"') => Shape::String,
        Some(b't' | b'f') => Shape::Bool,
        Some(b'n') => Shape::Null,
        _ => Shape::Number,
    }
}

/// The text of a JSON string, borrowed when nothing in it is escaped.
pub fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    let inner = value.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(value.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The value of a JSON number written without fraction and exponent that fits 64 bits.
pub fn integer(value: &RawValue) -> Option<i64> {
    is_integer(value).then(|| value.get().parse().ok())?
}

/// Whether the value is a number written without fraction and exponent, of any size.
pub fn is_integer(value: &RawValue) -> bool {
    let digits = value.get().strip_prefix('-').unwrap_or(value.get());
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The elements of a JSON array.
pub fn array(value: &RawValue) -> Option<Vec<&RawValue>> {
    match shape(value) {
        Shape::Array { .. } => serde_json::from_str(value.get()).ok(),
        _ => None,
    }
}

/// How deep `text` nests arrays and objects, without parsing it: a bound that holds for any input.
pub fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for &byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Reads `value` as `T`.
pub fn read<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn members_keep_their_text() {
        let members = Members::parse(r#" {"a": 1.50, "b\u0063": [ ], "d": "x\ny"} "#).unwrap();
        assert_eq!(members.get("a").unwrap().get(), "1.50");
        assert_eq!(members.get("bc").unwrap().get(), "[ ]");
        assert_eq!(string(members.get("d").unwrap()).unwrap(), "x\ny");
        assert_eq!(members.names().collect::<Vec<_>>(), ["a", "bc", "d"]);
    }

    #[test]
    fn refusals() {
        let twice = Members::parse(r#"{"a":1,"\u0061":2}"#);
        assert_eq!(twice.unwrap_err(), NotAnObject::Members);
        for bad in ["", "{", "{}x", "{'a':1}", "{\"a\":1,}", "\u{feff}{}"] {
            assert_eq!(
                Members::parse(bad).unwrap_err(),
                NotAnObject::NotJson,
                "{bad}"
            );
        }
        let other = Members::parse(" [ ] ").unwrap_err();
        assert_eq!(other, NotAnObject::OtherShape(Shape::Array { empty: true }));
    }

    #[test]
    fn integers_are_written_as_such() {
        assert_eq!(integer(&raw("-7")), Some(-7));
        for text in [
            "1.0",
            "1e2",
            "true",
            "\"1\"",
            "null",
            "99999999999999999999",
        ] {
            assert_eq!(integer(&raw(text)), None, "{text}");
        }
        assert!(is_integer(&raw("99999999999999999999")));
    }

    #[test]
    fn depth_ignores_strings() {
        assert_eq!(depth(br#"{"a":[[{}]],"b":"[[[[\"[["}"#), 4);
        assert_eq!(depth(b"]]]["), 1);
        assert_eq!(depth(&[b'['; 100_000]), 100_000);
    }
}
