//! The loop.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustls::ServerConfig;

use super::connection::{Connection, Room, Step};
use super::pool::Pool;
use super::{Doors, Handler, Limits};

/// Connections that are accepted before those that there are have their turn again.
const ACCEPTED_AT_ONCE: usize = 64;

/// How long nobody is accepted after accepting has failed, as it does without descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A server that runs. It ends when this is dropped.
pub struct Server {
    ending: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves whoever comes by the doors, in threads of its own.
    ///
    /// # Errors
    ///
    /// If the system gives no threads, or the sockets can't be used without waiting.
    pub fn start(doors: Doors, handler: Arc<dyn Handler>, limits: Limits) -> io::Result<Self> {
        let (wakes, waker) = UnixStream::pair()?;
        wakes.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let waker = Waker(Arc::new(waker));
        let ending = Arc::new(AtomicBool::new(false));
        let (listener, certified) = doors.attested;
        let mut listeners = vec![(listener, Some(Arc::clone(certified.config())))];
        listeners.extend(doors.plain.map(|listener| (listener, None)));
        for (listener, _) in &listeners {
            listener.set_nonblocking(true)?;
        }
        let mut running = Running {
            pool: Pool::start(limits.threads.get(), handler, waker.clone())?,
            room: Room {
                left: limits.bodies,
            },
            limits,
            listeners,
            accepting: Instant::now(),
            connections: BTreeMap::new(),
            next: 0,
            wakes,
            ending: Arc::clone(&ending),
        };
        let thread = std::thread::Builder::new()
            .name("connections".to_owned())
            .spawn(move || running.run())?;
        Ok(Self {
            ending,
            waker,
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Wakes the loop.
#[derive(Clone)]
pub(super) struct Waker(Arc<UnixStream>);

impl Waker {
    pub(super) fn wake(&self) {
        // If it is full there are wakes enough.
        let _ = (&*self.0).write(&[0]);
    }
}

struct Running {
    limits: Limits,
    listeners: Vec<(TcpListener, Option<Arc<ServerConfig>>)>,
    /// From when on connections are accepted.
    accepting: Instant,
    connections: BTreeMap<u64, Connection>,
    next: u64,
    room: Room,
    pool: Pool,
    wakes: UnixStream,
    ending: Arc<AtomicBool>,
}

impl Running {
    fn run(&mut self) {
        while !self.ending.load(Ordering::Acquire) {
            let (ready, knocking) = self.wait();
            self.drain_wakes();
            for (number, reply) in self.pool.answered() {
                self.step(number, |connection, limits, room| {
                    connection.answer(&reply, limits, room)
                });
            }
            for number in ready {
                self.step(number, Connection::ready);
            }
            self.expire();
            for listener in knocking {
                self.accept(listener);
            }
        }
    }

    /// Waits until something can be done: the numbers of connections, and of listeners.
    fn wait(&self) -> (Vec<u64>, Vec<usize>) {
        let now = Instant::now();
        let room_from = self.has_room_from();
        let accepting = room_from.is_some_and(|from| from <= now);
        let listeners = self.listeners.iter().map(|(listener, _)| listener);
        let listeners = listeners.take(if accepting { usize::MAX } else { 0 });
        let mut numbers = Vec::with_capacity(self.connections.len());
        let mut polled = vec![PollFd::new(&self.wakes, PollFlags::IN)];
        polled.extend(listeners.map(|listener| PollFd::new(listener, PollFlags::IN)));
        let before = polled.len();
        let mut until = room_from.filter(|_| !accepting);
        for (number, connection) in &self.connections {
            if connection.waits_for_client() {
                let mut wanted = PollFlags::empty();
                wanted.set(PollFlags::IN, connection.wants_read());
                wanted.set(PollFlags::OUT, connection.wants_write());
                polled.push(PollFd::new(connection.socket(), wanted));
                numbers.push(*number);
                let deadline = connection.deadline();
                until = Some(until.map_or(deadline, |until| until.min(deadline)));
            }
        }
        let within = until.map(|until| timespec(until.saturating_duration_since(now)));
        match poll(&mut polled, within.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return (Vec::new(), Vec::new()),
            Err(_) => {
                // No memory: the connections stay, and this is tried again.
                std::thread::sleep(PAUSE);
                return (Vec::new(), Vec::new());
            }
        }
        let is_ready = |polled: &PollFd<'_>| !polled.revents().is_empty();
        let ready = polled[before..].iter().zip(numbers);
        let ready = ready.filter(|(polled, _)| is_ready(polled));
        let knocking = (1..before).filter(|number| is_ready(&polled[*number]));
        (
            ready.map(|(_, number)| number).collect(),
            knocking.map(|number| number - 1).collect(),
        )
    }

    fn drain_wakes(&mut self) {
        let mut bytes = [0; 256];
        while matches!(self.wakes.read(&mut bytes), Ok(read) if read > 0) {}
    }

    /// Has a connection do something, and does what comes of it.
    fn step(&mut self, number: u64, act: impl FnOnce(&mut Connection, &Limits, &mut Room) -> Step) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        match act(connection, &self.limits, &mut self.room) {
            Step::Wait => {}
            Step::Answer(request) => self.pool.answer(number, request),
            Step::Close => self.close(number),
        }
    }

    fn close(&mut self, number: u64) {
        if let Some(mut connection) = self.connections.remove(&number) {
            connection.release(&mut self.room);
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        let late =
            |connection: &Connection| connection.waits_for_client() && connection.deadline() <= now;
        let expired: Vec<u64> = self
            .connections
            .iter()
            .filter(|(_, connection)| late(connection))
            .map(|(number, _)| *number)
            .collect();
        for number in expired {
            self.step(number, Connection::expire);
        }
    }

    fn accept(&mut self, listener: usize) {
        for _ in 0..ACCEPTED_AT_ONCE {
            if self
                .has_room_from()
                .is_none_or(|from| from > Instant::now())
            {
                return;
            }
            let (door, config) = &self.listeners[listener];
            let socket = door.accept();
            let connection = socket
                .and_then(|(socket, _)| Connection::new(socket, config.as_ref(), &self.limits));
            match connection {
                Ok(connection) => {
                    self.make_room();
                    self.connections.insert(self.next, connection);
                    self.next += 1;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.accepting = Instant::now() + PAUSE;
                    return;
                }
            }
        }
    }

    /// When another connection can be accepted, if need be in place of one.
    fn has_room_from(&self) -> Option<Instant> {
        if self.connections.len() < self.limits.connections {
            return Some(self.accepting);
        }
        let (_, first) = self.longest_waiting()?;
        Some(self.accepting.max(first.since() + self.limits.turn))
    }

    /// Closes the connection that has kept its place longest for nothing, if there are as many as there may
    /// be. One whose request is being answered stays.
    fn make_room(&mut self) {
        if self.connections.len() >= self.limits.connections
            && let Some((number, _)) = self.longest_waiting()
        {
            self.close(number);
        }
    }

    fn longest_waiting(&self) -> Option<(u64, &Connection)> {
        self.connections
            .iter()
            .filter(|(_, connection)| connection.waits_for_client())
            .min_by_key(|(_, connection)| connection.since())
            .map(|(number, connection)| (*number, connection))
    }
}

/// Rounded up, so that what was waited for has come.
fn timespec(duration: Duration) -> Timespec {
    let duration = duration + Duration::from_millis(1);
    Timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
