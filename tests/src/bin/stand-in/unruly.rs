//! A worker program whose workloads misbehave in every way; otherwise the real one.

use std::process::ExitCode;
use std::time::Duration;

use workload::{Capabilities, Context, Description, Failure};

/// Runs it, with the command line of a worker program.
pub(crate) fn run() -> ExitCode {
    let find = |id: &str| {
        let unruly = TABLE.iter().find(|one| one.id == id);
        unruly.or(worker::table::find(id))
    };
    let unruly = TABLE.iter().map(|one| one.id);
    worker::program::run(find, LONG, &mut unruly.chain(worker::table::ids()))
}

macro_rules! workload {
    ($id:literal, $limit:expr, $run:expr) => {
        Description {
            id: $id,
            doc: "",
            inputs: &[],
            capabilities: Capabilities::NONE,
            time_limit: $limit,
            run: $run,
        }
    };
}

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(60);

static TABLE: &[Description] = &[
    workload!("overruns", SHORT, |_, _| loop {
        std::thread::sleep(LONG);
    }),
    workload!("naps", LONG, |_: &Context<'_>, items: &[&[u8]]| {
        let text = std::str::from_utf8(items[0]).map_err(Failure::input)?;
        let length = text.parse().map_err(Failure::input)?;
        std::thread::sleep(Duration::from_millis(length));
        Ok(std::process::id().to_string().into_bytes())
    }),
    workload!("panics", LONG, |_: &Context<'_>, items: &[&[u8]]| panic!(
        "cannot stand {}",
        String::from_utf8_lossy(items[0])
    )),
    workload!("aborts", LONG, |_, _| std::process::abort()),
    workload!("exits", LONG, |_, _| std::process::exit(0)),
    workload!("overflows-the-stack", LONG, |_, items| {
        #[expect(unconditional_recursion, reason = "that is what it's for")]
        fn deeper(items: &[&[u8]]) -> usize {
            std::hint::black_box(items.len() + deeper(std::hint::black_box(items)))
        }
        Ok(vec![0; deeper(items)])
    }),
];
