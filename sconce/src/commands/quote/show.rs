//! `sconce quote show`: what a quote says, whoever wrote it.

use std::path::PathBuf;

use attestation::x509::{Certificate, Chain, Document};
use sconify::terminal::harmless;
use serde_json::{Value, json};
use sgx::quote::{CertificationKind, INTEL_VENDOR, Quote};

use super::view::{self, Source};
use super::{Code, inputs};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Show what a quote says. Nothing of it is verified: anybody can write such a file.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce quote show quote
  sconce quote show quote --json")]
pub(crate) struct Args {
    /// The quote.
    #[arg(value_name = "FILE")]
    quote: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let bytes = inputs::read_quote(&args.quote)?;
    let quote = Quote::parse(&bytes).map_err(|fault| {
        let file = args.quote.to_string_lossy();
        Code::Input.failure(format_args!("{}: {fault}", harmless(&file)))
    })?;
    let value = shown(&quote, bytes.len());
    if args.json {
        terminal.print_json(&value);
        return Ok(());
    }
    terminal.print("Unverified: no signature has been checked, and anybody can write such a file");
    if view::says_simulated(&quote) {
        terminal.print("It says that its platform is simulated, which protects nothing");
    }
    print(&value, 0, terminal);
    Ok(())
}

fn shown(quote: &Quote<'_>, size: usize) -> Value {
    let (header, signature) = (quote.header(), quote.signature());
    json!({
        "verified": false,
        "saysSimulated": view::says_simulated(quote),
        "size": size,
        "version": header.version.number(),
        "tee": view::tee(quote.body().tee()),
        "vendor": match header.vendor {
            INTEL_VENDOR => "Intel".to_owned(),
            other => hex::encode(other),
        },
        "userData": hex::encode(header.user_data),
        "program": view::body(quote.body(), Source::Unverified),
        "quotingEnclave": match signature.qe_report() {
            Ok(report) => view::body(&sgx::quote::Body::Sgx(report), Source::Unverified),
            Err(fault) => json!({ "fault": fault.to_string() }),
        },
        "attestationKey": hex::encode(signature.attestation_key),
        "certification": certification(signature.certification.kind, signature.certification.data),
    })
}

/// What leads from the quote to a root, as far as it can be read.
fn certification(kind: CertificationKind, data: &[u8]) -> Value {
    let mut value = json!({ "type": kind.number(), "bytes": data.len() });
    if kind != CertificationKind::PckChain {
        return value;
    }
    let pck = Chain::pck(data)
        .and_then(|chain| {
            let leaf = chain.certificates().first().map_or(&[][..], Vec::as_slice);
            Certificate::from_der(Document::Pck, leaf)
        })
        .and_then(|leaf| Ok((leaf.platform()?, leaf)));
    match pck {
        Ok((platform, leaf)) => {
            value["subject"] = leaf.common_name().into();
            value["from"] = leaf.from().to_string().into();
            value["until"] = leaf.until().to_string().into();
            value["fmspc"] = hex::encode_upper(platform.fmspc).into();
            value["pceId"] = hex::encode_upper(platform.pce_id).into();
            value["pceSvn"] = platform.tcb.pcesvn.into();
            value["components"] = hex::encode(platform.tcb.components).into();
        }
        Err(fault) => value["fault"] = fault.to_string().into(),
    }
    value
}

/// Members in lines, those of an inner object set in.
fn print(value: &Value, depth: usize, terminal: &Terminal) {
    let indent = "  ".repeat(depth);
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => {
                terminal.print(format_args!("{indent}{name}"));
                print(value, depth + 1, terminal);
            }
            // The first lines say so.
            _ if name == "verified" || name == "saysSimulated" => {}
            Value::String(text) => {
                let width = 20_usize.saturating_sub(indent.len());
                terminal.print(format_args!("{indent}{name:<width$} {}", harmless(text)));
            }
            other => {
                let width = 20_usize.saturating_sub(indent.len());
                terminal.print(format_args!("{indent}{name:<width$} {other}"));
            }
        }
    }
}
