//! A directory that lies, over HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use directory::feed::{Mutation, Page};
use transparency::json;
use transparency::messages::{GetEntryResponse, History};

use crate::liar::Liar;

type Lie = Box<dyn Fn(&mut GetEntryResponse) + Send>;
type LieOfHistory = Box<dyn Fn(&mut History) + Send>;
type LieOfFeed = Box<dyn Fn(&mut Page) + Send>;

/// What it is told to do; it answers until the test's process ends.
pub(crate) struct Server {
    address: String,
    pub(crate) state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    pub(crate) liar: Liar,
    /// What becomes of answers about users.
    pub(crate) lie: Lie,
    /// What becomes of pages of histories.
    pub(crate) lie_of_history: LieOfHistory,
    /// What becomes of what auditors are shown.
    pub(crate) lie_of_feed: LieOfFeed,
    /// Whether updates are applied.
    pub(crate) applies: bool,
}

impl Server {
    pub(crate) fn start(liar: Liar) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            liar,
            lie: Box::new(|_| ()),
            lie_of_history: Box::new(|_| ()),
            lie_of_feed: Box::new(|_| ()),
            applies: true,
        }));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away is none of this test's.
                let _ = answer(stream.unwrap(), &shared);
            }
        });
        Self { address, state }
    }

    /// The file that pins it, in a folder.
    pub(crate) fn pinned(&self, folder: &Path) -> PathBuf {
        let mut trust = self.state.lock().unwrap().liar.trust();
        trust.address = Some(self.address.clone());
        let file = folder.join("directory.json");
        std::fs::write(&file, serde_json::to_vec(&trust).unwrap()).unwrap();
        file
    }

    /// Lies about users from now on.
    pub(crate) fn lies(&self, lie: impl Fn(&mut GetEntryResponse) + Send + 'static) {
        self.state.lock().unwrap().lie = Box::new(lie);
    }
}

fn answer(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap_or_default());
    let (status, body) = match reply(method, path, &body, &mut state.lock().unwrap()) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    let mut stream = stream;
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}

fn reply(method: &str, path: &str, body: &[u8], state: &mut State) -> Option<Vec<u8>> {
    if let Some(tile) = path.strip_prefix("/v1/log/tile/") {
        return state.liar.tile(tile);
    }
    if path == "/v1/log/checkpoint" {
        let size = state.liar.epochs.len() as u64;
        return Some(state.liar.checkpoint(size).into_bytes());
    }
    if let Some(query) = path.strip_prefix("/v1/mutations?") {
        return feed(query, state);
    }
    let user = path.strip_prefix("/v1/users/")?;
    if let Some((user, query)) = user.split_once("/history?") {
        return Some(history(user, query, state));
    }
    let mut answer = state.liar.get(user);
    (state.lie)(&mut answer);
    if method == "PUT" && state.applies {
        state.liar.apply(&json::read_put(body).unwrap());
        state.liar.seal();
    }
    Some(json::write(&answer).unwrap())
}

/// All updates of an epoch, on one page.
fn feed(query: &str, state: &State) -> Option<Vec<u8>> {
    let epoch = query.split('&').find_map(|one| one.strip_prefix("epoch="));
    let epoch: u64 = epoch?.parse().ok()?;
    let sealed = state.liar.epochs.get(usize::try_from(epoch).ok()?)?;
    let updates = sealed.updates.values().cloned().zip(0..);
    let mutations: Vec<_> = updates
        .map(|(update, number)| Mutation {
            number,
            update,
            ..Mutation::default()
        })
        .collect();
    let mut page = Page {
        epoch,
        count: mutations.len() as u64,
        mutations,
        next_start: 0,
        smh: Some(sealed.smh.clone()),
        smh_sct: sealed.sct.clone(),
    };
    (state.lie_of_feed)(&mut page);
    Some(serde_json::to_vec(&page).unwrap())
}

fn history(user: &str, query: &str, state: &State) -> Vec<u8> {
    let start = query.split('&').find_map(|one| one.strip_prefix("start="));
    let start: usize = start.unwrap().parse().unwrap();
    let liar = &state.liar;
    let index = liar.index(user);
    let changes_only = query.contains("changes_only=1");
    let wanted = |epoch: &usize| !changes_only || liar.epochs[*epoch].updates.contains_key(&index);
    let mut page = liar.history(user, (start..liar.epochs.len()).filter(wanted), 0);
    (state.lie_of_history)(&mut page);
    json::write(&page).unwrap()
}
