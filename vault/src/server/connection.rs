//! One connection: bytes in, requests out; answers in, bytes out.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use rustls::{ServerConfig, ServerConnection};
use zeroize::{Zeroize as _, Zeroizing};

use super::http::{self, Fault, Head, Progress};
use super::{Door, Limits, Reply, Request, tls};

/// Bytes that are read at a time.
const PIECE: usize = 16 * 1024;

/// A connection, and what it is doing.
pub(super) struct Connection {
    socket: TcpStream,
    transport: Transport,
    phase: Phase,
    /// When that began.
    since: Instant,
    /// When that has to be done.
    deadline: Instant,
    /// Bytes of requests that have arrived and are not given out.
    input: Zeroizing<Vec<u8>>,
    client: Option<[u8; 32]>,
}

enum Transport {
    Plain {
        output: Zeroizing<Vec<u8>>,
        written: usize,
    },
    Tls(Box<ServerConnection>),
}

#[derive(Debug)]
enum Phase {
    Handshake,
    /// Between requests.
    Idle,
    Head,
    Body(Head),
    /// Others work on its request.
    Answering {
        keep_alive: bool,
        /// Bytes of the request's body.
        length: usize,
    },
    /// An answer is on its way.
    Writing {
        keep_alive: bool,
    },
    /// The last answer has been written; what still arrives is thrown away, so that it is read.
    Ending,
}

/// What is to become of a connection.
pub(super) enum Step {
    /// It goes on waiting for its client.
    Wait,
    /// This is to be answered.
    Answer(Request),
    /// It is over.
    Close,
}

/// Bodies that are being received or answered.
pub(super) struct Room {
    pub(super) left: usize,
}

impl Connection {
    pub(super) fn new(
        socket: TcpStream,
        config: Option<&Arc<ServerConfig>>,
        limits: &Limits,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let (transport, phase) = match config {
            Some(config) => {
                let mut tls =
                    ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                // One answer at a time is written, whole; those who answer bound it.
                tls.set_buffer_limit(None);
                (Transport::Tls(Box::new(tls)), Phase::Handshake)
            }
            None => {
                let output = Zeroizing::default();
                (Transport::Plain { output, written: 0 }, Phase::Head)
            }
        };
        Ok(Self {
            socket,
            transport,
            phase,
            since: Instant::now(),
            deadline: Instant::now() + limits.handshake,
            input: Zeroizing::default(),
            client: None,
        })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Since when it has been doing what it does now.
    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// Whether its client is to do the next thing.
    pub(super) const fn waits_for_client(&self) -> bool {
        !matches!(self.phase, Phase::Answering { .. })
    }

    pub(super) const fn wants_read(&self) -> bool {
        !matches!(self.phase, Phase::Answering { .. } | Phase::Writing { .. })
    }

    pub(super) fn wants_write(&self) -> bool {
        match &self.transport {
            Transport::Plain { output, written } => output.len() > *written,
            Transport::Tls(tls) => tls.wants_write(),
        }
    }

    /// Does what the socket is ready for.
    pub(super) fn ready(&mut self, limits: &Limits, room: &mut Room) -> Step {
        self.try_ready(limits, room).unwrap_or(Step::Close)
    }

    fn try_ready(&mut self, limits: &Limits, room: &mut Room) -> io::Result<Step> {
        let mut open = true;
        if self.wants_read() {
            open = self.read(limits)?;
        }
        let step = self.advance(limits, room)?;
        let over = match &step {
            Step::Wait => !open && self.wants_read(),
            Step::Answer(_) | Step::Close => false,
        };
        Ok(if over { Step::Close } else { step })
    }

    /// Takes the answer to the request that was given out.
    pub(super) fn answer(&mut self, reply: &Reply, limits: &Limits, room: &mut Room) -> Step {
        let Phase::Answering { keep_alive, .. } = self.phase else {
            return Step::Close;
        };
        self.release(room);
        self.send(reply, keep_alive, limits)
            .and_then(|()| self.advance(limits, room))
            .unwrap_or(Step::Close)
    }

    /// Ends it because its deadline has passed; says so where the client could hear it.
    pub(super) fn expire(&mut self, limits: &Limits, room: &mut Room) -> Step {
        let began = match self.phase {
            Phase::Head => !self.input.is_empty(),
            Phase::Body(_) => true,
            _ => false,
        };
        if began {
            self.refuse(Fault::Slow, limits, room)
                .unwrap_or(Step::Close)
        } else {
            Step::Close
        }
    }

    /// Gives back the room that its body has.
    pub(super) fn release(&mut self, room: &mut Room) {
        room.left += match &self.phase {
            Phase::Body(Head { length, .. }) | Phase::Answering { length, .. } => *length,
            _ => 0,
        };
    }

    /// Goes on as far as the bytes that there are lead.
    fn advance(&mut self, limits: &Limits, room: &mut Room) -> io::Result<Step> {
        loop {
            self.flush()?;
            match &self.phase {
                Phase::Handshake => {
                    if !self.greeted()? {
                        return Ok(Step::Wait);
                    }
                    self.turn(Phase::Head, limits.reading_head);
                }
                Phase::Idle => {
                    if self.input.is_empty() {
                        return Ok(Step::Wait);
                    }
                    self.turn(Phase::Head, limits.reading_head);
                }
                Phase::Head => match http::read_head(&self.input, limits.head, limits.body) {
                    Ok(Progress::Partial) => return Ok(Step::Wait),
                    Ok(Progress::Whole(head, taken)) => {
                        if head.length > room.left {
                            return self.refuse(Fault::Busy, limits, room);
                        }
                        self.take(taken);
                        room.left -= head.length;
                        if head.expects_continue && self.input.len() < head.length {
                            self.write(http::CONTINUE)?;
                        }
                        self.turn(Phase::Body(head), limits.reading_body);
                    }
                    Err(fault) => return self.refuse(fault, limits, room),
                },
                Phase::Body(head) => {
                    if self.input.len() < head.length {
                        return Ok(Step::Wait);
                    }
                    let head = head.clone();
                    return Ok(Step::Answer(self.request(head)));
                }
                Phase::Answering { .. } => return Ok(Step::Wait),
                Phase::Writing { keep_alive } => {
                    if self.wants_write() {
                        return Ok(Step::Wait);
                    }
                    if *keep_alive {
                        self.turn(Phase::Idle, limits.idle);
                    } else {
                        self.end(limits)?;
                    }
                }
                Phase::Ending => {
                    self.input.zeroize();
                    return Ok(Step::Wait);
                }
            }
        }
    }

    /// The request whose body has arrived.
    fn request(&mut self, head: Head) -> Request {
        self.phase = Phase::Answering {
            keep_alive: head.keep_alive,
            length: head.length,
        };
        let body = self.input[..head.length].to_vec();
        self.take(head.length);
        Request {
            door: match self.transport {
                Transport::Plain { .. } => Door::Plain,
                Transport::Tls(_) => Door::Attested,
            },
            method: head.method,
            path: head.path,
            query: head.query,
            body: body.into(),
            client: self.client,
        }
    }

    fn refuse(&mut self, fault: Fault, limits: &Limits, room: &mut Room) -> io::Result<Step> {
        self.release(room);
        self.input.zeroize();
        self.send(&http::refuse(fault), false, limits)?;
        self.advance(limits, room)
    }

    fn send(&mut self, reply: &Reply, keep_alive: bool, limits: &Limits) -> io::Result<()> {
        self.turn(Phase::Writing { keep_alive }, limits.writing);
        self.write(&http::write_head(reply, keep_alive))?;
        self.write(&reply.body)
    }

    /// Says that nothing more comes, and waits a little for the client to have read it: closing at once,
    /// with bytes unread, would tell its system to forget what it has.
    fn end(&mut self, limits: &Limits) -> io::Result<()> {
        if let Transport::Tls(tls) = &mut self.transport {
            tls.send_close_notify();
        }
        self.flush()?;
        self.turn(Phase::Ending, limits.ending);
        self.socket.shutdown(Shutdown::Write)
    }

    fn turn(&mut self, phase: Phase, within: std::time::Duration) {
        self.phase = phase;
        self.since = Instant::now();
        self.deadline = self.since + within;
    }

    fn take(&mut self, bytes: usize) {
        let rest = self.input.split_off(bytes);
        self.input.zeroize();
        *self.input = rest;
    }

    /// Whether the handshake is over; then the client's key is known.
    fn greeted(&mut self) -> io::Result<bool> {
        let Transport::Tls(tls) = &self.transport else {
            return Ok(true);
        };
        if tls.is_handshaking() {
            return Ok(false);
        }
        let certificate = tls.peer_certificates().and_then(|chain| chain.first());
        self.client = certificate
            .map(tls::client_of)
            .transpose()
            .map_err(io::Error::other)?;
        Ok(true)
    }

    /// Reads what has arrived, up to one head, or one body that there is room for; `false` at the end of the stream.
    fn read(&mut self, limits: &Limits) -> io::Result<bool> {
        let most = match &self.phase {
            Phase::Body(head) => head.length,
            _ => limits.head,
        };
        let mut piece = Zeroizing::new([0; PIECE]);
        while self.input.len() < most {
            let read = match &mut self.transport {
                Transport::Plain { .. } => match self.socket.read(&mut piece[..]) {
                    Ok(0) => return Ok(false),
                    Ok(read) => {
                        self.input.extend_from_slice(&piece[..read]);
                        Ok(())
                    }
                    Err(error) => Err(error),
                },
                Transport::Tls(tls) => match tls.read_tls(&mut self.socket) {
                    Ok(0) => return Ok(false),
                    Ok(_) => match tls.process_new_packets() {
                        Ok(_) => decrypted(tls, &mut piece[..], &mut self.input),
                        Err(error) => {
                            // Tells the client why, if that goes through at once.
                            let _ = tls.write_tls(&mut self.socket);
                            return Err(io::Error::other(error));
                        }
                    },
                    Err(error) => Err(error),
                },
            };
            match read {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if matches!(self.phase, Phase::Ending) {
                self.input.zeroize();
            }
        }
        Ok(true)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.transport {
            Transport::Plain { output, .. } => {
                output.extend_from_slice(bytes);
                Ok(())
            }
            Transport::Tls(tls) => tls.writer().write_all(bytes),
        }
    }

    /// Writes what the socket takes now.
    fn flush(&mut self) -> io::Result<()> {
        while self.wants_write() {
            let written = match &mut self.transport {
                Transport::Plain { output, written } => {
                    let more = self.socket.write(&output[*written..]);
                    *written += more.as_ref().copied().unwrap_or(0);
                    if *written == output.len() {
                        output.zeroize();
                        *written = 0;
                    }
                    more
                }
                Transport::Tls(tls) => tls.write_tls(&mut self.socket),
            };
            match written {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Moves what has been decrypted to the input.
fn decrypted(tls: &mut ServerConnection, piece: &mut [u8], input: &mut Vec<u8>) -> io::Result<()> {
    loop {
        match tls.reader().read(piece) {
            // The client has said that nothing more comes; its socket will say so too.
            Ok(0) => return Ok(()),
            Ok(read) => input.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_is_sent_ahead_stays_with_the_client_until_it_is_its_turn() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nonblocking(true).unwrap();
        let limits = Limits::default();
        let mut room = Room {
            left: limits.bodies,
        };
        let socket = listener.accept().unwrap().0;
        let mut connection = Connection::new(socket, None, &limits).unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            .unwrap();
        while client.write(&[b'x'; PIECE]).is_ok() {}
        let step = connection.ready(&limits, &mut room);
        assert!(matches!(step, Step::Answer(_)));
        let kept = connection.input.len();
        assert!(kept <= limits.head + PIECE, "{kept}");
    }
}
