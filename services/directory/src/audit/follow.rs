//! An auditor that fetches what it audits.

use std::time::{Duration, Instant};

use transparency::json;
use transparency::messages::SignedMapHead;
use transparency::signature::SigningKey;
use transparency::trust::Trust;

use super::{Audited, Auditor, Error, Step};
use crate::feed::{LARGEST_PAGE, PAGE_BYTES, Page};
use crate::fetch::{Answer, Fetch};

/// Longest answer: a page is full at its bound, in base64, and may have one large update more.
const MAX_ANSWER: usize = 4 * PAGE_BYTES;

/// Longest time for one answer.
const TIME: Duration = Duration::from_secs(60);

/// Of a round's heads, those with updates are signed, which stand in histories, and so many of the newest:
/// somebody asks for those.
const SIGNED: u64 = 64;

/// How long what was audited may wait to be made durable while there is more.
const COMMIT: Duration = Duration::from_secs(1);

/// Where a directory is.
#[derive(Debug)]
pub struct Follower {
    fetch: Fetch,
    base: String,
}

/// What a round found: everything that the log has now is good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// How many epochs were audited in it.
    pub epochs: u64,
    /// How many updates.
    pub updates: u64,
    /// Of how many entries the evidence was checked.
    pub opened: u64,
    /// How many heads were signed, and the signatures taken.
    pub signed: u64,
}

impl Follower {
    /// The directory at an address, as in `http://127.0.0.1:8080`.
    ///
    /// # Errors
    ///
    /// [`Error::Fetch`].
    pub fn new(url: &str) -> Result<Self, Error> {
        Ok(Self {
            fetch: Fetch::new(TIME, MAX_ANSWER)?,
            base: url.trim_end_matches('/').to_owned(),
        })
    }

    /// What the directory says of itself (`GET /v1/config`): nothing that could be trusted for that.
    ///
    /// # Errors
    ///
    /// [`Error::Fetch`], [`Error::Answer`], [`Error::Trust`].
    pub async fn config(&self) -> Result<Trust, Error> {
        let answer = self.get("/v1/config").await?;
        Ok(Trust::from_json(&answer.body)?)
    }

    /// Audits everything up to the checkpoint that the log has now, makes it durable, and then signs with
    /// `key`, if there is one, the newest heads and those with updates. `progress` is told of each epoch, and
    /// how many there are.
    ///
    /// # Errors
    ///
    /// What is wrong with the directory, or between. What was audited before is kept.
    pub async fn round(
        &self,
        auditor: &mut Auditor,
        mut key: Option<&SigningKey>,
        mut progress: impl FnMut(&Audited, u64),
    ) -> Result<Round, Error> {
        let checkpoint = self.get("/v1/log/checkpoint").await?;
        let size = auditor.checkpoint(&String::from_utf8_lossy(&checkpoint.body))?;
        self.compare_newest(auditor).await?;
        let mut round = Round::default();
        let mut unsigned = Vec::new();
        let mut committed = Instant::now();
        while auditor.epochs() < size {
            let page = self.page(auditor.wanted(), size).await?;
            let Step::Epoch(done) = auditor.page(page)? else {
                continue;
            };
            progress(&done, size);
            round.epochs += 1;
            round.updates += done.updates;
            round.opened += done.opened;
            if key.is_some() && (done.updates > 0 || done.epoch.saturating_add(SIGNED) >= size) {
                unsigned.push(*done);
            }
            if committed.elapsed() > COMMIT {
                auditor.commit()?;
                round.signed += self.sign_all(&mut unsigned, &mut key).await?;
                committed = Instant::now();
            }
        }
        auditor.commit()?;
        round.signed += self.sign_all(&mut unsigned, &mut key).await?;
        Ok(round)
    }

    /// Signs heads: how many of the signatures were taken. Once one is refused, no other is sent.
    async fn sign_all(
        &self,
        heads: &mut Vec<Audited>,
        key: &mut Option<&SigningKey>,
    ) -> Result<u64, Error> {
        let mut taken = 0;
        for done in heads.drain(..) {
            let Some(signer) = key else { break };
            if self.sign(&done, signer).await? {
                taken += 1;
            } else {
                *key = None;
            }
        }
        Ok(taken)
    }

    /// The newest head that was audited has to be the same still.
    async fn compare_newest(&self, auditor: &mut Auditor) -> Result<(), Error> {
        let Some(newest) = auditor.epochs().checked_sub(1) else {
            return Ok(());
        };
        let path = format!("/v1/mutations?epoch={newest}&page_size=1");
        let page = parse(newest, &self.get(&path).await?)?;
        match &page.smh {
            Some(head) => auditor.compare(head),
            None => Err(Error::Head {
                epoch: newest,
                fault: "it is no longer there".to_owned(),
            }),
        }
    }

    async fn page(&self, (epoch, start): (u64, u64), size: u64) -> Result<Page, Error> {
        let path = format!("/v1/mutations?epoch={epoch}&start={start}&page_size={LARGEST_PAGE}");
        match self.get(&path).await {
            Ok(answer) => parse(epoch, &answer),
            Err(Error::Answer { status, text, .. }) if (400..500).contains(&status) => {
                let fault = format!("the log has {size} heads, and it answers {status}: {text}");
                Err(Error::Feed { epoch, fault })
            }
            Err(other) => Err(other),
        }
    }

    /// Signs a head; whether the signature was taken.
    async fn sign(&self, done: &Audited, key: &SigningKey) -> Result<bool, Error> {
        let cannot = |fault: String| Error::Head {
            epoch: done.epoch,
            fault,
        };
        let preimage = done.preimage().unwrap_or_default();
        let signed = key.sign_digitally(&preimage);
        let signed = signed.map_err(|fault| cannot(fault.to_string()))?;
        let body = SignedMapHead {
            signatures: [(key.id().to_string(), signed)].into(),
            ..SignedMapHead::default()
        };
        let body = json::write(&body).map_err(|fault| cannot(fault.to_string()))?;
        let url = format!("{}/v1/heads/{}/signatures", self.base, done.epoch);
        let answer = self.fetch.post(&url, "application/json", None, body);
        let answer = checked(&url, answer.await?);
        if let Err(fault) = &answer {
            tracing::warn!(
                %fault,
                "the directory does not take the signature of a head: does it name this auditor's key?"
            );
        }
        Ok(answer.is_ok())
    }

    async fn get(&self, path: &str) -> Result<Answer, Error> {
        let url = format!("{}{path}", self.base);
        let answer = self.fetch.get(&url).await?;
        checked(&url, answer)
    }
}

fn parse(epoch: u64, answer: &Answer) -> Result<Page, Error> {
    serde_json::from_slice(&answer.body).map_err(|fault| Error::Feed {
        epoch,
        fault: format!("a page of it cannot be read: {fault}"),
    })
}

fn checked(url: &str, answer: Answer) -> Result<Answer, Error> {
    if answer.status == 200 {
        return Ok(answer);
    }
    let text = String::from_utf8_lossy(&answer.body);
    let printable = text.chars().filter(|letter| !letter.is_control());
    Err(Error::Answer {
        url: url.to_owned(),
        status: answer.status,
        text: printable.take(200).collect(),
    })
}
