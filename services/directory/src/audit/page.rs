//! One page of the feed after the other, until an epoch is complete.

use attestation::Time;
use transparency::commitment;
use transparency::map::{Hash, Index};
use transparency::messages::{Entry, MapHead, Profile, SignedMapHead};
use transparency::mutation::{self, Verdict};
use transparency::sct::{self, Sct};
use transparency::vrf;

use super::{Audited, Auditor, Error};
use crate::feed::{Mutation, Page};

/// What follows a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The epoch has more updates.
    More,
    /// The epoch is complete, and good.
    Epoch(Box<Audited>),
}

/// An epoch of which not all pages have been read.
pub(super) struct OpenEpoch {
    head: SignedMapHead,
    sct: Vec<u8>,
    count: u64,
    opened: u64,
    /// The number of the next update.
    pub(super) next: u64,
    /// What the updates so far set, for the tree.
    leaves: Vec<(Index, Hash)>,
}

impl Auditor {
    /// Takes the [wanted](Self::wanted) page.
    ///
    /// After an error the auditor is of no more use: what it had not committed is given up. Another can be
    /// opened with its file.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or with the epoch that it completes.
    pub fn page(&mut self, page: Page) -> Result<Step, Error> {
        let epoch = self.standing.epochs;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(&page)?,
        };
        open.check(epoch, &page)?;
        for mutation in &page.mutations {
            self.mutation(&mut open, epoch, mutation)?;
        }
        let feed = |fault: String| Error::Feed { epoch, fault };
        if page.next_start == 0 && open.next != open.count {
            let (next, count) = (open.next, open.count);
            return Err(feed(format!("it ends after {next} updates of {count}")));
        }
        if page.next_start != 0 {
            if page.next_start != open.next || page.mutations.is_empty() {
                let (next, said) = (open.next, page.next_start);
                return Err(feed(format!(
                    "after update {next} it goes on with {said}: something is left out"
                )));
            }
            self.open = Some(open);
            return Ok(Step::More);
        }
        self.complete(open).map(|done| Step::Epoch(Box::new(done)))
    }

    /// The head of the next epoch, before its updates.
    fn begin(&self, page: &Page) -> Result<OpenEpoch, Error> {
        let epoch = self.standing.epochs;
        let wrong = |fault: String| Error::Head { epoch, fault };
        let head = page.smh.as_ref();
        let head = head.ok_or_else(|| wrong("it is not there".to_owned()))?;
        let inner = self.trusted.check_head(head)?;
        if inner.epoch != epoch || page.epoch != epoch {
            let said = inner.epoch;
            return Err(wrong(format!(
                "it is not there; instead comes that of {said}"
            )));
        }
        let issued = issued(inner);
        if issued < self.standing.issued {
            return Err(wrong("it is older than the one before".to_owned()));
        }
        Ok(OpenEpoch {
            head: head.clone(),
            sct: page.smh_sct.clone(),
            count: page.count,
            opened: 0,
            next: 0,
            leaves: Vec::new(),
        })
    }

    fn mutation(
        &mut self,
        open: &mut OpenEpoch,
        epoch: u64,
        mutation: &Mutation,
    ) -> Result<(), Error> {
        if mutation.number != open.next {
            let (next, said) = (open.next, mutation.number);
            let fault = format!("after update {next} comes {said}: something is left out");
            return Err(Error::Feed { epoch, fault });
        }
        let number = open.next;
        let pair = &mutation.update.key_value;
        let index = Index::from_slice(&pair.key).ok_or_else(|| Error::Feed {
            epoch,
            fault: format!("the key of update {number} is no index"),
        })?;
        let before = self.memory.leaf(index.as_bytes())?;
        let verdict = mutation::check(&mutation.update, before.as_deref());
        let verdict = verdict.map_err(|fault| Error::Update {
            epoch,
            number,
            fault,
        })?;
        if let Some(time) = &open.head.map_head.as_ref().map(issued)
            && let Some(fault) = self.evidence(mutation, index, time.0)
        {
            return Err(Error::Evidence {
                epoch,
                number,
                user: mutation.user_id.clone(),
                fault,
            });
        }
        open.opened += u64::from(mutation.committed.is_some());
        open.next += 1;
        if verdict == Verdict::Apply {
            self.memory.set_leaf(index.as_bytes(), &pair.value)?;
            open.leaves
                .push((index, self.map.leaf(&index, &pair.value)));
        }
        Ok(())
    }

    /// What is wrong with what is public of an entry, as of `seconds` since 1970: the time at which the
    /// directory took it. Evidence may be too old by now, and was good then.
    fn evidence(&self, mutation: &Mutation, index: Index, seconds: i64) -> Option<String> {
        let committed = mutation.committed.as_ref()?;
        let user = &mutation.user_id;
        let check = || -> Result<(), String> {
            let entry = Entry::decode(&mutation.update.key_value.value)
                .map_err(|fault| fault.to_string())?;
            if !commitment::opens(&entry.commitment, user, committed) {
                return Err("what it is said to hold is not what it commits to".to_owned());
            }
            if !mutation.vrf.is_empty() {
                let output = vrf::Output::from_slice(&mutation.vrf);
                let proof = vrf::Proof::from_slice(&mutation.vrf_proof);
                let (output, proof) = (output.map_err(text)?, proof.map_err(text)?);
                let proven = self.trusted.vrf_key.verify(user, &output, &proof);
                if proven.map_err(text)? != index {
                    return Err("it is not at this user's index".to_owned());
                }
            }
            let profile = Profile::decode(&committed.data).map_err(|fault| fault.to_string())?;
            let now = Time::from_unix(u64::try_from(seconds).unwrap_or(0));
            self.apps
                .check(user, &profile, &entry, now)
                .map_err(|fault| fault.to_string())
        };
        check().err()
    }

    /// Compares the map with the head, and takes the head into the log.
    fn complete(&mut self, open: OpenEpoch) -> Result<Audited, Error> {
        let epoch = self.standing.epochs;
        let wrong = |fault: String| Error::Head { epoch, fault };
        let root = self.tree.update(&open.leaves);
        let said = self.trusted.check_head(&open.head)?;
        if said.root != root {
            return Err(Error::Root {
                epoch,
                computed: hex::encode(root),
                said: hex::encode(&said.root),
            });
        }
        let issued = issued(said);
        let promise = Sct::decode(&open.sct).map_err(|fault| wrong(fault.to_string()))?;
        promise
            .verify(&open.head, &self.trusted.log_key)
            .map_err(|fault| wrong(fault.to_string()))?;
        let leaf = sct::leaf_hash(promise.timestamp_ms, &sct::entry_text(&open.head))
            .map_err(|fault| wrong(fault.to_string()))?;
        let pushed = self.frontier.push(leaf);
        pushed.map_err(|fault| wrong(fault.to_string()))?;
        self.standing.epochs += 1;
        self.standing.updates += open.count;
        self.standing.issued = issued;
        self.standing.frontier = self.frontier.hashes().iter().map(hex::encode).collect();
        self.compare_log()?;
        let epochs = self.standing.epochs;
        self.standing.ahead.retain(|(size, _)| *size > epochs);
        self.memory.set_head(&root, &self.standing)?;
        Ok(Audited {
            epoch,
            updates: open.count,
            opened: open.opened,
            root: hex::encode(root),
            head: open.head,
        })
    }
}

impl OpenEpoch {
    /// Every page of an epoch has the same head.
    fn check(&self, epoch: u64, page: &Page) -> Result<(), Error> {
        let same = page.smh.as_ref().is_some_and(|head| {
            head.map_head == self.head.map_head && head.signatures == self.head.signatures
        });
        if !same || page.epoch != epoch {
            return Err(Error::Head {
                epoch,
                fault: "there are two: pages of one epoch have different ones".to_owned(),
            });
        }
        if page.count != self.count || page.smh_sct != self.sct {
            return Err(Error::Feed {
                epoch,
                fault: "its pages do not agree about the epoch".to_owned(),
            });
        }
        Ok(())
    }
}

/// A head's time, seconds and nanoseconds.
pub(super) fn issued(head: &MapHead) -> (i64, u32) {
    let time = head.issue_time.as_ref();
    time.map_or((0, 0), |time| (time.seconds, time.nanos))
}

fn text(fault: vrf::Error) -> String {
    fault.to_string()
}
