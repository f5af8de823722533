//! Something that speaks as a vault does, and proves nothing.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What becomes of a request: its answer, or none, and the end of its connection.
pub(crate) type Answers = fn(&Request) -> Option<(u16, &'static str)>;

/// A request: `GET /v1/evidence`, and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) body: String,
    /// How many there were before.
    pub(crate) earlier: usize,
}

/// A vault on a thread; it goes on until the tests end.
pub(crate) struct FakeVault {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Request>>>,
}

impl FakeVault {
    pub(crate) fn start(answers: Answers) -> Self {
        Self::behind(TcpListener::bind(("127.0.0.1", 0)).unwrap(), answers)
    }

    pub(crate) fn behind(listener: TcpListener, answers: Answers) -> Self {
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<Request>>> = Arc::default();
        let config = config();
        let shared = Arc::clone(&heard);
        thread::spawn(move || {
            for socket in listener.incoming() {
                let config = Arc::clone(&config);
                // One connection at a time will do.
                serve(socket.unwrap(), config, &shared, answers);
            }
        });
        Self { address, heard }
    }

    /// The requests so far, without what counts them.
    pub(crate) fn heard(&self) -> Vec<(String, String)> {
        let heard = self.heard.lock().unwrap();
        let both = |request: &Request| (request.line.clone(), request.body.clone());
        heard.iter().map(both).collect()
    }
}

fn config() -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["vault".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key);
    Arc::new(config.unwrap())
}

/// Answers until either side ends the connection.
fn serve(
    socket: TcpStream,
    config: Arc<ServerConfig>,
    heard: &Mutex<Vec<Request>>,
    answers: Answers,
) {
    let tls = ServerConnection::new(config).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(tls, socket));
    while let Some((line, body)) = read(&mut stream) {
        let request = {
            let mut heard = heard.lock().unwrap();
            let earlier = heard.len();
            let request = Request {
                line,
                body,
                earlier,
            };
            heard.push(request.clone());
            request
        };
        let Some((status, body)) = answers(&request) else {
            return;
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        let stream = stream.get_mut();
        stream.write_all((head + body).as_bytes()).unwrap();
        stream.flush().unwrap();
    }
}

/// The next request's first line, without the version, and its body.
fn read(
    stream: &mut BufReader<StreamOwned<ServerConnection, TcpStream>>,
) -> Option<(String, String)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line) {
            Ok(1..) if line == "\r\n" => break,
            Ok(1..) => head.push(line.trim_end().to_owned()),
            _ => return None,
        }
    }
    let length = head.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    let line = head.first()?.strip_suffix(" HTTP/1.1")?;
    Some((line.to_owned(), String::from_utf8(body).unwrap()))
}
