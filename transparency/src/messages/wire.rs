//! The messages as protocol buffers: their field numbers, and how they are read and written.

use std::collections::BTreeMap;

use super::{
    Committed, DigitallySigned, Entry, EntryUpdate, HashAlgorithm, KeyValue, MapHead, Profile,
    PublicKey, SignatureAlgorithm, Signatures, SignedKv, SignedMapHead, Timestamp,
};
use crate::protobuf::{Error, Reader, Value, Writer};

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

impl SignedMapHead {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If `bytes` are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("SignedMapHead", bytes);
        let mut head = None;
        let [mut signatures, mut auditors] = [Signatures::new(), Signatures::new()];
        while let Some(field) = fields.next()? {
            match field.number {
                1 => field.bytes(&mut head)?,
                2 => field.signature(&mut signatures)?,
                8 => field.signature(&mut auditors)?,
                _ => {}
            }
        }
        Ok(Self {
            map_head: head.map(MapHead::decode).transpose()?,
            signatures,
            auditor_signatures: auditors,
        })
    }

    /// Writes it, the signatures in the order of their ids.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        if let Some(head) = &self.map_head {
            writer.message(1, &head.encode());
        }
        write_signatures(&mut writer, 2, &self.signatures);
        write_signatures(&mut writer, 8, &self.auditor_signatures);
        writer.finish()
    }
}

impl MapHead {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If `bytes` are none, or name an epoch over 2⁶³ - 1.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("MapHead", bytes);
        let [mut realm, mut root, mut time] = [None; 3];
        let mut epoch = None;
        while let Some(field) = fields.next()? {
            match field.number {
                1 => field.bytes(&mut realm)?,
                2 => field.number(&mut epoch)?,
                3 => field.bytes(&mut root)?,
                4 => field.bytes(&mut time)?,
                _ => {}
            }
        }
        let epoch = epoch.unwrap_or_default();
        if i64::try_from(epoch).is_err() {
            return Err(fields.value(2));
        }
        let realm = String::from_utf8(owned(realm)).map_err(|_| fields.value(1))?;
        Ok(Self {
            realm,
            epoch,
            root: owned(root),
            issue_time: time.map(Timestamp::decode).transpose()?,
        })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.bytes(1, self.realm.as_bytes());
        writer.number(2, self.epoch).bytes(3, &self.root);
        if let Some(time) = &self.issue_time {
            writer.message(4, &time.encode());
        }
        writer.finish()
    }
}

impl Timestamp {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If `bytes` are none, or a time that [isn't valid](Timestamp::is_valid).
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("Timestamp", bytes);
        let [mut seconds, mut nanos] = [None, None];
        while let Some(field) = fields.next()? {
            match field.number {
                1 => field.number(&mut seconds)?,
                2 => field.number(&mut nanos)?,
                _ => {}
            }
        }
        let time = Self {
            seconds: seconds.unwrap_or_default().cast_signed(),
            nanos: u32::try_from(nanos.unwrap_or_default()).map_err(|_| fields.value(2))?,
        };
        time.is_valid().then_some(time).ok_or(fields.value(1))
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.number(1, signed(self.seconds));
        writer.number(2, self.nanos.into());
        writer.finish()
    }
}

/// The fields of a message with a name.
struct Fields<'a> {
    message: &'static str,
    reader: Reader<'a>,
}

struct Field<'a> {
    message: &'static str,
    number: u32,
    value: Value<'a>,
}

impl<'a> Fields<'a> {
    fn of(message: &'static str, bytes: &'a [u8]) -> Self {
        let reader = Reader::new(bytes);
        Self { message, reader }
    }

    fn next(&mut self) -> Result<Option<Field<'a>>, Error> {
        let field = self.reader.field()?;
        Ok(field.map(|(number, value)| Field {
            message: self.message,
            number,
            value,
        }))
    }

    fn missing(&self, field: u32) -> Error {
        let message = self.message;
        Error::Missing { message, field }
    }

    fn value(&self, field: u32) -> Error {
        let message = self.message;
        Error::Value { message, field }
    }
}

impl<'a> Field<'a> {
    /// The field as bytes that are there once.
    fn bytes(&self, slot: &mut Option<&'a [u8]>) -> Result<(), Error> {
        self.once(slot, self.message()?)
    }

    /// The field as a number that is there once.
    fn number(&self, slot: &mut Option<u64>) -> Result<(), Error> {
        match self.value {
            Value::Number(number) => self.once(slot, number),
            Value::Bytes(_) => Err(self.of_another_type()),
        }
    }

    /// The field as a pair of a key id and a signature.
    fn signature(&self, signatures: &mut Signatures) -> Result<(), Error> {
        let (id, signature) = pair(self.message()?)?;
        let signature = DigitallySigned::decode(signature.unwrap_or_default())?;
        match signatures.insert(self.text(id)?, signature) {
            Some(_) => Err(self.twice()),
            None => Ok(()),
        }
    }

    /// The field as bytes.
    fn message(&self) -> Result<&'a [u8], Error> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Number(_) => Err(self.of_another_type()),
        }
    }

    fn text(&self, bytes: Option<&[u8]>) -> Result<String, Error> {
        String::from_utf8(owned(bytes)).map_err(|_| Error::Value {
            message: self.message,
            field: self.number,
        })
    }

    fn once<T>(&self, slot: &mut Option<T>, value: T) -> Result<(), Error> {
        match slot.replace(value) {
            Some(_) => Err(self.twice()),
            None => Ok(()),
        }
    }

    fn twice(&self) -> Error {
        Error::Twice {
            message: self.message,
            field: self.number,
        }
    }

    fn of_another_type(&self) -> Error {
        Error::Type {
            message: self.message,
            field: self.number,
        }
    }
}

/// Two byte strings.
type Pair<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// One pair of a map.
fn pair(bytes: &[u8]) -> Result<Pair<'_>, Error> {
    pair_of("a pair of a map", bytes)
}

fn pair_of<'a>(message: &'static str, bytes: &'a [u8]) -> Result<Pair<'a>, Error> {
    let mut fields = Fields::of(message, bytes);
    let (mut key, mut value) = (None, None);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => field.bytes(&mut key)?,
            2 => field.bytes(&mut value)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn write_signatures(writer: &mut Writer, field: u32, signatures: &Signatures) {
    for (id, signature) in signatures {
        let mut pair = Writer::new();
        pair.bytes(1, id.as_bytes());
        pair.message(2, &signature.encode());
        writer.message(field, &pair.finish());
    }
}

fn owned(bytes: Option<&[u8]>) -> Vec<u8> {
    bytes.map(<[u8]>::to_vec).unwrap_or_default()
}

/// A number that may be below 0, as its 64 bits.
fn signed(number: i64) -> u64 {
    number.cast_unsigned()
}
