//! The options of `sgxs-sign` with which a SIGSTRUCT was made, as the signed fields that they mean.

use serde_json::Value;
use sgx::sigstruct::{Body, Date};
use sgx::{Attributes, Miscselect, Mrenclave, flags, xfrm};

/// What that program signs without options, for an enclave and a date.
fn defaults(mrenclave: Mrenclave, date: Date) -> Body {
    let unmasked = Attributes {
        flags: flags::DEBUG,
        xfrm: xfrm::LEGACY,
    };
    Body {
        cet_attributes_mask: 0,
        attributes_mask: !unmasked,
        ..Body::strict(mrenclave, date)
    }
}

/// The body that was signed with these options.
pub(crate) fn body(options: &Value, mrenclave: Mrenclave, date: Date) -> Result<Body, String> {
    let mut body = defaults(mrenclave, date);
    let words = options.as_array().ok_or("no options")?;
    let mut words = words.iter().filter_map(Value::as_str);
    let mut debug = false;
    while let Some(option) = words.next() {
        if matches!(option, "-d" | "--debug") {
            debug = true;
            continue;
        }
        let value = words
            .next()
            .ok_or_else(|| format!("{option} has no value"))?;
        match option {
            "-p" | "--isvprodid" => body.product_id = narrow(number(value)?)?,
            "-v" | "--isvsvn" => body.security_version = narrow(number(value)?)?,
            "-s" | "--swdefined" => body.software_defined = narrow(number(value)?)?,
            "-m" | "--miscselect" => {
                let (value, unmasked) = pair(value)?;
                body.miscselect = Miscselect(narrow(value)?);
                body.miscselect_mask = Miscselect(!narrow::<u32>(unmasked)?);
            }
            "-x" | "--xfrm" => {
                let (value, unmasked) = pair(value)?;
                (body.attributes.xfrm, body.attributes_mask.xfrm) = (value, !unmasked);
            }
            "-a" | "--attributes" => {
                let (value, unmasked) = pair(value)?;
                (body.attributes.flags, body.attributes_mask.flags) = (value, !unmasked);
            }
            other => return Err(format!("nobody here knows the option {other}")),
        }
    }
    if debug {
        body.attributes.flags |= flags::DEBUG;
    }
    Ok(body)
}

/// A value, and the bits that the mask leaves out.
fn pair(text: &str) -> Result<(u64, u64), String> {
    let (value, unmasked) = text
        .split_once('/')
        .ok_or_else(|| format!("{text} has no mask"))?;
    Ok((number(value)?, number(unmasked)?))
}

/// Decimal, or hex with `0x`.
fn number(text: &str) -> Result<u64, String> {
    let read = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    read.map_err(|fault| format!("{text}: {fault}"))
}

fn narrow<N: TryFrom<u64>>(number: u64) -> Result<N, String> {
    number
        .try_into()
        .map_err(|_| format!("{number} has too many bits"))
}
