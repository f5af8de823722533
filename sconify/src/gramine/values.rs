//! Values of a manifest.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So many bytes: a whole number, with `K`, `M` or `G` behind it or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

const UNITS: [(char, u64); 3] = [('G', 1 << 30), ('M', 1 << 20), ('K', 1 << 10)];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refusal = || "a size is a whole number with K, M, G or nothing behind it".to_owned();
        let (digits, unit) = UNITS
            .iter()
            .find_map(|(letter, unit)| Some((text.strip_suffix(*letter)?, *unit)))
            .unwrap_or((text, 1));
        number(digits)
            .and_then(|number| number.checked_mul(unit))
            .map(Self)
            .ok_or_else(refusal)
    }
}

impl fmt::Display for Size {
    /// In the largest unit that makes it a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: &u64| self.0 >= *unit && self.0.is_multiple_of(*unit);
        match UNITS.iter().find(|(_, unit)| fits(unit)) {
            Some((letter, unit)) => write!(f, "{}{letter}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A mask of 64 bits, as in `0xffffffffffffffff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mask64(pub u64);

/// A mask of 32 bits, as in `0xffffffff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mask32(pub u32);

impl FromStr for Mask64 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        hexadecimal(text)
            .map(Self)
            .ok_or_else(|| "a mask is 0x and up to 16 hex digits".to_owned())
    }
}

impl FromStr for Mask32 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        hexadecimal(text)
            .and_then(|mask| mask.try_into().ok())
            .map(Self)
            .ok_or_else(|| "a mask is 0x and up to 8 hex digits".to_owned())
    }
}

impl fmt::Display for Mask64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#018x}", self.0)
    }
}

impl fmt::Display for Mask32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

/// SHA-256 of a whole file: 64 hex digits, written small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

impl FromStr for Sha256 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest)
            .map_err(|_| "a SHA-256 is 64 hex digits".to_owned())?;
        Ok(Self(digest))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Something of the host: `file:` and a path (a folder's ends in `/`), or `dev:` and a device.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uri(String);

impl Uri {
    /// A file or, if the path ends in `/`, a folder. Relative paths begin at the folder where Gramine is
    /// started.
    #[must_use]
    pub fn file(path: &str) -> Self {
        Self(format!("file:{path}"))
    }

    /// Whether it is a folder's.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.0.ends_with('/')
    }
}

impl FromStr for Uri {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text
            .strip_prefix("file:")
            .or_else(|| text.strip_prefix("dev:"));
        match path {
            Some(path) if !path.is_empty() && !path.contains('\0') => Ok(Self(text.to_owned())),
            _ => Err("a URI is file: or dev: and a path".to_owned()),
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Values that stand as text in a manifest.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text!(Size, Mask64, Mask32, Sha256, Uri);

/// A file that Gramine lets the program open only if it has this digest, or a folder of such files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedFile {
    /// Where it is on the host.
    pub uri: Uri,
    /// Its digest; `gramine-sgx-sign` computes those that are missing.
    pub sha256: Option<Sha256>,
}

impl Serialize for TrustedFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(sha256) = &self.sha256 else {
            return self.uri.serialize(serializer);
        };
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("uri", &self.uri)?;
        map.serialize_entry("sha256", sha256)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for TrustedFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            uri: Uri,
            sha256: Option<Sha256>,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = TrustedFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URI, or a table of uri and sha256")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TrustedFile, E> {
                let uri = text.parse().map_err(E::custom)?;
                Ok(TrustedFile { uri, sha256: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TrustedFile, A::Error> {
                let table = Table::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(TrustedFile {
                    uri: table.uri,
                    sha256: table.sha256,
                })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// What a variable of the environment is inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// This, which is measured.
    Value(String),
    /// Whatever the host says.
    Passthrough,
}

impl Serialize for EnvValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => serializer.serialize_str(value),
            Self::Passthrough => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("passthrough", &true)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for EnvValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            value: Option<String>,
            passthrough: Option<bool>,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = EnvValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, { value = … } or { passthrough = true }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<EnvValue, E> {
                Ok(EnvValue::Value(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<EnvValue, A::Error> {
                let table = Table::deserialize(de::value::MapAccessDeserializer::new(map))?;
                match (table.value, table.passthrough) {
                    (Some(value), None) => Ok(EnvValue::Value(value)),
                    (None, Some(true)) => Ok(EnvValue::Passthrough),
                    _ => Err(de::Error::custom(
                        "a variable has either a value or passthrough = true",
                    )),
                }
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// What Gramine's own log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    None,
    /// Failures: the most that production may have, since all others tell of the program's data.
    Error,
    /// And what is poorly emulated.
    Warning,
    /// And what goes on inside.
    Debug,
    /// And each system call.
    Trace,
    /// And what else there is.
    All,
}

/// How enclaves prove to others what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RemoteAttestation {
    /// They don't.
    None,
    /// By quotes of Intel's data centre attestation primitives.
    Dcap,
}

/// What becomes of files that are neither trusted nor allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileCheckPolicy {
    /// They can't be opened.
    Strict,
    /// They can, and the log says so.
    AllowAllButLog,
}

/// Whether the enclave may use a feature of the processor that every enclave can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// If it is there.
    Unspecified,
    /// No.
    Disabled,
    /// It can't start without.
    Required,
}

/// Likewise, for features that are off unless required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It may not use it.
    Disabled,
    /// It can't start without.
    Required,
}

/// Which processes are profiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProfileScope {
    /// None.
    None,
    /// The first.
    Main,
    /// All.
    All,
}

/// When a sample is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileMode {
    /// At asynchronous exits.
    Aex,
    /// At calls to the host, with the stack inside.
    OcallInner,
    /// At calls to the host, with the stack outside.
    OcallOuter,
}

/// As Python's `int(text, 0)` reads what a manifest may hold: decimal without leading zeros, or `0x`.
fn number(text: &str) -> Option<u64> {
    if let Some(number) = hexadecimal(text) {
        return Some(number);
    }
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    (plain && !padded).then(|| text.parse().ok())?
}

fn hexadecimal(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    let plain = (1..=16).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes, written) in [
            ("256M", 256 << 20, "256M"),
            ("1024K", 1 << 20, "1M"),
            ("0x10", 16, "16"),
            ("1024G", 1 << 40, "1024G"),
            ("0", 0, "0"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.0, size.to_string().as_str()), (bytes, written));
        }
        for text in [
            "",
            "M",
            "1T",
            "-1",
            "1 M",
            "1.5G",
            "010",
            "18446744073709551615G",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn masks_have_their_width() {
        assert_eq!("0xff".parse(), Ok(Mask64(255)));
        assert_eq!(Mask64(255).to_string(), "0x00000000000000ff");
        assert_eq!(Mask32(255).to_string(), "0x000000ff");
        for text in ["ff", "0x", "0x1ffffffff", "0x+1"] {
            assert!(text.parse::<Mask32>().is_err(), "{text}");
        }
    }

    #[test]
    fn uris_have_a_scheme() {
        assert!("file:files/".parse::<Uri>().unwrap().is_folder());
        assert!("dev:/dev/tty".parse::<Uri>().is_ok());
        for text in ["", "file:", "worker", "http://x", "file:a\0b"] {
            assert!(text.parse::<Uri>().is_err(), "{text:?}");
        }
    }
}
