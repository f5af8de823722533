//! Questions to the vault, which the host carries.

use std::io::{Read, Write};

use link::{Decoder, Frame, Kind, Limits};
use provision::MAX_ANSWER;
use provision::relay::{Ask, Told};
use serde_json::value::RawValue;

use super::Error;

/// Somebody who is asked.
pub trait Line {
    /// What is answered to `body`, a JSON text, at this path.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], [`Error::Connection`] and [`Error::Conduct`].
    fn ask(&mut self, path: &str, body: &[u8]) -> Result<Told, Error>;
}

/// The host at the other end of a connection.
pub struct Host<S> {
    stream: S,
    decoder: Decoder,
    asked: u64,
}

impl<S: Read + Write> Host<S> {
    /// The host at the other end of `stream`.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            // An answer with its status.
            decoder: Decoder::new(Limits {
                body: MAX_ANSWER + 1024,
            }),
            asked: 0,
        }
    }

    fn frame(&mut self) -> Result<Frame, Error> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let frame = self.decoder.next();
            if let Some(frame) = frame.map_err(|_| Error::Conduct("what is no frame"))? {
                return Ok(frame);
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(Error::Closed),
                Ok(count) => self.decoder.push(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<S: Read + Write> Line for Host<S> {
    fn ask(&mut self, path: &str, body: &[u8]) -> Result<Told, Error> {
        self.asked += 1;
        let body: &RawValue = serde_json::from_slice(body).unwrap_or(RawValue::NULL);
        let mut bytes = Vec::new();
        link::encode(Kind::Ask, self.asked, &Ask::body(path, &body), &mut bytes)
            .map_err(|_| Error::Conduct("a question that is too long"))?;
        self.stream.write_all(&bytes)?;
        let frame = self.frame()?;
        if frame.kind != Kind::Told || frame.tag != self.asked {
            return Err(Error::Conduct("a frame that answers no question"));
        }
        if !self.decoder.is_between_frames() {
            return Err(Error::Conduct("more than the answer to a question"));
        }
        Ok(Told::from_json(&frame.body)?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    /// What comes of a question when the host sends these bytes.
    fn answered(bytes: Vec<u8>) -> Result<Told, Error> {
        let (program, mut host) = UnixStream::pair().unwrap();
        let sending = thread::spawn(move || {
            let mut question = [0; 64];
            assert!(host.read(&mut question).unwrap() > 0);
            host.write_all(&bytes).unwrap();
        });
        let told = Host::new(program).ask("/v1/evidence", b"null");
        sending.join().unwrap();
        told
    }

    fn frame(kind: Kind, tag: u64, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        link::encode(kind, tag, body, &mut bytes).unwrap();
        bytes
    }

    const GOOD: &[u8] = br#"{"status":200,"body":{}}"#;

    #[test]
    fn the_answer_to_the_question_is_heard() {
        let told = answered(frame(Kind::Told, 1, GOOD)).unwrap();
        assert_eq!((told.status, told.body.get()), (200, "{}"));
    }

    #[test]
    fn nothing_else_is() {
        let twice = [frame(Kind::Told, 1, GOOD), frame(Kind::Told, 1, GOOD)].concat();
        for bytes in [
            frame(Kind::Told, 2, GOOD),
            frame(Kind::Request, 1, GOOD),
            frame(Kind::Told, 1, b"[200,{}]"),
            frame(Kind::Told, 1, br#"{"status":200,"body":{},"more":1}"#),
            twice,
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        ] {
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            let refused = answered(bytes);
            assert!(
                matches!(refused, Err(Error::Conduct(_) | Error::Provision(_))),
                "{shown}"
            );
        }
        assert!(matches!(answered(vec![]), Err(Error::Closed)));
    }
}
