//! TLS: HTTP/1.1 and HTTP/2, as the client likes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may panic"
)]

mod support;

use std::sync::Arc;

use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use sconce_directory::TlsFiles;
use support::Site;
use support::http::Client;
use tokio_rustls::TlsConnector;

#[test]
fn both_versions_of_http_over_tls() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let site = Site::with(|config| {
        let folder = config.folder.parent().unwrap().to_owned();
        let files = TlsFiles {
            certificate: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        };
        std::fs::write(&files.certificate, certificate.cert.pem()).unwrap();
        std::fs::write(&files.key, certificate.signing_key.serialize_pem()).unwrap();
        config.tls = Some(files);
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate.cert.der().clone()).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    let mut client = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = site.server().address();
    for protocol in ["h2", "http/1.1"] {
        client.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let connector = TlsConnector::from(Arc::new(client.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let stream = connector.connect(name, stream).await.unwrap();
            let chosen = stream.get_ref().1.alpn_protocol().unwrap();
            assert_eq!(chosen, protocol.as_bytes());
            let stream = TokioIo::new(stream);
            if protocol == "h2" {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), stream)
                    .await
                    .unwrap();
                tokio::spawn(connection);
                // Several at once on one connection.
                let asked = (0..20).map(|number| {
                    let mut sender = sender.clone();
                    async move {
                        let request = request(&format!("https://localhost/v1/users/u{number}"));
                        let reply = sender.send_request(request).await.unwrap();
                        assert_eq!(reply.status(), 200);
                        reply.into_body().collect().await.unwrap().to_bytes().len()
                    }
                });
                let asked: Vec<_> = asked.map(tokio::spawn).collect();
                for answer in asked {
                    assert!(answer.await.unwrap() > 1000);
                }
            } else {
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(stream).await.unwrap();
                tokio::spawn(connection);
                let reply = sender.send_request(request("/v1/config")).await.unwrap();
                assert_eq!(reply.status(), 200);
            }
        });
    }
    // Plain HTTP is no TLS.
    let mut plain = Client::connect(address);
    plain.send("GET / HTTP/1.1\r\n\r\n");
    assert!(plain.is_closed());
}

fn request(path: &str) -> Request<Empty<Bytes>> {
    Request::get(path)
        .header("host", "localhost")
        .body(Empty::new())
        .unwrap()
}
