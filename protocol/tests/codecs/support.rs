//! Input: honest, nearly honest, and any.

use proptest::prelude::*;
use sconce_protocol::{Entropy, EntropyFailed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Any JSON, a few levels deep.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Others may be read as their neighbours: serde_json is exact only where it's asked to be.
        any::<i32>().prop_map(|eighths| (f64::from(eighths) / 8.0).into()),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Text with characters that somebody may trip over.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,20}",
        "[0-9a-fA-F]{0,80}",
        r#"["\\\u{0}\u{7f}\u{feff}é\u{202e}😀\n]{0,8}"#,
        any::<String>(),
    ]
}

/// A hex text as the wire has it.
pub(crate) fn hex() -> impl Strategy<Value = String> {
    "(0x|0X)?[0-9a-fA-F]{1,80}"
}

/// Bytes up to a few hundred.
pub(crate) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

/// What happens to a text on its way: a byte changed, put in, or taken out.
#[derive(Clone, Debug)]
pub(crate) struct Damage(Vec<(prop::sample::Index, u8, u8)>);

/// A few damages at any places.
pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    let one = (any::<prop::sample::Index>(), 0..3u8, any::<u8>());
    prop::collection::vec(one, 1..4).prop_map(Damage)
}

impl Damage {
    pub(crate) fn of(&self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        for (at, kind, byte) in &self.0 {
            if text.is_empty() {
                return text;
            }
            let at = at.index(text.len());
            match kind {
                0 => text[at] = *byte,
                1 => text.insert(at, *byte),
                _ => _ = text.remove(at),
            }
        }
        text
    }
}

/// What is read as a `T` is written as something that is read as the same.
pub(crate) fn survives<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(
    text: &[u8],
) -> Option<T> {
    let read: T = serde_json::from_slice(text).ok()?;
    let written = serde_json::to_vec(&read).unwrap();
    assert_eq!(serde_json::from_slice::<T>(&written).unwrap(), read);
    Some(read)
}

/// Bytes that count up: enough where nothing secret is made.
pub(crate) struct Counting;

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        for (byte, number) in out.iter_mut().zip(1..) {
            *byte = number;
        }
        Ok(())
    }
}
