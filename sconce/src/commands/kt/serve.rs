//! `sconce kt serve`: a key directory by itself.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use directory::{Config, Server, TlsFiles, Witness};
use sconify::output::write_whole;
use serde_json::json;
use transparency::trust::Trust;

use crate::failure::Failure;
use crate::settings::units;
use crate::signals::StopSignals;
use crate::terminal::Terminal;

/// Serve a key directory that belongs to no platform.
///
/// Its folder has the store, the private keys (directory.keys, made at the first start: keep a copy where
/// nobody reads it) and directory.json, which is what clients, witnesses and auditors pin.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce kt serve --folder kt --realm keys.example --tokens tokens.toml
  sconce kt serve --folder kt --realm keys.example --tls-certificate cert.pem --tls-key key.pem
  sconce kt serve --folder kt --realm test.example --development --epoch 1s --json

The file of tokens:
  [[token]]
  sha256 = \"…\"                       # of the token: printf %s TOKEN | sha256sum
  users = [\"alice@example.com\", \"workers-*\"]")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) place: Place,
    /// Where it answers.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Who may write: a file of tokens' hashes.
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// Believe writers who they say they are, in the header Grpc-Metadata-Userid. For tests only.
    #[arg(long)]
    development: bool,
    /// The time between two epochs when something has changed.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    epoch: Duration,
    /// The time between two epochs when nothing has.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    heartbeat: Duration,
    /// How long proofs of unchanged entries are kept.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = time)]
    retention: Duration,
    /// A witness: NAME+HASH+KEY@http://HOST:PORT. May be given several times.
    #[arg(long, value_name = "WITNESS", value_parser = witness)]
    witness: Vec<Witness>,
    /// How many of them have to sign before an epoch is published.
    #[arg(long, value_name = "N", default_value_t = 0)]
    witness_threshold: usize,
    /// The public key of an auditor, P-256 in PEM. May be given several times.
    #[arg(long, value_name = "FILE")]
    auditor: Vec<PathBuf>,
    /// How many auditors clients should ask for.
    #[arg(long, value_name = "N", default_value_t = 0)]
    auditor_threshold: usize,
    /// The certificate to show, in PEM; with it the directory speaks TLS, HTTP/2 too.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Where a directory's things are, and what it is called.
#[derive(clap::Args)]
pub(super) struct Place {
    /// Its folder; made if it isn't there.
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// The domain of the directory, which can't be changed later.
    #[arg(long, value_name = "DOMAIN", default_value = "sconce.localhost")]
    realm: String,
}

impl Place {
    pub(super) fn config(&self) -> Config {
        let mut config = Config::new(&self.folder);
        config.realm.clone_from(&self.realm);
        config
    }
}

/// Answers until a signal says stop.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    let outcome = serve(&args, terminal).await;
    if let (true, Err(failure)) = (args.json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    outcome
}

async fn serve(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let mut stop = StopSignals::new()?;
    let server = Server::start(config(args)?).await;
    let server = server.map_err(|error| failed(&error))?;
    let scheme = if args.tls_key.is_some() {
        "https"
    } else {
        "http"
    };
    let pinned = Trust {
        address: Some(format!("{scheme}://{}", server.address())),
        ..server.directory().config().clone()
    };
    let file = args.place.folder.join("directory.json");
    let text = serde_json::to_string_pretty(&pinned).map_err(Failure::failed)?;
    let written = write_whole(&file, false, |out| {
        out.write_all(text.as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .map_err(sconify::Error::io("write", &file))
    });
    written.map_err(|error| Failure::failed(error).coded("file.io"))?;
    let (epoch, address) = (server.directory().epoch(), pinned.address);
    if args.json {
        let realm = &args.place.realm;
        terminal.print_json(&json!({
            "address": address, "realm": realm, "epoch": epoch, "pinned": file,
        }));
    } else {
        terminal.print(format_args!("address  {}", address.unwrap_or_default()));
        terminal.print(format_args!("realm    {}", args.place.realm));
        terminal.print(format_args!("epoch    {epoch}"));
        terminal.print(format_args!("pinned   {}", file.display()));
    }
    stop.next().await;
    server.shutdown().await;
    Ok(())
}

fn config(args: &Args) -> Result<Config, Failure> {
    let mut config = args.place.config();
    config.address = args.listen;
    config.writers.tokens.clone_from(&args.tokens);
    config.writers.development = args.development;
    config.epoch = args.epoch;
    config.heartbeat = args.heartbeat;
    config.retention = args.retention;
    config.witnesses.list.clone_from(&args.witness);
    config.witnesses.threshold = args.witness_threshold;
    config.auditors.threshold = args.auditor_threshold;
    for file in &args.auditor {
        let key = std::fs::read_to_string(file).map_err(|error| {
            Failure::unusable(format_args!("cannot read {}: {error}", file.display()))
                .coded("file.io")
        })?;
        config.auditors.keys.push(key);
    }
    let files = args.tls_certificate.clone().zip(args.tls_key.clone());
    config.tls = files.map(|(certificate, key)| TlsFiles { certificate, key });
    Ok(config)
}

/// Why a directory can't start.
pub(super) fn failed(error: &directory::Error) -> Failure {
    match error {
        directory::Error::Store(_) | directory::Error::Import(_) => Failure::failed(error),
        _ => Failure::unusable(error),
    }
    .coded(error.code())
}

fn time(text: &str) -> Result<Duration, String> {
    units::read_time(text).ok_or_else(|| "a time is written as in 500ms, 10s, 5m or 7d".to_owned())
}

fn witness(text: &str) -> Result<Witness, String> {
    let parts = text.rsplit_once("@http");
    let (key, url) = parts.ok_or("a witness is written NAME+HASH+KEY@http://HOST:PORT")?;
    Ok(Witness {
        key: key.to_owned(),
        url: format!("http{url}"),
    })
}
