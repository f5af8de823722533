//! Streams as writers and readers see them: what is written is read, whatever the pieces; what is

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
//! accepted is canonical; and both refuse the same.

use proptest::prelude::*;
use ring::digest::{SHA256, digest};
use sconce_sgx::sgxs::{Chunks, Error, Page, PageReader, Parameters, Reader, Record, Rule, Writer};
use sconce_sgx::{Measurer, Mrenclave, PAGE_SIZE, PageType, Permissions, SecInfo};

const PARAMETERS: Parameters = Parameters {
    ssa_frame_size: 1,
    size: 0x1_0000,
};

/// What becomes of a chunk of a page.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Chunk {
    Absent,
    Loaded(u8),
    Measured(u8),
}

fn infos() -> impl Strategy<Value = SecInfo> {
    let regular = [0, 1, 3, 4, 5, 7].map(|bits| Permissions::from_bits(bits).unwrap());
    let mut infos = regular.map(SecInfo::reg).to_vec();
    infos.push(SecInfo::TCS);
    prop::sample::select(infos)
}

fn chunks() -> impl Strategy<Value = [Chunk; 16]> {
    let chunk = prop_oneof![
        Just(Chunk::Absent),
        any::<u8>().prop_map(Chunk::Loaded),
        any::<u8>().prop_map(Chunk::Measured),
    ];
    let all = any::<u8>().prop_map(|byte| [Chunk::Measured(byte); 16]);
    prop_oneof![
        all,
        prop::array::uniform16(chunk),
        Just([Chunk::Absent; 16])
    ]
}

fn page(number: u64, info: SecInfo, chunks: [Chunk; 16]) -> Page {
    let mut page = Page {
        offset: number * PAGE_SIZE as u64,
        info,
        measured: Chunks::NONE,
        loaded: Chunks::NONE,
        content: Box::new([0; PAGE_SIZE]),
    };
    for (number, chunk) in chunks.into_iter().enumerate() {
        let (byte, into) = match chunk {
            Chunk::Absent => continue,
            Chunk::Loaded(byte) => (byte, &mut page.loaded),
            Chunk::Measured(byte) => (byte, &mut page.measured),
        };
        into.0 |= 1 << number;
        page.content[number * 256..][..256].fill(byte);
    }
    page
}

/// Some of the sixteen pages that the enclave has room for.
fn images() -> impl Strategy<Value = Vec<Page>> {
    let one = (any::<bool>(), infos(), chunks());
    prop::collection::vec(one, 0..=16).prop_map(|pages| {
        let pages = (0..).zip(pages).filter(|(_, (present, ..))| *present);
        let pages = pages.map(|(number, (_, info, chunks))| page(number, info, chunks));
        pages.collect()
    })
}

fn write(pages: &[Page]) -> (Vec<u8>, Mrenclave) {
    let (mut writer, begin) = Writer::create(PARAMETERS).unwrap();
    let mut stream = begin.to_vec();
    for page in pages {
        if page.measured == Chunks::ALL {
            let bytes = writer.page(page.offset, page.info, &page.content);
            stream.extend_from_slice(bytes.unwrap());
            continue;
        }
        stream.extend_from_slice(writer.add(page.offset, page.info).unwrap());
        let (chunks, _) = page.content.as_chunks();
        for (number, chunk) in (0..).zip(chunks) {
            let offset = page.offset + u64::from(number) * 256;
            if page.measured.contains(number) {
                stream.extend_from_slice(writer.extend(offset, chunk).unwrap());
            } else if page.loaded.contains(number) {
                stream.extend_from_slice(writer.load(offset, chunk).unwrap());
            }
        }
    }
    assert_eq!(writer.offset(), stream.len() as u64);
    (stream, writer.finish())
}

/// Pages of a stream that comes in pieces, whose sizes go round.
fn read(stream: &[u8], pieces: &[usize]) -> Result<(Vec<Page>, Mrenclave), Error> {
    let mut reader = PageReader::new();
    let mut pages = Vec::new();
    let mut rest = stream;
    for size in pieces.iter().cycle() {
        let (mut piece, after) = rest.split_at((*size).min(rest.len()));
        while let Some(page) = reader.next(&mut piece)? {
            pages.push(page);
        }
        assert!(piece.is_empty(), "something is left of a piece");
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let (last, summary) = reader.finish()?;
    pages.extend(last);
    assert_eq!(summary.bytes, stream.len() as u64);
    assert_eq!(summary.pages, pages.len() as u64);
    Ok((pages, summary.mrenclave))
}

/// The records of a stream, as bytes once more, and why it was refused. The second text is of what
/// is measured.
fn encode_again(stream: &[u8]) -> (Vec<u8>, Vec<u8>, Result<(), Error>) {
    let (mut all, mut measured) = (Vec::new(), Vec::new());
    let mut reader = Reader::new();
    let mut rest = stream;
    loop {
        match reader.next(&mut rest) {
            Ok(Some(record)) => {
                record.encode(&mut all);
                if !matches!(record, Record::Load { .. }) {
                    record.encode(&mut measured);
                }
            }
            Ok(None) => break,
            Err(error) => return (all, measured, Err(error)),
        }
    }
    (all, measured, reader.finish())
}

fn sha256(bytes: &[u8]) -> Mrenclave {
    Mrenclave(digest(&SHA256, bytes).as_ref().try_into().unwrap())
}

proptest! {
    #[test]
    fn an_image_is_read_as_it_was_written(
        image in images(),
        pieces in prop::collection::vec(1usize..700, 1..20),
    ) {
        let (stream, mrenclave) = write(&image);
        let (pages, measured) = read(&stream, &pieces).unwrap();
        prop_assert_eq!(&pages, &image);
        prop_assert_eq!(measured, mrenclave);
        let (again, hashed, verdict) = encode_again(&stream);
        prop_assert_eq!(verdict, Ok(()));
        prop_assert_eq!(again, stream);
        prop_assert_eq!(sha256(&hashed), mrenclave);
    }

    #[test]
    fn the_measurer_agrees(image in images()) {
        let (_, mrenclave) = write(&image);
        let mut measurer = Measurer::create(PARAMETERS.ssa_frame_size, PARAMETERS.size);
        for page in &image {
            if page.measured == Chunks::ALL {
                measurer.page(page.offset, page.info, &page.content);
                continue;
            }
            measurer.add(page.offset, page.info);
            let (chunks, _) = page.content.as_chunks();
            for (number, chunk) in (0..).zip(chunks) {
                if page.measured.contains(number) {
                    measurer.extend(page.offset + u64::from(number) * 256, chunk);
                }
            }
        }
        prop_assert_eq!(measurer.finish(), mrenclave);
    }

    #[test]
    fn what_is_accepted_is_canonical(
        image in images(),
        damage in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..4),
        piece in 1usize..400,
    ) {
        let (mut stream, _) = write(&image);
        for (at, byte) in damage {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        let (again, hashed, verdict) = encode_again(&stream);
        prop_assert!(stream.starts_with(&again));
        let read = read(&stream, &[piece]);
        match verdict {
            Ok(()) => {
                prop_assert_eq!(again, stream);
                prop_assert_eq!(read.unwrap().1, sha256(&hashed));
            }
            Err(error) => {
                prop_assert_eq!(again.len() as u64, error.offset);
                prop_assert_eq!(read.unwrap_err(), error);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_alike(
        stream in prop::collection::vec(any::<u8>(), 0..700),
        piece in 1usize..400,
    ) {
        let (_, _, verdict) = encode_again(&stream);
        prop_assert_eq!(read(&stream, &[piece]).map(|_| ()), verdict);
    }

    #[test]
    fn writer_and_reader_refuse_the_same(steps in prop::collection::vec(steps(), 0..30)) {
        let (mut writer, begin) = Writer::create(PARAMETERS).unwrap();
        let mut stream = begin.to_vec();
        let mut refused = Ok(());
        for step in steps {
            let record = step.record();
            record.encode(&mut stream);
            let written = match record {
                Record::Create { .. } => unreachable!("no step begins again"),
                Record::Add { offset, info } => writer.add(offset, info),
                Record::Extend { offset, data } => writer.extend(offset, data),
                Record::Load { offset, data } => writer.load(offset, data),
            };
            if let Err(error) = written {
                refused = Err(error);
                break;
            }
        }
        let (_, hashed, verdict) = encode_again(&stream);
        prop_assert_eq!(verdict, refused);
        // What was refused left nothing behind.
        prop_assert_eq!(writer.finish(), sha256(&hashed));
    }
}

/// A record that may or may not come next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Add(u64, SecInfo),
    Extend(u64),
    Load(u64),
}

impl Step {
    fn record(&self) -> Record<'static> {
        let data = &[0x5a; 256];
        match *self {
            Self::Add(offset, info) => Record::Add { offset, info },
            Self::Extend(offset) => Record::Extend { offset, data },
            Self::Load(offset) => Record::Load { offset, data },
        }
    }
}

fn steps() -> impl Strategy<Value = Step> {
    let info = (any::<bool>(), 0u8..8).prop_map(|(tcs, bits)| SecInfo {
        page_type: if tcs { PageType::Tcs } else { PageType::Reg },
        permissions: Permissions::from_bits(bits).unwrap(),
    });
    let pages = prop_oneof![
        (0u64..18).prop_map(|n| n * 0x1000),
        (0u64..64).prop_map(|n| n * 0x400),
        any::<u64>()
    ];
    let chunks = prop_oneof![
        (0u64..64).prop_map(|n| n * 0x100),
        (0u64..64).prop_map(|n| n * 0x40),
        any::<u64>()
    ];
    prop_oneof![
        (pages, prop_oneof![infos().boxed(), info.boxed()])
            .prop_map(|(at, info)| Step::Add(at, info)),
        chunks.clone().prop_map(Step::Extend),
        chunks.prop_map(Step::Load),
    ]
}

#[test]
fn a_page_of_zeros_needs_no_content() {
    let info = SecInfo::reg(Permissions::RW);
    let (mut one, _) = Writer::create(PARAMETERS).unwrap();
    let mut other = one.clone();
    for offset in [0, 0x3000, 0xf000] {
        let zeros = one.zero_page(offset, info).unwrap();
        assert_eq!(zeros, other.page(offset, info, &[0; PAGE_SIZE]).unwrap());
    }
    assert_eq!(one.offset(), other.offset());
    assert_eq!(one.finish(), other.finish());
}

#[test]
fn a_page_that_is_measured_takes_no_further_chunk() {
    let (mut writer, _) = Writer::create(PARAMETERS).unwrap();
    let offset = {
        let info = SecInfo::reg(Permissions::R);
        writer.page(0x1000, info, &[7; PAGE_SIZE]).unwrap();
        writer.offset()
    };
    let refused = writer.extend(0x1300, &[7; 256]).unwrap_err();
    let rule = Rule::ChunkTwice(0x1300);
    assert_eq!(refused, Error { rule, offset });
}

#[test]
fn sizes_that_no_enclave_has_are_refused() {
    for size in [0, 1, 0x1000, 0x2001, 0x3000, u64::MAX, (1 << 63) + 1] {
        let refused = Writer::create(Parameters { size, ..PARAMETERS });
        let rule = Rule::Size(size);
        assert_eq!(refused.err(), Some(Error { rule, offset: 0 }));
    }
    for size in [0x2000, 1 << 40, 1 << 63] {
        let created = Writer::create(Parameters { size, ..PARAMETERS });
        assert!(created.is_ok(), "{size:x}");
    }
}

#[test]
fn a_stream_may_end_only_between_records() {
    let image = [page(1, SecInfo::TCS, [Chunk::Measured(3); 16])];
    let (stream, _) = write(&image);
    for end in 0..stream.len() {
        let verdict = read(&stream[..end], &[usize::MAX]);
        let between = end == 64 || end >= 128 && (end - 128).is_multiple_of(320);
        match verdict {
            Ok(_) => assert!(between, "accepted up to byte {end}"),
            Err(Error { rule, offset }) => {
                assert!(!between, "refused up to byte {end}");
                assert!(offset <= end as u64 && end as u64 - offset < 320);
                let truncated = rule.code() == "sgxs.truncated";
                assert!(truncated || end == 0 && rule == Rule::NoEcreate);
            }
        }
    }
}

#[test]
fn a_refusal_stays() {
    let mut reader = Reader::new();
    let mut bad = &[0x41; 64][..];
    let refused = reader.next(&mut bad).unwrap_err();
    let create = Record::Create {
        ssa_frame_size: 1,
        size: 0x2000,
    };
    let good = create.header();
    assert_eq!(reader.next(&mut &good[..]), Err(refused));
    assert_eq!(reader.finish(), Err(refused));
}

#[test]
fn the_largest_enclave_has_its_last_page() {
    let size = 1 << 63;
    let (mut writer, _) = Writer::create(Parameters { size, ..PARAMETERS }).unwrap();
    let info = SecInfo::reg(Permissions::R);
    assert!(writer.zero_page(size - 0x1000, info).is_ok());
    assert!(writer.add(size, info).is_err());
    assert!(writer.extend(u64::MAX - 0xff, &[0; 256]).is_err());
}
