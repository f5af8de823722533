//! What a launched program asks of the platform that it runs on, and what it is answered.
//!
//! A program that was measured and launched has a second socket, for this alone. A real enclave
//! executes EREPORT and EGETKEY instead and has its REPORT quoted; so the requests are theirs, and
//! everything that says *which* program asks (measurement, signer, attributes, SVNs) is filled in by
//! the side that answers, and cannot be sent.
//!
//! # Layout
//!
//! | offset | bytes | field    | meaning                                            |
//! |--------|-------|----------|----------------------------------------------------|
//! | 0      | 4     | `length` | big-endian: bytes that follow: 1 + length of the body |
//! | 4      | 1     | `kind`   | see below                                          |
//! | 5      | n     | `body`   | its structures, in the SDM's own layout            |
//!
//! | kind | request                                                 | kind | answer                   |
//! |------|---------------------------------------------------------|------|--------------------------|
//! | 0x01 | a REPORT: TARGETINFO (512 bytes), then REPORTDATA (64)  | 0x81 | REPORT, 432 bytes        |
//! | 0x02 | a quote: REPORTDATA (64)                                | 0x82 | quote, 1 to 16384 bytes  |
//! | 0x03 | a key: KEYREQUEST (512)                                 | 0x83 | key, 16 bytes            |
//! | 0x04 | collateral of the platform: nothing                     | 0x84 | JSON, 1 to 65536 bytes   |
//! | 0x05 | the counter: nothing                                    | 0x85 | number (8, big-endian), then digest (32) |
//! | 0x06 | the counter one further: its number (8), then digest (32) | 0x85 | the same              |
//! |      |                                                         | 0xFF | refused: code, u16 big-endian |
//!
//! One request at a time: the next is sent when the answer to the last is there. Whoever finds
//! anything else on the socket drops it.
//!
//! ```
//! use link::report::{Answer, Progress, Request};
//! # use sconce_link as link;
//!
//! let sent = Request::Quote { report_data: Box::new([7; 64]) }.encode();
//!
//! let mut read = Vec::new();
//! let request = loop {
//!     match Request::decode(&read)? {
//!         Progress::Whole(request) => break request,
//!         // `Read::read_exact` on a socket.
//!         Progress::Lacks(bytes) => read.extend_from_slice(&sent[read.len()..][..bytes]),
//!     }
//! };
//! assert_eq!(request, Request::Quote { report_data: Box::new([7; 64]) });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::fmt;

use zeroize::Zeroizing;

/// Bytes of REPORTDATA (SDM 3D, REPORT).
pub const REPORT_DATA: usize = 64;
/// Bytes of a TARGETINFO (SDM 3D, EREPORT).
pub const TARGET_INFO: usize = 512;
/// Bytes of a REPORT with its MAC (SDM 3D, EREPORT).
pub const REPORT: usize = 432;
/// Bytes of a KEYREQUEST (SDM 3D, EGETKEY).
pub const KEY_REQUEST: usize = 512;
/// Bytes of a key (SDM 3D, EGETKEY).
pub const KEY: usize = 16;
/// Longest quote. Those with a certificate chain in them, as DCAP makes them, have some 5000 bytes.
pub const MAX_QUOTE: usize = 16 * 1024;

/// Longest collateral. The simulated platform's has some 10 000 bytes; Intel's, 20 000.
pub const MAX_COLLATERAL: usize = 64 * 1024;
/// Bytes of the digest that a [`Counter`] stands for.
pub const DIGEST: usize = 32;

const LENGTH: usize = size_of::<u32>();
const KIND: usize = size_of::<u8>();

/// What a program asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// EREPORT: a REPORT that the program with this TARGETINFO can verify.
    Report {
        /// TARGETINFO of the program that is to verify it.
        target: Box<[u8; TARGET_INFO]>,
        /// What the program wants said with it.
        report_data: Box<[u8; REPORT_DATA]>,
    },
    /// A quote, that anyone can verify.
    Quote {
        /// What the program wants said with it.
        report_data: Box<[u8; REPORT_DATA]>,
    },
    /// EGETKEY: a key that this program's identity leads to.
    Key(Box<[u8; KEY_REQUEST]>),
    /// What the platform's vendor says of it, for those that the program shows a quote.
    Collateral,
    /// How far the program's counter is.
    Counter,
    /// The program's counter is to become this, one further than it is.
    Advance(Counter),
}

/// How far a program's counter is, and what it counted last.
///
/// A platform keeps one for all programs of a signer and product (those that can be debugged have one of
/// their own), and never sets it back. The digest tells apart two histories of the same length, which a
/// number alone can't. A TPM has the like: an index that counts beside one that is extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counter {
    /// How often it was advanced.
    pub number: u64,
    /// What its program gave with that; zeros while it has not been advanced.
    pub digest: [u8; DIGEST],
}

/// What it is answered.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`Request::Report`].
    Report(Box<[u8; REPORT]>),
    /// To [`Request::Quote`]: 1 to [`MAX_QUOTE`] bytes.
    Quote(Vec<u8>),
    /// To [`Request::Key`].
    Key(Zeroizing<[u8; KEY]>),
    /// To [`Request::Collateral`]: 1 to [`MAX_COLLATERAL`] bytes of JSON, with DCAP's members.
    Collateral(Vec<u8>),
    /// To [`Request::Counter`] and [`Request::Advance`]: how far it is now.
    Counter(Counter),
    /// To any of them.
    Refused(Refusal),
}

/// Why a request is refused. The first four are EGETKEY's, with the SDM's numbers and names
/// (SDM 3D, "EGETKEY—Retrieves a Cryptographic Key", and table of error codes); the others are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
#[repr(u16)]
pub enum Refusal {
    /// The key is not for a program of these attributes.
    #[error("SGX_INVALID_ATTRIBUTE: the key is not for a program of these attributes")]
    InvalidAttribute = 2,
    /// CPUSVN is above the platform's.
    #[error("SGX_INVALID_CPUSVN: CPUSVN is above the platform's own")]
    InvalidCpuSvn = 32,
    /// ISVSVN or CONFIGSVN is above the program's.
    #[error("SGX_INVALID_ISVSVN: ISVSVN or CONFIGSVN is above the program's own")]
    InvalidIsvSvn = 64,
    /// No key has this name.
    #[error("SGX_INVALID_KEYNAME: no key has this name")]
    InvalidKeyName = 256,
    /// A structure has reserved bytes that are not zero, or a value that a processor faults at.
    #[error("#GP(0): reserved bytes of the request are not zero")]
    Fault = 0xFF00,
    /// The platform can do it, but failed.
    #[error("the platform failed; its host's log says at what")]
    Failed = 0xFF01,
    /// The counter would not be one further: somebody else has advanced it.
    #[error(
        "the counter is not one below that: another program of this signer and product has advanced it"
    )]
    NotNext = 0xFF02,
}

impl Refusal {
    /// Every refusal, in the order of its number.
    pub const ALL: [Self; 7] = [
        Self::InvalidAttribute,
        Self::InvalidCpuSvn,
        Self::InvalidIsvSvn,
        Self::InvalidKeyName,
        Self::Fault,
        Self::Failed,
        Self::NotNext,
    ];

    /// The refusal that this number stands for, if any.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|refusal| refusal.number() == number)
    }

    /// The number that stands for it.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }
}

/// How far a message has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<T> {
    /// So many bytes more, at least one, must be read before anything can be said. Reading exactly
    /// that many never reads into what follows the message.
    Lacks(usize),
    /// This is it, and it took all bytes.
    Whole(T),
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not of a kind that this side reads.
    #[error("unknown kind {kind:#04x} on the report socket; drop it")]
    Kind {
        /// The byte.
        kind: u8,
    },
    /// No message of this kind has this length.
    #[error(
        "length {length} of kind {kind:#04x} on the report socket is none that it can have; drop it"
    )]
    Length {
        /// The kind.
        kind: u8,
        /// The length field.
        length: u32,
    },
    /// No refusal has this number.
    #[error("unknown refusal {number} on the report socket; the host is of another version")]
    Refusal {
        /// The number.
        number: u16,
    },
    /// Bytes behind the message.
    #[error("{bytes} bytes behind the message on the report socket: one request at a time")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

impl Request {
    /// The bytes that carry it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Report {
                target,
                report_data,
            } => message(0x01, &[&target[..], &report_data[..]]),
            Self::Quote { report_data } => message(0x02, &[&report_data[..]]),
            Self::Key(request) => message(0x03, &[&request[..]]),
            Self::Collateral => message(0x04, &[]),
            Self::Counter => message(0x05, &[]),
            Self::Advance(counter) => counter.message(0x06),
        }
    }

    /// Reads one. Begin with no bytes, and read on as [`Progress::Lacks`] says.
    ///
    /// # Errors
    ///
    /// Any [`Error`], as soon as the bytes that show it are there: drop the socket.
    pub fn decode(bytes: &[u8]) -> Result<Progress<Self>, Error> {
        let (kind, body) = match split(bytes, request_body)? {
            Progress::Whole(message) => message,
            Progress::Lacks(bytes) => return Ok(Progress::Lacks(bytes)),
        };
        let request = match kind {
            0x01 => body
                .split_first_chunk()
                .and_then(|(target, rest)| Some((target, exactly(rest)?)))
                .map(|(target, report_data)| Self::Report {
                    target: Box::new(*target),
                    report_data: Box::new(report_data),
                }),
            0x02 => exactly(body).map(|report_data| Self::Quote {
                report_data: Box::new(report_data),
            }),
            0x03 => exactly(body).map(|request| Self::Key(Box::new(request))),
            0x04 => Some(Self::Collateral),
            0x05 => Some(Self::Counter),
            _ => Counter::read(body).map(Self::Advance),
        };
        request.map(Progress::Whole).ok_or(Error::Kind { kind })
    }
}

impl Answer {
    /// The bytes that carry it. They are a secret if it is a key.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Report(report) => message(0x81, &[&report[..]]),
            Self::Quote(quote) => message(0x82, &[quote]),
            Self::Key(key) => message(0x83, &[&key[..]]),
            Self::Collateral(collateral) => message(0x84, &[collateral]),
            Self::Counter(counter) => counter.message(0x85),
            Self::Refused(refusal) => message(0xFF, &[&refusal.number().to_be_bytes()]),
        })
    }

    /// Reads one, as [`Request::decode`] does.
    ///
    /// # Errors
    ///
    /// Any [`Error`], as soon as the bytes that show it are there: drop the socket.
    pub fn decode(bytes: &[u8]) -> Result<Progress<Self>, Error> {
        let (kind, body) = match split(bytes, answer_body)? {
            Progress::Whole(message) => message,
            Progress::Lacks(bytes) => return Ok(Progress::Lacks(bytes)),
        };
        let answer = match kind {
            0x81 => exactly(body).map(|report| Self::Report(Box::new(report))),
            0x82 => Some(Self::Quote(body.to_vec())),
            0x83 => exactly(body).map(|key| Self::Key(Zeroizing::new(key))),
            0x84 => Some(Self::Collateral(body.to_vec())),
            0x85 => Counter::read(body).map(Self::Counter),
            _ => {
                let number = exactly(body).map(u16::from_be_bytes).unwrap_or_default();
                let refusal = Refusal::from_number(number).ok_or(Error::Refusal { number })?;
                Some(Self::Refused(refusal))
            }
        };
        answer.map(Progress::Whole).ok_or(Error::Kind { kind })
    }
}

impl fmt::Debug for Answer {
    /// All but keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Report(report) => f.debug_tuple("Report").field(report).finish(),
            Self::Quote(quote) => f.debug_tuple("Quote").field(quote).finish(),
            Self::Key(_) => f.debug_tuple("Key").finish_non_exhaustive(),
            Self::Collateral(text) => f.debug_tuple("Collateral").field(&text.len()).finish(),
            Self::Counter(counter) => f.debug_tuple("Counter").field(counter).finish(),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
        }
    }
}

impl Counter {
    /// One that has not been advanced.
    pub const NONE: Self = Self {
        number: 0,
        digest: [0; DIGEST],
    };

    /// Bytes of both.
    const SIZE: usize = size_of::<u64>() + DIGEST;

    fn message(&self, kind: u8) -> Vec<u8> {
        message(kind, &[&self.number.to_be_bytes(), &self.digest])
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (number, digest) = bytes.split_first_chunk()?;
        Some(Self {
            number: u64::from_be_bytes(*number),
            digest: exactly(digest)?,
        })
    }
}

/// Whether a request of this kind can have a body of so many bytes; `None` if there is no such kind.
fn request_body(kind: u8, bytes: usize) -> Option<bool> {
    match kind {
        0x01 => Some(bytes == TARGET_INFO + REPORT_DATA),
        0x02 => Some(bytes == REPORT_DATA),
        0x03 => Some(bytes == KEY_REQUEST),
        0x04 | 0x05 => Some(bytes == 0),
        0x06 => Some(bytes == Counter::SIZE),
        _ => None,
    }
}

/// As [`request_body`], for answers.
fn answer_body(kind: u8, bytes: usize) -> Option<bool> {
    match kind {
        0x81 => Some(bytes == REPORT),
        0x82 => Some((1..=MAX_QUOTE).contains(&bytes)),
        0x83 => Some(bytes == KEY),
        0x84 => Some((1..=MAX_COLLATERAL).contains(&bytes)),
        0x85 => Some(bytes == Counter::SIZE),
        0xFF => Some(bytes == size_of::<u16>()),
        _ => None,
    }
}

fn message(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body: usize = parts.iter().map(|part| part.len()).sum();
    let length = u32::try_from(KIND + body).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(LENGTH + KIND + body);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.push(kind);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// Kind and body of a message whose kind may have a body of that length.
fn split(
    bytes: &[u8],
    body_of: fn(u8, usize) -> Option<bool>,
) -> Result<Progress<(u8, &[u8])>, Error> {
    let Some((length, [kind, body @ ..])) = bytes.split_first_chunk::<LENGTH>() else {
        return Ok(Progress::Lacks(LENGTH + KIND - bytes.len()));
    };
    let (kind, length) = (*kind, u32::from_be_bytes(*length));
    let wanted = usize::try_from(length)
        .ok()
        .and_then(|length| length.checked_sub(KIND));
    let wanted = match wanted.map(|wanted| (wanted, body_of(kind, wanted))) {
        Some((wanted, Some(true))) => wanted,
        Some((_, None)) => return Err(Error::Kind { kind }),
        Some((_, Some(false))) | None => return Err(Error::Length { kind, length }),
    };
    match wanted.checked_sub(body.len()) {
        Some(0) => Ok(Progress::Whole((kind, body))),
        Some(lacks) => Ok(Progress::Lacks(lacks)),
        None => Err(Error::Trailing {
            bytes: body.len() - wanted,
        }),
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests() -> [Request; 6] {
        [
            Request::Report {
                target: Box::new([1; TARGET_INFO]),
                report_data: Box::new([2; REPORT_DATA]),
            },
            Request::Quote {
                report_data: Box::new([3; REPORT_DATA]),
            },
            Request::Key(Box::new([4; KEY_REQUEST])),
            Request::Collateral,
            Request::Counter,
            Request::Advance(Counter {
                number: 5,
                digest: [6; DIGEST],
            }),
        ]
    }

    fn answers() -> Vec<Answer> {
        let refusals = Refusal::ALL.into_iter().map(Answer::Refused);
        [
            Answer::Report(Box::new([5; REPORT])),
            Answer::Quote(vec![6; 1]),
            Answer::Quote(vec![6; MAX_QUOTE]),
            Answer::Key(Zeroizing::new([7; KEY])),
            Answer::Collateral(vec![8; 1]),
            Answer::Collateral(vec![8; MAX_COLLATERAL]),
            Answer::Counter(Counter {
                number: u64::MAX,
                digest: [9; DIGEST],
            }),
        ]
        .into_iter()
        .chain(refusals)
        .collect()
    }

    /// Reads as a socket is read: exactly what is lacking, until it is whole.
    fn read<T>(
        bytes: &[u8],
        decode: fn(&[u8]) -> Result<Progress<T>, Error>,
    ) -> Result<(T, usize), Error> {
        let mut end = 0;
        loop {
            match decode(&bytes[..end])? {
                Progress::Whole(message) => return Ok((message, end)),
                Progress::Lacks(lacks) => {
                    assert!(lacks > 0);
                    end += lacks;
                }
            }
        }
    }

    #[test]
    fn messages_come_back_and_nothing_behind_them_is_read() {
        for request in requests() {
            let mut bytes = request.encode();
            let length = bytes.len();
            bytes.push(0);
            assert_eq!(read(&bytes, Request::decode), Ok((request, length)));
        }
        for answer in answers() {
            let mut bytes = answer.encode();
            let length = bytes.len();
            bytes.push(0);
            assert_eq!(read(&bytes, Answer::decode), Ok((answer, length)));
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let quote = Request::Quote {
            report_data: Box::new([9; REPORT_DATA]),
        };
        let mut wanted = vec![0, 0, 0, 65, 0x02];
        wanted.extend_from_slice(&[9; REPORT_DATA]);
        assert_eq!(quote.encode(), wanted);
        let refused = Answer::Refused(Refusal::InvalidIsvSvn);
        assert_eq!(*refused.encode(), [0, 0, 0, 3, 0xFF, 0, 64]);
    }

    #[test]
    fn a_length_that_the_kind_cannot_have_is_refused_with_the_header() {
        for request in requests() {
            let bytes = request.encode();
            for change in [-1i64, 1, i64::from(u32::MAX) / 2] {
                let length = u32::from_be_bytes(bytes[..4].try_into().unwrap());
                let length = u32::try_from(i64::from(length) + change).unwrap();
                let mut header = length.to_be_bytes().to_vec();
                header.push(bytes[4]);
                let kind = bytes[4];
                assert_eq!(
                    Request::decode(&header),
                    Err(Error::Length { kind, length })
                );
            }
        }
        let mut empty_quote = vec![0, 0, 0, 1, 0x82];
        assert!(Answer::decode(&empty_quote).is_err());
        empty_quote[..4].copy_from_slice(&(2 + MAX_QUOTE as u32).to_be_bytes());
        assert!(Answer::decode(&empty_quote).is_err());
        assert!(Request::decode(&[0, 0, 0, 0, 2]).is_err());
    }

    #[test]
    fn neither_side_reads_what_it_is_the_one_to_send() {
        for request in requests() {
            assert!(matches!(
                Answer::decode(&request.encode()),
                Err(Error::Kind { .. })
            ));
        }
        for answer in answers() {
            assert!(matches!(
                Request::decode(&answer.encode()),
                Err(Error::Kind { .. })
            ));
        }
    }

    #[test]
    fn unknown_refusals_and_trailing_bytes_are_refused() {
        assert_eq!(
            Answer::decode(&[0, 0, 0, 3, 0xFF, 0, 3]),
            Err(Error::Refusal { number: 3 })
        );
        let mut two = requests()[1].encode();
        two.push(0);
        assert_eq!(Request::decode(&two), Err(Error::Trailing { bytes: 1 }));
    }

    #[test]
    fn a_key_is_not_printed() {
        let shown = format!("{:?}", Answer::Key(Zeroizing::new([0x41; KEY])));
        assert_eq!(shown, "Key(..)");
    }
}
