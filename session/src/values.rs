//! Values of a session.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::placeholder;

/// 32 bytes as 64 hex digits: a measurement, a signer, the hash of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hex32(pub [u8; 32]);

/// 16 bytes as 32 hex digits: the tag of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hex16(pub [u8; 16]);

impl FromStr for Hex32 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        bytes(text).map(Self)
    }
}

impl FromStr for Hex16 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        bytes(text).map(Self)
    }
}

impl fmt::Display for Hex32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for Hex16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The root of a simulated platform: `sim:` and the 64 lower-case hex digits of its certificate's SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SimulatedRoot(pub [u8; 32]);

impl FromStr for SimulatedRoot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("sim:").filter(|digits| {
            digits
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        });
        let refusal = || "it takes sim: and 64 lower-case hex digits".to_owned();
        bytes(digits.ok_or_else(refusal)?)
            .map(Self)
            .map_err(|_| refusal())
    }
}

impl fmt::Display for SimulatedRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sim:{}", hex::encode(self.0))
    }
}

/// The version of the session language, as in `0.3` or `0.3.10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 1 to 3.
    pub minor: u8,
    /// The third number, if it stands there.
    pub patch: Option<u16>,
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refusal = || "a version is 0.1, 0.2, 0.3 or 0.3 and a third number".to_owned();
        let mut numbers = text.split('.');
        let (zero, minor, patch) = (numbers.next(), numbers.next(), numbers.next());
        let minor = match (zero, minor) {
            (Some("0"), Some("1")) => 1,
            (Some("0"), Some("2")) => 2,
            (Some("0"), Some("3")) => 3,
            _ => return Err(refusal()),
        };
        let patch: Option<u16> = patch.map(str::parse).transpose().map_err(|_| refusal())?;
        let version = Self { minor, patch };
        if numbers.next().is_some() || version.to_string() != text {
            return Err(refusal());
        }
        Ok(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0.{}", self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

/// The key of a file system: 32 bytes, or the secret that has it.
#[derive(Clone)]
pub enum FspfKey {
    /// The key itself. It's wiped when it's dropped.
    Key(Zeroizing<[u8; 32]>),
    /// `$$SCONE::name$$`: a binary secret of the session.
    Secret(String),
}

impl FromStr for FspfKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with(placeholder::OPEN) {
            return Ok(Self::Secret(text.to_owned()));
        }
        let key = bytes(text).map_err(|what| format!("{what}, or $$SCONE::name$$"))?;
        Ok(Self::Key(Zeroizing::new(key)))
    }
}

impl PartialEq for FspfKey {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(one), Self::Key(two)) => one.ct_eq(&**two).into(),
            (Self::Secret(one), Self::Secret(two)) => one == two,
            _ => false,
        }
    }
}

impl Eq for FspfKey {}

impl fmt::Debug for FspfKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(_) => f.write_str("Key(…)"),
            Self::Secret(name) => f.debug_tuple("Secret").field(name).finish(),
        }
    }
}

/// A text that may be secret: it's shown to nobody, and wiped when it's dropped.
#[derive(Clone)]
pub struct Sensitive(Zeroizing<String>);

impl Sensitive {
    /// The text, to be used and not to be shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Sensitive {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl PartialEq for Sensitive {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Sensitive {}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sensitive(…)")
    }
}

impl Serialize for Sensitive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sensitive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for FspfKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Key(key) => serializer.serialize_str(&Zeroizing::new(hex::encode(**key))),
            Self::Secret(name) => serializer.serialize_str(name),
        }
    }
}

/// Values that are written as they display themselves.
macro_rules! as_displayed {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

/// Values that are read from a text. The message never repeats it.
macro_rules! from_text {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Zeroizing::new(String::deserialize(deserializer)?);
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_displayed!(Hex32, Hex16, SimulatedRoot, Version);
from_text!(Hex32, Hex16, SimulatedRoot, Version, FspfKey);

/// What may stand alone or in a list; it's written as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneOrMany<T> {
    /// Alone.
    One(T),
    /// In a list.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl<T: Serialize> Serialize for OneOrMany<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(one) => one.serialize(serializer),
            Self::Many(many) => many.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quoted text, a mapping, or a list of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                T::deserialize(de::value::StrDeserializer::new(text)).map(OneOrMany::One)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(OneOrMany::One)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(OneOrMany::Many)
            }
        }

        deserializer.deserialize_any(Either(std::marker::PhantomData))
    }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| format!("it takes {} hex digits", 2 * N))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_written() {
        for text in ["0.1", "0.2", "0.3", "0.3.10"] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "0",
            "0.4",
            "1.3",
            "0.3.",
            "0.3.01",
            "0.3.1.1",
            "0.03",
            "0.3.65536",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let key: FspfKey = "ab".repeat(32).parse().unwrap();
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert_eq!(
            format!("{:?}", Sensitive::from("hunter2".to_owned())),
            "Sensitive(…)"
        );
        let error = "hunter2".parse::<FspfKey>().unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn keys_are_compared() {
        let key = |text: &str| text.parse::<FspfKey>().unwrap();
        assert_eq!(key(&"ab".repeat(32)), key(&"AB".repeat(32)));
        assert_ne!(key(&"ab".repeat(32)), key(&"ac".repeat(32)));
        assert_ne!(key(&"ab".repeat(32)), key("$$SCONE::a$$"));
    }
}
