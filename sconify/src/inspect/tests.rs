//! Images made by hand, in words.

use super::*;
use crate::diff::sample::{Sample, key};
use crate::image;
use crate::sign::SignerKey;

/// The text, with a name for what is another one each time.
fn text(sample: &Sample, key: Option<&SignerKey>) -> String {
    let folder = tempfile::tempdir().unwrap();
    sample.write(folder.path(), key);
    let inspection = inspect(folder.path()).unwrap();
    let text = inspection
        .to_string()
        .replace(&*folder.path().display().to_string(), "sample");
    match &inspection.signature {
        Some(signature) => text.replace(&signature.mrsigner, "sim:mrsigner:[signer]"),
        None => text,
    }
}

#[test]
fn an_image_in_words() {
    insta::assert_snapshot!(text(&Sample::new(), Some(key())));
}

#[test]
fn a_measured_heap_in_words() {
    let sample = Sample {
        config: Sample::new()
            .config
            .replace("\"64 KiB\" }", "\"64 KiB\", measured = true }"),
        has_symbols: false,
        provenance: None,
        ..Sample::new()
    };
    insta::assert_snapshot!(text(&sample, None));
}

#[test]
fn a_page_map_without_a_program_in_words() {
    use sgx::sgxs::{Parameters, Writer};
    use sgx::{PAGE_SIZE, Permissions, SecInfo};

    let parameters = Parameters {
        ssa_frame_size: 2,
        size: 0x8000,
    };
    let (mut writer, begin) = Writer::create(parameters).unwrap();
    let mut stream = begin.to_vec();
    let code = SecInfo::reg(Permissions::RX);
    stream.extend_from_slice(writer.page(0, code, &[7; PAGE_SIZE]).unwrap());
    stream.extend_from_slice(writer.page(0x1000, code, &[8; PAGE_SIZE]).unwrap());
    let data = SecInfo::reg(Permissions::RW);
    stream.extend_from_slice(writer.add(0x3000, data).unwrap());
    let reading = Reading::new("map.sgxs".to_owned(), &stream[..], None).unwrap();
    insta::assert_snapshot!(Inspection::of(&reading));
}

#[test]
fn the_json_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    Sample::new().write(folder.path(), None);
    let value = serde_json::to_value(inspect(folder.path()).unwrap()).unwrap();
    assert_eq!(value["name"], "sample");
    assert_eq!(value["workloads"][0]["id"], "none");
    assert_eq!(value["parameters"]["heap"]["size"], 64 << 10);
    assert_eq!(value["classes"][0]["purpose"], "program");
    assert_eq!(value["classes"][0]["measured"], "bytes");
    assert_eq!(value["chosen_by_cpuid"], 1);
}

#[test]
fn members_that_are_no_part_of_the_enclave_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    Sample::new().write(folder.path(), None);
    for number in 0..7 {
        std::fs::write(folder.path().join(format!("other{number}")), "").unwrap();
    }
    let inspection = inspect(folder.path()).unwrap();
    let told = "other0, other1, other2, other3, other4 and 2 more: no part of the enclave";
    assert_eq!(inspection.not_measured.last().unwrap(), told);
}

#[test]
fn members_that_cannot_be_used_are_noted() {
    let folder = tempfile::tempdir().unwrap();
    Sample::new().write(folder.path(), None);
    std::fs::write(folder.path().join(image::SYMBOLS), "what").unwrap();
    let inspection = inspect(folder.path()).unwrap();
    assert_eq!(
        inspection.notes,
        ["enclave/symbols can't be used: line 1 is not `offset size name`: a part is missing"]
    );
}
