//! The checks, one function each. A check that has nothing to look at is left out, unless an image
//! must have it.

use std::io::Read as _;

use sgx::sigstruct::{Body, Date, Launch, VerifiedSigstruct};
use sgx::{Digest, Kind, flags};

use super::{Check, Expected};
use crate::elf::Program;
use crate::files::Files;
use crate::inspect::mrsigner;
use crate::layout::Layout;
use crate::manifest::{Manifest, Parameters};
use crate::reading::{Beside, Reading};
use crate::terminal::Terminal;
use crate::{Fault as _, image, sign, stream};

/// What a check found, if it passed; why it failed, if it did.
type Outcome = Result<String, String>;

pub(super) fn all(
    reading: &Reading,
    expected: &Expected,
    terminal: &Terminal,
) -> Result<Vec<Check>, crate::Error> {
    let mut checks = Vec::new();
    let mut add = |name, outcome: Outcome| {
        let passed = outcome.is_ok();
        let found = outcome.unwrap_or_else(|why| why);
        checks.push(Check {
            name,
            passed,
            found,
        });
    };
    add("stream", Ok(stream_found(reading)));
    if let Some(wanted) = expected.mrenclave {
        let found = reading.summary.mrenclave;
        let is = |digest| Digest::Mrenclave(Kind::Sim, digest);
        add(
            "measurement",
            expect(wanted == found, "is the expected one", || {
                format!("it is not {}", is(wanted))
            }),
        );
    }
    let enclave = enclave(reading);
    add("manifest", manifest(reading, &enclave));
    if let Ok((manifest, program)) = &enclave {
        add("layout", layout(reading, manifest, program));
        if manifest.table.is_some() {
            add("workloads", workloads(reading));
        }
    }
    let Some(beside) = &reading.beside else {
        // Whoever asks about a signature must not take silence for a yes.
        let unsigned = || Err("a stream alone has no signature: name the image".to_owned());
        if expected.mrsigner.is_some() {
            add("signer", unsigned());
        }
        if expected.release {
            add("release", unsigned());
        }
        return Ok(checks);
    };
    if let Ok((manifest, program)) = &enclave {
        add("program", rebuilt(beside, program)?);
        add("parameters", parameters(beside, manifest));
    }
    let signed = signature(reading, beside);
    add(
        "signature",
        signed.as_ref().map(signed_words).map_err(Clone::clone),
    );
    if let (Ok(signed), Ok((manifest, _))) = (&signed, &enclave) {
        add("attributes", attributes(signed.body(), manifest));
    }
    if let Some(wanted) = expected.mrsigner {
        let found = beside.sigstruct.as_ref().map(mrsigner);
        let wanted = Digest::Mrsigner(Kind::Sim, wanted);
        add(
            "signer",
            expect(
                found == Some(wanted),
                "is the expected one",
                || match found {
                    Some(found) => format!("it is {found}, not {wanted}"),
                    None => "the image is not signed".to_owned(),
                },
            ),
        );
    }
    if expected.release {
        add("release", release(beside));
    }
    if let Some(outcome) = files(reading, terminal)? {
        add("files", outcome);
    }
    add("members", members(beside));
    Ok(checks)
}

fn expect(holds: bool, passed: &str, failed: impl FnOnce() -> String) -> Outcome {
    if holds {
        Ok(passed.to_owned())
    } else {
        Err(failed())
    }
}

fn stream_found(reading: &Reading) -> String {
    let summary = &reading.summary;
    format!(
        "canonical: {} pages, the bytes of {} of them measured",
        summary.pages, summary.measured
    )
}

/// What the measured pages must hold to be more than a page map.
fn enclave(reading: &Reading) -> Result<(&Manifest, &Program), String> {
    match (&reading.manifest, &reading.program) {
        (Some(manifest), Some(program)) => Ok((manifest, program)),
        (_, None) => Err("the measured pages hold no program".to_owned()),
        (None, _) => Err("the measured pages hold no enclave's manifest".to_owned()),
    }
}

fn manifest(reading: &Reading, enclave: &Result<(&Manifest, &Program), String>) -> Outcome {
    match enclave {
        Ok((manifest, _)) => Ok(format!(
            "the measured pages say what `{}` was made with",
            manifest.name
        )),
        Err(why) => Err(reading.faults.first().unwrap_or(why).clone()),
    }
}

/// Every page is where and what its manifest and its program ask for.
fn layout(reading: &Reading, manifest: &Manifest, program: &Program) -> Outcome {
    let no_enclave = |error| format!("its manifest makes no enclave: {error}");
    let layout = Layout::again(manifest, program).map_err(no_enclave)?;
    if let Some(what) = layout.contradiction(manifest) {
        return Err(format!("its manifest says {what}"));
    }
    // Measuring costs what the manifest asks for, which may be far more than there is. And what is
    // loaded without being measured makes a stream longer, and its measurement no other.
    let (asked, found) = (layout.stream_length(), reading.summary.bytes);
    if asked != found {
        return Err(format!(
            "program and manifest make a stream of {asked} bytes, and it has {found}"
        ));
    }
    let again = stream::measure(&layout, program).map_err(no_enclave)?;
    expect(
        again.mrenclave == reading.summary.mrenclave,
        "every page is the one that program and manifest ask for",
        || {
            format!(
                "program and manifest make {}: other pages stand in the stream",
                again.digest()
            )
        },
    )
}

fn workloads(reading: &Reading) -> Outcome {
    match &reading.workloads {
        Some(workloads) => Ok(format!("{} in the measured pages", workloads.len())),
        None => Err(reading
            .faults
            .first()
            .cloned()
            .unwrap_or_else(|| "there is no table of them".to_owned())),
    }
}

/// The program that would run is the one that was measured.
fn rebuilt(beside: &Beside, program: &Program) -> Result<Outcome, crate::Error> {
    let name = &beside.program;
    if beside.image.member(name).is_none() {
        return Ok(Err(format!("the image has no `{name}`")));
    }
    let mut rebuilt = Vec::with_capacity(program.rebuilt_length() as usize);
    let cannot = |source| crate::Error::io("read", beside.image.path().join(name))(source);
    program.write_rebuilt(&mut rebuilt).map_err(cannot)?;
    let mut reader = beside.image.reader(name)?;
    if reader.len() != rebuilt.len() as u64 {
        return Ok(Err(format!(
            "`{name}` has {} bytes, and {} are measured",
            reader.len(),
            rebuilt.len()
        )));
    }
    let mut block = vec![0; 1 << 16];
    for (number, measured) in rebuilt.chunks(block.len()).enumerate() {
        let found = &mut block[..measured.len()];
        reader.read_exact(found).map_err(cannot)?;
        if let Some(at) = found.iter().zip(measured).position(|(a, b)| a != b) {
            let offset = number * (1 << 16) + at;
            return Ok(Err(format!(
                "`{name}` differs from the measured pages, first at byte 0x{offset:x}"
            )));
        }
    }
    Ok(Ok(format!("`{name}` is the measured pages, byte for byte")))
}

fn parameters(beside: &Beside, manifest: &Manifest) -> Outcome {
    let Some(config) = &beside.config else {
        return Err(fault_of(beside, image::CONFIG));
    };
    expect(
        Parameters::of(config) == manifest.parameters && config.name == manifest.name,
        "enclave/enclave.toml says what was measured",
        || "enclave/enclave.toml says something else than what was measured".to_owned(),
    )
}

fn signature(reading: &Reading, beside: &Beside) -> Result<VerifiedSigstruct, String> {
    let Some(sigstruct) = &beside.sigstruct else {
        return Err(fault_of(beside, &image::signature(&beside.program)));
    };
    let signed = sigstruct.verify().map_err(|faults| faults.to_string())?;
    let body = signed.body();
    // The rest of what EINIT compares is the launcher's to choose: it has to choose what was signed.
    let launch = Launch {
        mrenclave: reading.summary.mrenclave,
        attributes: body.attributes,
        miscselect: body.miscselect,
        cet_attributes: body.cet_attributes,
    };
    match signed.launch(&launch) {
        Ok(()) => Ok(signed),
        Err(refusal) => Err(refusal.to_string()),
    }
}

fn signed_words(signed: &VerifiedSigstruct) -> String {
    let body = signed.body();
    let debug = if body.allows_debug() {
        "; DEBUG is allowed"
    } else {
        ""
    };
    let signer = Digest::Mrsigner(Kind::Sim, signed.mrsigner());
    format!("{signer}, dated {}{debug}", body.date)
}

/// What was signed is what `enclave.toml` asks for; DEBUG alone is the flavour's.
fn attributes(body: &Body, manifest: &Manifest) -> Outcome {
    let config = manifest
        .config()
        .map_err(|error| format!("the manifest's parameters can't be: {error}"))?;
    let mut signed = body.attributes;
    signed.flags &= !flags::DEBUG;
    let pairs = [
        ("ATTRIBUTES", signed == config.attributes.attributes()),
        (
            "MISCSELECT",
            body.miscselect == config.attributes.miscselect(),
        ),
        ("ISVPRODID", body.product_id == config.product_id),
        ("ISVSVN", body.security_version == config.security_version),
    ];
    let wrong: Vec<_> = pairs
        .into_iter()
        .filter(|(_, same)| !same)
        .map(|(name, _)| name)
        .collect();
    expect(
        wrong.is_empty(),
        "what is signed is what the measured parameters ask for",
        || {
            format!(
                "{} in the signature: not what the measured parameters ask for",
                wrong.join(", ")
            )
        },
    )
}

fn release(beside: &Beside) -> Outcome {
    let Some(sigstruct) = &beside.sigstruct else {
        return Err("the image is not signed".to_owned());
    };
    let body = sigstruct.body();
    sign::check_release(&body).map_err(|error| error.to_string())?;
    expect(
        body.date != Date::EPOCH,
        "no debugger may look in, and the date is pinned",
        || format!("it is dated {}, as images for development are", body.date),
    )
}

fn files(reading: &Reading, terminal: &Terminal) -> Result<Option<Outcome>, crate::Error> {
    let files = match Files::of(reading) {
        Ok(Some(files)) => files,
        Ok(None) => return Ok(None),
        // That the manifest is another one than was measured is the answer, and not an accident.
        Err(error) if error.exit() == crate::Exit::Failed => {
            return Ok(Some(Err(error.to_string())));
        }
        Err(error) => return Err(error),
    };
    let verified = files.verify(terminal)?;
    let outcome = match verified.differences.split_first() {
        None if verified.unprotected > 0 => Ok(format!(
            "{} are as measured; in regions without protection: {}",
            verified.files, verified.unprotected
        )),
        None => Ok(format!("{} are as measured", verified.files)),
        Some((first, more)) => {
            let more = match more.len() {
                0 => String::new(),
                count => format!(", and {count} more are not as measured"),
            };
            Err(format!("{} {}{more}", first.name, first.what))
        }
    };
    Ok(Some(outcome))
}

/// What nothing measures has at least its form.
fn members(beside: &Beside) -> Outcome {
    match beside.faults.first() {
        None => Ok("all can be read".to_owned()),
        Some((member, why)) => Err(format!("{member}: {why}")),
    }
}

/// Why a member that must be there is none.
fn fault_of(beside: &Beside, member: &str) -> String {
    let fault = beside.faults.iter().find(|(name, _)| name == member);
    match fault {
        Some((_, why)) => format!("{member}: {why}"),
        None => format!("the image has no {member}"),
    }
}
