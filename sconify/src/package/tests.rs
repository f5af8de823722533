use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::sync::LazyLock;

use sgx::sgxs::{Parameters, Writer};
use sgx::sigstruct::{Body, Date};
use sgx::{PAGE_SIZE, Permissions, SecInfo};
use tempfile::TempDir;

use super::*;
use crate::Fault as _;
use crate::diff::sample::Sample;
use crate::image;
use crate::image::Form;
use crate::sign::{SignerKey, sign};

static KEY: LazyLock<SignerKey> = LazyLock::new(|| SignerKey::generate().unwrap());

/// A small image in a folder, as `sconify build` leaves one.
fn image() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let enclave = folder.path().join("enclave");
    fs::create_dir(&enclave).unwrap();
    let parameters = Parameters {
        ssa_frame_size: 1,
        size: 0x4000,
    };
    let (mut writer, create) = Writer::create(parameters).unwrap();
    let mut stream = create.to_vec();
    let page = [7; PAGE_SIZE];
    let info = SecInfo::reg(Permissions::RX);
    stream.extend_from_slice(writer.page(0, info, &page).unwrap());
    fs::write(enclave.join("worker.sgxs"), stream).unwrap();
    let signature = sign(&Body::strict(writer.finish(), Date::EPOCH), &KEY).unwrap();
    fs::write(enclave.join("worker.sig"), signature.as_bytes()).unwrap();
    write_program(&folder.path().join("worker"));
    folder
}

/// The program itself is not looked at, but for its mode.
fn write_program(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::write(path, b"program").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn plan(folder: &Path) -> Plan {
    let to = "sconce/worker:1-debug".parse().unwrap();
    Plan::new(Some(image::open(folder).unwrap()), None, to)
}

fn archive(plan: &Plan) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tar");
    write(plan, Destination::Archive(&path), &mut |_| ()).unwrap();
    fs::read(path).unwrap()
}

fn refusal(plan: &Plan) -> crate::Error {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tar");
    let error = write(plan, Destination::Archive(&path), &mut |_| ()).unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{error}");
    error
}

fn contents(image: &Image) -> BTreeMap<String, Vec<u8>> {
    let read = |name: &str| image.read(name, u64::MAX).unwrap();
    let members = image.members();
    members
        .map(|(name, _)| (name.to_owned(), read(name)))
        .collect()
}

#[test]
fn the_same_image_is_the_same_bytes_from_any_form() {
    let (one, other) = (image(), tempfile::tempdir().unwrap());
    let first = archive(&plan(one.path()));
    // Other times, and modes by another umask.
    write_program(&one.path().join("worker"));
    assert_eq!(archive(&plan(one.path())), first);

    let tar = other.path().join("tar");
    fs::write(&tar, &first).unwrap();
    assert_eq!(image::open(&tar).unwrap().form(), Form::LayoutArchive);
    assert_eq!(archive(&plan(&tar)), first);

    let layout = other.path().join("layout");
    for _ in 0..2 {
        // The second time in the place of the first.
        write(&plan(&tar), Destination::Layout(&layout), &mut |_| ()).unwrap();
        assert_eq!(image::open(&layout).unwrap().form(), Form::Layout);
        assert_eq!(archive(&plan(&layout)), first);
    }
}

#[test]
fn a_package_holds_what_the_folder_holds() {
    let folder = image();
    let files = folder.path().join("files/app");
    fs::create_dir_all(files.join("empty")).unwrap();
    for length in [84, 86, 87, 88, 89, 95, 99, 100, 101, 160, 250] {
        fs::write(files.join("n".repeat(length)), b"data").unwrap();
        fs::create_dir(files.join("f".repeat(length))).unwrap();
    }
    fs::write(files.join("large"), vec![7; 5_000_001]).unwrap();
    let out = tempfile::tempdir().unwrap();
    let tar = out.path().join("tar");
    fs::write(&tar, archive(&plan(folder.path()))).unwrap();
    let (there, back) = (image::open(folder.path()), image::open(&tar));
    let (there, back) = (there.unwrap(), back.unwrap());
    assert_eq!(contents(&back), contents(&there));
    assert!(back.folders().eq(there.folders()));
    assert!(back.member("worker").unwrap().is_executable());
    assert!(!back.member("enclave/worker.sig").unwrap().is_executable());
}

#[test]
fn annotations_say_the_kind_of_each_digest_and_claim_no_protection() {
    let folder = image();
    let out = tempfile::tempdir().unwrap();
    let tar = out.path().join("tar");
    let mut plan = plan(folder.path());
    plan.created = "1709210096".parse().unwrap();
    plan.command = Some("/worker --list".to_owned());
    plan.user = Some("65532".parse().unwrap());
    plan.folders = vec!["/var/lib/sconce".parse().unwrap()];
    plan.environment = vec!["RUST_LOG=info".parse().unwrap()];
    let packaged = write(&plan, Destination::Archive(&tar), &mut |_| ()).unwrap();
    let image = image::open(&tar).unwrap();
    assert!(image.folders().any(|folder| folder == "var/lib/sconce"));
    let package = image.package().unwrap();
    let names = ["1-debug", "docker.io/sconce/worker:1-debug"];
    assert_eq!(package.references, names);
    assert_eq!(
        packaged.layer,
        format!("sha256:{}", hex::encode(package.layer))
    );
    let mut annotations = package.annotations.clone();
    let signer = annotations.remove("sconce.signer").unwrap();
    assert!(signer.starts_with("sim:mrsigner:"), "{signer}");
    let all = format!("{annotations:#?}").to_lowercase();
    for word in ["secure", "protected", "confidential", "trusted"] {
        assert!(!all.contains(word), "{all}");
    }
    insta::assert_json_snapshot!(annotations);
    assert_eq!(
        packaged.measurement,
        annotations.remove("sconce.measurement")
    );
}

#[test]
fn a_signature_of_another_stream_is_refused() {
    let folder = image();
    let stream = folder.path().join("enclave/worker.sgxs");
    let mut bytes = fs::read(&stream).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&stream, &bytes).unwrap();
    assert_eq!(refusal(&plan(folder.path())).code(), "sigstruct.launch");
    // No canonical stream any more: bytes after its last record.
    bytes.push(0);
    fs::write(&stream, &bytes).unwrap();
    let error = refusal(&plan(folder.path()));
    assert!(error.code().starts_with("sgxs."), "{error}");
    let signature = folder.path().join("enclave/worker.sig");
    fs::write(&signature, b"short").unwrap();
    assert_eq!(refusal(&plan(folder.path())).code(), "sigstruct.form");
    fs::remove_file(&signature).unwrap();
    assert_eq!(refusal(&plan(folder.path())).code(), "image.form");
}

#[test]
fn another_program_than_the_measured_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    Sample::new().write(folder.path(), Some(&KEY));
    archive(&plan(folder.path()));
    let program = folder.path().join("sample");
    let good = fs::read(&program).unwrap();
    let last = good.len() - 1;
    for at in [0x40, 0x1000, last] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&program, bytes).unwrap();
        let error = refusal(&plan(folder.path()));
        assert_eq!(error.code(), "image.unverified", "{error}");
    }
    fs::write(&program, &good[..last]).unwrap();
    assert_eq!(refusal(&plan(folder.path())).code(), "image.unverified");
}

#[test]
fn what_can_be_debugged_is_no_release() {
    let folder = image();
    let mut plan = plan(folder.path());
    plan.release = true;
    archive(&plan);
    let stream = fs::read(folder.path().join("enclave/worker.sgxs")).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &stream);
    let mrenclave = sgx::Mrenclave(digest.as_ref().try_into().unwrap());
    let mut body = Body::strict(mrenclave, Date::EPOCH);
    body.attributes.flags |= sgx::flags::DEBUG;
    let signature = sign(&body, &KEY).unwrap();
    let file = folder.path().join("enclave/worker.sig");
    fs::write(file, signature.as_bytes()).unwrap();
    assert_eq!(refusal(&plan).code(), "package.debug");
    plan.release = false;
    archive(&plan);
}

#[test]
fn a_dynamic_program_is_refused() {
    let folder = image();
    let mut plan = plan(folder.path());
    // This test itself is one.
    plan.program = Some("/proc/self/exe".into());
    assert_eq!(refusal(&plan).code(), "package.program");
    plan.program = Some(folder.path().join("worker"));
    assert_eq!(refusal(&plan).code(), "package.program");
    plan.program = Some(folder.path().join("enclave"));
    assert_eq!(refusal(&plan).code(), "package.program");
    plan.program = Some(folder.path().join("missing"));
    assert_eq!(refusal(&plan).code(), "file.io");
}

#[test]
fn what_fits_into_no_package_is_refused() {
    let folder = image();
    let mut plan = plan(folder.path());
    for command in ["", "worker", "/enclave/worker.sig", "/other", "--list"] {
        plan.command = Some(command.to_owned());
        assert_eq!(refusal(&plan).code(), "package.option", "{command}");
    }
    plan.command = None;
    plan.folders = vec!["/worker".parse().unwrap()];
    assert_eq!(refusal(&plan).code(), "package.member");
}

#[test]
fn what_is_in_the_way_is_left_alone() {
    let folder = image();
    let plan = plan(folder.path());
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("precious"), b"data").unwrap();
    write(&plan, Destination::Layout(other.path()), &mut |_| ()).unwrap_err();
    assert!(other.path().join("precious").is_file());
    write(&plan, Destination::Archive(other.path()), &mut |_| ()).unwrap_err();
    let full = Destination::Archive(Path::new("/dev/full"));
    write(&plan, full, &mut |_| ()).unwrap_err();
}

/// A package with one of its documents changed; nothing says that it is gone.
fn with_document(good: &[u8], name: &str, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in tar::Archive::new(good).entries().unwrap() {
        let mut entry = entry.unwrap();
        let (mut header, mut bytes) = (entry.header().clone(), Vec::new());
        entry.read_to_end(&mut bytes).unwrap();
        if entry.path_bytes() == name.as_bytes() {
            match change(&bytes) {
                Some(changed) => bytes = changed,
                None => continue,
            }
        }
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn what_docker_would_load_is_what_is_read() {
    let folder = image();
    let good = archive(&plan(folder.path()));
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("tar");
    let open = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        image::open(&path)
    };
    let code = |bytes: &[u8]| open(bytes).unwrap_err().code();
    let replaced = |name: &str, from: &str, to: &str| {
        with_document(&good, name, |bytes| {
            let text = str::from_utf8(bytes).unwrap();
            assert!(text.contains(from), "{text}");
            Some(text.replace(from, to).into_bytes())
        })
    };
    let start = &open(&good).unwrap().package().unwrap().start.clone();
    assert_eq!(start, &["/worker"]);

    let digest = &open(&good).unwrap().package().unwrap().layer.clone();
    let digest = hex::encode(digest);
    let other = "0".repeat(64);
    assert_eq!(
        code(&replaced("manifest.json", &digest, &other)),
        "image.layout"
    );
    let config = r#""Config":"blobs"#;
    let twice = replaced("manifest.json", config, r#""config":"x","Config":"blobs"#);
    assert_eq!(code(&twice), "image.layout");
    let index = replaced(
        "index.json",
        r#""manifests""#,
        r#""Manifests":[],"manifests""#,
    );
    assert_eq!(code(&index), "image.layout");

    // Without it docker goes by the index too; in its place there may be no link.
    let mut without = with_document(&good, "manifest.json", |_| None);
    open(&without).unwrap();
    without.truncate(without.len() - 1024);
    let mut link = tar::Header::new_ustar();
    link.set_path("manifest.json").unwrap();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_link_name("index.json").unwrap();
    link.set_mode(0o777);
    link.set_size(0);
    link.set_cksum();
    without.extend(link.as_bytes());
    assert_eq!(code(&without), "image.member");
}

#[test]
fn a_flipped_byte_of_a_package_is_refused() {
    let folder = image();
    let good = archive(&plan(folder.path()));
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("tar");
    for at in (0..good.len()).step_by(61) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        // Fields of headers that nobody reads, and what fills blocks, may be anything.
        if let Ok(image) = image::open(&path) {
            let mut stream = Vec::new();
            let reader = image.reader("enclave/worker.sgxs");
            reader.unwrap().read_to_end(&mut stream).unwrap();
            let original = fs::read(folder.path().join("enclave/worker.sgxs"));
            assert_eq!(stream, original.unwrap(), "byte {at}");
        }
    }
}
