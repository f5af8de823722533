use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};

use monitor::Throttle;
use tokio::sync::{mpsc, oneshot};
use zmq::{Context, DONTWAIT, Message, POLLIN, PollItem, SNDMORE, Socket};

use super::Command;
use crate::Error;
use crate::gate::{Gate, frame_of};
use crate::peer::{FromHost, Source};

/// All sockets, and the loop that serves them.
pub(super) struct Sockets {
    context: Context,
    router: Socket,
    peers: BTreeMap<u64, Connection>,
    inbox: Receiver<Command>,
    ear: UnixStream,
    rung: Arc<AtomicBool>,
    gate: Arc<Gate>,
    hosts: mpsc::Sender<FromHost>,
}

/// A `DEALER` to one worker process, and who waits for its answers.
struct Connection {
    socket: Socket,
    waiting: HashMap<u64, oneshot::Sender<Vec<u8>>>,
    misfits: Throttle,
}

/// Longest frame of a host, in bytes.
const LONGEST_FROM_HOST: i64 = 16 << 10;

/// Longest answer of a worker, in bytes: a frame's 16 MiB and some.
const LONGEST_ANSWER: i64 = 17 << 20;

/// Messages of hosts that wait to be read; hosts repeat what gets lost.
const HOSTS_WAITING: i32 = 1024;

/// Messages taken from one socket before the others get their turn.
const BATCH: usize = 128;

/// A connection that hasn't said what it is in this many milliseconds is closed.
const HANDSHAKE: i32 = 5000;

/// First and longest wait before connecting again, in milliseconds.
const RECONNECT: (i32, i32) = (50, 1000);

impl Sockets {
    pub(super) fn bind(
        endpoint: &str,
        inbox: Receiver<Command>,
        ear: UnixStream,
        rung: Arc<AtomicBool>,
        gate: Arc<Gate>,
        hosts: mpsc::Sender<FromHost>,
    ) -> Result<Self, Error> {
        let context = Context::new();
        let router = context.socket(zmq::ROUTER)?;
        router.set_linger(0)?;
        router.set_maxmsgsize(LONGEST_FROM_HOST)?;
        router.set_rcvhwm(HOSTS_WAITING)?;
        router.set_sndhwm(HOSTS_WAITING)?;
        router.set_handshake_ivl(HANDSHAKE)?;
        router.set_tcp_keepalive(1)?;
        router.set_ipv6(endpoint.contains('['))?;
        router.bind(endpoint).map_err(|source| Error::Bind {
            endpoint: endpoint.to_owned(),
            source,
        })?;
        Ok(Self {
            context,
            router,
            peers: BTreeMap::new(),
            inbox,
            ear,
            rung,
            gate,
            hosts,
        })
    }

    /// Where hosts reach it, with the real port.
    pub(super) fn endpoint(&self) -> Result<String, Error> {
        Ok(self
            .router
            .get_last_endpoint()?
            .map_err(|_| zmq::Error::EINVAL)?)
    }

    /// Serves until all handles are dropped.
    pub(super) fn run(mut self) {
        loop {
            let ready = match self.wait() {
                Ok(ready) => ready,
                Err(zmq::Error::EINTR) => continue,
                Err(error) => {
                    tracing::error!(%error, "waiting for ZeroMQ failed, the manager's sockets close");
                    return;
                }
            };
            if ready.bell && self.obey().is_err() {
                return;
            }
            if ready.router {
                self.hear_hosts();
            }
            for peer in ready.peers {
                if let Some(connection) = self.peers.get_mut(&peer) {
                    connection.hear();
                }
            }
        }
    }

    /// Sleeps until something arrives: the only place where the thread does.
    fn wait(&self) -> zmq::Result<Ready> {
        let mut items = Vec::with_capacity(2 + self.peers.len());
        items.push(PollItem::from_fd(self.ear.as_raw_fd(), POLLIN));
        items.push(self.router.as_poll_item(POLLIN));
        let peers = self.peers.values();
        items.extend(peers.map(|peer| peer.socket.as_poll_item(POLLIN)));
        zmq::poll(&mut items, -1)?;
        let arrived = |item: &PollItem<'_>| !item.get_revents().is_empty();
        Ok(Ready {
            bell: arrived(&items[0]),
            router: arrived(&items[1]),
            peers: self
                .peers
                .keys()
                .zip(&items[2..])
                .filter_map(|(peer, item)| arrived(item).then_some(*peer))
                .collect(),
        })
    }

    /// Carries out all commands that have come in.
    fn obey(&mut self) -> Result<(), AllGone> {
        let mut bytes = [0; 16];
        // Whatever this brings, the channel says what is to be done.
        let _ = self.ear.read(&mut bytes);
        self.rung.swap(false, Ordering::AcqRel);
        loop {
            match self.inbox.try_recv() {
                Ok(command) => self.carry_out(command),
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(AllGone),
            }
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Connect {
                peer,
                endpoint,
                capacity,
            } => match Connection::open(&self.context, &endpoint, capacity) {
                Ok(connection) => {
                    self.peers.insert(peer, connection);
                }
                Err(error) => tracing::warn!(endpoint, %error, "cannot connect to a worker"),
            },
            Command::Close { peer } => {
                self.peers.remove(&peer);
            }
            Command::Ask {
                peer,
                tag,
                body,
                answer,
            } => {
                // Without a connection the question is dropped, which tells whoever asked.
                if let Some(connection) = self.peers.get_mut(&peer) {
                    connection.ask(tag, body, answer);
                }
            }
            Command::Forget { peer, tag } => {
                if let Some(connection) = self.peers.get_mut(&peer) {
                    connection.waiting.remove(&tag);
                }
            }
            Command::Tell { identity, frame } => self.tell(identity, frame),
        }
    }

    fn tell(&self, identity: impl Into<Message>, frame: Vec<u8>) {
        let sent = self
            .router
            .send(identity, SNDMORE | DONTWAIT)
            .and_then(|()| self.router.send(frame, DONTWAIT));
        if let Err(error) = sent {
            tracing::debug!(%error, "an answer to a host could not be sent");
        }
    }

    fn hear_hosts(&mut self) {
        for _ in 0..BATCH {
            let Some(message) = receive(&self.router) else {
                return;
            };
            let [identity, frame] = message.as_slice() else {
                tracing::debug!("a message on the hosts' socket has not one frame");
                continue;
            };
            let message = match self.gate.admit(frame) {
                Ok(message) => message,
                Err(refusal) => {
                    self.tell(&identity[..], frame_of(&refusal));
                    continue;
                }
            };
            let from = FromHost {
                source: Source::ZeroMq(identity.to_vec()),
                message: Some(message),
            };
            if self.hosts.try_send(from).is_err() {
                tracing::debug!("a host's message is dropped, too many wait");
            }
        }
    }
}

struct Ready {
    bell: bool,
    router: bool,
    peers: Vec<u64>,
}

/// Nobody holds the other end any more.
struct AllGone;

impl Connection {
    fn open(context: &Context, endpoint: &str, capacity: u32) -> zmq::Result<Self> {
        let socket = context.socket(zmq::DEALER)?;
        // Twice what there can be, with the question after keys: the other end says only now and then,
        // after half as many as this, that it has taken messages out.
        let waiting = i32::try_from(capacity)
            .unwrap_or(i32::MAX)
            .saturating_add(1)
            .saturating_mul(2);
        socket.set_linger(0)?;
        socket.set_sndhwm(waiting)?;
        socket.set_rcvhwm(waiting)?;
        socket.set_maxmsgsize(LONGEST_ANSWER)?;
        socket.set_reconnect_ivl(RECONNECT.0)?;
        socket.set_reconnect_ivl_max(RECONNECT.1)?;
        socket.set_tcp_keepalive(1)?;
        socket.set_ipv6(endpoint.contains('['))?;
        socket.connect(endpoint)?;
        Ok(Self {
            socket,
            waiting: HashMap::new(),
            misfits: Throttle::default(),
        })
    }

    /// Sends `[tag, "", body]`: the empty frame ends the envelope that a `REP` peer repeats.
    fn ask(&mut self, tag: u64, body: Vec<u8>, answer: oneshot::Sender<Vec<u8>>) {
        let sent = self
            .socket
            .send(tag.to_be_bytes().as_slice(), SNDMORE | DONTWAIT)
            .and_then(|()| self.socket.send("", SNDMORE | DONTWAIT))
            .and_then(|()| self.socket.send(body, DONTWAIT));
        match sent {
            Ok(()) => {
                self.waiting.insert(tag, answer);
            }
            Err(error) => tracing::warn!(%error, "a question to a worker could not be sent"),
        }
    }

    fn hear(&mut self) {
        for _ in 0..BATCH {
            let Some(message) = receive(&self.socket) else {
                return;
            };
            let [tag, empty, body] = message.as_slice() else {
                if let Some(suppressed) = self.misfits.pass() {
                    tracing::warn!(suppressed, "a worker's answer has not three frames");
                }
                continue;
            };
            let tag = <[u8; 8]>::try_from(&tag[..]).map(u64::from_be_bytes);
            let waiting = tag.ok().filter(|_| empty.is_empty());
            match waiting.and_then(|tag| self.waiting.remove(&tag)) {
                // Whoever asked may have stopped waiting just now.
                Some(answer) => drop(answer.send(body.to_vec())),
                None => tracing::debug!("an answer came that nobody waits for"),
            }
        }
    }
}

/// Most frames of a message that are kept; of longer ones only the number matters.
const FRAMES: usize = 4;

/// The next message, if there is one.
fn receive(socket: &Socket) -> Option<Vec<Message>> {
    let mut frames = Vec::with_capacity(FRAMES);
    loop {
        let mut frame = Message::new();
        match socket.recv(&mut frame, DONTWAIT) {
            Ok(()) => {}
            Err(zmq::Error::EINTR) => continue,
            Err(_) => return None,
        }
        let more = frame.get_more();
        if frames.len() < FRAMES {
            frames.push(frame);
        }
        if !more {
            return Some(frames);
        }
    }
}
