//! Which processes there are to be, and what has to be done for that.
//!
//! A worker's keys come in generations, each made for one measurement. Every generation that lives has
//! its processes; a new one gets them as soon as the vault names it, and one that the vault has retired
//! loses them.

use std::collections::{BTreeMap, BTreeSet};

use provision::api;
use sgx::{Digest, Mrenclave};

/// A process of a worker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) worker: String,
    pub(super) generation: u64,
    /// Which of the processes that share the generation's keys, from 0.
    pub(super) process: usize,
}

/// A generation of a worker's keys, as the vault names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Living {
    pub(super) worker: String,
    pub(super) generation: u64,
    /// `NAMESPACE/NAME/SERVICE`: where its keys are.
    pub(super) session: String,
    /// What they were made for.
    pub(super) measurement: Mrenclave,
}

/// What a slot's process is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) session: String,
    pub(super) measurement: Mrenclave,
}

/// What has to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) start: Vec<(Slot, Job)>,
    pub(super) stop: Vec<Slot>,
    /// What generations were made for and nobody has an image of, so that they have no processes.
    pub(super) without_image: BTreeSet<(String, u64, Mrenclave)>,
}

/// The generations that live, as the vault names them.
pub(super) fn living(all: &[api::Worker]) -> Vec<Living> {
    let each = all.iter().flat_map(|worker| {
        worker.generations.iter().filter_map(|one| {
            Some(Living {
                worker: worker.worker.clone(),
                generation: one.generation,
                session: format!("{}/{}", worker.session, one.service),
                measurement: mrenclave(one.measurement.0)?,
            })
        })
    });
    each.collect()
}

/// The digest without its kind, if it is of what was measured.
pub(super) const fn mrenclave(digest: Digest) -> Option<Mrenclave> {
    match digest {
        Digest::Mrenclave(_, mrenclave) => Some(mrenclave),
        Digest::Mrsigner(..) => None,
    }
}

/// The slots of these workers: so many processes for each generation that lives.
fn wanted(living: &[Living], workers: &[String], processes: usize) -> BTreeMap<Slot, Job> {
    let ours = living.iter().filter(|one| workers.contains(&one.worker));
    let each = ours.flat_map(|one| {
        let job = Job {
            session: one.session.clone(),
            measurement: one.measurement,
        };
        let slot = |process| Slot {
            worker: one.worker.clone(),
            generation: one.generation,
            process,
        };
        (0..processes).map(move |process| (slot(process), job.clone()))
    });
    each.collect()
}

/// What has to be done so that of `workers` each living generation has its `processes`, where `running`
/// are those that there are and `images` what can be started.
pub(super) fn reconcile(
    running: &BTreeMap<Slot, Job>,
    living: &[Living],
    images: &BTreeSet<Mrenclave>,
    workers: &[String],
    processes: usize,
) -> Changes {
    let wanted = wanted(living, workers, processes);
    let mut changes = Changes {
        stop: running
            .iter()
            .filter(|(slot, job)| wanted.get(slot) != Some(job))
            .map(|(slot, _)| slot.clone())
            .collect(),
        ..Changes::default()
    };
    for (slot, job) in wanted {
        if running.get(&slot) == Some(&job) {
            continue;
        }
        if images.contains(&job.measurement) {
            changes.start.push((slot, job));
        } else {
            changes
                .without_image
                .insert((slot.worker, slot.generation, job.measurement));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn living(worker: &str, generation: u64, image: u8) -> Living {
        Living {
            worker: worker.to_owned(),
            generation,
            session: format!("avalon/{worker}/g{generation}"),
            measurement: Mrenclave([image; 32]),
        }
    }

    fn slot(worker: &str, generation: u64, process: usize) -> Slot {
        Slot {
            worker: worker.to_owned(),
            generation,
            process,
        }
    }

    /// The first process of each of these.
    fn doing(living: &[Living]) -> BTreeMap<Slot, Job> {
        let workers: Vec<_> = living.iter().map(|one| one.worker.clone()).collect();
        wanted(living, &workers, 1)
    }

    fn images(of: &[u8]) -> BTreeSet<Mrenclave> {
        of.iter().map(|image| Mrenclave([*image; 32])).collect()
    }

    fn names(of: &[&str]) -> Vec<String> {
        of.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_first_generation_gets_its_processes() {
        let all = [living("a", 1, 7), living("b", 1, 7), living("c", 1, 7)];
        let changes = reconcile(
            &BTreeMap::new(),
            &all,
            &images(&[7]),
            &names(&["a", "b"]),
            2,
        );
        let started: Vec<_> = changes.start.iter().map(|(slot, _)| slot.clone()).collect();
        assert_eq!(
            started,
            [
                slot("a", 1, 0),
                slot("a", 1, 1),
                slot("b", 1, 0),
                slot("b", 1, 1)
            ]
        );
        assert_eq!(changes.start[0].1.session, "avalon/a/g1");
        assert!(changes.stop.is_empty());
    }

    #[test]
    fn in_an_overlap_both_run_and_afterwards_the_new_one() {
        let running = doing(&[living("a", 1, 7)]);
        let both = [living("a", 1, 7), living("a", 2, 8)];
        let changes = reconcile(&running, &both, &images(&[7, 8]), &names(&["a"]), 1);
        assert_eq!(changes.start.len(), 1);
        assert_eq!(changes.start[0].0, slot("a", 2, 0));
        assert_eq!(changes.start[0].1.measurement, Mrenclave([8; 32]));
        assert!(changes.stop.is_empty());

        let running = doing(&both);
        let changes = reconcile(&running, &both[1..], &images(&[7, 8]), &names(&["a"]), 1);
        assert_eq!(changes.stop, [slot("a", 1, 0)]);
        assert!(changes.start.is_empty());
    }

    #[test]
    fn without_an_image_nothing_is_started_and_that_is_said() {
        let all = [living("a", 1, 7)];
        let changes = reconcile(&BTreeMap::new(), &all, &images(&[8]), &names(&["a"]), 3);
        assert!(changes.start.is_empty());
        let missing = BTreeSet::from([("a".to_owned(), 1, Mrenclave([7; 32]))]);
        assert_eq!(changes.without_image, missing);
    }

    fn some_living() -> impl Strategy<Value = Vec<Living>> {
        let one = (0..3usize, 1..4u64, 0..3u8).prop_map(|(worker, generation, image)| {
            living(["a", "b", "c"][worker], generation, image)
        });
        proptest::collection::vec(one, 0..8).prop_map(|mut all| {
            all.sort_by_key(|one| (one.worker.clone(), one.generation));
            all.dedup_by_key(|one| (one.worker.clone(), one.generation));
            all
        })
    }

    proptest! {
        /// Doing what is said leads to what is wanted, and then there is nothing left to do.
        #[test]
        fn it_settles_at_once(
            before in some_living(),
            after in some_living(),
            processes in 1..4usize,
        ) {
            let (images, workers) = (images(&[0, 1]), names(&["a", "b"]));
            let mut running = BTreeMap::new();
            for all in [&before, &after] {
                let changes = reconcile(&running, all, &images, &workers, processes);
                for slot in &changes.stop {
                    prop_assert!(running.remove(slot).is_some());
                }
                for (slot, job) in &changes.start {
                    prop_assert!(images.contains(&job.measurement));
                    prop_assert!(running.insert(slot.clone(), job.clone()).is_none());
                }
                let again = reconcile(&running, all, &images, &workers, processes);
                prop_assert!(again.start.is_empty() && again.stop.is_empty());
                let right = all.iter().filter(|one| workers.contains(&one.worker) && images.contains(&one.measurement));
                prop_assert_eq!(running.len(), right.count() * processes);
            }
        }
    }
}
