//! What a frame is, and how it is written.

/// Bytes before the body: `length`, `kind` and `tag`.
pub const HEADER: usize = LENGTH + KIND + TAG;

pub(crate) const LENGTH: usize = size_of::<u32>();
pub(crate) const KIND: usize = size_of::<u8>();
pub(crate) const TAG: usize = size_of::<u64>();

/// What a frame is for; the number is its byte on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Host to program: one JSON request, exactly as it came.
    Request = 1,
    /// Program to host: the JSON reply to the request of the same tag.
    Response = 2,
    /// Program to host, tag 0, once: keys are there and requests are welcome. The body is
    /// `{"worker":"<name>","threads":<count>,"keys":"<kind>"}`.
    Ready = 3,
    /// Program to host, empty body: the request of this tag was never started and will not be,
    /// because the program is about to end.
    Returned = 4,
    /// Program to host, tag 0: the program exits now. The body is a short fixed text that says why.
    Ending = 5,
    /// Host to manager and back, tag 0: one message about the worker behind the host. Never to or
    /// from a program.
    Member = 6,
    /// Program to host, only before `Ready`: a question to the vault that the program gets its keys
    /// from, `{"path":"/v1/challenge","body":{}}`. The tag is the program's choice.
    Ask = 7,
    /// Host to program: what the question of the same tag was answered, `{"status":200,"body":{…}}`.
    /// Status 0: the vault can't be reached.
    Told = 8,
    /// Host to program, tag 0, any time after `Ready`: what the key directory answers about the worker,
    /// `GET /v1/users/WORKER`, as it came. It is not answered: the program goes on, or ends.
    Entry = 9,
}

impl Kind {
    /// Every kind, in the order of its byte.
    pub const ALL: [Self; 9] = [
        Self::Request,
        Self::Response,
        Self::Ready,
        Self::Returned,
        Self::Ending,
        Self::Member,
        Self::Ask,
        Self::Told,
        Self::Entry,
    ];

    /// The kind that this byte stands for, if any.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }

    /// The byte that stands for this kind.
    #[must_use]
    pub fn byte(self) -> u8 {
        self as u8
    }
}

/// What a program says in [`Kind::Ending`].
pub mod ending {
    /// A workload overran its time limit: another process shall take over at once.
    pub const OVERRUN: &str = "overrun";
    /// The worker's entry in its key directory is not its own: no other process shall be started.
    pub const DIRECTORY: &str = "directory";
}

/// One frame, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is for.
    pub kind: Kind,
    /// Which request it belongs to; 0 where it belongs to none.
    pub tag: u64,
    /// Its content.
    pub body: Vec<u8>,
}

/// What a side is willing to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest body in bytes. Values above `u32::MAX` - 9 have no effect: the length field ends there.
    pub body: usize,
}

impl Limits {
    /// What both sides use: bodies of at most 16 MiB.
    pub const DEFAULT: Self = Self {
        body: 16 * 1024 * 1024,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why a frame is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The length field doesn't even cover kind and tag.
    #[error("frame length {length} is below the 9 bytes of kind and tag; drop the connection")]
    Short {
        /// The length field.
        length: u32,
    },
    /// The body is longer than the reader, or the length field, allows.
    #[error("frame body of {length} bytes is over the limit of {limit}; send less")]
    Long {
        /// Bytes of the body.
        length: usize,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// No kind has this byte.
    #[error(
        "unknown frame kind {kind}; the other side is of another version or not an enclave program"
    )]
    Kind {
        /// The byte.
        kind: u8,
    },
}

/// Appends one frame to `out`.
///
/// # Errors
///
/// [`Error::Long`] when the length field can't hold the body's length; `out` is left as it was. The
/// reader's own [`Limits`] are usually far lower: check against those before.
pub fn encode(kind: Kind, tag: u64, body: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let length = u32::try_from(KIND + TAG + body.len()).map_err(|_| Error::Long {
        length: body.len(),
        limit: u32::MAX as usize - KIND - TAG,
    })?;
    out.reserve(HEADER + body.len());
    out.extend_from_slice(&length.to_be_bytes());
    out.push(kind.byte());
    out.extend_from_slice(&tag.to_be_bytes());
    out.extend_from_slice(body);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut out = vec![0xEE];
        encode(Kind::Response, 0x0102_0304_0506_0708, b"ab", &mut out).unwrap();
        assert_eq!(
            out,
            [0xEE, 0, 0, 0, 11, 2, 1, 2, 3, 4, 5, 6, 7, 8, b'a', b'b']
        );
    }

    #[test]
    fn kinds_and_bytes_agree() {
        let known: Vec<u8> = (0..=u8::MAX)
            .filter(|byte| Kind::from_byte(*byte).is_some())
            .collect();
        assert_eq!(known, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        for kind in Kind::ALL {
            assert_eq!(Kind::from_byte(kind.byte()), Some(kind));
        }
    }
}
