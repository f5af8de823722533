//! Streams and signatures against another implementation of the same formats, the crate `sgxs`: it
//! reads the same pages, measures the same and makes the same SIGSTRUCT. What it is laxer about
//! stands in the outside vectors.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256, digest};
use sconce_tests::{image, vectors};
use sgx::sgxs::{Chunks, Page, PageReader, Parameters, Summary, Writer};
use sgx::sigstruct::{Body, Date, KEY_SIZE, Sigstruct, VerifiedSigstruct};
use sgx::{PAGE_SIZE, Permissions, SecInfo, Tcs};
use sgxs::crypto::{Hash, SgxHashOps, SgxRsaOps};
use sgxs::sgxs as peer;
use sgxs::sigstruct::{AttributesFlags, EnclaveHash, Miscselect, Signer};

#[test]
fn agrees_on_the_image_of_the_worker() {
    let image = image::worker();
    let stream = image.folder.join(format!("enclave/{}.sgxs", image.name));
    let summary = same_pages(&stream);
    assert!(summary.tcs > 0 && summary.measured > 1000);
    println!("{}: sim:mrenclave:{}", stream.display(), summary.mrenclave);

    let file = fs::read(stream.with_extension("sig")).unwrap();
    let signed = Sigstruct::parse(&file).unwrap().verify().unwrap();
    assert_eq!(signed.body().mrenclave, summary.mrenclave);
    same_sigstruct(&signed);
}

#[test]
fn agrees_on_every_good_stream_among_the_vectors() {
    let Some(folder) = vectors::folder("sgx") else {
        return;
    };
    let mut streams = 0;
    for entry in fs::read_dir(folder.join("sgxs")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        if read(&bytes).is_some() {
            same_pages(&path);
            streams += 1;
        }
    }
    assert!(streams > 0, "none is canonical");
}

#[test]
fn agrees_on_pages_of_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.sgxs");
    fs::write(&path, every_kind()).unwrap();
    let summary = same_pages(&path);
    let counts = (
        summary.measured,
        summary.partly_measured,
        summary.unmeasured,
    );
    assert_eq!((counts, summary.tcs), ((2, 1, 2), 1));
}

#[test]
fn agrees_on_signatures() {
    let mut folders = vec![vectors::checkout().join("sgx/tests/data")];
    folders.extend(vectors::folder("sgx").map(|folder| folder.join("sigstruct")));
    let mut signatures = 0;
    for entry in folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
    {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let sigstruct = Sigstruct::parse(&bytes).ok();
        if let Some(signed) = sigstruct.and_then(|sigstruct| sigstruct.verify().ok()) {
            same_sigstruct(&signed);
            signatures += 1;
        }
    }
    assert!(signatures > 0, "none holds");
}

/// A stream with a page of each kind that there is.
fn every_kind() -> Vec<u8> {
    let parameters = Parameters {
        ssa_frame_size: 2,
        size: 0x1_0000,
    };
    let (mut writer, begin) = Writer::create(parameters).unwrap();
    let mut stream = begin.to_vec();
    let [code, data] = [Permissions::RX, Permissions::RW].map(SecInfo::reg);
    let tcs = Tcs {
        aex_notify: false,
        ssa: 0x5000,
        ssa_frames: 2,
        entry: 0,
        fs_base: 0x3000,
        gs_base: 0x3000,
        fs_limit: Tcs::LIMIT,
        gs_limit: Tcs::LIMIT,
        cet_ssa: 0,
        previous_ssp: 0,
    };
    let mut put = |bytes: &[u8]| stream.extend_from_slice(bytes);
    put(writer.page(0, code, &[0x90; PAGE_SIZE]).unwrap());
    put(writer.add(0x1000, data).unwrap());
    put(writer.add(0x2000, data).unwrap());
    put(writer.load(0x2000, &[1; 256]).unwrap());
    put(writer.load(0x2f00, &[2; 256]).unwrap());
    put(writer.add(0x3000, data).unwrap());
    put(writer.extend(0x3100, &[3; 256]).unwrap());
    put(writer.load(0x3200, &[4; 256]).unwrap());
    put(writer.extend(0x3f00, &[5; 256]).unwrap());
    put(writer.page(0x4000, SecInfo::TCS, &tcs.to_page()).unwrap());
    stream
}

/// Both read the same pages, and measure the same.
fn same_pages(path: &Path) -> Summary {
    let bytes = fs::read(path).unwrap();
    let (pages, summary) = read(&bytes).expect("canonical");

    let mut file = BufReader::new(File::open(path).unwrap());
    let hash = EnclaveHash::from_stream::<_, Hasher>(&mut file).unwrap();
    assert_eq!(hash.hash(), summary.mrenclave.0, "{}", path.display());

    let mut file = BufReader::new(File::open(path).unwrap());
    let (create, mut reader) = peer::PageReader::new(&mut file).unwrap();
    assert!(create.sized);
    let peer::MeasECreate { ssaframesize, size } = create.ecreate;
    let parameters = Parameters {
        ssa_frame_size: ssaframesize,
        size,
    };
    assert_eq!(parameters, summary.parameters);
    for page in &pages {
        let (add, measured, content) = reader.read_page().unwrap().expect("a page more");
        assert_eq!(add.offset, page.offset);
        assert_eq!(add.secinfo.flags.bits(), page.info.flags());
        assert_eq!(Chunks(measured.0), page.measured, "{:x}", page.offset);
        assert!(content == *page.content, "{:x}", page.offset);
    }
    assert!(reader.read_page().unwrap().is_none(), "a page too many");
    summary
}

fn read(stream: &[u8]) -> Option<(Vec<Page>, Summary)> {
    let mut reader = PageReader::new();
    let mut pages = Vec::new();
    let mut rest = stream;
    while let Some(page) = reader.next(&mut rest).ok()? {
        pages.push(page);
    }
    let (last, summary) = reader.finish().ok()?;
    pages.extend(last);
    Some((pages, summary))
}

/// Its structure of the same fields has the same 1808 bytes, and it finds that the signature is one
/// of the same key.
fn same_sigstruct(ours: &VerifiedSigstruct) {
    let (body, bytes) = (ours.body(), ours.as_bytes());
    let mut theirs = signer(body).unsigned_sig();
    theirs.vendor = body.vendor;
    theirs.cet_attributes = body.cet_attributes;
    theirs.cet_attributes_mask = body.cet_attributes_mask;
    theirs.isvfamilyid = body.family_id;
    theirs.modulus = ours.key().modulus_le();
    theirs.signature.copy_from_slice(&bytes[516..900]);
    theirs.q1.copy_from_slice(&bytes[1040..1424]);
    theirs.q2.copy_from_slice(&bytes[1424..]);
    assert!(AsRef::<[u8]>::as_ref(&theirs) == bytes, "other bytes");
    let verified = sgxs::sigstruct::verify::<_, Hasher>(&theirs, &Key(ours));
    assert!(verified.is_ok(), "it does not verify");
}

/// The fields that it knows; the others it leaves zero.
fn signer(body: &Body) -> Signer {
    let mut signer = Signer::new(EnclaveHash::new(body.mrenclave.0));
    let [year, month, day] = digits(body.date);
    let flags = AttributesFlags::from_bits_truncate(body.attributes.flags);
    assert_eq!(flags.bits(), body.attributes.flags);
    let miscselect = Miscselect::from_bits_truncate(body.miscselect.0);
    signer
        .date(year, month as u8, day as u8)
        .swdefined(body.software_defined)
        .isvextprodid(body.extended_product_id)
        .isvprodid(body.product_id)
        .isvsvn(body.security_version)
        .miscselect(miscselect, body.miscselect_mask.0)
        .attributes_flags(flags, body.attributes_mask.flags)
        .attributes_xfrm(body.attributes.xfrm, body.attributes_mask.xfrm);
    signer
}

fn digits(date: Date) -> [u16; 3] {
    let text = date.to_string();
    let mut parts = text.split('-').map(|part| part.parse().unwrap());
    [(); 3].map(|()| parts.next().unwrap())
}

struct Hasher(Context);

impl SgxHashOps for Hasher {
    fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finish(self) -> Hash {
        self.0.finish().as_ref().try_into().unwrap()
    }
}

/// Whose key signed a SIGSTRUCT. It can look at that signature alone.
struct Key<'a>(&'a VerifiedSigstruct);

#[derive(Debug)]
struct NotSigned;

impl std::fmt::Display for NotSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this was not signed")
    }
}

impl std::error::Error for NotSigned {}

impl SgxRsaOps for Key<'_> {
    type Error = NotSigned;

    fn len(&self) -> usize {
        self.n().len() * 8
    }

    fn sign_sha256_pkcs1v1_5_with_q1_q2<H: AsRef<[u8]>>(
        &self,
        _: H,
    ) -> Result<(Vec<u8>, Vec<u8>, Vec<u8>), NotSigned> {
        Err(NotSigned)
    }

    fn verify_sha256_pkcs1v1_5<S: AsRef<[u8]>, H: AsRef<[u8]>>(
        &self,
        signature: S,
        hash: H,
    ) -> Result<(), NotSigned> {
        let message = self.0.body().to_be_signed();
        let mut signature: [u8; KEY_SIZE] = signature.as_ref().try_into().unwrap();
        signature.reverse();
        let same = digest(&SHA256, &message).as_ref() == hash.as_ref();
        if same && self.0.key().verifies(&message, &signature) {
            Ok(())
        } else {
            Err(NotSigned)
        }
    }

    fn e(&self) -> Vec<u8> {
        vec![3]
    }

    fn n(&self) -> Vec<u8> {
        self.0.key().modulus_le().to_vec()
    }
}
