//! Updates and signatures, as protocol buffers.

use super::fields::{Fields, owned, pair_of, signed, write_signatures};
use crate::messages::{
    Committed, DigitallySigned, EntryUpdate, HashAlgorithm, KeyValue, SignatureAlgorithm,
    Signatures, SignedKv,
};
use crate::protobuf::{Error, Writer};

impl KeyValue {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If `bytes` are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (key, value) = pair_of("KeyValue", bytes)?;
        Ok(Self {
            key: owned(key),
            value: owned(value),
        })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.bytes(1, &self.key).bytes(2, &self.value);
        writer.finish()
    }
}

impl SignedKv {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If `bytes` are none, or have no `key_value`.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("SignedKV", bytes);
        let [mut key_value, mut previous] = [None, None];
        let mut signatures = Signatures::new();
        while let Some(field) = fields.next()? {
            match field.number {
                1 => field.bytes(&mut key_value)?,
                2 => field.signature(&mut signatures)?,
                3 => field.bytes(&mut previous)?,
                _ => {}
            }
        }
        Ok(Self {
            key_value: KeyValue::decode(key_value.ok_or(fields.missing(1))?)?,
            signatures,
            previous: owned(previous),
        })
    }

    /// Writes it, the signatures in the order of their ids.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.message(1, &self.key_value.encode());
        write_signatures(&mut writer, 2, &self.signatures);
        writer.bytes(3, &self.previous);
        writer.finish()
    }
}

impl EntryUpdate {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If `bytes` are none, or have no `update`.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("EntryUpdate", bytes);
        let [mut update, mut committed] = [None, None];
        while let Some(field) = fields.next()? {
            match field.number {
                2 => field.bytes(&mut update)?,
                3 => field.bytes(&mut committed)?,
                _ => {}
            }
        }
        Ok(Self {
            update: SignedKv::decode(update.ok_or(fields.missing(2))?)?,
            committed: committed.map(Committed::decode).transpose()?,
        })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.message(2, &self.update.encode());
        if let Some(committed) = &self.committed {
            writer.message(3, &committed.encode());
        }
        writer.finish()
    }
}

impl DigitallySigned {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If `bytes` are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("DigitallySigned", bytes);
        let [mut hash, mut algorithm] = [None, None];
        let mut signature = None;
        while let Some(field) = fields.next()? {
            match field.number {
                1 => field.number(&mut hash)?,
                2 => field.number(&mut algorithm)?,
                3 => field.bytes(&mut signature)?,
                _ => {}
            }
        }
        let small = |number: Option<u64>, field| {
            i32::try_from(number.unwrap_or_default()).map_err(|_| fields.value(field))
        };
        Ok(Self {
            hash_algorithm: HashAlgorithm::from_number(small(hash, 1)?),
            sig_algorithm: SignatureAlgorithm::from_number(small(algorithm, 2)?),
            signature: owned(signature),
        })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.number(1, signed(self.hash_algorithm.number().into()));
        writer.number(2, signed(self.sig_algorithm.number().into()));
        writer.bytes(3, &self.signature);
        writer.finish()
    }
}
