//! How single members are written: for serde's `with`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer as _, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::messages::{DigitallySigned, HashAlgorithm, SignatureAlgorithm, Signatures};

/// Whether a member is left out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A member that may be `null`.
pub(crate) fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Bytes in base64.
pub(crate) mod bytes {
    use base64::display::Base64Display;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Bytes;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(bytes, &STANDARD))
    }

    pub(crate) fn deserialize<'de, D>(deserializer: D) -> Result<Vec<u8>, D::Error>
    where
        D: Deserializer<'de>,
    {
        Ok(Option::<Bytes>::deserialize(deserializer)?.map_or_else(Vec::new, |bytes| bytes.0))
    }
}

/// A list of bytes in base64.
pub(crate) mod bytes_list {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::{Borrowed, Bytes};

    pub(crate) fn serialize<S>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        serializer.collect_seq(list.iter().map(|bytes| Borrowed(bytes)))
    }

    pub(crate) fn deserialize<'de, D>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let list = Option::<Vec<Bytes>>::deserialize(deserializer)?.unwrap_or_default();
        Ok(list.into_iter().map(|bytes| bytes.0).collect())
    }
}

/// A number of 63 bits, as decimal text.
pub(crate) mod decimal {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Decimal;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(crate) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        Ok(Option::<Decimal>::deserialize(deserializer)?.map_or(0, |value| value.0))
    }
}

/// Signatures by the ids of their keys. A bare text is a signature of ECDSA over SHA-256.
pub(crate) mod signatures {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::SignatureMap;
    use crate::messages::Signatures;

    pub(crate) fn serialize<S>(map: &Signatures, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        map.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D>(deserializer: D) -> Result<Signatures, D::Error>
    where
        D: Deserializer<'de>,
    {
        Ok(Option::<SignatureMap>::deserialize(deserializer)?
            .unwrap_or_default()
            .0)
    }
}

/// Owned bytes, read from base64.
struct Bytes(Vec<u8>);

/// Borrowed bytes, to be written.
struct Borrowed<'a>(&'a [u8]);

struct Decimal(u64);

#[derive(Default)]
struct SignatureMap(Signatures);

impl Serialize for Borrowed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        bytes::serialize(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes in base64 (standard alphabet, padded)")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                let bytes = STANDARD.decode(text);
                bytes
                    .map(Bytes)
                    .map_err(|_| E::invalid_value(Unexpected::Other("text"), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number from 0 to 9223372036854775807, as decimal text")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Decimal, E> {
                if i64::try_from(number).is_ok() {
                    return Ok(Decimal(number));
                }
                Err(E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                match text.parse() {
                    Ok(number) if plain => self.visit_u64(number),
                    _ => Err(E::invalid_value(Unexpected::Other("text"), &self)),
                }
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl<'de> Deserialize<'de> for SignatureMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = SignatureMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from key ids to signatures, each id once")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SignatureMap, A::Error> {
                let mut read = Signatures::new();
                while let Some((id, Signature(signature))) = map.next_entry::<String, _>()? {
                    if read.insert(id, signature).is_some() {
                        let again = Unexpected::Other("an id twice");
                        return Err(de::Error::invalid_value(again, &self));
                    }
                }
                Ok(SignatureMap(read))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// One value of [`SignatureMap`].
struct Signature(DigitallySigned);

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Signature;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a signature: an object, or bytes in base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Signature, E> {
                let Bytes(signature) = Bytes::deserialize(text.into_deserializer())?;
                Ok(Signature(DigitallySigned {
                    hash_algorithm: HashAlgorithm::Sha256,
                    sig_algorithm: SignatureAlgorithm::Ecdsa,
                    signature,
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Signature, A::Error> {
                DigitallySigned::deserialize(MapAccessDeserializer::new(map)).map(Signature)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// The name or the number of an enumeration's value.
struct Named {
    names: &'static [(&'static str, i32)],
}

impl<'de> DeserializeSeed<'de> for Named {
    type Value = i32;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<i32, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Named {
    type Value = i32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names.iter().map(|(name, _)| *name).collect();
        write!(f, "one of {}, or its number", names.join(" / "))
    }

    fn visit_unit<E: de::Error>(self) -> Result<i32, E> {
        Ok(0)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<i32, E> {
        i32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<i32, E> {
        i32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<i32, E> {
        let found = self.names.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, number)| *number)
            .ok_or_else(|| E::invalid_value(Unexpected::Other("another name"), &self))
    }
}

fn write_named<S: Serializer>(
    number: i32,
    names: &[(&str, i32)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match names.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => serializer.serialize_str(name),
        None => serializer.serialize_i32(number),
    }
}

const HASHES: &[(&str, i32)] = &[("NONE", 0), ("SHA256", 4), ("SHA512", 6)];

const ALGORITHMS: &[(&str, i32)] = &[("ANONYMOUS", 0), ("ECDSA", 1)];

impl Serialize for HashAlgorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_named(self.number(), HASHES, serializer)
    }
}

impl<'de> Deserialize<'de> for HashAlgorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = Named { names: HASHES };
        named.deserialize(deserializer).map(Self::from_number)
    }
}

impl Serialize for SignatureAlgorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_named(self.number(), ALGORITHMS, serializer)
    }
}

impl<'de> Deserialize<'de> for SignatureAlgorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = Named { names: ALGORITHMS };
        named.deserialize(deserializer).map(Self::from_number)
    }
}
