//! SIGKILL of a key directory at random moments, under 500 updates a second, while witnesses and an auditor
//! look on.
//!
//! `SCONCE_DIRECTORY_KILLS` says how often it is killed (default 5), `SCONCE_SEED` when. No update that was
//! acknowledged may be lost, no head be missing or doubled, and the log has to go on from every checkpoint
//! that a witness has cosigned or a client was shown.
//!
//! | module | subject |
//! |---|---|
//! | `site` | the directory, a process of its own |
//! | `load` | owners of entries, who update them and verify what they are answered |
//! | `watch` | witnesses, one of which is often away, and what they have seen |

mod load;
mod site;
mod watch;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use directory::apps::Apps;
use directory::audit::{Auditor, Follower};
use directory::feed::Page;
use sconce_tests::random::{Choices, number_from};
use tokio::runtime::Runtime;
use transparency::log::{Frontier, Hash};
use transparency::sct::{self, Sct};

use load::{Load, Sums};
use site::Site;
use watch::Witnesses;

/// How long anything may take until it's called lost.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn nothing_that_was_acknowledged_is_lost() {
    let kills = number_from("SCONCE_DIRECTORY_KILLS", 5);
    let seed = number_from("SCONCE_SEED", 1947);
    println!(
        "seed {seed}: SCONCE_SEED={seed} SCONCE_DIRECTORY_KILLS={kills} repeats this schedule"
    );
    let begin = Instant::now();
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::first(folder.path());
    let trust = runtime.block_on(site.config());
    let mut witnesses = Witnesses::start(&folder.path().join("witnesses"), &trust, &runtime);
    site.restart_with(&witnesses.listed());
    let trust = runtime.block_on(site.config());
    assert_eq!(
        (trust.witnesses.threshold, trust.witnesses.keys.len()),
        (2, 3)
    );

    // The head that was published before there were witnesses is still the newest.
    runtime.block_on(site.cosigned(3));
    let file = folder.path().join("audit.redb");
    let mut auditor = Auditor::open(&file, &trust, Apps::default(), |_| {}).unwrap();
    let follower = Follower::new(&site.url()).unwrap();
    let load = Load::start(&site, &trust, seed, &runtime);
    load.wait_for(200);
    let mut choices = Choices::new(seed).branch(u64::MAX);
    let mut times = Vec::new();
    for number in 0..kills {
        std::thread::sleep(choices.time(Duration::from_millis(300)..Duration::from_millis(2500)));
        // One witness is away, and comes back from its files later.
        witnesses.send_away(choices.below(3), choices.chance(50));
        let before = load.sums().acknowledged;
        site.kill();
        std::thread::sleep(choices.time(Duration::ZERO..Duration::from_millis(200)));
        let killed = Instant::now();
        site.start();
        load.wait_for(before + 50);
        let back = killed.elapsed();
        times.push(back);
        let round = follower.round(&mut auditor, None, |_, _| {});
        let round = runtime.block_on(round).unwrap();
        println!(
            "{number:3}  {:6.2} s  50 more acknowledged after {back:.2?}; {} epochs and {} updates audited",
            begin.elapsed().as_secs_f64(),
            round.epochs,
            round.updates
        );
    }
    witnesses.bring_back();
    let seconds = begin.elapsed().as_secs_f64();
    let (sums, accounts) = load.finish(&runtime);
    let broken = accounts.unsettled(&site, &runtime);
    assert!(broken.is_empty(), "seed {seed}: {broken:?}");

    let mut checkpoints = witnesses.seen();
    checkpoints.extend(accounts.checkpoints());
    // All of it again, by somebody who comes later. What witnesses have seen is published some time.
    let fresh = folder.path().join("fresh.redb");
    let mut fresh = Auditor::open(&fresh, &trust, Apps::default(), |_| {}).unwrap();
    let largest = checkpoints.last().map_or(0, |(size, _)| *size);
    let deadline = Instant::now() + PATIENCE;
    while fresh.epochs() < largest {
        assert!(
            Instant::now() < deadline,
            "{largest} heads are not published"
        );
        let round = follower.round(&mut fresh, None, |_, _| {});
        runtime.block_on(round).unwrap();
    }
    let round = follower.round(&mut auditor, None, |_, _| {});
    runtime.block_on(round).unwrap();
    assert!(auditor.updates() >= fresh.updates());
    let pages = runtime.block_on(pages(&site, fresh.epochs()));
    let applied: BTreeSet<&[u8]> = pages
        .iter()
        .flat_map(|page| &page.mutations)
        .map(|mutation| &*mutation.update.key_value.value)
        .collect();
    let lost = accounts
        .acknowledged()
        .filter(|value| !applied.contains(value));
    assert_eq!(
        lost.count(),
        0,
        "seed {seed}: acknowledged updates are not in the feed"
    );
    let roots = roots(&pages);
    for (size, root) in &checkpoints {
        let own = usize::try_from(*size).ok().and_then(|size| roots.get(size));
        assert_eq!(
            own,
            Some(root),
            "seed {seed}: the log forgot a checkpoint of {size}"
        );
    }
    report(
        &sums,
        &mut times,
        seconds,
        fresh.epochs(),
        checkpoints.len(),
    );
    assert!(sums.acknowledged > 100 * kills, "there was load");
}

/// The directory's process, when the test starts itself again.
#[test]
#[ignore = "started by the test above"]
fn serve() {
    site::serve();
}

/// Every page of the feed.
async fn pages(site: &Site, epochs: u64) -> Vec<Page> {
    let client = site.client();
    let mut pages = Vec::new();
    for epoch in 0..epochs {
        let mut start = 0;
        loop {
            let path = format!("/v1/mutations?epoch={epoch}&start={start}&page_size=1024");
            let page: Page = serde_json::from_slice(&client.bytes(&path).await.unwrap()).unwrap();
            start = page.next_start;
            pages.push(page);
            if start == 0 {
                break;
            }
        }
    }
    pages
}

/// The root of the log by its size, from the heads themselves.
fn roots(pages: &[Page]) -> Vec<Hash> {
    let mut log = Frontier::new();
    let mut roots = vec![log.root()];
    for page in pages {
        if page.epoch < log.size() {
            continue;
        }
        let promise = Sct::decode(&page.smh_sct).unwrap();
        let text = sct::entry_text(page.smh.as_ref().unwrap());
        log.push(sct::leaf_hash(promise.timestamp_ms, &text).unwrap())
            .unwrap();
        roots.push(log.root());
    }
    roots
}

fn report(sums: &Sums, times: &mut [Duration], seconds: f64, epochs: u64, checkpoints: usize) {
    times.sort();
    let half = times.get(times.len() / 2).copied().unwrap_or_default();
    let most = times.last().copied().unwrap_or_default();
    println!(
        "\nkills                          {}\n\
         updates acknowledged           {} in {seconds:.1} s\n\
         updates whose end was unknown  {}\n\
         refused, entry not yet shown   {}\n\
         answers verified               {}\n\
         epochs                         {epochs}\n\
         checkpoints compared           {checkpoints}\n\
         start to 50 acknowledged       {half:.2?} half the time, {most:.2?} at most",
        times.len(),
        sums.acknowledged,
        sums.unknown,
        sums.early,
        sums.verified,
    );
}
