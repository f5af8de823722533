//! Launch control: whether an enclave is started, and with what it is then.
//!
//! [`launch`] does what ECREATE, EADD, EEXTEND and EINIT do together. It reads the stream once, measures
//! it on the way and checks its SIGSTRUCT against what was measured. What it gives back is the program
//! for the operating system to execute, made of nothing but measured pages, and the [`Secs`] that the
//! platform then reports of it.
//!
//! # What is checked
//!
//! | what | named |
//! |---|---|
//! | form of the SIGSTRUCT | `SGX_INVALID_SIG_STRUCT` |
//! | its RSA signature, Q1 and Q2 | `SGX_INVALID_SIGNATURE` |
//! | every rule of a canonical stream | ECREATE, EADD or EEXTEND: `#GP(0)` |
//! | ATTRIBUTES, as ECREATE takes them | ECREATE: `#GP(0)` |
//! | MRENCLAVE against ENCLAVEHASH | `SGX_INVALID_MEASUREMENT` |
//! | ATTRIBUTES, MISCSELECT, CET_ATTRIBUTES under the masks | `SGX_INVALID_ATTRIBUTE` |
//! | the measured pages hold a program that runs as it was measured | – |
//!
//! The last is ours: a processor executes pages, and we have to make the operating system map the same
//! ones. See [`ProgramFault`].
//!
//! # Bounds
//!
//! Held are the program's bytes, which are in the stream, up to 16 MiB of zeros between its segments,
//! and a block that is being read; heap and stacks, whatever their size, are measured and passed over.

mod headers;
mod program;
mod refusal;
#[cfg(test)]
mod tests;

use std::io::{ErrorKind, Read};

use sgx::sgxs::{PageReader, Summary};
use sgx::sigstruct::{Launch, Sigstruct, VerifiedSigstruct};
use sgx::{Attributes, Miscselect, flags, xfrm};

pub use self::program::ProgramFault;
use self::program::Rebuild;
pub use self::refusal::Refusal;
use crate::Secs;

/// Bytes read at once.
const BLOCK: usize = 1 << 20;

/// What whoever launches an enclave chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Whether a debugger may look into it: ATTRIBUTES.DEBUG.
    pub debug: bool,
    /// ATTRIBUTES other than those that were signed, in bits that the mask may leave open. DEBUG in
    /// them doesn't count: [`Options::debug`] does.
    pub attributes: Option<Attributes>,
    /// MISCSELECT other than the one that was signed.
    pub miscselect: Option<Miscselect>,
}

/// An enclave that launch control has let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// The program as an ELF file: its measured pages, from the enclave's base on. Its first page has
    /// the headers, and every segment stands at the offset that is its address.
    pub program: Vec<u8>,
    /// What the platform knows of the enclave from now on.
    pub secs: Secs,
    /// What the stream has come to.
    pub summary: Summary,
}

/// Measures the enclave that `stream` builds, and starts it if `sigstruct` and `options` allow.
///
/// # Errors
///
/// The first check that fails. SIGSTRUCT comes first, then the stream, then what EINIT compares, then
/// the program; so what is wrong with a program that was never signed is not told.
pub fn launch(stream: impl Read, sigstruct: &[u8], options: &Options) -> Result<Launched, Refusal> {
    let signed = Sigstruct::parse(sigstruct)?.verify()?;
    let (rebuild, summary) = read(stream)?;
    let secs = initialise(&signed, &summary, options)?;
    Ok(Launched {
        program: rebuild.finish()?,
        secs,
        summary,
    })
}

/// The stream to its end, whatever is in its pages.
fn read(mut stream: impl Read) -> Result<(Rebuild, Summary), Refusal> {
    let mut rebuild = Rebuild::default();
    let mut reader = PageReader::new();
    let mut block = vec![0; BLOCK];
    loop {
        let length = match stream.read(&mut block) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Refusal::Read(error)),
        };
        let mut piece = &block[..length];
        while let Some(page) = reader.next(&mut piece)? {
            rebuild.take(&page);
        }
    }
    let (last, summary) = reader.finish()?;
    if let Some(page) = last {
        rebuild.take(&page);
    }
    Ok((rebuild, summary))
}

/// ECREATE's checks of ATTRIBUTES, and EINIT.
fn initialise(
    signed: &VerifiedSigstruct,
    summary: &Summary,
    options: &Options,
) -> Result<Secs, Refusal> {
    let body = signed.body();
    let mut attributes = options.attributes.unwrap_or(body.attributes);
    attributes.flags &= !flags::DEBUG;
    if options.debug {
        attributes.flags |= flags::DEBUG;
    }
    creatable(attributes)?;
    let enclave = Launch {
        mrenclave: summary.mrenclave,
        attributes,
        miscselect: options.miscselect.unwrap_or(body.miscselect),
        cet_attributes: body.cet_attributes,
    };
    signed.launch(&enclave)?;
    Ok(secs(signed, &enclave))
}

/// What EINIT leaves in the SECS.
fn secs(signed: &VerifiedSigstruct, enclave: &Launch) -> Secs {
    let body = signed.body();
    let mut secs = Secs::new(enclave.mrenclave, signed.mrsigner());
    secs.attributes = enclave.attributes;
    secs.attributes.flags |= flags::INIT;
    secs.miscselect = enclave.miscselect;
    secs.cet_attributes = enclave.cet_attributes;
    secs.isv_prod_id = body.product_id;
    secs.isv_svn = body.security_version;
    if enclave.attributes.flags & flags::KSS != 0 {
        secs.isv_ext_prod_id = body.extended_product_id;
        secs.isv_family_id = body.family_id;
    }
    secs
}

/// What ECREATE takes of a 64-bit enclave, and what the driver then lets a program have that isn't
/// Intel's own: no key of the platform's own enclaves.
fn creatable(attributes: Attributes) -> Result<(), Refusal> {
    const KNOWN: u64 = flags::DEBUG | flags::MODE64BIT | flags::CET | flags::KSS | flags::AEXNOTIFY;
    const AVX: u64 = xfrm::AVX;
    let refuse = |why| Err(Refusal::Create(why));
    let Attributes { flags, xfrm } = attributes;
    if flags & flags::INIT != 0 {
        return refuse("INIT is the processor's to set");
    }
    if flags & (flags::PROVISIONKEY | flags::EINITTOKEN_KEY) != 0 {
        return refuse("keys of the platform's own enclaves are not to be had");
    }
    if flags & !KNOWN != 0 {
        return refuse("FLAGS has reserved bits");
    }
    if flags & flags::MODE64BIT == 0 {
        return refuse("MODE64BIT is not set");
    }
    if xfrm & xfrm::LEGACY != xfrm::LEGACY {
        return refuse("XFRM lacks x87 or SSE");
    }
    if xfrm & !(xfrm::LEGACY | AVX | xfrm::AVX512 | xfrm::AMX) != 0 {
        return refuse("XFRM has state that the simulated processor has not");
    }
    let whole = |part| xfrm & part == 0 || xfrm & part == part;
    if !whole(xfrm::AVX512) || !whole(xfrm::AMX) {
        return refuse("XFRM has a part of AVX-512 or AMX alone");
    }
    if xfrm & xfrm::AVX512 != 0 && xfrm & AVX == 0 {
        return refuse("XFRM has AVX-512 without AVX");
    }
    Ok(())
}
