//! Heads of the map, as protocol buffers.

use super::fields::{Fields, owned, signed, write_signatures};
use crate::messages::{MapHead, Signatures, SignedMapHead, Timestamp};
use crate::protobuf::{Error, Writer};

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
