//! The stream between an enclave program and its host.

use link::{Decoder, Error, Frame, HEADER, Limits, encode};

/// Small, so that a fuzzer gets over it.
const LIMITS: Limits = Limits { body: 300 };

/// The first byte says how long the pieces are in which the rest arrives.
pub fn run(data: &[u8]) {
    let Some((&piece, stream)) = data.split_first() else {
        return;
    };
    let whole = feed([stream].into_iter());
    let pieces = feed(stream.chunks(usize::from(piece).max(1)));
    assert_eq!(pieces, whole);

    // What was read is what was written.
    let mut written = Vec::new();
    for frame in &whole.0 {
        assert!(frame.body.len() <= LIMITS.body);
        assert!(encode(frame.kind, frame.tag, &frame.body, &mut written).is_ok());
    }
    assert!(stream.starts_with(&written));
    let rest = stream.len() - written.len();
    assert!(whole.1.is_some() || rest < HEADER + LIMITS.body);
}

/// The frames of a stream, why it was refused, and whether it stopped between two frames.
fn feed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Frame>, Option<Error>, bool) {
    let mut decoder = Decoder::new(LIMITS);
    let mut frames = Vec::new();
    let mut refused = None;
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert!(refused.is_none_or(|before| before == error));
                    refused = Some(error);
                    break;
                }
            }
        }
    }
    (frames, refused, decoder.is_between_frames())
}
