//! What is neither TLS 1.3 nor HTTP/1.1: refused, by a status where there can be one, and never handed on.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

use crate::support::{Served, connect, hear, limits, say, serve};

/// What is said at the door without TLS, and the status of the answer.
fn heads() -> Vec<(&'static str, Vec<u8>, u16)> {
    let with = |first: &str, rest: &str| format!("{first}\r\nHost: v\r\n{rest}\r\n").into_bytes();
    let get = |rest| with("GET / HTTP/1.1", rest);
    let put = |rest| with("PUT / HTTP/1.1", rest);
    vec![
        (
            "a client of TLS",
            vec![0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3],
            400,
        ),
        ("zeros", vec![0; 64], 400),
        (
            "HTTP/2's greeting",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            505,
        ),
        ("HTTP/0.9", b"GET /\r\n".to_vec(), 400),
        ("HTTP/1.0", with("GET / HTTP/1.0", ""), 505),
        ("a version that is none", with("GET / HTTP/x", ""), 505),
        ("no version", with("GET /", ""), 400),
        ("two blanks", with("GET  / HTTP/1.1", ""), 400),
        ("a tab", with("GET\t/ HTTP/1.1", ""), 400),
        (
            "something behind the version",
            with("GET / HTTP/1.1 x", ""),
            400,
        ),
        ("lower case", with("get / HTTP/1.1", ""), 405),
        ("HEAD", with("HEAD / HTTP/1.1", ""), 405),
        ("OPTIONS", with("OPTIONS / HTTP/1.1", ""), 405),
        ("CONNECT", with("CONNECT v:1 HTTP/1.1", ""), 405),
        ("TRACE", with("TRACE / HTTP/1.1", ""), 405),
        ("a whole address", with("GET http://v/ HTTP/1.1", ""), 400),
        ("no path", with("GET v1/evidence HTTP/1.1", ""), 400),
        ("an asterisk", with("GET * HTTP/1.1", ""), 400),
        ("an escape", with("GET /%2e%2e HTTP/1.1", ""), 400),
        ("a fragment", with("GET /#a HTTP/1.1", ""), 400),
        ("a backslash", with("GET /..\\ HTTP/1.1", ""), 400),
        ("beyond ASCII", with("GET /\u{e9} HTTP/1.1", ""), 400),
        ("a zero in the target", with("GET /\0 HTTP/1.1", ""), 400),
        (
            "a long target",
            with(&format!("GET /{} HTTP/1.1", "a".repeat(2000)), ""),
            431,
        ),
        ("no host", b"GET / HTTP/1.1\r\n\r\n".to_vec(), 400),
        ("two hosts", get("Host: v\r\n"), 400),
        ("a folded header", get("A: b\r\n c\r\n"), 400),
        ("a blank before the colon", get("A : b\r\n"), 400),
        ("a header without a colon", get("A\r\n"), 400),
        ("a header without a name", get(": b\r\n"), 400),
        ("a zero in a header", get("A: \0\r\n"), 400),
        ("a carriage return in a header", get("A: b\rc\r\n"), 400),
        ("many headers", get(&"A: b\r\n".repeat(70)), 431),
        (
            "a long header",
            get(&format!("A: {}\r\n", "b".repeat(2000))),
            431,
        ),
        ("chunks", put("Transfer-Encoding: chunked\r\n"), 411),
        (
            "chunks by a trick",
            put("Transfer-Encoding: identity\r\n"),
            411,
        ),
        (
            "chunks and a length",
            put("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
            411,
        ),
        (
            "two lengths that agree",
            put("Content-Length: 5\r\nContent-Length: 5\r\n"),
            400,
        ),
        (
            "two lengths that differ",
            put("Content-Length: 5\r\nContent-Length: 6\r\n"),
            400,
        ),
        ("lengths in a list", put("Content-Length: 5, 5\r\n"), 400),
        ("a length with a sign", put("Content-Length: +5\r\n"), 400),
        ("a negative length", put("Content-Length: -5\r\n"), 400),
        ("a length in hex", put("Content-Length: 0x5\r\n"), 400),
        ("an empty length", put("Content-Length: \r\n"), 400),
        (
            "a length beyond 64 bits",
            put("Content-Length: 99999999999999999999\r\n"),
            400,
        ),
        (
            "a length beyond the limit",
            put("Content-Length: 65537\r\n"),
            413,
        ),
        (
            "a length far beyond the limit",
            put("Content-Length: 999999999999999999\r\n"),
            413,
        ),
        ("a body of GET", get("Content-Length: 5\r\n"), 400),
        ("another expectation", put("Expect: a-miracle\r\n"), 417),
        (
            "a head that stops",
            b"GET / HTTP/1.1\r\nHost: v\r\n".to_vec(),
            408,
        ),
        ("a body that stops", put("Content-Length: 5\r\n"), 408),
    ]
}

#[test]
fn what_is_no_request_is_answered_by_the_server_alone() {
    let served = serve();
    let mut others = Vec::new();
    for (name, text, status) in heads() {
        let mut socket = served.raw();
        say(&mut socket, &text);
        let heard = String::from_utf8(hear(&mut socket)).unwrap();
        if !heard.starts_with(&format!("HTTP/1.1 {status} ")) {
            others.push((name, status, heard.lines().next().map(str::to_owned)));
            continue;
        }
        assert!(
            heard.contains("\r\nConnection: close\r\n"),
            "{name}: {heard}"
        );
        assert!(
            heard.contains(r#""code":"vault.request""#),
            "{name}: {heard}"
        );
    }
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(served.asked(), 0);
    assert!(heads().len() > 50);
}

/// The begin of a record of TLS, of this type and length.
fn record(kind: u8, length: u16, body: &[u8]) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    [&[kind, 3, 1, high, low], body].concat()
}

#[test]
fn what_is_no_tls_1_3_is_closed() {
    let served = serve();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        (
            "HTTP",
            b"GET /v1/evidence HTTP/1.1\r\nHost: v\r\n\r\n".to_vec(),
        ),
        ("zeros", vec![0; 512]),
        ("ones", vec![0xff; 512]),
        ("SSH", b"SSH-2.0-OpenSSH_9\r\n".to_vec()),
        ("SSL 2", vec![0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10]),
        ("an empty record", record(0x16, 0, b"")),
        (
            "a record beyond its limit",
            record(0x16, 0xffff, &[1; 2000]),
        ),
        ("data before the handshake", record(0x17, 5, b"hello")),
        ("an alert", record(0x15, 2, &[2, 40])),
        ("a change of ciphers", record(0x14, 1, &[1])),
        ("a heartbeat", record(0x18, 3, &[1, 0x40, 0])),
        (
            "a hello that isn't one",
            record(0x16, 8, &[1, 0, 0, 4, 9, 9, 9, 9]),
        ),
        ("a hello of a megabyte", record(0x16, 4, &[1, 0x10, 0, 0])),
        ("a server's hello", record(0x16, 6, &[2, 0, 0, 2, 3, 3])),
        ("a record that stops", record(0x16, 200, &[1, 0])),
    ];
    for (name, bytes) in cases {
        let mut socket = connect(served.tls);
        say(&mut socket, &bytes);
        let heard = hear(&mut socket);
        // Nothing, or an alert.
        assert!(
            heard.first().is_none_or(|first| *first == 0x15),
            "{name}: {heard:?}"
        );
    }
    assert_eq!(served.asked(), 0);
    let mut client = served.client(None);
    assert_eq!(client.challenge().unwrap_err().code(), "vault.request");
}

#[test]
fn other_versions_and_keys_that_a_client_does_not_have_are_refused() {
    let served = serve();
    let provider = Arc::new(ring::default_provider());
    let old = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    let heard = shake(&served, old);
    assert!(heard.contains("ProtocolVersion"), "{heard}");

    let mut other = tls13();
    other.alpn_protocols = vec![b"h2".to_vec()];
    let heard = shake(&served, other);
    assert!(heard.contains("NoApplicationProtocol"), "{heard}");

    // Somebody else's certificate, and a key of one's own.
    let theirs = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
    let mine = rcgen::KeyPair::generate().unwrap();
    let key = PrivatePkcs8KeyDer::from(mine.serialize_der());
    let signer = ring::sign::any_ecdsa_type(&key.into()).unwrap();
    let stolen = rustls::sign::CertifiedKey::new(vec![theirs.cert.der().clone()], signer);
    let mut thief = tls13();
    thief.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(stolen));
    let heard = shake(&served, thief);
    assert!(heard.contains("DecryptError"), "{heard}");
    assert_eq!(served.asked(), 0);
}

#[test]
fn what_follows_a_good_handshake_and_is_no_request_is_refused() {
    let served = serve();
    for (name, text, status) in heads().into_iter().take(12) {
        let (mut socket, mut tls) = handshaken(&served);
        std::io::Write::write_all(&mut tls.writer(), &text).unwrap();
        let mut stream = rustls::Stream::new(&mut tls, &mut socket);
        let mut heard = Vec::new();
        std::io::Read::read_to_end(&mut stream, &mut heard).unwrap();
        let heard = String::from_utf8(heard).unwrap();
        assert!(
            heard.starts_with(&format!("HTTP/1.1 {status} ")),
            "{name}: {heard}"
        );
    }
    // Records that don't decrypt.
    let (mut socket, _) = handshaken(&served);
    say(&mut socket, &record(0x17, 64, &[7; 64]));
    assert!(!hear(&mut socket).windows(5).any(|text| text == b"HTTP/"));
    assert_eq!(served.asked(), 0);
    assert!(limits().connections > 2);
}

fn tls13() -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth()
}

fn client(config: ClientConfig) -> ClientConnection {
    let name = ServerName::try_from("vault").unwrap();
    ClientConnection::new(Arc::new(config), name).unwrap()
}

fn handshaken(served: &Served) -> (std::net::TcpStream, ClientConnection) {
    let mut socket = connect(served.tls);
    let mut tls = client(tls13());
    while tls.is_handshaking() {
        tls.complete_io(&mut socket).unwrap();
    }
    (socket, tls)
}

/// Why a handshake fails, as this side learns it.
fn shake(served: &Served, config: ClientConfig) -> String {
    let mut socket = connect(served.tls);
    let mut tls = client(config);
    let mut stream = rustls::Stream::new(&mut tls, &mut socket);
    let outcome = std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        .and_then(|()| std::io::Read::read_to_end(&mut stream, &mut Vec::new()));
    outcome.unwrap_err().to_string()
}

#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
