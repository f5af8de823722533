//! One connection: TLS over TCP, a request at a time.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use provision::MAX_ANSWER;
use rustls::pki_types::{IpAddr, Ipv4Addr, ServerName};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use zeroize::Zeroizing;

use crate::Error;
use crate::http::{self, Answer, Method};

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(5);

/// How long a vault may say nothing: it makes keys of RSA, and that takes it a while.
const SILENCE: Duration = Duration::from_secs(60);

/// Bytes that are read at a time.
const PIECE: usize = 16 * 1024;

pub(crate) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    address: String,
    key_der: Vec<u8>,
    open: bool,
}

impl Connection {
    /// Connects, and finishes the handshake.
    pub(crate) fn open(address: &str, config: &Arc<ClientConfig>) -> Result<Self, Error> {
        let socket = connect(address).map_err(unreachable(address, "connect"))?;
        // The name is in no certificate, and sent to nobody: an address is not.
        let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([127, 0, 0, 1])));
        let client = ClientConnection::new(Arc::clone(config), name).map_err(tls(address))?;
        let mut stream = StreamOwned::new(client, socket);
        while stream.conn.is_handshaking() {
            stream
                .conn
                .complete_io(&mut stream.sock)
                .map_err(broken(address, "shake hands"))?;
        }
        let certificate = stream.conn.peer_certificates().and_then(<[_]>::first);
        let certificate = certificate.ok_or(rustls::Error::NoCertificatesPresented);
        let key = certificate
            .and_then(|certificate| {
                Ok(ParsedCertificate::try_from(certificate)?.subject_public_key_info())
            })
            .map_err(tls(address))?;
        Ok(Self {
            key_der: key.to_vec(),
            stream,
            address: address.to_owned(),
            open: true,
        })
    }

    /// The vault's key in this connection (SubjectPublicKeyInfo, DER).
    pub(crate) fn key_der(&self) -> &[u8] {
        &self.key_der
    }

    /// Whether another request can be sent: the vault has not closed it meanwhile.
    pub(crate) fn is_usable(&self) -> bool {
        let socket = &self.stream.sock;
        if !self.open || socket.set_nonblocking(true).is_err() {
            return false;
        }
        let quiet =
            matches!(socket.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        quiet && socket.set_nonblocking(false).is_ok()
    }

    /// Sends a request and reads its answer.
    pub(crate) fn call(
        &mut self,
        method: Method,
        path: &str,
        content: &str,
        body: &[u8],
    ) -> Result<Answer, Error> {
        if !std::mem::replace(&mut self.open, false) {
            let closed = io::Error::from(ErrorKind::NotConnected);
            return Err(unreachable(&self.address, "send")(closed));
        }
        let request = http::write(method, &self.address, path, content, body);
        self.stream
            .write_all(&request)
            .and_then(|()| self.stream.flush())
            .map_err(broken(&self.address, "send"))?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Answer, Error> {
        let address = self.address.clone();
        let form = |what: &str| Error::Answer {
            address: address.clone(),
            what: what.to_owned(),
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(PIECE));
        let (head, taken) = loop {
            self.read(&mut bytes)?;
            if let Some(read) = http::read_head(&bytes).map_err(form)? {
                break read;
            }
        };
        if head.length > MAX_ANSWER {
            return Err(form("it is too long"));
        }
        let whole = taken + head.length;
        let lacks = whole.saturating_sub(bytes.len());
        bytes.reserve(lacks);
        while bytes.len() < whole {
            self.read(&mut bytes)?;
        }
        if bytes.len() > whole {
            return Err(form("something follows that nobody asked for"));
        }
        self.open = head.keep_alive;
        Ok(Answer {
            status: head.status,
            body: bytes[taken..].to_vec().into(),
        })
    }

    /// Reads some more.
    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        let mut piece = Zeroizing::new([0; PIECE]);
        loop {
            match self.stream.read(&mut piece[..]) {
                Ok(0) => {
                    let closed = io::Error::from(ErrorKind::UnexpectedEof);
                    return Err(unreachable(&self.address, "read the answer")(closed));
                }
                Ok(read) => {
                    bytes.extend_from_slice(&piece[..read]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&self.address, "read the answer")(error)),
            }
        }
    }
}

/// Tries every address that the name has.
pub(crate) fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECTING) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                socket.set_read_timeout(Some(SILENCE))?;
                socket.set_write_timeout(Some(SILENCE))?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn unreachable(address: &str, action: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Unreachable {
        address: address.to_owned(),
        action,
        source,
    }
}

fn tls(address: &str) -> impl Fn(rustls::Error) -> Error {
    move |source| Error::Tls {
        address: address.to_owned(),
        source,
    }
}

/// An error of the connection, or of TLS in it.
fn broken(address: &str, action: &'static str) -> impl Fn(io::Error) -> Error {
    move |error| match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(inner) => tls(address)(rustls::Error::clone(inner)),
        // Whether TLS was told of the end makes no difference: there is no answer.
        None if error.kind() == ErrorKind::UnexpectedEof => {
            unreachable(address, action)(ErrorKind::UnexpectedEof.into())
        }
        None => unreachable(address, action)(error),
    }
}
