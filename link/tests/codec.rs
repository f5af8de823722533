//! The codec as both ends see it: whatever the pieces, the same frames; whatever the bytes, no harm.

use proptest::prelude::*;
use sconce_link::{Decoder, Error, Frame, HEADER, Kind, Limits, encode};

const LIMITS: Limits = Limits { body: 64 };

/// Everything that `decoder` gives after `bytes`, and its refusal if there is one.
fn feed(decoder: &mut Decoder, bytes: &[u8]) -> (Vec<Frame>, Option<Error>) {
    decoder.push(bytes);
    let mut frames = Vec::new();
    loop {
        match decoder.next() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let kind = prop::sample::select(&Kind::ALL[..]);
    let body = prop::collection::vec(any::<u8>(), 0..=LIMITS.body);
    let frame = (kind, any::<u64>(), body).prop_map(|(kind, tag, body)| Frame { kind, tag, body });
    prop::collection::vec(frame, 0..12)
}

/// Bytes that are put in the place of others, and the places.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..4)
}

proptest! {
    #[test]
    fn frames_survive_any_split(frames in frames(), pieces in prop::collection::vec(1usize..40, 1..40)) {
        let mut bytes = Vec::new();
        for frame in &frames {
            encode(frame.kind, frame.tag, &frame.body, &mut bytes).unwrap();
        }
        let mut decoder = Decoder::new(LIMITS);
        let mut read = Vec::new();
        let mut rest = &bytes[..];
        for piece in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (head, tail) = rest.split_at((*piece).min(rest.len()));
            let (frames, refused) = feed(&mut decoder, head);
            prop_assert_eq!(refused, None);
            read.extend(frames);
            rest = tail;
        }
        prop_assert_eq!(read, frames);
        prop_assert!(decoder.is_between_frames());
    }

    #[test]
    fn any_bytes_mean_the_same_whole_or_one_by_one(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let whole = feed(&mut Decoder::new(LIMITS), &bytes);
        let mut decoder = Decoder::new(LIMITS);
        let mut frames = Vec::new();
        let mut refused = None;
        for byte in &bytes {
            let (read, error) = feed(&mut decoder, std::slice::from_ref(byte));
            frames.extend(read);
            refused = error;
        }
        prop_assert_eq!((frames, refused), whole);
    }

    #[test]
    fn what_is_read_is_what_was_written(frames in frames(), damage in damage()) {
        let mut bytes = Vec::new();
        for frame in &frames {
            encode(frame.kind, frame.tag, &frame.body, &mut bytes).unwrap();
        }
        for (at, byte) in damage {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        let mut decoder = Decoder::new(LIMITS);
        let (read, refused) = feed(&mut decoder, &bytes);
        let mut written = Vec::new();
        for frame in &read {
            encode(frame.kind, frame.tag, &frame.body, &mut written).unwrap();
        }
        prop_assert!(bytes.starts_with(&written));
        // What is left is a refusal, or less than one frame.
        let rest = bytes.len() - written.len();
        prop_assert!(refused.is_some() || rest < HEADER + LIMITS.body);
        prop_assert_eq!(decoder.is_between_frames(), refused.is_none() && rest == 0);
    }

    #[test]
    fn what_was_given_out_is_not_held(body in prop::collection::vec(any::<u8>(), 0..=LIMITS.body), pieces in 1usize..100) {
        let mut one = Vec::new();
        encode(Kind::Request, 7, &body, &mut one).unwrap();
        let mut decoder = Decoder::new(LIMITS);
        for piece in one.repeat(100).chunks(pieces) {
            let (_, refused) = feed(&mut decoder, piece);
            prop_assert_eq!(refused, None);
        }
        prop_assert!(decoder.is_between_frames());
    }
}

#[test]
fn refusals() {
    let long = |length, limit| Error::Long { length, limit };
    let cases: &[(&str, &[u8], Error)] = &[
        ("length 0", &[0, 0, 0, 0], Error::Short { length: 0 }),
        (
            "length 8, one below kind and tag",
            &[0, 0, 0, 8],
            Error::Short { length: 8 },
        ),
        ("one over the cap", &[0, 0, 0, 74], long(65, 64)),
        (
            "greatest length",
            &[255, 255, 255, 255],
            long(u32::MAX as usize - 9, 64),
        ),
        (
            "text of another protocol",
            b"GET / HTTP/1.1\r\n",
            long(0x4745_5420 - 9, 64),
        ),
        ("kind 0", &[0, 0, 0, 9, 0], Error::Kind { kind: 0 }),
        ("kind 10", &[0, 0, 0, 9, 10], Error::Kind { kind: 10 }),
        ("kind 255", &[0, 0, 0, 9, 255], Error::Kind { kind: 255 }),
    ];
    for (name, bytes, error) in cases {
        let mut decoder = Decoder::new(LIMITS);
        assert_eq!(feed(&mut decoder, bytes), (vec![], Some(*error)), "{name}");

        let mut valid = Vec::new();
        encode(Kind::Ready, 0, b"", &mut valid).unwrap();
        let again = feed(&mut decoder, &valid);
        assert_eq!(again, (vec![], Some(*error)), "{name}: must stay refused");
        assert!(!decoder.is_between_frames(), "{name}");
    }
}

#[test]
fn frames_before_a_refusal_are_given() {
    let mut bytes = Vec::new();
    encode(Kind::Response, 3, b"x", &mut bytes).unwrap();
    bytes.extend_from_slice(&[0, 0, 0, 1]);
    let (frames, refused) = feed(&mut Decoder::new(LIMITS), &bytes);
    assert_eq!(frames.len(), 1);
    assert_eq!(refused, Some(Error::Short { length: 1 }));
}

#[test]
fn a_body_of_exactly_the_cap_passes() {
    let mut bytes = Vec::new();
    encode(Kind::Request, u64::MAX, &[7; 64], &mut bytes).unwrap();
    assert_eq!(bytes.len(), HEADER + 64);
    let (frames, refused) = feed(&mut Decoder::new(LIMITS), &bytes);
    assert_eq!((frames[0].body.len(), refused), (64, None));
}

#[test]
fn a_stream_cut_in_a_frame_is_told_apart_from_a_finished_one() {
    let mut bytes = Vec::new();
    encode(Kind::Request, 1, b"body", &mut bytes).unwrap();
    for cut in 1..bytes.len() {
        let mut decoder = Decoder::new(LIMITS);
        assert_eq!(feed(&mut decoder, &bytes[..cut]), (vec![], None));
        assert!(!decoder.is_between_frames(), "cut after {cut}");
    }
}
