//! A server whose handler says what it was asked.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use provision::VaultKey;
use sconce_vault::server::{
    Certified, Content, Door, Doors, Handler, Limits, Reply, Request, Server,
};
use vault_client::{Identity, Trust, Vault};

/// Short enough for a test, long enough for a machine that does other things.
pub(crate) fn limits() -> Limits {
    Limits {
        head: 1024,
        body: 64 * 1024,
        bodies: 128 * 1024,
        connections: 16,
        turn: Duration::from_millis(60),
        threads: NonZeroUsize::new(3).unwrap(),
        handshake: Duration::from_millis(700),
        idle: Duration::from_secs(20),
        reading_head: Duration::from_millis(700),
        reading_body: Duration::from_millis(1200),
        writing: Duration::from_millis(700),
        ending: Duration::from_millis(300),
    }
}

pub(crate) struct Served {
    pub(crate) tls: SocketAddr,
    pub(crate) plain: SocketAddr,
    pub(crate) asked: Arc<AtomicUsize>,
    _server: Server,
}

/// Answers what it was asked; panics, waits or says much if the path says so.
struct Echo(Arc<AtomicUsize>);

impl Handler for Echo {
    fn handle(&self, request: Request) -> Reply {
        self.0.fetch_add(1, Ordering::SeqCst);
        match request.path.as_str() {
            "/panic" => panic!("as the test wants it"),
            "/wait" => std::thread::sleep(Duration::from_millis(400)),
            path @ ("/long" | "/much") => {
                let length = if path == "/much" { 1 << 20 } else { 8 << 20 };
                return Reply {
                    status: 200,
                    content: Content::JsonLines,
                    body: vec![b'x'; length].into(),
                };
            }
            _ => {}
        }
        let client = request.client.map(hex::encode).unwrap_or_default();
        let door = match request.door {
            Door::Attested => "attested",
            Door::Plain => "plain",
        };
        let (method, path, query) = (request.method, request.path, request.query);
        let length = request.body.len();
        let text = format!("{door} {method:?} {path} {query:?} {length} {client}");
        Reply {
            status: 200,
            content: Content::Json,
            body: text.into_bytes().into(),
        }
    }
}

pub(crate) fn serve() -> Served {
    serve_with(limits())
}

pub(crate) fn serve_with(limits: Limits) -> Served {
    let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (tls, plain) = (listen(), listen());
    let addresses = (tls.local_addr().unwrap(), plain.local_addr().unwrap());
    let key = VaultKey::generate().unwrap();
    let certified = Certified::new(key.expose_pkcs8()).unwrap();
    assert_eq!(certified.key_der(), key.public_der());
    let doors = Doors {
        attested: (tls, Arc::new(certified)),
        plain: Some(plain),
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let server = Server::start(doors, Arc::new(Echo(Arc::clone(&asked))), limits).unwrap();
    Served {
        tls: addresses.0,
        plain: addresses.1,
        asked,
        _server: server,
    }
}

impl Served {
    pub(crate) fn client(&self, identity: Option<&Identity>) -> Vault {
        Vault::connect(&self.tls.to_string(), &Trust::Unverified, identity).unwrap()
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A connection to the door without TLS.
    pub(crate) fn raw(&self) -> TcpStream {
        connect(self.plain)
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    socket
}

/// Writes, ignoring that the other side may have enough.
pub(crate) fn say(socket: &mut TcpStream, bytes: &[u8]) {
    let _ = socket.write_all(bytes);
}

/// Everything that comes until the other side closes.
pub(crate) fn hear(socket: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match socket.read(&mut piece) {
            Ok(0) => return heard,
            Ok(read) => heard.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return heard,
            Err(error) => panic!("the server neither answers nor closes: {error}"),
        }
    }
}

/// One answer, of a body that is short.
pub(crate) fn answer(socket: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let mut byte = [0];
    while !heard.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        heard.push(byte[0]);
    }
    let head = String::from_utf8(heard).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    socket.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}
