//! `vrf.json`, `vrf_bound.json`, `vrf_not_unique.json`: outputs and proofs of the VRF, in both forms.

use aws_lc_rs::agreement;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, SHA512, digest};
use serde_json::Value;
use transparency::vrf::{self, Output, Proof, PublicKey, SecretKey, Suite};

use super::{Cases, Verdict, ensure, hex_bytes, text};

/// Proofs as they were before June 2017.
pub(crate) fn plain(file: &Value, cases: &mut Cases<'_>) {
    cases.each(file, "h2", |case| {
        let number = vrf::hash_to_number(&hex_bytes(case, "in_hex")?);
        ensure!(
            number[..] == hex_bytes(case, "scalar")?,
            "another number: {}",
            hex::encode(number)
        );
        Ok(vec!["the number".into()])
    });
    keys(file, cases, Suite::Plain);
    let negative = &file["negative"];
    cases.each(negative, "good", |case| {
        verifies(&public_key(negative)?, Suite::Plain, case)
    });
    cases.each(negative, "cases", |case| {
        refused(&public_key(negative)?, Suite::Plain, case)
    });
}

/// Proofs as they are.
pub(crate) fn bound(file: &Value, cases: &mut Cases<'_>) {
    keys(file, cases, Suite::Bound);
}

/// Second outputs for one user: the plain form takes them, the bound one does not.
pub(crate) fn not_unique(file: &Value, cases: &mut Cases<'_>) {
    cases.each(file, "cases", |case| {
        let key = public_key(file)?;
        let mut checked = refused(&key, Suite::Bound, case)?;
        verifies(&key, Suite::Plain, case)?;
        checked.push("the plain form, for tests only, takes it".into());
        let secret = secret_key(file)?;
        let (output, proof) = prove(&secret, Suite::Bound, &hex_bytes(case, "m_hex")?)?;
        ensure!(
            output.as_bytes()[..] == hex_bytes(case, "true_vrf")?,
            "another output"
        );
        key.verify(hex_bytes(case, "m_hex")?, &output, &proof)
            .map_err(|fault| fault.to_string())?;
        checked.push("the true output, and its proof".into());
        Ok(checked)
    });
}

fn keys(file: &Value, cases: &mut Cases<'_>, suite: Suite) {
    let keys = file["keys"].as_array().map(Vec::as_slice);
    for (number, key) in keys.unwrap_or_default().iter().enumerate() {
        cases.tell(&format!("keys: key {number}"), pair(key));
        let vectors = key["vectors"].as_array().map(Vec::as_slice);
        for (at, case) in vectors.unwrap_or_default().iter().enumerate() {
            cases.tell(
                &format!("keys: key {number}: vectors: case {at}"),
                vector(key, suite, case),
            );
        }
    }
}

fn pair(key: &Value) -> Verdict {
    let (secret, public) = (secret_key(key)?, public_key(key)?);
    ensure!(*secret.public_key() == public, "they are no pair");
    let pem = public.to_pem().map_err(|fault| fault.to_string())?;
    ensure!(pem == text(key, "public_key_pem")?, "another PEM: {pem}");
    let again = secret.to_pem().map_err(|fault| fault.to_string())?;
    let again = SecretKey::from_pem(&again).map_err(|fault| fault.to_string())?;
    ensure!(*again.public_key() == public, "another key after writing");
    Ok(vec!["a pair".into(), "the PEM".into()])
}

fn vector(key: &Value, suite: Suite, case: &Value) -> Verdict {
    let mut checked = verifies(&public_key(key)?, suite, case)?;
    let user = hex_bytes(case, "m_hex")?;
    if case["h1_x"].is_string() {
        checked.extend(hashed(case, &user)?);
    }
    let secret = secret_key(key)?;
    let output = secret.evaluate(&user).map_err(|fault| fault.to_string())?;
    ensure!(
        output.as_bytes()[..] == hex_bytes(case, "vrf")?,
        "another output"
    );
    ensure!(
        output.as_bytes()[1..33] == multiplied(key, &user)?,
        "another multiple"
    );
    let (again, proof) = prove(&secret, suite, &user)?;
    ensure!(again == output, "another output beside the proof");
    let index = public_key(key)?.verify_as(suite, &user, &output, &proof);
    let index = index.map_err(|fault| format!("our own proof: {fault}"))?;
    ensure!(
        digest(&SHA256, output.as_bytes()).as_ref() == index.as_bytes(),
        "another index"
    );
    ensure!(prove(&secret, suite, &user)?.1 == proof, "another proof");
    checked.extend(["the output, twice".into(), "our own proof".into()]);
    Ok(checked)
}

/// The hashed user id, and that its x-coordinate is the hash under the counter that is said.
fn hashed(case: &Value, user: &[u8]) -> Verdict {
    let point = vrf::hash_to_point(user).map_err(|fault| fault.to_string())?;
    let wanted = [vec![4], hex_bytes(case, "h1_x")?, hex_bytes(case, "h1_y")?];
    ensure!(point[..] == wanted.concat(), "another point");
    let counter = case["h1_counter"].as_u64().ok_or("no counter")?;
    let counter = u32::try_from(counter).map_err(|fault| fault.to_string())?;
    let x = digest(&SHA512, &[&counter.to_be_bytes(), user].concat());
    ensure!(x.as_ref()[..32] == point[1..33], "another counter");
    Ok(vec!["the hashed id".into()])
}

/// The output's x-coordinate by another library: what a key agreement with the hashed user id gives.
fn multiplied(key: &Value, user: &[u8]) -> Result<Vec<u8>, String> {
    let body = text(key, "private_key_pem")?
        .lines()
        .filter(|line| !line.starts_with("-----"));
    let der = STANDARD.decode(body.collect::<String>());
    let der = der.map_err(|fault| fault.to_string())?;
    let secret = agreement::PrivateKey::from_private_key_der(&agreement::ECDH_P256, &der);
    let secret = secret.map_err(|fault| fault.to_string())?;
    let point = vrf::hash_to_point(user).map_err(|fault| fault.to_string())?;
    let point = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, point);
    let failed = "the other library agrees on nothing".to_owned();
    agreement::agree(&secret, point, failed, |x| Ok(x.to_vec()))
}

fn verifies(key: &PublicKey, suite: Suite, case: &Value) -> Verdict {
    let (output, proof) = parts(case).map_err(|fault| fault.to_string())?;
    let index = key.verify_as(suite, hex_bytes(case, "m_hex")?, &output, &proof);
    let index = index.map_err(|fault| fault.to_string())?;
    if case["index"].is_string() {
        ensure!(
            index.as_bytes()[..] == hex_bytes(case, "index")?,
            "another index: {index}"
        );
    }
    Ok(vec!["it is proven".into()])
}

fn refused(key: &PublicKey, suite: Suite, case: &Value) -> Verdict {
    ensure!(case["want"] == "reject", "it is to be taken");
    let user = hex_bytes(case, "m_hex")?;
    let verdict =
        parts(case).and_then(|(output, proof)| key.verify_as(suite, &user, &output, &proof));
    let fault = verdict.err().ok_or("it is taken")?;
    ensure!(fault.code() == "kt.vrf", "another code: {}", fault.code());
    Ok(vec![format!("refused: {fault}")])
}

fn parts(case: &Value) -> Result<(Output, Proof), vrf::Error> {
    let bytes = |name| hex_bytes(case, name).unwrap_or_default();
    Ok((
        Output::from_slice(&bytes("vrf"))?,
        Proof::from_slice(&bytes("proof"))?,
    ))
}

fn prove(secret: &SecretKey, suite: Suite, user: &[u8]) -> Result<(Output, Proof), String> {
    secret
        .prove_as(suite, user)
        .map_err(|fault| fault.to_string())
}

fn secret_key(value: &Value) -> Result<SecretKey, String> {
    SecretKey::from_pem(text(value, "private_key_pem")?).map_err(|fault| fault.to_string())
}

fn public_key(value: &Value) -> Result<PublicKey, String> {
    PublicKey::from_pem(text(value, "public_key_pem")?).map_err(|fault| fault.to_string())
}
