//! Streams of small programs, looked at record by record.

use ring::digest::{SHA256, digest};
use sgx::sgxs::{Chunks, Page, PageReader, Summary};
use sgx::{Permissions, Tcs};

use super::*;
use crate::config::Config;
use crate::elf::sample;
use crate::layout::GUARD;
use crate::manifest::Manifest;

const CONFIG: &str = r#"
name = "sample"
product_id = 3
security_version = 4
heap = { size = "64 KiB" }
threads = { count = 2, stack = "32 KiB" }
ssa = { frames = 3, pages = 2 }
"#;

fn program() -> Program {
    Program::parse(sample::program(5000)).unwrap()
}

fn layout(config: &str, program: &Program) -> Layout {
    Layout::plan(&Config::parse(config).unwrap(), program, None).unwrap()
}

fn stream(layout: &Layout, program: &Program) -> (Vec<u8>, Measurement) {
    let mut stream = Vec::new();
    let sink = |piece: &[u8]| {
        stream.extend_from_slice(piece);
        Ok(())
    };
    let measurement = write(layout, program, sink).unwrap();
    (stream, measurement)
}

fn read(mut stream: &[u8]) -> (Vec<Page>, Summary) {
    let mut reader = PageReader::new();
    let mut pages = Vec::new();
    while let Some(page) = reader.next(&mut stream).unwrap() {
        pages.push(page);
    }
    let (last, summary) = reader.finish().unwrap();
    pages.extend(last);
    (pages, summary)
}

fn mrenclave(config: &str, program: &Program) -> Mrenclave {
    measure(&layout(config, program), program)
        .unwrap()
        .mrenclave
}

#[test]
fn the_stream_is_canonical_and_its_digest_the_measurement() {
    for config in [
        CONFIG,
        &CONFIG.replace("heap = {", "heap = { measured = true,"),
    ] {
        let program = program();
        let layout = layout(config, &program);
        let (stream, measurement) = stream(&layout, &program);
        // Without UNMEASRD records the stream is what is hashed.
        assert_eq!(measurement.mrenclave.0, digest(&SHA256, &stream).as_ref());
        assert_eq!(stream.len() as u64, layout.stream_length());
        let (pages, summary) = read(&stream);
        assert_eq!(summary.mrenclave, measurement.mrenclave);
        assert_eq!(summary.bytes, measurement.bytes);
        assert_eq!(pages.len() as u64, measurement.pages);
        assert_eq!(summary.measured, measurement.measured_pages);
        assert_eq!(measure(&layout, &program).unwrap(), measurement);
    }
}

#[test]
fn every_page_is_where_the_layout_says() {
    let program = program();
    let layout = layout(CONFIG, &program);
    let (pages, summary) = read(&stream(&layout, &program).0);
    let mut pages = pages.into_iter();
    for area in layout.areas() {
        let Some(info) = area.info else { continue };
        for offset in (area.offset..area.end()).step_by(PAGE_SIZE) {
            let page = pages.next().unwrap();
            assert_eq!((page.offset, page.info), (offset, info));
            let measured = if area.measured {
                Chunks::ALL
            } else {
                Chunks::NONE
            };
            assert_eq!((page.measured, page.loaded), (measured, Chunks::NONE));
            let mut expected = [0; PAGE_SIZE];
            match area.kind {
                AreaKind::Program(_) => program.read_page(offset, &mut expected),
                AreaKind::Manifest | AreaKind::Tls(_) | AreaKind::Tcs(_) => continue,
                _ => {}
            }
            assert_eq!(*page.content, expected, "{area:x?}");
        }
    }
    assert_eq!(pages.next(), None);
    assert_eq!(summary.tcs, 2);
}

/// By the numbers, without the code that lays out.
#[test]
fn the_layout_is_the_documented_one() {
    let program = program();
    let layout = layout(CONFIG, &program);
    let mut text = String::new();
    for area in layout.areas() {
        let info = area.info.map(|info| info.permissions.to_string());
        text += &format!(
            "{:#x} {:#x} {} {:?} {} {}\n",
            area.offset,
            area.length,
            area.kind.word(),
            area.kind.thread(),
            info.unwrap_or_default(),
            area.measured
        );
    }
    insta::assert_snapshot!(text);
    let parameters = layout.parameters();
    assert_eq!(parameters.size, 0x80000);
    assert_eq!(parameters.ssa_frame_size, 2);
}

#[test]
fn threads_find_their_stack_and_their_frames() {
    let program = program();
    let layout = layout(CONFIG, &program);
    let (pages, _) = read(&stream(&layout, &program).0);
    let tcs: Vec<_> = pages
        .iter()
        .filter(|page| page.info == SecInfo::TCS)
        .collect();
    for (number, page) in (0..).zip(tcs) {
        let tcs = Tcs::parse(&page.content).unwrap();
        assert_eq!(tcs.entry, program.entry());
        assert_eq!((tcs.ssa, tcs.ssa_frames), (page.offset + 0x1000, 3));
        assert_eq!(
            (tcs.fs_base, tcs.gs_base),
            (page.offset - 0x1000, tcs.fs_base)
        );
        let tls = pages
            .iter()
            .find(|page| page.offset == tcs.fs_base)
            .unwrap();
        assert_eq!(tls.info, SecInfo::reg(Permissions::RW));
        let (words, _) = tls.content.as_chunks::<8>();
        let words: Vec<_> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let [stack_end, stack, manifest, heap, length, thread] = words[..6] else {
            panic!("six words");
        };
        assert_eq!(stack_end, tls.offset - GUARD);
        assert_eq!(stack_end - stack, 32 << 10);
        assert_eq!(manifest, program.end());
        assert_eq!((heap, length), (manifest + 0x1000, 64 << 10));
        assert_eq!(thread, number);
        assert!(words[6..].iter().all(|word| *word == 0));
    }
}

#[test]
fn the_manifest_says_what_the_enclave_was_made_with() {
    let program = program();
    let layout = layout(CONFIG, &program);
    let manifest = Manifest::parse(layout.manifest()).unwrap();
    assert_eq!(manifest.entry, program.entry());
    let table = manifest.table.as_ref().unwrap();
    assert_eq!(
        program.bytes(table.offset, table.length),
        Some(sample::TABLE)
    );
    let sha256 = digest(&SHA256, sample::TABLE);
    assert_eq!(table.sha256, hex::encode(sha256));
    insta::assert_json_snapshot!(manifest);
    let again = Layout::again(&manifest, &program).unwrap();
    assert_eq!(
        measure(&again, &program).unwrap(),
        measure(&layout, &program).unwrap()
    );
}

/// An enclave of many areas has a manifest of several pages, which moves everything behind it.
#[test]
fn a_long_manifest_has_pages_enough() {
    let program = program();
    let mut manifest = Manifest::parse(layout(CONFIG, &program).manifest()).unwrap();
    let area = manifest.areas[0].clone();
    manifest.areas.extend(vec![area; 200]);
    let pages = manifest.to_pages();
    assert!(pages.len() > 2 * PAGE_SIZE);
    assert_eq!(Manifest::parse(&pages), Ok(manifest));
}

#[test]
fn everything_that_the_configuration_says_is_measured() {
    let program = program();
    let base = mrenclave(CONFIG, &program);
    for (from, to) in [
        ("\"sample\"", "\"other\""),
        ("product_id = 3", "product_id = 2"),
        ("security_version = 4", "security_version = 5"),
        ("64 KiB", "68 KiB"),
        ("\"64 KiB\"", "\"64 KiB\", measured = true"),
        ("count = 2", "count = 1"),
        ("32 KiB", "36 KiB"),
        ("frames = 3", "frames = 2"),
        ("pages = 2", "pages = 3"),
        ("ssa =", "attributes = { kss = true }\nssa ="),
        ("ssa =", "attributes = { exinfo = true }\nssa ="),
        ("ssa =", "attributes = { features = [\"avx\"] }\nssa ="),
    ] {
        assert!(CONFIG.contains(from), "{from}");
        assert_ne!(mrenclave(&CONFIG.replace(from, to), &program), base, "{to}");
    }
    let config = Config::parse(CONFIG).unwrap();
    let files = Layout::plan(&config, &program, Some([7; 32])).unwrap();
    assert_ne!(measure(&files, &program).unwrap().mrenclave, base);
    // What is written another way and says the same is the same.
    let same = CONFIG.replace("64 KiB", "65536 B") + "# a comment\n";
    assert_eq!(mrenclave(&same, &program), base);
}

#[test]
fn every_loaded_byte_of_the_program_is_measured_and_no_other() {
    let file = sample::program(100);
    let base = mrenclave(CONFIG, &Program::parse(file.clone()).unwrap());
    let data = sample::data(100);
    let table = sample::TABLE.len();
    for (at, counts) in [
        (sample::CODE + 50, true),
        (data + 0xa0, true),
        (0x300, true),
        (0x400 + table - 1, true),
        (0x400 + table, false),
        (data + 0x100, false),
    ] {
        let mut file = file.clone();
        file[at] ^= 1;
        let program = Program::parse(file).unwrap();
        let differs = mrenclave(CONFIG, &program) != base;
        assert_eq!(differs, counts, "{at:#x}");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let program = program();
    for (heap, threads) in [("256 GiB", 1024), ("512 GiB", 1)] {
        let config = CONFIG
            .replace("64 KiB", heap)
            .replace("count = 2", &format!("count = {threads}"))
            .replace("32 KiB", "1 GiB");
        let planned = Config::parse(&config)
            .map_err(Error::from)
            .and_then(|config| Layout::plan(&config, &program, None));
        let code = crate::Fault::code(&planned.unwrap_err());
        assert_eq!(code, "config.value");
    }
}

/// A sink that fails stops everything.
#[test]
fn what_the_sink_says_is_passed_on() {
    let program = program();
    let layout = layout(CONFIG, &program);
    let mut left = 3;
    let outcome = write(&layout, &program, |_| {
        left -= 1;
        if left > 0 {
            return Ok(());
        }
        Err(Error::io("write", "elsewhere")(
            std::io::ErrorKind::StorageFull.into(),
        ))
    });
    assert!(outcome.is_err());
    assert_eq!(left, 0);
}
