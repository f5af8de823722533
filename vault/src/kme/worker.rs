//! One worker: the generations of its keys.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::{Member, Predecessor};
use super::{DirectoryKey, Error, MAX_LIVING, Program, WorkerName};

/// A worker's generations that live, and what its next one has to keep to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Worker {
    /// By number; once there has been one, the newest always lives.
    generations: BTreeMap<u64, Generation>,
    /// The highest SVN that there has been.
    highest_svn: u16,
    /// What its entries in key directories are signed with. Vaults of before made none.
    #[serde(default)]
    directory_key: Option<DirectoryKey>,
    /// What is trusted of the key directory that its keys are published in, in JSON, if there is one.
    #[serde(default)]
    directory: Option<String>,
}

/// A generation of keys that lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Generation {
    /// The program that they are made for.
    pub program: Program,
    /// When they were made, in seconds since 1970.
    pub made: u64,
    /// When they are destroyed, in seconds since 1970; the newest generation's stay.
    pub retires: Option<u64>,
}

impl Worker {
    /// The generations that live, the oldest first.
    pub fn generations(&self) -> impl Iterator<Item = (u64, &Generation)> {
        self.generations.iter().map(|(number, one)| (*number, one))
    }

    /// The number of the newest generation; 0 if there has been none.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.generations
            .last_key_value()
            .map_or(0, |(number, _)| *number)
    }

    /// What its entries in key directories are signed with.
    #[must_use]
    pub fn directory_key(&self) -> Option<&DirectoryKey> {
        self.directory_key.as_ref()
    }

    /// What is trusted of the key directory that its keys are published in, in JSON.
    #[must_use]
    pub fn directory(&self) -> Option<&str> {
        self.directory.as_deref()
    }

    /// It has a key for directories, which stays.
    pub(super) fn signs_with(&mut self, key: DirectoryKey) {
        self.directory_key.get_or_insert(key);
    }

    /// Its keys are published there from now on.
    pub(super) fn publishes_in(&mut self, trust: String) {
        self.directory = Some(trust);
    }

    /// The program of the newest generation.
    fn program(&self) -> Option<&Program> {
        let (_, newest) = self.generations.last_key_value()?;
        Some(&newest.program)
    }

    /// That the newest generation is of this very program.
    pub(super) fn check_same(&self, name: &WorkerName, asked: &Program) -> Result<(), Error> {
        let Some(program) = self.program() else {
            return Ok(());
        };
        if program.measurement() != asked.measurement() {
            return Err(Error::Measurement {
                worker: name.clone(),
                held: program.measurement(),
                asked: asked.measurement(),
            });
        }
        match Member::that_differs(program, asked) {
            None => Ok(()),
            Some(member) => Err(Error::Member {
                worker: name.clone(),
                member,
            }),
        }
    }

    /// That this program may follow those that there have been.
    pub(super) fn check_successor(
        &self,
        name: &WorkerName,
        asked: &Program,
        overlap: Duration,
    ) -> Result<(), Error> {
        let Some(program) = self.program() else {
            return Ok(());
        };
        let same_product =
            program.signer() == asked.signer() && program.product() == asked.product();
        if !same_product {
            return Err(Error::Line {
                worker: name.clone(),
                held: Predecessor::of(program),
                asked: Predecessor::of(asked),
            });
        }
        if asked.svn() < self.highest_svn {
            return Err(Error::Svn {
                worker: name.clone(),
                highest: self.highest_svn,
                asked: asked.svn(),
            });
        }
        if overlap > Duration::ZERO {
            if program.demands() != asked.demands() {
                return Err(Error::Demands {
                    worker: name.clone(),
                });
            }
            if self.generations.len() >= MAX_LIVING {
                return Err(Error::Living {
                    worker: name.clone(),
                });
            }
        }
        Ok(())
    }

    /// That this generation lives, and is not the newest.
    pub(super) fn check_retirable(&self, name: &WorkerName, number: u64) -> Result<(), Error> {
        let worker = name.clone();
        if number == self.newest() {
            return Err(Error::Newest { worker, number });
        }
        if !self.generations.contains_key(&number) {
            return Err(Error::Gone { worker, number });
        }
        Ok(())
    }

    /// The generations that have to be retired at `now`.
    pub(super) fn due(&self, now: u64) -> Vec<u64> {
        let due = |one: &Generation| one.retires.is_some_and(|retires| retires <= now);
        let due = self.generations().filter(|(_, one)| due(one));
        due.map(|(number, _)| number).collect()
    }

    /// A generation is made at `time`; those before it live for `overlap` seconds more, if not shorter.
    /// Without an overlap they are gone at once.
    pub(super) fn born(&mut self, number: u64, program: Program, time: u64, overlap: u64) {
        let ends = time.saturating_add(overlap);
        for one in self.generations.values_mut() {
            one.retires = Some(one.retires.map_or(ends, |retires| retires.min(ends)));
        }
        for gone in self.due(time) {
            self.retired(gone);
        }
        self.highest_svn = self.highest_svn.max(program.svn());
        let made = Generation {
            program,
            made: time,
            retires: None,
        };
        self.generations.insert(number, made);
    }

    /// A generation is gone.
    pub(super) fn retired(&mut self, number: u64) {
        self.generations.remove(&number);
    }
}
