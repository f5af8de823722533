//! Entries and what they commit to, as protocol buffers.

use std::collections::BTreeMap;

use super::fields::{Fields, owned, pair};
use crate::messages::{Committed, Entry, Profile, PublicKey};
use crate::protobuf::{Error, Writer};

impl Committed {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If `bytes` are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("Committed", bytes);
        let [mut key, mut data] = [None, None];
        while let Some(field) = fields.next()? {
            match field.number {
                1 => field.bytes(&mut key)?,
                2 => field.bytes(&mut data)?,
                _ => {}
            }
        }
        Ok(Self {
            key: owned(key),
            data: owned(data),
        })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.bytes(1, &self.key).bytes(2, &self.data);
        writer.finish()
    }
}

impl Profile {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If `bytes` are none, or name an application twice.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("Profile", bytes);
        let mut keys = BTreeMap::new();
        while let Some(field) = fields.next()? {
            if field.number == 1 {
                let (id, key) = pair(field.message()?)?;
                let key = key.unwrap_or_default();
                if keys.insert(field.text(id)?, key.to_vec()).is_some() {
                    return Err(field.twice());
                }
            }
        }
        Ok(Self(keys))
    }

    /// Writes it, the applications in the order of their ids.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        for (id, key) in &self.0 {
            let mut pair = Writer::new();
            pair.bytes(1, id.as_bytes()).bytes(2, key);
            writer.message(1, &pair.finish());
        }
        writer.finish()
    }
}

impl Entry {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If `bytes` are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("Entry", bytes);
        let [mut commitment, mut previous] = [None, None];
        let mut authorized_keys = Vec::new();
        while let Some(field) = fields.next()? {
            match field.number {
                1 => field.bytes(&mut commitment)?,
                2 => authorized_keys.push(PublicKey::decode(field.message()?)?),
                8 => field.bytes(&mut previous)?,
                _ => {}
            }
        }
        Ok(Self {
            commitment: owned(commitment),
            authorized_keys,
            previous: owned(previous),
        })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.bytes(1, &self.commitment);
        for key in &self.authorized_keys {
            writer.message(2, &key.encode());
        }
        writer.bytes(8, &self.previous);
        writer.finish()
    }
}

impl PublicKey {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If `bytes` are none, or hold keys of two kinds.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("PublicKey", bytes);
        let mut key = None;
        while let Some(field) = fields.next()? {
            let kind: fn(Vec<u8>) -> Self = match field.number {
                1 => Self::Ed25519,
                2 => Self::Rsa,
                3 => Self::P256,
                _ => continue,
            };
            if key.replace(kind(field.message()?.to_vec())).is_some() {
                return Err(field.twice());
            }
        }
        Ok(key.unwrap_or_else(|| Self::Other(bytes.to_vec())))
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let (field, key) = match self {
            Self::Ed25519(key) => (1, key),
            Self::Rsa(key) => (2, key),
            Self::P256(key) => (3, key),
            Self::Other(message) => return message.clone(),
        };
        let mut writer = Writer::new();
        // A kind is chosen by being there, even with nothing in it.
        writer.message(field, key);
        writer.finish()
    }
}
