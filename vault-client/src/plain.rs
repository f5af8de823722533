//! GET by HTTP without TLS, for what is proved in itself, whoever has carried it.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::connection::connect;
use crate::http::{self, Answer, Method};

/// Bytes that are read at a time.
const PIECE: usize = 16 * 1024;

/// How much is borne with.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long all of it may take once there is a connection.
    pub time: Duration,
    /// Longest body, in bytes.
    pub body: usize,
}

/// Asks for `path` at `address`, a name or an address and a port, on a connection of its own.
///
/// # Errors
///
/// There is no connection, or no whole answer in time; [`ErrorKind::InvalidData`] if it is none that is read
/// here: one whose length is said, and not too long.
pub fn get(address: &str, path: &str, patience: Patience) -> io::Result<Answer> {
    let until = Instant::now() + patience.time;
    let mut socket = connect(address)?;
    socket.set_write_timeout(Some(patience.time))?;
    socket.write_all(&http::write(Method::Get, address, path, "", b""))?;
    let mut bytes = Vec::with_capacity(PIECE);
    let (head, taken) = loop {
        read(&mut socket, &mut bytes, until)?;
        if let Some(read) = http::read_head(&bytes).map_err(form)? {
            break read;
        }
    };
    if head.length > patience.body {
        return Err(form("it is too long"));
    }
    let whole = taken + head.length;
    while bytes.len() < whole {
        read(&mut socket, &mut bytes, until)?;
    }
    Ok(Answer {
        status: head.status,
        body: bytes[taken..whole].to_vec().into(),
    })
}

fn read(socket: &mut TcpStream, bytes: &mut Vec<u8>, until: Instant) -> io::Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    socket.set_read_timeout(Some(left))?;
    let mut piece = [0; PIECE];
    match socket.read(&mut piece) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(read) => {
            bytes.extend_from_slice(&piece[..read]);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        Err(error) => Err(error),
    }
}

fn form(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const PATIENCE: Patience = Patience {
        time: Duration::from_secs(5),
        body: 10,
    };

    /// What comes of an answer, and what was asked.
    fn answered(answer: &'static str) -> (io::Result<Answer>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                socket.read_exact(&mut byte).unwrap();
                asked.push(byte[0]);
            }
            for piece in answer.as_bytes().chunks(7) {
                // It may have heard enough.
                let _ = socket.write_all(piece);
            }
            String::from_utf8(asked).unwrap()
        });
        let answer = get(&address, "/v1/users/a", PATIENCE);
        (answer, server.join().unwrap())
    }

    #[test]
    fn an_answer_is_read_whole() {
        let (answer, asked) = answered("HTTP/1.1 404 No\r\nContent-Length: 10\r\n\r\n0123456789");
        let answer = answer.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (404, &b"0123456789"[..]));
        assert!(asked.starts_with("GET /v1/users/a HTTP/1.1\r\nHost: 127.0.0.1:"));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for (bad, kind) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n",
                ErrorKind::InvalidData,
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", ErrorKind::InvalidData),
            ("220 mail\r\n", ErrorKind::InvalidData),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1",
                ErrorKind::UnexpectedEof,
            ),
            ("", ErrorKind::UnexpectedEof),
        ] {
            assert_eq!(answered(bad).0.unwrap_err().kind(), kind, "{bad:?}");
        }
    }
}
