//! Enclaves of a small program, whole and damaged.

use std::sync::OnceLock;

use sconify::config::Config;
use sconify::elf::{self, Program};
use sconify::layout::Layout;
use sconify::sign::{self, Flavour, SignerKey};
use sconify::stream;
use sgx::sgxs::{HEADER_SIZE, Parameters, Writer};
use sgx::sigstruct::{Body, Date};
use sgx::{CHUNK_SIZE, Mrenclave, PAGE_SIZE, Permissions, SecInfo, Tcs};

use super::*;

const CONFIG: &str = r#"
name = "sample"
product_id = 3
security_version = 4
heap = { size = "64 KiB" }
threads = { count = 2, stack = "32 KiB" }
ssa = { frames = 3, pages = 2 }
attributes = { features = ["avx"] }
"#;

/// EEXTEND and what it measures.
const CHUNK_RECORD: usize = HEADER_SIZE + CHUNK_SIZE;

fn key() -> &'static SignerKey {
    static KEY: OnceLock<SignerKey> = OnceLock::new();
    KEY.get_or_init(|| SignerKey::generate().unwrap())
}

fn config() -> Config {
    Config::parse(CONFIG).unwrap()
}

fn program() -> Program {
    Program::parse(elf::sample::program(9000)).unwrap()
}

/// An enclave's stream and its measurement.
fn enclave(config: &str) -> (Vec<u8>, Mrenclave) {
    let (config, program) = (Config::parse(config).unwrap(), program());
    let layout = Layout::plan(&config, &program, None).unwrap();
    let mut written = Vec::new();
    let measured = stream::write(&layout, &program, |piece| {
        written.extend_from_slice(piece);
        Ok(())
    });
    (written, measured.unwrap().mrenclave)
}

fn sample() -> (Vec<u8>, Vec<u8>) {
    let (stream, mrenclave) = enclave(CONFIG);
    (stream, signature(&body(mrenclave)))
}

fn body(mrenclave: Mrenclave) -> Body {
    let date = Date::EPOCH;
    sign::body_of(&config(), mrenclave, Flavour::Release, date)
}

fn signature(body: &Body) -> Vec<u8> {
    sign::sign(body, key()).unwrap().as_bytes().to_vec()
}

fn try_launch(stream: &[u8], sigstruct: &[u8]) -> Result<Launched, Refusal> {
    launch(stream, sigstruct, &Options::default())
}

/// Code and text of a refusal.
fn refused(stream: &[u8], sigstruct: &[u8]) -> (&'static str, String) {
    said(try_launch(stream, sigstruct))
}

fn said(answer: Result<Launched, Refusal>) -> (&'static str, String) {
    let refusal = answer.unwrap_err();
    (refusal.code(), refusal.to_string())
}

#[test]
fn what_is_launched_is_the_measured_program() {
    let (stream, sigstruct) = sample();
    let launched = try_launch(&stream, &sigstruct).unwrap();
    let mut rebuilt = Vec::new();
    program().write_rebuilt(&mut rebuilt).unwrap();
    assert_eq!(launched.program, rebuilt);
    let secs = launched.secs;
    assert_eq!(secs.mrenclave, enclave(CONFIG).1);
    assert_eq!(secs.mrsigner, key().public().mrsigner());
    assert_eq!((secs.isv_prod_id, secs.isv_svn), (3, 4));
    assert_eq!(secs.attributes.flags, flags::INIT | flags::MODE64BIT);
    assert_eq!(secs.attributes.xfrm, xfrm::LEGACY | xfrm::AVX);
    // Without key separation its fields are no part of the identity.
    assert_eq!(secs.isv_family_id, [0; 16]);
}

/// Each chunk of each page; as EINIT says it, whatever the program is then.
#[test]
fn no_byte_of_a_measured_page_can_change() {
    let (mut stream, sigstruct) = sample();
    let mut at = HEADER_SIZE;
    let mut chunks = 0;
    while at < stream.len() {
        if !stream[at..].starts_with(b"EEXTEND\0") {
            at += HEADER_SIZE;
            continue;
        }
        // Another byte of each.
        let byte = at + HEADER_SIZE + chunks * 7 % CHUNK_SIZE;
        stream[byte] ^= 1;
        let (code, text) = refused(&stream, &sigstruct);
        assert_eq!(code, "launch.measurement", "{byte}");
        assert!(text.starts_with("SGX_INVALID_MEASUREMENT: "), "{text}");
        stream[byte] ^= 1;
        chunks += 1;
        at += CHUNK_RECORD;
    }
    assert!(chunks > 16 * 8, "{chunks} chunks");
    assert!(try_launch(&stream, &sigstruct).is_ok());
}

/// Size, frames of saved state, permissions, a page more: all of them are measured.
#[test]
fn no_parameter_can_change() {
    let (stream, sigstruct) = sample();
    for (from, to) in [
        ("64 KiB", "256 KiB"),
        ("pages = 2", "pages = 1"),
        ("frames = 3", "frames = 2"),
        ("count = 2", "count = 1"),
    ] {
        let (other, _) = enclave(&CONFIG.replace(from, to));
        assert_eq!(refused(&other, &sigstruct).0, "launch.measurement", "{to}");
    }
    // SIZE alone.
    let mut larger = stream.clone();
    let size = u64::from_le_bytes(larger[12..20].try_into().unwrap());
    larger[12..20].copy_from_slice(&(2 * size).to_le_bytes());
    let (code, text) = refused(&larger, &sigstruct);
    assert_eq!(code, "launch.measurement");
    assert!(text.contains("SGX_INVALID_MEASUREMENT"), "{text}");
    // The first page, read-only until now, writable.
    let mut writable = stream.clone();
    writable[HEADER_SIZE + 16] |= Permissions::W.bits();
    assert_eq!(refused(&writable, &sigstruct).0, "launch.measurement");
}

#[test]
fn streams_that_build_no_enclave_are_refused() {
    let (stream, sigstruct) = sample();
    let mut size = stream.clone();
    size[12] = 1;
    for (what, stream) in [
        ("nothing", &[][..]),
        ("cut", &stream[..stream.len() - 1]),
        ("a size that is no power of two", &size),
        (
            "no stream",
            b"\x7fELF and what follows, for at least as many bytes as a header has",
        ),
    ] {
        let (code, text) = refused(stream, &sigstruct);
        assert_eq!(code, "launch.stream", "{what}");
        assert!(
            text.starts_with("#GP(0) in building the enclave: "),
            "{text}"
        );
    }
}

#[test]
fn a_stream_that_cannot_be_read_is_told() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
    }
    let (_, sigstruct) = sample();
    let answer = launch(Broken, &sigstruct, &Options::default());
    assert_eq!(said(answer).0, "launch.file");
}

/// Whatever it says.
#[test]
fn no_byte_of_a_sigstruct_can_change() {
    let (stream, sigstruct) = sample();
    let mut names = std::collections::BTreeMap::new();
    // Every seventh, which meets every field, and all of the signed ones.
    for at in (0..sigstruct.len()).filter(|at| at % 7 == 0 || (900..1040).contains(at)) {
        let mut other = sigstruct.clone();
        other[at] ^= 0x10;
        // A refusal before the stream is read: what isn't signed decides nothing.
        let (code, text) = refused(&[], &other);
        let name = text.split(':').next().unwrap().to_owned();
        *names.entry((code, name)).or_insert(0) += 1;
        assert!(try_launch(&stream, &other).is_err());
    }
    let names: Vec<_> = names.into_keys().collect();
    assert_eq!(
        names,
        [
            ("launch.signature", "SGX_INVALID_SIGNATURE".to_owned()),
            ("launch.sigstruct", "SGX_INVALID_SIG_STRUCT".to_owned()),
        ]
    );
}

#[test]
fn bytes_that_are_no_sigstruct_are_refused() {
    let (stream, sigstruct) = sample();
    for bytes in [&[][..], &sigstruct[1..], &[&sigstruct[..], &[0]].concat()] {
        let (code, text) = refused(&stream, bytes);
        assert_eq!(code, "launch.sigstruct");
        assert!(text.starts_with("SGX_INVALID_SIG_STRUCT: "), "{text}");
    }
}

#[test]
fn the_signature_of_another_enclave_is_refused() {
    let (stream, _) = sample();
    let other = signature(&body(Mrenclave([7; 32])));
    assert_eq!(refused(&stream, &other).0, "launch.measurement");
}

#[test]
fn attributes_are_those_that_were_signed_where_the_mask_counts() {
    let (stream, sigstruct) = sample();
    let with = |sigstruct: &[u8], options: Options| launch(&stream[..], sigstruct, &options);
    let signed = body(enclave(CONFIG).1);
    let wider = Attributes {
        xfrm: signed.attributes.xfrm | xfrm::AVX512,
        ..signed.attributes
    };
    let options = Options {
        attributes: Some(wider),
        ..Options::default()
    };
    let (code, text) = said(with(&sigstruct, options));
    assert_eq!(code, "launch.attributes");
    assert!(
        text.starts_with("SGX_INVALID_ATTRIBUTE: ATTRIBUTES"),
        "{text}"
    );
    let misc = Options {
        miscselect: Some(Miscselect::EXINFO),
        ..Options::default()
    };
    let (code, text) = said(with(&sigstruct, misc));
    assert_eq!(code, "launch.attributes");
    assert!(
        text.starts_with("SGX_INVALID_ATTRIBUTE: MISCSELECT"),
        "{text}"
    );
    // The same with a mask that leaves both open.
    let mut open = signed;
    open.attributes_mask.xfrm = xfrm::LEGACY;
    open.miscselect_mask = Miscselect(0);
    let sigstruct = signature(&open);
    let secs = with(&sigstruct, options).unwrap().secs;
    assert_eq!(secs.attributes.xfrm, wider.xfrm);
    let secs = with(&sigstruct, misc).unwrap().secs;
    assert_eq!(secs.miscselect, Miscselect::EXINFO);
}

#[test]
fn debuggers_are_let_in_only_where_the_signature_says_so() {
    let (stream, _) = sample();
    let mrenclave = enclave(CONFIG).1;
    let debug = Options {
        debug: true,
        ..Options::default()
    };
    let release = Options::default();
    let signed = |flavour| signature(&sign::body_of(&config(), mrenclave, flavour, Date::EPOCH));
    let mut open = body(mrenclave);
    open.attributes_mask.flags &= !flags::DEBUG;
    let open = signature(&open);
    let of_debug = signed(Flavour::Debug);
    let of_release = signed(Flavour::Release);
    for (sigstruct, options, allowed) in [
        (&of_release, &release, true),
        (&of_release, &debug, false),
        (&of_debug, &debug, true),
        (&of_debug, &release, false),
        (&open, &debug, true),
        (&open, &release, true),
    ] {
        match launch(&stream[..], sigstruct, options) {
            Ok(launched) => {
                assert!(allowed);
                assert_eq!(launched.secs.attributes.is_debug(), options.debug);
            }
            Err(refusal) => {
                assert!(!allowed, "{refusal}");
                assert_eq!(refusal.code(), "launch.attributes");
                assert!(refusal.to_string().starts_with("SGX_INVALID_ATTRIBUTE: "));
            }
        }
    }
}

/// Whoever signs them.
#[test]
fn attributes_that_no_processor_takes_are_refused() {
    let (stream, _) = sample();
    let good = body(enclave(CONFIG).1);
    let bad = |flags: u64, xfrm: u64| {
        let mut body = good;
        body.attributes = Attributes { flags, xfrm };
        body
    };
    let plain = flags::MODE64BIT;
    for body in [
        bad(plain | flags::INIT, 3),
        bad(plain | flags::PROVISIONKEY, 3),
        bad(plain | flags::EINITTOKEN_KEY, 3),
        bad(plain | 1 << 3, 3),
        bad(plain | 1 << 63, 3),
        bad(0, 3),
        bad(plain, 1),
        bad(plain, 3 | 1 << 40),
        bad(plain, 3 | xfrm::AVX512),
        bad(plain, 7 | 0x20),
        bad(plain, 3 | 0x2_0000),
    ] {
        let (code, text) = refused(&stream, &signature(&body));
        assert_eq!(code, "launch.attributes");
        assert!(
            text.starts_with("#GP(0) in ECREATE: ATTRIBUTES: "),
            "{text}"
        );
    }
}

/// A page of a stream that is made by hand.
struct Built {
    offset: u64,
    info: SecInfo,
    content: [u8; PAGE_SIZE],
    measured: bool,
}

/// What `sconify` would make of the sample, but for what `change` does to it; signed by its maker.
fn hand_made(change: impl FnOnce(&mut Vec<Built>)) -> (&'static str, String) {
    let (stream, _) = sample();
    let mut reader = PageReader::new();
    let mut input = &stream[..];
    let mut pages = Vec::new();
    let mut keep = |page: sgx::sgxs::Page| {
        pages.push(Built {
            offset: page.offset,
            info: page.info,
            content: *page.content,
            measured: page.measured == sgx::sgxs::Chunks::ALL,
        });
    };
    while let Some(page) = reader.next(&mut input).unwrap() {
        keep(page);
    }
    let (last, summary) = reader.finish().unwrap();
    last.into_iter().for_each(keep);
    change(&mut pages);
    let (mut writer, begin) = Writer::create(Parameters {
        size: summary.parameters.size.max(2 << 30),
        ..summary.parameters
    })
    .unwrap();
    let mut made = begin.to_vec();
    for page in &pages {
        let records = if page.measured {
            writer.page(page.offset, page.info, &page.content)
        } else {
            writer.add(page.offset, page.info)
        };
        made.extend_from_slice(records.unwrap());
    }
    let sigstruct = signature(&body(writer.finish()));
    said(try_launch(&made, &sigstruct))
}

/// The value at `at` of the first page.
fn put(pages: &mut [Built], at: usize, value: &[u8]) {
    pages[0].content[at..at + value.len()].copy_from_slice(value);
}

fn fault(change: impl FnOnce(&mut Vec<Built>)) -> String {
    let (code, text) = hand_made(change);
    assert_eq!(code, "launch.program", "{text}");
    let begin = "the measured pages cannot be executed as they are: ";
    text.strip_prefix(begin).unwrap().to_owned()
}

/// The nth program header.
const fn header(number: usize) -> usize {
    elf::sample::PROGRAM_HEADERS + number * elf::sample::PROGRAM_HEADER
}

#[test]
fn pages_that_are_no_program_are_not_executed() {
    assert!(fault(|pages| pages.clear()).contains("no measured page"));
    assert!(fault(|pages| pages.retain(|page| page.offset > 0)).contains("no measured page"));
    assert!(fault(|pages| pages[0].measured = false).contains("no measured page"));
    assert!(fault(|pages| put(pages, 0, b"\x7fEXE")).contains("as an ELF file"));
    assert!(fault(|pages| put(pages, 18, &[183])).contains("x86-64"));
    assert!(fault(|pages| put(pages, 16, &[2])).contains("position-independent"));
    assert!(fault(|pages| put(pages, 24, &[0; 8])).contains("entry point"));
    assert!(fault(|pages| put(pages, 32, &[65])).contains("do not follow"));
    assert!(fault(|pages| put(pages, 56, &[0xff, 0xff])).contains("more program headers"));
    // The last header says that the stack is not executable: another type, another flag.
    assert!(fault(|pages| put(pages, header(4), &[0; 4])).contains("stack"));
    assert!(fault(|pages| put(pages, header(4) + 4, &[7])).contains("stack"));
    assert!(fault(|pages| put(pages, header(4), &[3, 0, 0, 0])).contains("loader"));
}

#[test]
fn segments_that_would_be_mapped_otherwise_are_not_executed() {
    // Of the code: flags, file offset, sizes, alignment.
    let at = header(1);
    assert!(fault(|pages| put(pages, at + 4, &[7])).contains("writable and executable"));
    assert!(fault(|pages| put(pages, at + 4, &[1])).contains("not readable"));
    assert!(fault(|pages| put(pages, at + 4, &[0xd])).contains("flags besides"));
    assert!(fault(|pages| put(pages, at + 9, &[0])).contains("its place in the file"));
    assert!(fault(|pages| put(pages, at + 32, &[0xff; 4])).contains("more bytes than memory"));
    assert!(fault(|pages| put(pages, at + 48, &[3])).contains("alignment"));
    assert!(fault(|pages| put(pages, at + 42, &[1])).contains("cannot be cleared"));
    // Of the data: where its memory ends.
    let at = header(2) + 40;
    assert!(fault(|pages| put(pages, at + 4, &[1])).contains("beyond 1 GiB"));
    // It stands below the code, or not at the base.
    let below = [0; 8];
    assert!(
        fault(|pages| {
            put(pages, header(2) + 8, &below);
            put(pages, header(2) + 16, &below);
        })
        .contains("stands below it")
    );
}

#[test]
fn pages_that_are_not_those_of_their_segment_are_not_executed() {
    let rw = SecInfo::reg(Permissions::RW);
    assert!(fault(|pages| pages[1].info = rw).contains("not those of its segment"));
    assert!(fault(|pages| pages[1].info = SecInfo::TCS).contains("not those of its segment"));
    assert!(fault(|pages| pages[1].measured = false).contains("not all of it is measured"));
    assert!(
        fault(|pages| pages.retain(|page| page.offset != 0x2000)).contains("the enclave has not")
    );
    // Behind the data's bytes Linux has zeros, and so must what was measured.
    let data = program().segments()[2];
    let page = |pages: &[Built]| {
        let of_end = |page: &Built| page.offset == data.file_end() / 4096 * 4096;
        pages.iter().position(of_end).unwrap()
    };
    let within = (data.file_end() % 4096) as usize;
    assert!(
        fault(|pages| {
            let number = page(pages);
            pages[number].content[within] = 1;
        })
        .contains("zeros")
    );
    // A page that no segment asks for, where the program has a hole.
    let hole = program().pages()[0].length;
    assert!(
        fault(|pages| {
            let info = SecInfo::reg(Permissions::R);
            let content = [1; PAGE_SIZE];
            pages.insert(
                1,
                Built {
                    offset: hole,
                    info,
                    content,
                    measured: true,
                },
            );
        })
        .contains("part of none")
    );
}

#[test]
fn threads_begin_where_the_program_does() {
    let is_tcs = |page: &Built| page.info == SecInfo::TCS;
    assert!(fault(|pages| pages.retain(|page| !is_tcs(page))).contains("no thread control"));
    let change = |pages: &mut Vec<Built>, change: fn(&mut Built)| {
        change(pages.iter_mut().rev().find(|page| is_tcs(page)).unwrap());
    };
    assert!(
        fault(|pages| change(pages, |page| {
            let mut tcs = Tcs::parse(&page.content).unwrap();
            tcs.entry += 1;
            page.content = tcs.to_page();
        }))
        .contains("entered elsewhere")
    );
    assert!(fault(|pages| change(pages, |page| page.measured = false)).contains("not all of it"));
    assert!(fault(|pages| change(pages, |page| page.content[0] = 1)).contains("STATE"));
}

/// Five kilobytes that say they were a program of a gigabyte.
#[test]
fn memory_follows_what_is_there() {
    let far = 1_u64 << 29;
    let text = fault(|pages| {
        // The data moves far up, with its pages.
        let data = program().segments()[2];
        let address = far + data.address % 4096;
        let number = address.to_le_bytes();
        put(pages, header(2) + 8, &number);
        put(pages, header(2) + 16, &number);
        let moved = far - data.address / 4096 * 4096;
        let first = data.address / 4096 * 4096;
        pages.retain(|page| page.offset < first || page.offset < data.end());
        for page in pages.iter_mut().filter(|page| page.offset >= first) {
            page.offset += moved;
        }
    });
    assert!(text.contains("over 16 MiB are missing"), "{text}");
}

/// A gigabyte of heap is read without being kept.
#[test]
fn a_large_heap_is_passed_over() {
    let config = CONFIG.replace("64 KiB", "1 GiB");
    let (stream, mrenclave) = enclave(&config);
    let sigstruct = signature(&body(mrenclave));
    let launched = try_launch(&stream, &sigstruct).unwrap();
    assert!(launched.program.capacity() < 1 << 20);
    assert_eq!(launched.summary.unmeasured, (1 << 18) + 2 * (8 + 6));
}
