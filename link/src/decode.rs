//! Bytes in any pieces to frames.

use crate::frame::{Error, Frame, HEADER, KIND, Kind, LENGTH, Limits, TAG};

/// Buffers up to this size are kept when they run empty; bigger ones go back to the allocator.
const KEEP: usize = 256 * 1024;

/// Reads frames out of a stream that arrives in any pieces.
///
/// ```
/// use link::{Decoder, Kind, encode};
/// # use sconce_link as link;
///
/// let mut bytes = Vec::new();
/// encode(Kind::Request, 7, b"{}", &mut bytes)?;
///
/// let mut decoder = Decoder::default();
/// decoder.push(&bytes[..5]);
/// assert_eq!(decoder.next()?, None);
/// decoder.push(&bytes[5..]);
/// let frame = decoder.next()?.ok_or("incomplete")?;
/// assert_eq!((frame.kind, frame.tag, &*frame.body), (Kind::Request, 7, &b"{}"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    limits: Limits,
    /// Bytes that have arrived; those before `start` have been given out.
    buffer: Vec<u8>,
    start: usize,
    refused: Option<Error>,
}

impl Decoder {
    /// A decoder that reads bodies within `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes in the next bytes of the stream. Call [`next`](Self::next) until it gives `None`
    /// before the next push, or the buffer grows. After a refusal bytes are ignored.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.refused.is_some() {
            return;
        }
        self.make_room();
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame; `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// Any [`Error`], from then on at every call: drop the connection.
    #[expect(
        clippy::should_implement_trait,
        reason = "a stream of frames pauses and fails; an iterator does neither"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, Error> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let frame = read(&self.buffer[self.start..], self.limits);
        match frame {
            Ok(Some(frame)) => {
                self.start += HEADER + frame.body.len();
                Ok(Some(frame))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.refused = Some(error);
                self.buffer = Vec::new();
                self.start = 0;
                Err(error)
            }
        }
    }

    /// Whether the stream stops between two frames: end-of-file is clean only here.
    #[must_use]
    pub fn is_between_frames(&self) -> bool {
        self.refused.is_none() && self.start == self.buffer.len()
    }

    /// Forgets the bytes that were given out, so that the buffer never holds more than one
    /// unfinished frame and one push.
    fn make_room(&mut self) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            if self.buffer.capacity() > KEEP {
                self.buffer = Vec::new();
            }
        } else {
            self.buffer.drain(..self.start);
        }
        self.start = 0;
    }
}

/// The frame at the head of `bytes`. What the header promises is checked as soon as it is there,
/// and nothing is allocated before the whole body is.
fn read(bytes: &[u8], limits: Limits) -> Result<Option<Frame>, Error> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length);
    let Some(body) = (length as usize).checked_sub(KIND + TAG) else {
        return Err(Error::Short { length });
    };
    if body > limits.body {
        return Err(Error::Long {
            length: body,
            limit: limits.body,
        });
    }
    let Some((&kind, rest)) = rest.split_first() else {
        return Ok(None);
    };
    let kind = Kind::from_byte(kind).ok_or(Error::Kind { kind })?;
    let Some((tag, rest)) = rest.split_first_chunk::<TAG>() else {
        return Ok(None);
    };
    Ok(rest.get(..body).map(|body| Frame {
        kind,
        tag: u64::from_be_bytes(*tag),
        body: body.to_vec(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_follows_arrival_and_is_given_back() {
        let limits = Limits::DEFAULT;
        let mut decoder = Decoder::new(limits);
        let mut header = u32::try_from(KIND + TAG + limits.body)
            .unwrap()
            .to_be_bytes()
            .to_vec();
        header.push(Kind::Request.byte());
        header.extend_from_slice(&[0; TAG]);

        decoder.push(&header);
        assert_eq!(decoder.next(), Ok(None));
        assert!(decoder.buffer.capacity() < 1024);

        for _ in 0..limits.body / 4096 {
            decoder.push(&[0; 4096]);
        }
        assert_eq!(decoder.next().unwrap().unwrap().body.len(), limits.body);
        decoder.push(&[0]);
        assert!(decoder.buffer.capacity() <= KEEP);
    }

    #[test]
    fn what_was_given_out_is_forgotten_while_a_frame_is_unfinished() {
        let mut one = Vec::new();
        crate::encode(Kind::Response, 1, &[1; 1000], &mut one).unwrap();
        let mut decoder = Decoder::default();
        decoder.push(&one[..7]);
        for _ in 0..1000 {
            decoder.push(&one[7..]);
            assert!(decoder.next().unwrap().is_some());
            decoder.push(&one[..7]);
            assert_eq!(decoder.next(), Ok(None));
        }
        assert!(decoder.buffer.capacity() < 8 * one.len());
    }
}
