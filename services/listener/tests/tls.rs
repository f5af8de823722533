//! The listener over TLS, with certificates made here.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion, version,
};
use sconce_listener::{Error, Listener, ListenerConfig, TlsFiles};
use support::{Door, config, get_result};
use tempfile::TempDir;

/// An authority, and files that a listener reads.
struct Pki {
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Pki {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let pki = Self {
            authority,
            folder: tempfile::tempdir().unwrap(),
        };
        pki.issue("localhost", |_| {});
        pki
    }

    /// Puts a new certificate for this name, and its key, where the listener's are.
    fn issue(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        self.write("server.crt", &certificate.pem());
        self.write("server.key", &key.serialize_pem());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn config(&self) -> ListenerConfig {
        ListenerConfig {
            tls: Some(TlsFiles {
                certificate: self.path("server.crt"),
                key: self.path("server.key"),
            }),
            ..config()
        }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        roots
    }
}

type Secure = StreamOwned<ClientConnection, TcpStream>;

/// Connects, trusting these authorities, and ends the handshake.
fn connect(
    address: SocketAddr,
    roots: RootCertStore,
    name: &str,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<Secure> {
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_webpki_verifier(verifier.build().unwrap())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(config.into(), name).unwrap();
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

fn trusted(pki: &Pki, door: &Door) -> Secure {
    connect(
        door.listener.address(),
        pki.roots(),
        "localhost",
        &[&version::TLS13],
    )
    .unwrap()
}

/// The reply to a question, on a connection that stays open.
fn ask(stream: &mut Secure) -> String {
    let body = get_result("ab").to_string();
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut reply = Vec::new();
    while !reply.ends_with(b"\"2.0\"}") {
        let mut some = [0; 4096];
        match stream.read(&mut some).unwrap() {
            0 => break,
            length => reply.extend_from_slice(&some[..length]),
        }
    }
    String::from_utf8(reply).unwrap()
}

fn shown(stream: &Secure) -> CertificateDer<'static> {
    stream.conn.peer_certificates().unwrap()[0]
        .clone()
        .into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_over_both_versions() {
    let pki = Pki::new();
    let door = Door::open(pki.config()).await;
    let address = door.listener.address();
    for (versions, spoken) in [
        (&[&version::TLS12], ProtocolVersion::TLSv1_2),
        (&[&version::TLS13], ProtocolVersion::TLSv1_3),
    ] {
        let mut stream = connect(address, pki.roots(), "localhost", versions).unwrap();
        assert_eq!(stream.conn.protocol_version(), Some(spoken));
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        for _ in 0..2 {
            let reply = ask(&mut stream);
            assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
            assert!(reply.contains("order.unknown"), "{reply}");
        }
    }
    door.listener.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_refuse_a_foreign_authority_and_another_name() {
    let (pki, foreign) = (Pki::new(), Pki::new());
    let door = Door::open(pki.config()).await;
    let address = door.listener.address();
    for (roots, name) in [(foreign.roots(), "localhost"), (pki.roots(), "example.org")] {
        let refused = connect(address, roots, name, &[&version::TLS13]).unwrap_err();
        assert!(
            refused.to_string().contains("invalid peer certificate"),
            "{refused}"
        );
    }
    // One who doesn't speak TLS is hung up on.
    let mut plain = door.client();
    plain.send("POST / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(plain.is_closed());
    assert!(ask(&mut trusted(&pki, &door)).contains("order.unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_has_a_time_and_a_place() {
    let pki = Pki::new();
    let mut config = pki.config();
    config.limits.handshake_time = Duration::from_millis(500);
    config.limits.connections = 1;
    let door = Door::open(config).await;
    // It has said nothing yet and takes the only place.
    let mut silent = door.client();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let reply = ask(&mut trusted(&pki, &door));
    assert!(reply.contains("limit.rate"), "{reply}");
    assert!(silent.is_closed());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(ask(&mut trusted(&pki, &door)).contains("order.unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_to_those_who_come_after_it() {
    let pki = Pki::new();
    let door = Door::open(pki.config()).await;
    let mut before = trusted(&pki, &door);
    pki.issue("localhost", |_| {});
    assert_eq!(shown(&trusted(&pki, &door)), shown(&before));
    door.listener.reload_certificate().unwrap();
    let after = trusted(&pki, &door);
    assert_ne!(shown(&after), shown(&before));
    assert!(ask(&mut before).contains("order.unknown"));

    // One that can't be used changes nothing.
    pki.write("server.key", "nothing");
    let error = door.listener.reload_certificate().unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with(pki.path("server.key").to_str().unwrap()),
        "{said}"
    );
    assert_eq!(shown(&trusted(&pki, &door)), shown(&after));
}

/// What is said when a listener can't start.
async fn refusal(pki: &Pki) -> String {
    let door = Door::open(config()).await;
    let started = Listener::start(
        pki.config(),
        door.store.orders(),
        door.store.registry.clone(),
        support::receipts(&door.store),
    )
    .await;
    match started {
        Err(error @ Error::Tls(_)) => error.to_string(),
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it starts"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_used_are_named() {
    let pki = Pki::new();
    let of = |name: &str| pki.path(name).to_str().unwrap().to_owned();
    let (certificate, key) = (of("server.crt"), of("server.key"));
    let text = |file: &str| std::fs::read_to_string(Path::new(file)).unwrap();
    let good = (text(&certificate), text(&key));
    let cases: [(&str, String, String); 6] = [
        (
            "server.crt",
            String::new(),
            format!("{certificate}: there is no certificate in PEM"),
        ),
        (
            "server.crt",
            good.1.clone(),
            format!("{certificate}: there is no certificate in PEM"),
        ),
        (
            "server.key",
            good.0.clone(),
            format!("{key}: there is no private key in PEM"),
        ),
        (
            "server.key",
            KeyPair::generate().unwrap().serialize_pem(),
            format!("{key}: the key is not that of the certificate in {certificate}"),
        ),
        (
            "server.crt",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            format!("{certificate}: the certificate is damaged"),
        ),
        (
            "server.key",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned(),
            format!("{key}: the key cannot be used"),
        ),
    ];
    for (file, content, said) in cases {
        pki.write(file, &content);
        let refused = refusal(&pki).await;
        assert!(refused.starts_with(&said), "{refused}");
        pki.write("server.crt", &good.0);
        pki.write("server.key", &good.1);
    }
    std::fs::remove_file(&key).unwrap();
    let refused = refusal(&pki).await;
    assert!(
        refused.starts_with(&format!("{key}: cannot be read: ")),
        "{refused}"
    );

    pki.issue("localhost", |params| {
        params.not_after = date_time_ymd(2020, 1, 31)
    });
    let refused = refusal(&pki).await;
    assert!(
        refused.starts_with(&format!("{certificate}: the certificate expired ")),
        "{refused}"
    );
    pki.issue("localhost", |params| {
        params.not_before = date_time_ymd(2999, 1, 1)
    });
    let refused = refusal(&pki).await;
    assert!(refused.contains("is not valid yet"), "{refused}");
}
