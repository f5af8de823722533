//! Clients that are slow, stop in the middle, say everything at once, or hang up.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use protocol::Reason::LimitSlow;
use rustix::net::sockopt::set_socket_linger;
use serde_json::json;

use crate::case::{Case, Verdict, case, has_status, is_error, status};
use crate::stage::{PATIENCE, Stage, call, json_of, rest_of};

const HEAD: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("three requests in one piece", |stage| pipelined(stage, 3)),
        case("a thousand requests in one piece", |stage| {
            pipelined(stage, 1000)
        }),
        case("a bad request between good ones in one piece", |stage| {
            let bad = "{";
            let text = format!(
                "{}{HEAD}Content-Length: {}\r\n\r\n{bad}{}",
                request(1, "keep-alive"),
                bad.len(),
                request(3, "close")
            );
            let reply = stage.raw(text.as_bytes())?;
            let answers = reply.matches("HTTP/1.1 200").count();
            match (
                answers,
                reply.contains("\"id\":1,"),
                reply.contains("\"id\":3,"),
            ) {
                (3, true, true) => Ok(()),
                _ => Err(format!("{answers} answers: {reply}")),
            }
        }),
        case("words behind a request", |stage| {
            let reply =
                stage.raw(format!("{}no HTTP\r\n\r\n", request(1, "keep-alive")).as_bytes())?;
            has_status(&reply, 200)?;
            match reply.contains("HTTP/1.1 400") {
                true => Ok(()),
                false => Err(reply),
            }
        }),
        case("a request behind the last one", |stage| {
            let text = request(1, "close") + &request(2, "close");
            let reply = stage.raw(text.as_bytes())?;
            match reply.matches("HTTP/1.1 200").count() {
                1 => Ok(()),
                _ => Err(reply),
            }
        }),
        status(
            "two lengths that differ",
            format!("{HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}x"),
            400,
        ),
        status(
            "a length below zero",
            format!("{HEAD}Content-Length: -1\r\n\r\n"),
            400,
        ),
        status(
            "a length that is no number",
            format!("{HEAD}Content-Length: two\r\n\r\n{{}}"),
            400,
        ),
        status(
            "a length beyond 64 bits",
            format!("{HEAD}Content-Length: 99999999999999999999\r\n\r\n"),
            400,
        ),
        status(
            "a chunk's length that is no number",
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\nxyz\r\n"),
            400,
        ),
        status(
            "a chunk's length beyond 64 bits",
            format!(
                "{HEAD}Transfer-Encoding: chunked\r\n\r\n{}\r\n",
                "f".repeat(20)
            ),
            400,
        ),
        status(
            "a transfer coding that nobody knows",
            format!("{HEAD}Transfer-Encoding: rot13\r\n\r\n{{}}"),
            400,
        ),
        case("a length and chunks are never two requests", |stage| {
            let inner = request(2, "close");
            let text = format!(
                "{HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
            );
            let reply = stage.raw(text.as_bytes())?;
            // Either refused, or taken as chunks: then what follows is a request in anybody's eyes.
            match reply.contains("HTTP/1.1 400") || reply.matches("HTTP/1.1 200").count() <= 2 {
                true => Ok(()),
                false => Err(reply),
            }
        }),
        case("nothing, and the client closes its half", |stage| {
            ends(stage.raw_half_closed(b""))
        }),
        case(
            "half a request line, and the client closes its half",
            |stage| ends(stage.raw_half_closed(b"POST / HT")),
        ),
        case(
            "half the headers, and the client closes its half",
            |stage| ends(stage.raw_half_closed(HEAD.as_bytes())),
        ),
        case("half a body, and the client closes its half", |stage| {
            ends(stage.raw_half_closed(format!("{HEAD}Content-Length: 9\r\n\r\n{{\"").as_bytes()))
        }),
        case(
            "half a body, and the client resets the connection",
            |stage| {
                let mut stream = stage.connect();
                let _ = stream.write_all(format!("{HEAD}Content-Length: 9\r\n\r\n{{\"").as_bytes());
                reset(stream)
            },
        ),
        case("200 connections that are reset at once", |stage| {
            (0..200).try_for_each(|_| reset(stage.connect()))
        }),
        case("400 connections that say nothing", |stage| {
            let held: Vec<_> = (0..400).map(|_| stage.connect()).collect();
            stage.assert_serves()?;
            drop(held);
            Ok(())
        }),
        case("a client that reads none of its answers", |stage| {
            let mut stream = stage.connect();
            stream.set_nonblocking(true).unwrap();
            let text = request(1, "keep-alive").repeat(1000);
            for _ in 0..20 {
                // Whatever doesn't fit is not sent: the listener reads no further.
                let _ = stream.write(text.as_bytes());
                stage.assert_serves()?;
            }
            Ok(())
        }),
    ]
}

/// Slow clients, each in a thread of its own.
pub(crate) type Waiting = Vec<(&'static str, JoinHandle<Verdict>)>;

/// What a slow client does with its connection.
type Slow = fn(&mut TcpStream) -> Verdict;

/// Begins with slow clients, whose connections the listener ends when it has waited long enough.
pub(crate) fn begin(listener: SocketAddr) -> Waiting {
    let clients: [(&'static str, Slow); 11] = [
        ("a client that says nothing", |stream| is_closed(stream)),
        ("half a request line", |stream| {
            after(stream, "POST / HT", is_closed)
        }),
        ("headers without end", |stream| {
            after(stream, HEAD, is_closed)
        }),
        ("headers, a byte a moment", |stream| {
            drip(stream, HEAD.as_bytes());
            is_closed(stream)
        }),
        ("half a hello of TLS", |stream| {
            after(stream, "\x16\x03\x01\x02", is_closed)
        }),
        ("a body that doesn't come", |stream| {
            after(stream, &with_length(9), is_slow)
        }),
        ("half a body", |stream| {
            after(stream, &(with_length(9) + "{\"a\""), is_slow)
        }),
        ("a body of 8 MiB that stops after 1 MiB", |stream| {
            after(
                stream,
                &(with_length(8 << 20) + &" ".repeat(1 << 20)),
                is_slow,
            )
        }),
        ("a body, a byte a moment", |stream| {
            let _ = stream.write_all(with_length(1000).as_bytes());
            drip(stream, &[b' '; 1000]);
            is_slow(stream)
        }),
        ("chunks without end", |stream| {
            let text = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{{\"\r\n");
            after(stream, &text, is_slow)
        }),
        (
            "a body that waits for a word and then doesn't come",
            |stream| {
                let text = format!("{HEAD}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n");
                after(stream, &text, is_slow)
            },
        ),
    ];
    let begin = |(name, client): (&'static str, Slow)| {
        let client = move || {
            let mut stream = TcpStream::connect(listener).map_err(|fault| fault.to_string())?;
            stream
                .set_read_timeout(Some(PATIENCE))
                .map_err(|fault| fault.to_string())?;
            client(&mut stream)
        };
        (name, std::thread::spawn(client))
    };
    clients.into_iter().map(begin).collect()
}

fn with_length(length: usize) -> String {
    format!("{HEAD}Content-Length: {length}\r\n\r\n")
}

fn after(stream: &mut TcpStream, text: &str, check: Slow) -> Verdict {
    let _ = stream.write_all(text.as_bytes());
    check(stream)
}

/// Writes a byte at a time, for as long as the listener lets it.
fn drip(stream: &mut TcpStream, bytes: &[u8]) {
    let begun = Instant::now();
    for byte in bytes {
        if begun.elapsed() > PATIENCE || stream.write_all(&[*byte]).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// The listener closes the connection: without a word, or with an HTTP error.
fn is_closed(stream: &mut TcpStream) -> Verdict {
    let mut reply = String::new();
    match stream.read_to_string(&mut reply) {
        Err(fault) if fault.kind() != std::io::ErrorKind::ConnectionReset => {
            Err(format!("it stays open: {fault}"))
        }
        _ if reply.is_empty() || reply.starts_with("HTTP/1.1 4") => Ok(()),
        _ => Err(reply),
    }
}

/// The listener says that it was too slow, and closes the connection.
fn is_slow(stream: &mut TcpStream) -> Verdict {
    let reply = rest_of(stream)?;
    let last = reply
        .strip_prefix("HTTP/1.1 100 Continue\r\n\r\n")
        .unwrap_or(&reply);
    is_error(&json_of(last)?, 2, LimitSlow)
}

/// However the connection ended, it did end.
fn ends(reply: Result<String, String>) -> Verdict {
    match reply {
        Ok(reply) if reply.is_empty() || reply.starts_with("HTTP/1.1 4") => Ok(()),
        Err(fault) if fault.contains("reset") => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn reset(stream: TcpStream) -> Verdict {
    // With this, closing sends RST and no FIN.
    set_socket_linger(&stream, Some(Duration::ZERO)).map_err(|fault| fault.to_string())?;
    let _ = stream.shutdown(Shutdown::Read);
    drop(stream);
    Ok(())
}

/// Sends requests in one piece and expects as many answers, in their order.
fn pipelined(stage: &Stage, count: usize) -> Verdict {
    let last = count;
    let text: String = (1..=count)
        .map(|id| request(id, if id == last { "close" } else { "keep-alive" }))
        .collect();
    let mut reader = stage.connect();
    let mut writer = reader.try_clone().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(text.as_bytes()).is_ok());
    let reply = rest_of(&mut reader)?;
    let _ = writing.join();
    let mut from = 0;
    for id in 1..=count {
        let wanted = format!("\"id\":{id},");
        match reply[from..].find(&wanted) {
            Some(at) => from += at,
            None => return Err(format!("no answer to request {id}, or not in its place")),
        }
    }
    Ok(())
}

fn request(id: usize, connection: &str) -> String {
    let body = call("WorkerLookUp", &json!({ "workerType": 1 }))
        .replace("\"id\":1", &format!("\"id\":{id}"));
    format!(
        "{HEAD}Connection: {connection}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
