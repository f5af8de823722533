//! Orders over TLS, from `sconce up` to `sconce submit`, with certificates made here.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use client::{Client, Error, Options, Order, Trust, WorkerId};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sconce_tests::command::{Setup, Up, sconce};
use sconce_tests::process::Signal;
use tempfile::TempDir;

/// An authority, and a folder with files of certificates.
struct Pki {
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Pki {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.crt"), authority.pem()).unwrap();
        let pki = Self { authority, folder };
        pki.issue();
        pki
    }

    /// A new certificate for this machine, in place of the last.
    fn issue(&self) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &self.authority)
            .unwrap();
        std::fs::write(self.path("server.crt"), certificate.pem()).unwrap();
        std::fs::write(self.path("server.key"), key.serialize_pem()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, data: &Path) -> Up {
        let mut setup = Setup::new(data, "sync", 1);
        for (setting, file) in [("certificate", "server.crt"), ("key", "server.key")] {
            let set = format!("tls.{setting}={}", self.path(file).display());
            setup.arguments.extend(["--set".into(), set.into()]);
        }
        setup.log = Some(data.join("log"));
        setup.start()
    }
}

fn submit(home: &Path, uri: &str, authority: Option<&Path>) -> Output {
    let mut arguments = vec!["-q", "submit", "--uri", uri, "-w", "scone-worker-1"];
    arguments.extend(["-l", "python-hello", "-i", "Mujtaba", "-o"]);
    arguments.extend(["--data-dir", home.to_str().unwrap()]);
    let authority = authority.map(|file| file.to_str().unwrap());
    arguments.extend(authority.iter().flat_map(|file| ["--ca", file]));
    sconce(home, &arguments)
}

fn refused(output: &Output, said: &str) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(said), "{text}");
}

#[test]
fn orders_go_over_tls_to_a_listener_that_is_vouched_for() {
    let (pki, foreign) = (Pki::new(), Pki::new());
    let data = tempfile::tempdir().unwrap();
    let up = pki.start(data.path());
    let uri = up.listener().unwrap();
    assert!(uri.starts_with("https://127.0.0.1:"), "{uri}");

    let answered = submit(data.path(), &uri, Some(&pki.path("ca.crt")));
    let stdout = String::from_utf8_lossy(&answered.stdout);
    assert_eq!(
        stdout, "Decryption result at client - Hello Mujtaba\n",
        "{answered:?}"
    );

    refused(
        &submit(data.path(), &uri, Some(&foreign.path("ca.crt"))),
        "is not trusted",
    );
    refused(&submit(data.path(), &uri, None), "--ca FILE");
    let plain = uri.replace("https://", "http://");
    refused(
        &submit(data.path(), &plain, None),
        "cannot reach the listener",
    );

    // On its own machine the certificate's file vouches for it.
    let folder = data.path().to_str().unwrap();
    let status = sconce(data.path(), &["status", "--data-dir", folder]);
    let stdout = String::from_utf8_lossy(&status.stdout);
    assert!(
        status.status.success() && stdout.contains(&uri),
        "{status:?}"
    );
}

/// What the listener answers to somebody who takes this certificate and no other.
async fn answer(uri: &str, certificate: &Path) -> Result<String, Error> {
    let mut options = Options::default();
    options.trust = Trust::Certificate(certificate.to_owned());
    let client = Client::connect_with(uri, options)?;
    let worker = client
        .unverified_worker(&WorkerId::from_name("scone-worker-1"))
        .await?;
    let order = Order::new(&worker, "python-hello").input("you");
    Ok(client.run(&order).await?.text().into_owned())
}

#[tokio::test]
async fn a_hang_up_has_the_certificate_read_again() {
    let pki = Pki::new();
    let data = tempfile::tempdir().unwrap();
    let up = pki.start(data.path());
    let uri = up.listener().unwrap();
    let (old, new) = (pki.path("old.crt"), pki.path("server.crt"));
    std::fs::copy(&new, &old).unwrap();
    pki.issue();
    assert_eq!(answer(&uri, &old).await.unwrap(), "Hello you");
    let foreign = answer(&uri, &new).await.unwrap_err();
    assert!(matches!(foreign, Error::NotTrusted { .. }), "{foreign}");

    up.process().signal(Signal::HUP);
    let begun = Instant::now();
    while answer(&uri, &new).await.is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it was not read again"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A file that can't be used changes nothing, and is named.
    std::fs::write(pki.path("server.key"), "nothing").unwrap();
    up.process().signal(Signal::HUP);
    let log = data.path().join("log");
    let named = format!(
        "{}: there is no private key",
        pki.path("server.key").display()
    );
    while !std::fs::read_to_string(&log).unwrap().contains(&named) {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it was not warned of"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(answer(&uri, &new).await.unwrap(), "Hello you");
}
