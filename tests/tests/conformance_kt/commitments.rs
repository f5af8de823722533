//! `commitments.json`: what opens a commitment, in both forms, and what does not.

use serde_json::Value;
use transparency::commitment;
use transparency::messages::Committed;

use super::{Cases, Verdict, bytes, ensure, text};

pub(crate) fn check(file: &Value, cases: &mut Cases<'_>) {
    cases.each(file, "fixed_key_form_since_2016_10_27", |case| {
        let mut checked = opens(case, true)?;
        checked.extend(is_made(case)?);
        Ok(checked)
    });
    cases.each(file, "keyed_form_until_2016_10_27", |case| {
        opens(case, true)
    });
    cases.each(file, "negative_fixed_key_form", |case| opens(case, false));
}

fn opens(case: &Value, wanted: bool) -> Verdict {
    let committed = Committed {
        key: bytes(case, "key")?,
        data: bytes(case, "data")?,
    };
    let commitment = bytes(case, "commitment")?;
    let opens = commitment::opens(&commitment, text(case, "user_id")?, &committed);
    // Nonces of other lengths are refused here, whatever they would open.
    let wanted = wanted && committed.key.len() == commitment::NONCE;
    ensure!(opens == wanted, "it opens: {opens}");
    Ok(vec![format!("it opens: {opens}")])
}

fn is_made(case: &Value) -> Verdict {
    let Ok(nonce) = bytes(case, "key")?.try_into() else {
        return Ok(vec!["its nonce is not made here".to_owned()]);
    };
    let made = commitment::commit(text(case, "user_id")?, &nonce, &bytes(case, "data")?);
    ensure!(made[..] == bytes(case, "commitment")?, "another is made");
    Ok(vec!["the same is made".to_owned()])
}
