//! Strict JSON: what serde and `serde_json` let pass is refused here.
//!
//! Derived structures refuse a member given twice, and with `deny_unknown_fields` one that is not
//! known. They also take an array for an object, its items for the members in their order:
//! [`Object`] does not.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;
use core::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::Time;

/// A structure written as a JSON object, and in no other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object<T>(pub(crate) T);

/// So many bytes, written as hex of either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hex<const N: usize>(pub(crate) [u8; N]);

/// A time, written as [`Time`] displays it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date(pub(crate) Time);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnlyMap<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyMap<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(OnlyMap(PhantomData))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits<const N: usize>;

        impl<const N: usize> Visitor<'_> for Digits<N> {
            type Value = Hex<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a text of {} hex digits", 2 * N)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let mut bytes = [0; N];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))?;
                Ok(Hex(bytes))
            }
        }

        deserializer.deserialize_str(Digits)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Date;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time as in 2025-06-19T10:56:11Z")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map(Date).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// What an advisory is called: up to 64 visible characters of ASCII, as in `INTEL-SA-00615`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdvisoryId(pub(crate) String);

impl<'de> Deserialize<'de> for AdvisoryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text));
        }
        Err(Error::custom(
            "an advisory's id is not 1 to 64 visible characters of ASCII",
        ))
    }
}

/// What is wrong with a document and where, in one line. What it quotes is cut and made visible: the
/// document is somebody else's, and the line may go to a terminal.
pub(crate) fn fault(error: &serde_json::Error) -> String {
    /// Characters that tell what anybody wants to know.
    const LONGEST: usize = 180;
    let text = error.to_string();
    let place = match error.line() {
        0 => String::new(),
        line => format!(" at line {line} column {}", error.column()),
    };
    let what = text.strip_suffix(&place).unwrap_or(&text);
    let mut line = String::new();
    for (count, character) in what.chars().enumerate() {
        match character {
            _ if count == LONGEST => {
                line.push('…');
                break;
            }
            _ if character.is_control() => line.extend(character.escape_default()),
            _ => line.push(character),
        }
    }
    line + &place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        a: u8,
        b: Hex<2>,
    }

    #[test]
    fn an_object_is_an_object() {
        let read = |text| serde_json::from_str::<Object<Pair>>(text);
        assert_eq!(
            read(r#"{"b":"0aFF","a":1}"#).unwrap().0,
            Pair {
                a: 1,
                b: Hex([0x0a, 0xff])
            }
        );
        for text in [
            r#"[1,"0aff"]"#,
            r#"{"a":1,"b":"0aff","a":1}"#,
            r#"{"a":1,"b":"0aff","c":1}"#,
            r#"{"a":1}"#,
            r#"{"a":1,"b":"0af"}"#,
            r#"{"a":1,"b":"0affff"}"#,
            r#"{"a":1,"b":"0afg"}"#,
            r#"{"a":256,"b":"0aff"}"#,
            r#"{"a":1.0,"b":"0aff"}"#,
            r#"{"a":"1","b":"0aff"}"#,
            r#"{"a":1,"b":[10,255]}"#,
            r#"{"a":1,"b":"0aff"} {}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn faults_are_short() {
        let text = format!(r#"{{"a":1,"b":"{}"}}"#, "ß".repeat(5_000));
        let text = fault(&serde_json::from_str::<Object<Pair>>(&text).unwrap_err());
        assert!(text.chars().count() < 220, "{text}");
        assert!(text.contains("ß… at line 1 column 100"), "{text}");
    }

    #[test]
    fn faults_hold_no_control_characters() {
        let error = serde_json::from_str::<Object<Pair>>(r#"{"\n\u001b[2J":1}"#).unwrap_err();
        let text = fault(&error);
        assert!(text.starts_with(r"unknown field `\n\u{1b}[2J`"), "{text}");
    }
}
