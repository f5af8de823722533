//! HTTP by hand, for the tests of every server: every byte is the test's.

#![allow(dead_code, reason = "each test program uses some of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One connection.
pub(crate) struct Client(BufReader<TcpStream>);

/// One reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// On a connection that is there.
    pub(crate) fn over(stream: TcpStream) -> Self {
        let patience = Some(Duration::from_secs(10));
        stream.set_nonblocking(false).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(patience).unwrap();
        stream.set_write_timeout(patience).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends these bytes; a server that has hung up already is no failure.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// Sends a request with these header lines, and reads its reply.
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
        let length = match body.len() {
            0 if method == "GET" => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        self.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}{length}\r\n"
        ));
        self.send(body);
        self.reply().unwrap()
    }

    /// Whether something comes, or the connection is closed, within this time.
    pub(crate) fn has_reply_within(&mut self, time: Duration) -> bool {
        let stream = self.0.get_ref();
        let patience = stream.read_timeout().unwrap();
        stream.set_read_timeout(Some(time)).unwrap();
        let waited = stream.peek(&mut [0]);
        stream.set_read_timeout(patience).unwrap();
        waited.is_ok()
    }

    /// The next reply, unless the connection is closed instead.
    pub(crate) fn reply(&mut self) -> Option<Reply> {
        let mut reply = self.head()?;
        let length = reply.header("content-length").unwrap_or("0");
        reply.body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut reply.body).ok()?;
        Some(reply)
    }

    /// The next reply without its body.
    pub(crate) fn head(&mut self) -> Option<Reply> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Some(Reply {
            status,
            headers,
            body: Vec::new(),
        })
    }

    /// Whether the server has closed the connection, or does so soon.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.0.read_line(&mut line).ok()?;
        (length > 0).then(|| line.trim_end().to_owned())
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name)?;
        Some(&found.1)
    }
}
