//! SIGSTRUCTs: read, verified, and made again byte for byte with the vectors' key; or refused for
//! the reasons that the vector states.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sgx::sgxs::PageReader;
use sgx::sigstruct::{Body, Date, Fault, Launch, PublicKey, Sigstruct, VerifiedSigstruct};
use sgx::{Mrenclave, flags};

use crate::{Suite, Verdict, command, ensure, options, sha256, text};

/// One SIGSTRUCT.
pub(crate) fn check(suite: &Suite, vector: &Value) -> Verdict {
    let bytes = suite.file(vector, "file")?;
    let expected = text(vector, "expect")?;
    let sigstruct = match Sigstruct::parse(&bytes) {
        Ok(sigstruct) => sigstruct,
        Err(error) if expected == "invalid" => return Ok(vec![format!("refused: {error}")]),
        Err(error) => return Err(error.to_string()),
    };
    ensure!(sigstruct.as_bytes()[..] == bytes[..], "other bytes");
    match (expected, sigstruct.verify()) {
        ("valid", Ok(verified)) => valid(suite, vector, &verified),
        ("valid", Err(faults)) => Err(faults.to_string()),
        ("invalid", Ok(_)) => Err("accepted".into()),
        ("invalid", Err(faults)) => {
            let found: Vec<Fault> = faults.iter().collect();
            same_reasons(&found, &vector["errors"])?;
            Ok(vec![format!("refused: {faults}")])
        }
        (other, _) => Err(format!("nobody here knows the expectation `{other}`")),
    }
}

/// What is found must be what is stated; a modulus or vendor that cannot be is more than others
/// look at.
fn same_reasons(found: &[Fault], stated: &Value) -> Result<(), String> {
    let stated = stated.as_array().ok_or("no errors are stated")?;
    let stated: BTreeSet<&str> = stated.iter().filter_map(Value::as_str).collect();
    let ours: BTreeSet<String> = found
        .iter()
        .filter(|fault| !matches!(fault, Fault::Modulus | Fault::Vendor))
        .map(Fault::to_string)
        .collect();
    let ours: BTreeSet<&str> = ours.iter().map(String::as_str).collect();
    ensure!(ours == stated, "refused for {ours:?}, not {stated:?}");
    Ok(())
}

fn valid(suite: &Suite, vector: &Value, verified: &VerifiedSigstruct) -> Verdict {
    let body = verified.body();
    same_fields(verified, &vector["fields"])?;
    let mut checked = vec![format!("mrsigner {}", verified.mrsigner())];
    if let Some(wanted) = vector["sha256"].as_str() {
        ensure!(sha256(verified.as_bytes()) == wanted, "the file is another");
    }
    if !vector["stream"].is_null() {
        let mrenclave = measure(&suite.file(vector, "stream")?)?;
        launches(verified, mrenclave)?;
        checked.push("launches its stream and no other".into());
        let date = body.date.to_string();
        let date: Date = date.parse().map_err(|_| format!("the date {date}"))?;
        let body = options::body(&vector["sgxs_sign_options"], mrenclave, date)?;
        let again = sign(suite, &body, verified.key())?;
        ensure!(again.as_bytes() == verified.as_bytes(), "made otherwise");
        let files = (&*suite.path(vector, "stream")?, &*key_file(suite)?);
        let options = &vector["sgxs_sign_options"];
        command::signs(files, options, date, verified.as_bytes())?;
        checked.push("made again with its options byte for byte, by the command too".into());
    }
    checked.push(if body.allows_debug() {
        "allows debugging".into()
    } else {
        "covers DEBUG".into()
    });
    Ok(checked)
}

/// The decoded fields that the vector has.
fn same_fields(verified: &VerifiedSigstruct, wanted: &Value) -> Result<(), String> {
    let body = verified.body();
    let fields = json!({
        "vendor": body.vendor,
        "date": format!("{:08x}", body.date.bcd()),
        "swdefined": body.software_defined,
        "exponent": 3,
        "miscselect": body.miscselect.0,
        "miscmask": body.miscselect_mask.0,
        "cet_attributes": body.cet_attributes,
        "cet_attributes_mask": body.cet_attributes_mask,
        "isvfamilyid": hex::encode(body.family_id),
        "attributes_flags": body.attributes.flags,
        "attributes_xfrm": body.attributes.xfrm,
        "attributemask_flags": body.attributes_mask.flags,
        "attributemask_xfrm": body.attributes_mask.xfrm,
        "enclavehash": body.mrenclave.to_string(),
        "isvextprodid": hex::encode(body.extended_product_id),
        "isvprodid": body.product_id,
        "isvsvn": body.security_version,
        "mrsigner": verified.mrsigner().to_string(),
        "errors": [],
    });
    let wanted = wanted.as_object().ok_or("no fields")?;
    for (name, value) in wanted {
        ensure!(
            fields[name] == *value,
            "{name}: {}, not {value}",
            fields[name]
        );
    }
    Ok(())
}

/// EINIT takes what was signed, and nothing else.
fn launches(verified: &VerifiedSigstruct, mrenclave: Mrenclave) -> Result<(), String> {
    let signed = verified.body();
    let enclave = Launch {
        mrenclave,
        attributes: signed.attributes,
        miscselect: signed.miscselect,
        cet_attributes: signed.cet_attributes,
    };
    let launched = verified.launch(&enclave);
    launched.map_err(|refusal| refusal.to_string())?;
    let mut other = enclave;
    other.mrenclave.0[31] ^= 1;
    ensure!(verified.launch(&other).is_err(), "launches another stream");
    let mut other = enclave;
    other.attributes.flags ^= flags::DEBUG;
    let covered = signed.attributes_mask.flags & flags::DEBUG != 0;
    ensure!(verified.launch(&other).is_err() == covered, "the mask");
    Ok(())
}

fn measure(stream: &[u8]) -> Result<Mrenclave, String> {
    let mut reader = PageReader::new();
    let mut rest = stream;
    while reader.next(&mut rest).map_err(|e| e.to_string())?.is_some() {}
    let (_, summary) = reader.finish().map_err(|e| e.to_string())?;
    Ok(summary.mrenclave)
}

/// Signs with the vectors' private key, which is good for nothing else; the public half is the one
/// that the vector has.
fn sign(suite: &Suite, body: &Body, public: &PublicKey) -> Result<VerifiedSigstruct, String> {
    let key = key(suite)?;
    let pair = RsaKeyPair::from_der(&key).or_else(|_| RsaKeyPair::from_pkcs8(&key));
    let pair = pair.map_err(|fault| format!("the key: {fault}"))?;
    let mut signature = [0; 384];
    let message = body.to_be_signed();
    let random = SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature)
        .map_err(|_| "the key does not sign")?;
    Sigstruct::assemble(body, public, &signature).map_err(|faults| faults.to_string())
}

/// The one PEM file beside the SIGSTRUCTs.
fn key_file(suite: &Suite) -> Result<PathBuf, String> {
    let files = fs::read_dir(suite.folder.join("sigstruct")).map_err(|e| e.to_string())?;
    files
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "pem"))
        .ok_or_else(|| "no key beside the SIGSTRUCTs".to_owned())
}

/// What is in it, as DER.
fn key(suite: &Suite) -> Result<Vec<u8>, String> {
    let text = fs::read_to_string(key_file(suite)?).map_err(|e| e.to_string())?;
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).map_err(|e| e.to_string())
}
