//! Values that are texts in JSON and TOML.

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use sgx::TdRegister;

/// What has one text.
#[derive(Clone, PartialEq)]
pub(super) struct Text<T>(pub(super) T);

/// Bits of a word: `0x` and up to 16 hex digits.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct HexNumber(pub(super) u64);

/// A register of a trust domain, by its name alone.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct RegisterName(pub(super) TdRegister);

/// So many bytes, in hex.
#[derive(Clone, PartialEq)]
pub(super) struct Bytes<const N: usize>(pub(super) [u8; N]);

impl FromStr for HexNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("0x").unwrap_or_default();
        // `from_str_radix` would take a sign.
        let plain = !digits.starts_with('+');
        u64::from_str_radix(digits, 16)
            .ok()
            .filter(|_| plain && digits.len() <= 16)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no number: write 0x and up to 16 hex digits"))
    }
}

impl fmt::Display for HexNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl FromStr for RegisterName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let register = TdRegister::ALL.into_iter().find(|one| one.word() == text);
        register
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no register of a trust domain"))
    }
}

impl fmt::Display for RegisterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const N: usize> FromStr for Bytes<N> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut bytes = [0; N];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| format!("{text:?} is no value here: write {} hex digits", 2 * N))?;
        Ok(Self(bytes))
    }
}

impl<const N: usize> fmt::Display for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);

        impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Reader<T> {
            type Value = Text<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map(Text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Reader(PhantomData))
    }
}
