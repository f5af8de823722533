//! `http.json`: a session with the directory of 2017, repeated with this one, under the same keys.
//!
//! What is compared is what a server has to say: statuses, codes, and of answers the VRF's output, the opening,
//! leaf and neighbors, realm, epoch and root. Signatures and times are each server's own. VRF proofs are in the
//! form of that time, which only tests have. Where the process of 2017 died, this one answers 400, or takes
//! the update that is wrapped as the page of 2017 had it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use directory::apps::Apps;
use directory::{Config, Keys, Server};
use serde_json::Value;
use transparency::json;
use transparency::map::{self, MapId, root_of};
use transparency::messages::{GetEntryResponse, History};
use transparency::vrf::{Output, Proof, PublicKey, Suite};

use super::{Cases, Verdict, ensure, text};

/// What the page of 2017 said in a heading, and its server did not do: here it is another name.
const ALIAS: &str = "/v1/user/";

pub(crate) fn check(file: &Value, cases: &mut Cases<'_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let started = config(folder.path(), &file["keys"]);
    let started = started.and_then(|config| {
        let server = runtime.block_on(Server::start(config));
        server.map_err(|fault| fault.to_string())
    });
    let server = match started {
        Ok(server) => server,
        Err(fault) => return cases.tell("the server starts", Err(fault)),
    };
    let steps = file["steps"].as_array().map(Vec::as_slice);
    let steps = steps.unwrap_or_default();
    let listed = listed(steps);
    for step in steps {
        let name = step["name"].as_str().unwrap_or("a step without a name");
        if step["method"].is_null() {
            let advanced = runtime.block_on(server.directory().advance());
            let advanced = advanced.map_err(|fault| fault.to_string());
            cases.tell(name, advanced.map(|epoch| vec![format!("epoch {epoch}")]));
        } else if is_wrapped(step) {
            // It is taken here, and the session would be another: it has a directory of its own.
            cases.tell(name, alone(&runtime, step, &file["keys"]));
        } else {
            cases.tell(name, repeat(step, server.address(), &file["keys"], listed));
        }
    }
    runtime.block_on(server.shutdown());
}

/// Whether a step is a PUT in the form that the page of 2017 had, and its server died of.
fn is_wrapped(step: &Value) -> bool {
    let body = step["request_body"].as_str().unwrap_or_default();
    body.starts_with("{\"entry_update\"")
}

/// A step with a directory that nobody has written to.
fn alone(runtime: &tokio::runtime::Runtime, step: &Value, keys: &Value) -> Verdict {
    let folder = tempfile::tempdir().map_err(|fault| fault.to_string())?;
    let config = config(folder.path(), keys)?;
    let server = runtime.block_on(Server::start(config));
    let server = server.map_err(|fault| fault.to_string())?;
    let verdict = repeat(step, server.address(), keys, u64::MAX);
    runtime.block_on(server.shutdown());
    verdict
}

/// A directory with the keys of the session; those of its log are its own.
fn config(folder: &Path, keys: &Value) -> Result<Config, String> {
    let mut config = Config::new(folder);
    config.address = ([127, 0, 0, 1], 0).into();
    config.realm = text(keys, "domain")?.to_owned();
    config.apps = Apps::default();
    config.suite = Suite::Plain;
    config.writers.development = true;
    config.epoch = Duration::from_secs(3600);
    config.heartbeat = Duration::from_secs(3600);
    Keys::open(&config.keys, &config.realm).map_err(|fault| fault.to_string())?;
    let own = std::fs::read_to_string(&config.keys).map_err(|fault| fault.to_string())?;
    let log = own.find("\nlog\n").ok_or("no log key")?;
    let vrf = text(keys, "vrf_private_key_pem")?.trim_end();
    let map = text(keys, "map_head_private_key_pem")?.trim_end();
    let text = format!("vrf\n{vrf}\nmap\n{map}{}", &own[log..]);
    std::fs::write(&config.keys, text).map_err(|fault| fault.to_string())?;
    Ok(config)
}

fn repeat(step: &Value, address: SocketAddr, keys: &Value, listed: u64) -> Verdict {
    let (method, path) = (text(step, "method")?, text(step, "path")?);
    let headers = step["headers"].as_object();
    let headers: String = headers
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}: {}\r\n", value.as_str().unwrap_or_default()))
        .collect();
    let body = step["request_body"].as_str().unwrap_or_default();
    let (status, found) = exchange(address, method, path, &headers, body)?;
    let response = &step["response"];
    let died = response["error"]
        .as_str()
        .is_some_and(|text| text.starts_with("HARNESS"));
    if died {
        let wanted = if is_wrapped(step) { 200 } else { 400 };
        ensure!(status == wanted, "status {status}, and {wanted} is ours");
        return Ok(vec![format!("{status} where the process of 2017 died")]);
    }
    if path.starts_with(ALIAS) {
        ensure!(status == 200, "status {status} of the other name");
        return Ok(vec!["another name of the same".to_owned()]);
    }
    ensure!(
        step["status"] == status,
        "status {status}, not {}",
        step["status"]
    );
    let mut checked = vec![format!("status {status}")];
    if let Some(plain) = step["response_text"].as_str() {
        ensure!(found == plain.as_bytes(), "another text");
        checked.push("text".to_owned());
    } else if status != 200 {
        let problem: Value = serde_json::from_slice(&found).map_err(|fault| fault.to_string())?;
        ensure!(
            problem["code"] == response["code"],
            "code {}",
            problem["code"]
        );
        checked.push(format!("code {}", problem["code"]));
        // The parsers of two languages say it in their own words.
        let own = ["Invalid request", "Invalid mutation", "Permission denied"];
        if own.iter().any(|text| response["error"] == *text) {
            ensure!(
                problem["error"] == response["error"],
                "error {}",
                problem["error"]
            );
            checked.push("error".to_owned());
        }
    } else if response["values"].is_null() {
        let wanted = read(&response.to_string().into_bytes())?;
        same(&read(&found)?, &wanted, user(path)?, keys, listed)?;
        checked.push("answer".to_owned());
    } else {
        let wanted: History = parse(&response.to_string().into_bytes())?;
        let found: History = parse(&found)?;
        ensure!(
            found.next_start == wanted.next_start,
            "next_start {}",
            found.next_start
        );
        ensure!(
            found.values.len() == wanted.values.len(),
            "{} values",
            found.values.len()
        );
        for (found, wanted) in found.values.iter().zip(&wanted.values) {
            same(found, wanted, user(path)?, keys, listed)?;
        }
        checked.push(format!("{} answers, next_start", found.values.len()));
    }
    Ok(checked)
}

fn user(path: &str) -> Result<&str, String> {
    let segment = path.split(['/', '?']).nth(3);
    segment.ok_or_else(|| "the path names no user".to_owned())
}

/// An answer, or the one that stands in `proof`.
fn read(body: &[u8]) -> Result<GetEntryResponse, String> {
    json::read_put_answer(body).map_err(|fault| fault.to_string())
}

fn parse(body: &[u8]) -> Result<History, String> {
    json::read(body).map_err(|fault| fault.to_string())
}

/// Whether two servers say the same.
fn same(
    found: &GetEntryResponse,
    wanted: &GetEntryResponse,
    user: &str,
    keys: &Value,
    listed: u64,
) -> Result<(), String> {
    ensure!(found.vrf == wanted.vrf, "another vrf");
    ensure!(found.committed == wanted.committed, "another committed");
    let head = |answer: &GetEntryResponse| {
        let head = answer.smh.as_ref()?.map_head.as_ref()?;
        Some((head.realm.clone(), head.epoch, head.root.clone()))
    };
    let (Some(own), Some(theirs)) = (head(found), head(wanted)) else {
        return Err("no head".to_owned());
    };
    ensure!(own.0 == theirs.0 && own.1 == theirs.1, "another head");
    if own.1 <= listed {
        ensure!(found.leaf_proof == wanted.leaf_proof, "another leaf_proof");
        ensure!(own.2 == theirs.2, "another root");
    } else {
        // Others have been at the map, of whom the session says nothing.
        let leaf = |answer: &GetEntryResponse| Some(answer.leaf_proof.as_ref()?.leaf_data.clone());
        ensure!(leaf(found) == leaf(wanted), "another leaf");
        for (answer, root) in [(found, own.2), (wanted, theirs.2)] {
            ensure!(leads_to(answer, &own.0)? == root, "a proof of another root");
        }
    }
    let key = PublicKey::from_pem(text(keys, "vrf_public_key_pem")?);
    let key = key.map_err(|fault| fault.to_string())?;
    let output = Output::from_slice(&found.vrf).map_err(|fault| fault.to_string())?;
    let proof = Proof::from_slice(&found.vrf_proof).map_err(|fault| fault.to_string())?;
    key.verify_as(Suite::Plain, user, &output, &proof)
        .map_err(|fault| fault.to_string())?;
    Ok(())
}

/// The root that an answer's proof leads to.
fn leads_to(answer: &GetEntryResponse, realm: &str) -> Result<Vec<u8>, String> {
    let map = MapId::new(realm).map_err(|fault| fault.to_string())?;
    let output = Output::from_slice(&answer.vrf).map_err(|fault| fault.to_string())?;
    let shown = answer.leaf_proof.as_ref().ok_or("no leaf_proof")?;
    let proof = map::Proof::from_neighbors(&shown.neighbors).map_err(|fault| fault.to_string())?;
    let leaf = (!shown.leaf_data.is_empty()).then_some(shown.leaf_data.as_slice());
    Ok(root_of(&map, &proof, &output.index(), leaf).to_vec())
}

/// The last epoch of which the session lists all updates: where several epochs follow each other at once, the
/// server of 2017 was given others.
fn listed(steps: &[Value]) -> u64 {
    let mut epochs = 0;
    for pair in steps.windows(2) {
        if let [one, two] = pair
            && one["method"].is_null()
        {
            if two["method"].is_null() {
                return epochs;
            }
            epochs += 1;
        }
    }
    u64::MAX
}

/// Status and body of one request on a connection of its own.
fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Result<(u16, Vec<u8>), String> {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    let mut reply = Vec::new();
    let asked = TcpStream::connect(address).and_then(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(request.as_bytes())?;
        stream.read_to_end(&mut reply)
    });
    asked.map_err(|fault| fault.to_string())?;
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or("no end of the headers")?;
    let status = reply
        .get(9..12)
        .and_then(|digits| str::from_utf8(digits).ok());
    let status = status.and_then(|digits| digits.parse().ok());
    Ok((status.ok_or("no status")?, reply.split_off(end + 4)))
}
