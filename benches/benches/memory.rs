//! What a platform with five workers takes of the memory after some load.
//!
//! `cargo bench -p sconce-benches --bench memory`

use sconce_benches::figures::{mib, promise};
use sconce_benches::processes::Memory;
use sconce_benches::requesters::Requesters;
use tests::command::Up;

const WORKERS: usize = 5;
const ORDERS: usize = 10_000;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let up = Up::start(folder.path(), "async", WORKERS);
    let requesters = Requesters::connect(&up, WORKERS);
    for (orders, when) in [(0, "after the start"), (ORDERS, "after the load")] {
        requesters.run(orders, 16);
        println!("{when}: {orders} orders more");
        let parts = [
            ("platform", vec![up.process()]),
            ("hosts", up.hosts()),
            ("workers", up.workers()),
        ];
        for (name, processes) in &parts {
            println!("  {} {name:<9} {}", processes.len(), Memory::of(processes));
        }
        let all: Vec<_> = parts
            .into_iter()
            .flat_map(|(_, processes)| processes)
            .collect();
        let all = Memory::of(&all);
        println!(" {:>2} together  {all}", 1 + 2 * WORKERS);
        if orders > 0 {
            promise(
                "five workers and their platform, shared pages counted once",
                mib(all.proportional),
                "under 200 MB",
                all.proportional < 200_000_000,
            );
        }
    }
}
