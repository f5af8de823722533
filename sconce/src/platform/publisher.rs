//! Publishing the workers' keys, beside everything else: orders do not wait for it.
//!
//! The vault signs each entry, and decides what stands in it. Here is only seen to it that the directory
//! shows the generations that live and have signed up: after a start, a rotation, an upgrade, a retirement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use directory::Directory;
use manager::Shown;
use protocol::WorkerId;
use protocol::entry::{APP, WorkerEntry};
use protocol::processor::Signup;
use provision::Evidence;
use provision::api::{GenerationEvidence, NewEntry};
use provision::text::Base64;
use sconify::terminal::harmless;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use transparency::memory::Memory;
use transparency::messages::EntryUpdate;
use transparency::trust::Trust;
use transparency::verifier::{Verified, Verifier};

use super::vault::Line;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// What the vault says of a worker's keys, and what runs of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The generations that live.
    pub(super) living: BTreeSet<u64>,
    /// Generations of which processes run that are about to end.
    pub(super) leaving: BTreeSet<u64>,
}

/// That of each worker, by name.
pub(super) type Standings = BTreeMap<String, Standing>;

/// Publishes for as long as it is there.
pub(super) struct Publisher(JoinHandle<()>);

/// Where it looks and what it asks.
pub(super) struct Sources {
    pub(super) directory: Arc<Directory>,
    pub(super) trust: Trust,
    pub(super) line: Line,
    pub(super) signups: watch::Receiver<Shown>,
    pub(super) standings: watch::Receiver<Standings>,
}

/// After a failure it's tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long an epoch is waited for: witnesses may have to be asked.
const SOON: Duration = Duration::from_secs(5);

impl Publisher {
    pub(super) fn start(sources: Sources, terminal: &Terminal) -> Result<Self, Failure> {
        let verifier = Verifier::new(&sources.trust)
            .map_err(|fault| Failure::failed(fault.to_string()).coded(fault.code()))?;
        let publishing = Publishing {
            sources,
            verifier,
            memory: Memory::default(),
            said: BTreeMap::new(),
            terminal: *terminal,
        };
        Ok(Self(tokio::spawn(publishing.go_on())))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Publishing {
    sources: Sources,
    verifier: Verifier,
    memory: Memory,
    /// Why a worker is not published, as it was said last.
    said: BTreeMap<String, String>,
    terminal: Terminal,
}

/// Why an entry is not as it should be.
enum Why {
    /// It will be: something is on its way.
    Soon,
    /// Something is wrong.
    Failed(String),
    /// The directory does not take the evidence of some generation: it has run out, most likely.
    Evidence(String),
}

impl Why {
    fn text(self) -> Option<String> {
        match self {
            Self::Soon => None,
            Self::Failed(why) | Self::Evidence(why) => Some(why),
        }
    }
}

impl Publishing {
    async fn go_on(mut self) {
        loop {
            let mut settled = true;
            let standings = self.sources.standings.borrow_and_update().clone();
            let shown = self.sources.signups.borrow_and_update().clone();
            for (worker, standing) in &standings {
                let signups = shown.get(worker);
                match self.bring_up_to_date(worker, standing, signups).await {
                    Ok(()) => drop(self.said.remove(worker)),
                    Err(why) => {
                        settled = false;
                        if let Some(why) = why.text() {
                            self.say(worker, why);
                        }
                    }
                }
            }
            let patience = if settled { Duration::MAX } else { AGAIN };
            tokio::select! {
                changed = self.sources.standings.changed() => if changed.is_err() { return },
                changed = self.sources.signups.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(patience) => {}
            }
        }
    }

    fn say(&mut self, worker: &str, why: String) {
        if self.said.get(worker) != Some(&why) {
            self.terminal.warn(format_args!(
                "the keys of {worker} are not published as they are, and it is tried again: {}",
                harmless(&why)
            ));
            self.said.insert(worker.to_owned(), why);
        }
    }

    /// Sees to it that the directory shows the worker's generations that live and have signed up.
    async fn bring_up_to_date(
        &mut self,
        worker: &str,
        standing: &Standing,
        signups: Option<&BTreeMap<u64, Signup>>,
    ) -> Result<(), Why> {
        let id = WorkerId::from_name(worker);
        let before = self.look(&id)?;
        let entry = before.app(APP).map(WorkerEntry::read).transpose();
        let entry = entry.map_err(|fault| Why::Failed(fault.to_string()))?;
        let mut evidence = entry.as_ref().map(evidence_of).unwrap_or_default();
        let published: BTreeSet<u64> = evidence.keys().copied().collect();
        for (generation, signup) in signups.into_iter().flatten() {
            if let Some(shown) = evidence_in(signup) {
                evidence.insert(*generation, shown);
            }
        }
        evidence.retain(|generation, _| standing.living.contains(generation));
        let wanted: BTreeSet<u64> = evidence.keys().copied().collect();
        if wanted.is_empty() || wanted == published {
            return Ok(());
        }
        // A process whose entry has gone would take it for somebody's attack.
        let mut going = published.difference(&standing.living);
        if going.any(|generation| standing.leaving.contains(generation)) {
            return Err(Why::Soon);
        }
        let newest = evidence.last_key_value();
        let newest = newest.map(|(number, shown)| (*number, shown.clone()));
        let update = match self.put_signed(worker, &id, &before, evidence).await {
            // Without the others at least: who encrypts does so to the newest.
            Err(Why::Evidence(why)) if wanted.len() > 1 && published.last() != wanted.last() => {
                self.say(worker, why);
                let newest = newest.into_iter().collect();
                self.put_signed(worker, &id, &before, newest).await?
            }
            put => put?,
        };
        let after = self.look(&id)?;
        if after.leaf() != Some(&update.update.key_value.value) {
            return Err(Why::Soon);
        }
        let entry = after.app(APP).map(WorkerEntry::read);
        let entry = entry.and_then(Result::ok);
        let all = entry.iter().flat_map(|entry| &entry.generations);
        let numbers: Vec<_> = all.map(|one| one.generation.to_string()).collect();
        self.terminal.say(format_args!(
            "published  {worker}: generation {} of its keys, epoch {}",
            numbers.join(", "),
            after.epoch()
        ));
        Ok(())
    }

    /// What the directory shows, verified as a requester would.
    fn look(&mut self, id: &WorkerId) -> Result<Verified, Why> {
        let answer = self.sources.directory.get(id.as_str());
        let answer = answer.map_err(|refusal| Why::Failed(refusal.to_string()))?;
        self.verifier
            .verify(id.as_str(), &answer, None, &mut self.memory)
            .map_err(|untrue| Why::Failed(untrue.to_string()))
    }

    async fn have_signed(
        &self,
        worker: &str,
        before: &Verified,
        evidence: BTreeMap<u64, Evidence>,
    ) -> Result<EntryUpdate, Why> {
        let generations = evidence
            .into_iter()
            .map(|(generation, evidence)| GenerationEvidence {
                generation,
                evidence,
            });
        let wish = NewEntry {
            index: Base64(before.index().as_bytes().to_vec()),
            previous: before.leaf().map(|leaf| Base64(leaf.to_vec())),
            generations: generations.collect(),
        };
        let name = worker.to_owned();
        let signed = self
            .sources
            .line
            .ask(move |vault| vault.sign_entry(&name, &wish));
        let signed = signed.await.map_err(|error| {
            if error.is_passing() {
                Why::Soon
            } else {
                Why::Failed(error.to_string())
            }
        })?;
        serde_json::from_str(signed.update.get())
            .map_err(|fault| Why::Failed(format!("what the vault has signed: {fault}")))
    }

    async fn put_signed(
        &self,
        worker: &str,
        id: &WorkerId,
        before: &Verified,
        evidence: BTreeMap<u64, Evidence>,
    ) -> Result<EntryUpdate, Why> {
        let update = self.have_signed(worker, before, evidence).await?;
        self.put(id, &update).await?;
        Ok(update)
    }

    async fn put(&self, id: &WorkerId, update: &EntryUpdate) -> Result<(), Why> {
        use directory::Refusal;
        let failed = |refusal: Refusal| match refusal {
            Refusal::Busy => Why::Soon,
            Refusal::App { fault, .. } => Why::Evidence(fault),
            Refusal::Mutation(fault) => Why::Failed(format!(
                "{fault}; if the vault was made anew, its workers have other keys than those that the \
                 directory knows them by"
            )),
            other => Why::Failed(other.to_string()),
        };
        let directory = &self.sources.directory;
        directory
            .put(id.as_str(), update.clone())
            .await
            .map_err(failed)?;
        // It would come by itself, after up to an epoch.
        let epoch = tokio::time::timeout(SOON, directory.advance()).await;
        epoch.map_err(|_late| Why::Soon)?.map_err(failed)?;
        Ok(())
    }
}

/// What is published of each generation already.
fn evidence_of(entry: &WorkerEntry) -> BTreeMap<u64, Evidence> {
    let all = entry.with_collateral();
    all.filter_map(|(one, collateral)| {
        let quote = base64(&one.evidence.quote)?;
        Some((one.generation, Evidence::new(quote, collateral.get()).ok()?))
    })
    .collect()
}

/// What a process showed that has a key for directories.
fn evidence_in(signup: &Signup) -> Option<Evidence> {
    if signup.directory_key.is_empty() || signup.quote.is_empty() {
        return None;
    }
    Evidence::new(base64(&signup.quote)?, &signup.collateral).ok()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    STANDARD.decode(text).ok()
}
