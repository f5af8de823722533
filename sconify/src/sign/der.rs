//! The little of DER (X.690) that RSA keys are written in: sequences, unsigned integers, strings.

use zeroize::Zeroizing;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// 1.2.840.113549.1.1.1, rsaEncryption (RFC 8017, A.1).
const RSA_ENCRYPTION: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// What RFC 8017, A.1.2, has of a key with two primes; all numbers big-endian, without zeros in front.
pub(super) struct PrivateKey<'der> {
    pub(super) n: &'der [u8],
    pub(super) e: &'der [u8],
    pub(super) d: &'der [u8],
    pub(super) p: &'der [u8],
    pub(super) q: &'der [u8],
    pub(super) d_p: &'der [u8],
    pub(super) d_q: &'der [u8],
    pub(super) q_inverse: &'der [u8],
}

impl<'der> PrivateKey<'der> {
    /// Reads RSAPrivateKey.
    pub(super) fn parse(der: &'der [u8]) -> Option<Self> {
        let mut fields = Reader::of_sequence(der)?;
        // Version 0: two primes.
        if !fields.integer()?.is_empty() {
            return None;
        }
        let key = Self {
            n: fields.integer()?,
            e: fields.integer()?,
            d: fields.integer()?,
            p: fields.integer()?,
            q: fields.integer()?,
            d_p: fields.integer()?,
            d_q: fields.integer()?,
            q_inverse: fields.integer()?,
        };
        fields.end(key)
    }

    /// Reads PrivateKeyInfo (RFC 5208) around it.
    pub(super) fn parse_pkcs8(der: &'der [u8]) -> Option<Self> {
        let mut fields = Reader::of_sequence(der)?;
        fields.integer()?.is_empty().then_some(())?;
        is_rsa(fields.value(SEQUENCE)?)?;
        // Attributes may follow; nobody needs them.
        Self::parse(fields.value(OCTET_STRING)?)
    }

    /// Writes RSAPrivateKey.
    pub(super) fn to_der(&self) -> Zeroizing<Vec<u8>> {
        let numbers = [
            &[],
            self.n,
            self.e,
            self.d,
            self.p,
            self.q,
            self.d_p,
            self.d_q,
            self.q_inverse,
        ];
        // Grown once, so that nothing is left where a smaller one was.
        let size = numbers.iter().map(|number| number.len() + 6).sum();
        let mut fields = Zeroizing::new(Vec::with_capacity(size));
        for number in numbers {
            let sign = number.first().is_none_or(|first| first & 0x80 != 0);
            header(&mut fields, INTEGER, number.len() + usize::from(sign));
            fields.extend(sign.then_some(0));
            fields.extend_from_slice(number);
        }
        let mut der = Zeroizing::new(Vec::with_capacity(size + 6));
        header(&mut der, SEQUENCE, fields.len());
        der.extend_from_slice(&fields);
        der
    }
}

/// Modulus and exponent of SubjectPublicKeyInfo (RFC 5280, 4.1.2.7), big-endian, without zeros in
/// front.
pub(super) fn public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = Reader::of_sequence(der)?;
    is_rsa(fields.value(SEQUENCE)?)?;
    let bits = fields.value(BIT_STRING)?;
    // The first octet counts the bits that the last one does without.
    let key = fields.end(bits)?.strip_prefix(&[0])?;
    let mut numbers = Reader::of_sequence(key)?;
    let numbers_read = (numbers.integer()?, numbers.integer()?);
    numbers.end(numbers_read)
}

fn is_rsa(algorithm: &[u8]) -> Option<()> {
    let identifier = Reader(algorithm).value(OBJECT_IDENTIFIER)?;
    (identifier == RSA_ENCRYPTION).then_some(())
}

fn header(to: &mut Vec<u8>, tag: u8, length: usize) {
    to.push(tag);
    let length = length.to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    match length.get(zeros..).unwrap_or_default() {
        [short] if *short < 0x80 => to.push(*short),
        // At most eight octets, and none for nothing.
        [] => to.push(0),
        long => {
            to.push(0x80 | long.len() as u8);
            to.extend_from_slice(long);
        }
    }
}

/// What is left to read.
struct Reader<'der>(&'der [u8]);

impl<'der> Reader<'der> {
    /// Inside a sequence that nothing follows.
    fn of_sequence(der: &'der [u8]) -> Option<Self> {
        let mut outside = Self(der);
        let inside = outside.value(SEQUENCE)?;
        outside.end(Self(inside))
    }

    fn value(&mut self, tag: u8) -> Option<&'der [u8]> {
        let (&[found, first], rest) = self.0.split_first_chunk()?;
        (found == tag).then_some(())?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // Nothing that keys are made of needs more.
            0x81 => {
                let (length, rest) = rest.split_first()?;
                (usize::from(*length), rest)
            }
            0x82 => {
                let (length, rest) = rest.split_first_chunk()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(value)
    }

    /// A number that is not negative, without zeros in front: 0 has no octets.
    fn integer(&mut self) -> Option<&'der [u8]> {
        let octets = self.value(INTEGER)?;
        (octets.first()? & 0x80 == 0).then_some(())?;
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        octets.get(zeros..)
    }

    fn end<T>(&self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}
