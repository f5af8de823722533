//! A host with a worker behind it, as far as the manager can tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use protocol::membership::{HostMessage, ManagerMessage};
use protocol::processor::Request;

use super::{signup, token};

/// What a worker does with an order, whose request is given; the number counts its orders.
pub(crate) type Behaviour = Box<dyn Fn(&serde_json::Value, usize) -> Act + Send>;

/// What becomes of one order.
pub(crate) enum Act {
    /// This frame is the answer.
    Answer(Vec<u8>),
    /// This frame is the answer, after a while; meanwhile others are answered.
    AnswerAfter(Duration, Vec<u8>),
    /// There is none.
    Silence,
    /// The worker dies: this order and all that wait for their answers are lost.
    Die,
}

/// The answer of a worker that did what it should.
pub(crate) fn good(request: &serde_json::Value) -> Vec<u8> {
    result_for(request["params"]["workOrderId"].as_str().unwrap())
}

/// A result that names `order`.
pub(crate) fn result_for(order: &str) -> Vec<u8> {
    serde_json::json!({"jsonrpc": "2.0", "id": 1, "result": {"workOrderId": order, "outData": []}})
        .to_string()
        .into_bytes()
}

/// What a host answers for a worker that died.
pub(crate) fn lost(started: Option<bool>) -> Vec<u8> {
    let mut data = serde_json::json!({"reason": "worker.lost"});
    if let Some(started) = started {
        data["started"] = started.into();
    }
    serde_json::json!({"jsonrpc": "2.0", "id": 0, "error": {"code": 1, "message": "lost", "data": data}})
        .to_string()
        .into_bytes()
}

/// Does what it should.
pub(crate) fn obedient() -> Behaviour {
    Box::new(|request, _| Act::Answer(good(request)))
}

/// A host to be started.
pub(crate) struct Plan {
    pub(crate) worker: String,
    pub(crate) capacity: u32,
    pub(crate) signup: String,
    pub(crate) behaviour: Behaviour,
}

impl Plan {
    pub(crate) fn new(worker: &str) -> Self {
        Self {
            worker: worker.to_owned(),
            capacity: 4,
            signup: signup().to_owned(),
            behaviour: obedient(),
        }
    }

    pub(crate) fn behaving(self, behaviour: Behaviour) -> Self {
        Self { behaviour, ..self }
    }

    pub(crate) fn with_room_for(self, capacity: u32) -> Self {
        Self { capacity, ..self }
    }

    pub(crate) fn with_signup(self, signup: String) -> Self {
        Self { signup, ..self }
    }

    pub(crate) fn start(self, manager: &str) -> Host {
        let shared = Arc::new(Shared::default());
        let (told, manager) = (Arc::clone(&shared), manager.to_owned());
        let thread = std::thread::spawn(move || Loop::new(self, &manager, told).run());
        Host {
            shared,
            thread: Some(thread),
        }
    }
}

/// A host that runs until it's dropped.
pub(crate) struct Host {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    leave: AtomicBool,
    mute: AtomicBool,
    orders: AtomicUsize,
    joined: AtomicBool,
    joins: AtomicU64,
    refused: AtomicU64,
}

impl Host {
    /// Orders that it was given.
    pub(crate) fn orders(&self) -> usize {
        self.shared.orders.load(Ordering::SeqCst)
    }

    /// Neither answers nor shows that it's there any more, as if it had been stopped.
    pub(crate) fn mute(&self) {
        self.shared.mute.store(true, Ordering::SeqCst);
    }

    /// Says that it leaves, and answers what it has.
    pub(crate) fn leave(&self) {
        self.shared.leave.store(true, Ordering::SeqCst);
    }

    /// Whether the manager says that it's joined.
    pub(crate) fn is_joined(&self) -> bool {
        self.shared.joined.load(Ordering::SeqCst)
    }

    /// How often the manager said so.
    pub(crate) fn joins(&self) -> u64 {
        self.shared.joins.load(Ordering::SeqCst)
    }

    /// Refusals that it got.
    pub(crate) fn refusals(&self) -> u64 {
        self.shared.refused.load(Ordering::SeqCst)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

struct Loop {
    plan: Plan,
    shared: Arc<Shared>,
    front: zmq::Socket,
    manager: zmq::Socket,
    instance: String,
    joined: bool,
    left: bool,
    next_word: Instant,
    later: Vec<(Instant, Vec<Vec<u8>>)>,
}

const HEARTBEAT: Duration = Duration::from_millis(100);

impl Loop {
    fn new(plan: Plan, manager: &str, shared: Arc<Shared>) -> Self {
        let context = zmq::Context::new();
        let front = context.socket(zmq::ROUTER).unwrap();
        front.set_linger(0).unwrap();
        front.bind("tcp://127.0.0.1:*").unwrap();
        let dealer = context.socket(zmq::DEALER).unwrap();
        dealer.set_linger(0).unwrap();
        dealer.connect(manager).unwrap();
        static INSTANCES: AtomicU64 = AtomicU64::new(1);
        let instance = INSTANCES.fetch_add(1, Ordering::SeqCst);
        Self {
            plan,
            shared,
            front,
            manager: dealer,
            instance: format!("{instance:032x}"),
            joined: false,
            left: false,
            next_word: Instant::now(),
            later: Vec::new(),
        }
    }

    fn run(mut self) {
        while !self.shared.stop.load(Ordering::SeqCst) {
            let mut items = [
                self.front.as_poll_item(zmq::POLLIN),
                self.manager.as_poll_item(zmq::POLLIN),
            ];
            zmq::poll(&mut items, 5).unwrap();
            if self.shared.mute.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            self.hear_manager();
            self.speak();
            while let Ok(frames) = self.front.recv_multipart(zmq::DONTWAIT) {
                self.serve(frames);
            }
            self.answer_late();
        }
    }

    fn speak(&mut self) {
        if self.shared.leave.load(Ordering::SeqCst) && !self.left {
            self.left = true;
            self.say(&HostMessage::Leave {
                token: token().expose().to_owned(),
                instance: self.instance.clone(),
            });
        }
        if self.left || self.next_word > Instant::now() {
            return;
        }
        self.next_word = Instant::now() + HEARTBEAT;
        let (token, instance) = (token().expose().to_owned(), self.instance.clone());
        if self.joined {
            self.say(&HostMessage::Alive { token, instance });
        } else {
            let endpoint = self.front.get_last_endpoint().unwrap().unwrap();
            self.say(&HostMessage::Join {
                token,
                instance,
                worker: self.plan.worker.clone(),
                endpoint,
                capacity: self.plan.capacity,
                pid: 7,
                patience: 600,
            });
        }
    }

    fn say(&self, message: &HostMessage) {
        let text = serde_json::to_vec(message).unwrap();
        self.manager.send(text, 0).unwrap();
    }

    fn hear_manager(&mut self) {
        while let Ok(frame) = self.manager.recv_bytes(zmq::DONTWAIT) {
            match serde_json::from_slice(&frame).unwrap() {
                ManagerMessage::Joined => {
                    self.joined = true;
                    self.shared.joins.fetch_add(1, Ordering::SeqCst);
                }
                ManagerMessage::Ok => {}
                ManagerMessage::Unknown => self.joined = false,
                ManagerMessage::Refused { .. } => {
                    self.shared.refused.fetch_add(1, Ordering::SeqCst);
                }
            }
            self.shared.joined.store(self.joined, Ordering::SeqCst);
        }
    }

    fn serve(&mut self, mut frames: Vec<Vec<u8>>) {
        let body = frames.pop().unwrap();
        assert_eq!(frames.len(), 3, "identity, tag and an empty frame");
        let text = match Request::parse(&body).unwrap() {
            Request::Signup => return self.answer(frames, self.plan.signup.as_bytes()),
            Request::Order(text) => text,
            other => panic!("no manager asks this: {other:?}"),
        };
        let request = serde_json::from_str(&text).unwrap();
        let number = self.shared.orders.fetch_add(1, Ordering::SeqCst);
        match (self.plan.behaviour)(&request, number) {
            Act::Answer(frame) => self.answer(frames, &frame),
            Act::AnswerAfter(pause, frame) => {
                frames.push(frame);
                self.later.push((Instant::now() + pause, frames));
            }
            Act::Silence => {}
            Act::Die => {
                self.answer(frames, &lost(None));
                for (_, mut frames) in std::mem::take(&mut self.later) {
                    frames.pop();
                    self.answer(frames, &lost(None));
                }
            }
        }
    }

    fn answer(&self, mut envelope: Vec<Vec<u8>>, body: &[u8]) {
        envelope.push(body.to_vec());
        self.front.send_multipart(envelope, 0).unwrap();
    }

    fn answer_late(&mut self) {
        let now = Instant::now();
        let due = |late: &&(Instant, Vec<Vec<u8>>)| late.0 <= now;
        for (_, frames) in self.later.iter().filter(due) {
            self.front.send_multipart(frames, 0).unwrap();
        }
        self.later.retain(|late| late.0 > now);
    }
}
