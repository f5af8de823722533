//! The `ROUTER` socket: requests in, replies out.

use zmq::{DONTWAIT, Message, SNDMORE, Socket};

use crate::config::Limits;
use crate::error::Error;

/// How far a message may be over the body limit and still be read, so that its sender gets an
/// answer instead of a closed connection.
const TOLERANCE: usize = 1024 * 1024;

/// How long ZeroMQ goes on sending the last replies after the socket is closed, in milliseconds.
const LINGER: i32 = 1000;

/// A new connection that hasn't said what it is in this many milliseconds is closed.
const HANDSHAKE: i32 = 5000;

/// The socket that peers send requests to.
///
/// A message is the peer's identity (added by ZeroMQ), any further envelope frames, and the body. A
/// `REQ` peer's envelope has an empty frame after the identity, a `DEALER`'s has none, a manager's
/// carries its own tag; the reply repeats whatever there was.
pub(crate) struct Front {
    socket: Socket,
    endpoint: String,
    limits: Limits,
}

/// The frames before the body, which lead the reply back.
pub(crate) struct Envelope(Vec<Message>);

/// What [`Front::receive`] found.
pub(crate) enum Received {
    /// Somebody asks something.
    Request(Envelope, Message),
    /// Somebody asks something that is too long.
    TooLong(Envelope),
    /// A message that can't be answered. It's gone; the text says why.
    Unusable(&'static str),
    /// No message now; the socket's descriptor becomes readable when there may be one.
    Nothing,
}

impl Front {
    pub(crate) fn bind(
        context: &zmq::Context,
        endpoint: &str,
        limits: Limits,
    ) -> Result<Self, Error> {
        let socket = context.socket(zmq::ROUTER)?;
        let longest = limits.body.saturating_add(TOLERANCE);
        socket.set_maxmsgsize(i64::try_from(longest).unwrap_or(i64::MAX))?;
        socket.set_rcvhwm(i32::from(limits.read_ahead))?;
        // A peer that is sent more than this without reading loses what is over. It can't have asked
        // for more than this at once, so only one that doesn't read its replies does.
        let unread = limits.in_flight.saturating_add(limits.read_ahead.into());
        socket.set_sndhwm(i32::try_from(unread).unwrap_or(i32::MAX))?;
        socket.set_router_mandatory(false)?;
        socket.set_handshake_ivl(HANDSHAKE)?;
        socket.set_tcp_keepalive(1)?;
        socket.set_linger(LINGER)?;
        socket.set_ipv6(endpoint.contains('['))?;

        let refused = |source| Error::Bind {
            endpoint: endpoint.to_owned(),
            source,
        };
        socket.bind(endpoint).map_err(refused)?;
        let endpoint = socket
            .get_last_endpoint()?
            .map_err(|_| refused(zmq::Error::EINVAL))?;
        Ok(Self {
            socket,
            endpoint,
            limits,
        })
    }

    /// Where peers reach it, with the real port.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn descriptor(&self) -> Result<std::os::fd::RawFd, Error> {
        Ok(self.socket.get_fd()?)
    }

    /// The next message, without waiting.
    ///
    /// The descriptor tells only of *changes*: before waiting for it, call this until it gives
    /// [`Received::Nothing`], and again after every [`reply`](Self::reply).
    pub(crate) fn receive(&self) -> Result<Received, Error> {
        let mut envelope = Vec::with_capacity(3);
        let mut bytes = 0;
        let mut excess = None;
        loop {
            let mut frame = Message::new();
            match self.socket.recv(&mut frame, DONTWAIT) {
                Ok(()) => (),
                Err(zmq::Error::EAGAIN) => return Ok(Received::Nothing),
                Err(zmq::Error::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if !frame.get_more() {
                return Ok(match excess {
                    Some(why) => Received::Unusable(why),
                    None => self.sort(Envelope(envelope), frame),
                });
            }
            bytes += frame.len();
            if envelope.len() == self.limits.envelope_frames {
                excess = Some("too many frames");
            } else if bytes > self.limits.envelope_bytes {
                excess = Some("the frames before the body are too long");
            }
            // What is over the limit is read, because the body stands behind it, but not kept.
            if excess.is_none() {
                envelope.push(frame);
            }
        }
    }

    fn sort(&self, envelope: Envelope, body: Message) -> Received {
        if envelope.0.is_empty() {
            Received::Unusable("no body")
        } else if body.len() > self.limits.body {
            Received::TooLong(envelope)
        } else {
            Received::Request(envelope, body)
        }
    }

    /// Sends `body` to whom the envelope leads. A peer that has gone is no error: its reply has
    /// nowhere to go.
    pub(crate) fn reply(&self, envelope: Envelope, body: impl Into<Message>) {
        let sent = envelope
            .0
            .into_iter()
            .try_for_each(|frame| self.socket.send(frame, DONTWAIT | SNDMORE))
            .and_then(|()| self.socket.send(body.into(), DONTWAIT));
        if let Err(error) = sent {
            tracing::warn!(%error, "a reply could not be sent");
        }
    }
}
