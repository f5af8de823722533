//! The list of all settings.

use std::time::Duration;

use super::value::{
    Address, Choice, Count, Domain, Elsewhere, MaybeAddress, MaybeEndpoint, MaybeFile, Names,
    Often, Positive, Size, Switch, Threads, Time, Witnesses,
};
use super::{Settings, Visitor};
use crate::logging::{Format, Level};
use crate::platform::Mode;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Settings {
    /// The one list of all settings.
    pub(crate) fn visit(&mut self, to: &mut dyn Visitor) {
        self.visit_listener(to);
        self.visit_limits(to);
        self.visit_rates(to);
        self.visit_orders(to);
        self.visit_leases(to);
        self.visit_workers(to);
        self.visit_directory(to);
        self.visit_store(to);
        self.visit_sight(to);
    }

    fn visit_listener(&mut self, to: &mut dyn Visitor) {
        let of = &mut self.listener;
        to.section("listener", "The door for requesters: JSON-RPC over HTTP.");
        to.setting(
            "address",
            Some("--listener"),
            "Where requesters connect; port 0 is any free one. 0.0.0.0 and [::] are all addresses of \
             this machine: then set up TLS as well.",
            &mut Address(&mut of.address),
        );
        to.setting(
            "mode",
            Some("--mode"),
            "Whether a submit is answered at once (async) or waits for the result (sync).",
            &mut Choice(
                &mut of.mode,
                &[("async", Mode::Async), ("sync", Mode::Sync)],
            ),
        );
        to.setting(
            "sync_wait",
            None,
            "How long a submit waits in sync mode, at most. Avalon's client gives up after 10 s.",
            &mut Time(&mut of.sync_wait, MS..=HOUR),
        );
        to.setting(
            "result_wait",
            None,
            "How long a question for a result that isn't there yet is held.",
            &mut Time(&mut of.result_wait, Duration::ZERO..=HOUR),
        );
        to.setting(
            "operator_token_file",
            Some("--operator-token-file"),
            "The file with the token that operators show; without it one in the data folder.",
            &mut MaybeFile(&mut of.operator_token_file),
        );
        to.setting(
            "threads",
            None,
            "Threads that answer requests and hand orders out; auto is one for each two cores.",
            &mut Threads(&mut of.threads),
        );
        to.setting(
            "drain",
            None,
            "How long a shutdown waits for requests in progress.",
            &mut Time(&mut of.drain, Duration::ZERO..=HOUR),
        );
        let of = &mut self.tls;
        to.section(
            "tls",
            "HTTPS instead of HTTP, if both files are given. SIGHUP has them read again.",
        );
        to.setting(
            "certificate",
            None,
            "The certificate in PEM, and behind it those that lead to its authority.",
            &mut MaybeFile(&mut of.certificate),
        );
        to.setting(
            "key",
            None,
            "Its private key in PEM.",
            &mut MaybeFile(&mut of.key),
        );
    }

    fn visit_limits(&mut self, to: &mut dyn Visitor) {
        let of = &mut self.limits;
        let times = || 10 * MS..=HOUR;
        to.section("limits", "What requesters may do, each and together.");
        to.setting(
            "body",
            None,
            "Longest body of a request.",
            &mut Size(&mut of.body, KIB..=15 * MIB),
        );
        to.setting(
            "overlong",
            None,
            "How much of a longer body is read and thrown away, so that its sender sees the answer.",
            &mut Size(&mut of.overlong, 0..=GIB),
        );
        to.setting(
            "memory",
            None,
            "Memory for bodies in arrival and answers on their way together; the first 64KiB of each \
             don't count.",
            &mut Size(&mut of.memory, MIB..=64 * GIB),
        );
        to.setting(
            "depth",
            None,
            "Deepest nesting of arrays and objects in a body.",
            &mut Count(&mut of.depth, 5..=100),
        );
        to.setting(
            "items",
            None,
            "Most items of an order, in each direction.",
            &mut Count(&mut of.items, 1..=1024),
        );
        to.setting(
            "own_keys",
            None,
            "Most items of an order, in each direction, that have a key of their own.",
            &mut Count(&mut of.own_keys, 0..=32),
        );
        to.setting(
            "headers",
            None,
            "Longest request line and headers together.",
            &mut Size(&mut of.headers, KIB..=MIB),
        );
        to.setting(
            "header_count",
            None,
            "Most headers of a request.",
            &mut Count(&mut of.header_count, 8..=1000),
        );
        to.setting(
            "handshake_time",
            None,
            "How long a TLS handshake may take.",
            &mut Time(&mut of.handshake_time, times()),
        );
        to.setting(
            "header_time",
            None,
            "How long request line and headers may take to arrive.",
            &mut Time(&mut of.header_time, times()),
        );
        to.setting(
            "body_time",
            None,
            "How long a body may take to arrive.",
            &mut Time(&mut of.body_time, times()),
        );
        to.setting(
            "idle_time",
            None,
            "How long a connection may be idle between two requests.",
            &mut Time(&mut of.idle_time, times()),
        );
        to.setting(
            "write_time",
            None,
            "How long a requester may take to read an answer.",
            &mut Time(&mut of.write_time, times()),
        );
        to.setting(
            "connections",
            None,
            "Most connections at once.",
            &mut Count(&mut of.connections, 1..=1_000_000),
        );
        to.setting(
            "connections_per_address",
            None,
            "Most connections of one address, or of one /64 network of IPv6.",
            &mut Count(&mut of.connections_of_address, 1..=1_000_000),
        );
        to.setting(
            "connections_per_local_address",
            None,
            "The same for each address of this machine, where a proxy stands for many.",
            &mut Count(&mut of.connections_of_loopback, 1..=1_000_000),
        );
    }

    fn visit_rates(&mut self, to: &mut dyn Visitor) {
        let of = &mut self.limits;
        to.setting(
            "requester_rate",
            None,
            "How often one requester id may submit. Nobody proves an id: who invents them escapes \
             this, and address_rate is what holds them.",
            &mut Often(&mut of.requester_rate.rate),
        );
        to.setting(
            "requester_burst",
            None,
            "How many of these may come at once.",
            &mut Positive(&mut of.requester_rate.burst),
        );
        to.setting(
            "address_rate",
            None,
            "How often requests may come from one address, or from one /64 network of IPv6.",
            &mut Often(&mut of.address_rate.rate),
        );
        to.setting(
            "address_burst",
            None,
            "How many of these may come at once.",
            &mut Positive(&mut of.address_rate.burst),
        );
        to.setting(
            "local_address_rate",
            None,
            "The same for each address of this machine.",
            &mut Often(&mut of.loopback_rate.rate),
        );
        to.setting(
            "local_address_burst",
            None,
            "How many of these may come at once.",
            &mut Positive(&mut of.loopback_rate.burst),
        );
        let of = &mut self.store;
        to.setting(
            "open_orders",
            None,
            "Most orders that wait or are worked on.",
            &mut Count(&mut of.max_orders, 1..=100_000_000),
        );
        to.setting(
            "open_bytes",
            None,
            "Most bytes of their requests together.",
            &mut Size(&mut of.max_open_bytes, MIB..=1024 * GIB),
        );
        to.setting(
            "finished_orders",
            None,
            "Most results that are kept; the oldest go before their time.",
            &mut Count(&mut of.max_finished, 1..=1_000_000_000),
        );
    }

    fn visit_orders(&mut self, to: &mut dyn Visitor) {
        let of = &mut self.orders;
        to.section("orders", "How long orders live and are remembered.");
        to.setting(
            "time_to_live",
            None,
            "How long an order waits for a worker before it ends with order.expired.",
            &mut Time(&mut of.time_to_live, SECOND..=365 * DAY),
        );
        to.setting(
            "retention",
            None,
            "How long results are kept.",
            &mut Time(&mut of.retention, SECOND..=3650 * DAY),
        );
        to.setting(
            "mark_overlap",
            None,
            "How long ids and nonces of orders stay refused after their worker has replaced the key \
             that they were for. Those for the present key always are.",
            &mut Time(&mut of.mark_overlap, SECOND..=3650 * DAY),
        );
        to.setting(
            "receipts",
            None,
            "How long receipts are kept.",
            &mut Time(&mut of.receipts, SECOND..=3650 * DAY),
        );
        to.setting(
            "attempts",
            None,
            "How often an order is handed out before it ends with worker.lost.",
            &mut Count(&mut of.attempts, 1..=1000),
        );
        to.setting(
            "lost_alone",
            None,
            "How many processes an order may lose that it had to itself before it ends likewise.",
            &mut Count(&mut of.lost_alone, 1..=1000),
        );
    }

    fn visit_leases(&mut self, to: &mut dyn Visitor) {
        let of = &mut self.leases;
        let times = || 10 * MS..=HOUR;
        to.section("leases", "When workers and their hosts are given up.");
        to.setting(
            "lease",
            None,
            "How long an order stays with a manager that died.",
            &mut Time(&mut of.lease, SECOND..=HOUR),
        );
        to.setting(
            "longest_run",
            None,
            "How long an order may run while its host is alive, whatever its workload asks for.",
            &mut Time(&mut of.longest_run, SECOND..=30 * DAY),
        );
        to.setting(
            "host_silence",
            None,
            "When a host that says nothing is given up.",
            &mut Time(&mut of.alive, SECOND..=HOUR),
        );
        to.setting(
            "host_leave",
            None,
            "How long the orders of a host that ends may still be answered.",
            &mut Time(&mut of.leave, times()),
        );
        to.setting(
            "signup",
            None,
            "How long a worker may take to tell its keys.",
            &mut Time(&mut of.signup, times()),
        );
        to.setting(
            "static_answer",
            None,
            "How long a worker elsewhere may be silent about an order.",
            &mut Time(&mut of.static_answer, times()),
        );
        to.setting(
            "static_check",
            None,
            "How often an idle worker elsewhere is asked whether it is there.",
            &mut Time(&mut of.static_check, times()),
        );
        to.setting(
            "sweep",
            None,
            "How often old orders are looked for.",
            &mut Time(&mut of.sweep, times()),
        );
        to.setting(
            "drain",
            None,
            "How long a shutdown waits for orders in progress.",
            &mut Time(&mut of.drain, Duration::ZERO..=HOUR),
        );
    }

    fn visit_workers(&mut self, to: &mut dyn Visitor) {
        let of = &mut self.workers;
        to.section("workers", "The workers of this platform.");
        to.setting(
            "count",
            Some("--workers"),
            "How many workers: scone-worker-1, scone-worker-2 and so on.",
            &mut Count(&mut of.count, 0..=64),
        );
        to.setting(
            "names",
            Some("--worker"),
            "Workers of these names instead.",
            &mut Names(&mut of.names),
        );
        to.setting(
            "processes",
            Some("--processes"),
            "Processes of each worker; they share its keys.",
            &mut Count(&mut of.processes, 1..=64),
        );
        to.setting(
            "threads",
            Some("--threads"),
            "Threads of each process; auto is one a core.",
            &mut Threads(&mut of.threads),
        );
        to.setting(
            "image",
            Some("--image"),
            "The workers' image; without it one is built from the checkout.",
            &mut MaybeFile(&mut of.image),
        );
        to.setting(
            "elsewhere",
            Some("--static-worker"),
            "Workers that run elsewhere and know nothing of joining, such as Avalon's, each as \
             NAME=tcp://HOST:PORT.",
            &mut Elsewhere(&mut of.elsewhere),
        );
        let of = &mut self.vault;
        to.section(
            "vault",
            "The vault, which makes the workers' keys and gives them to the program that they were made for. \
             It runs where workers do, and where pool or image is given.",
        );
        to.setting(
            "address",
            Some("--vault"),
            "Where workers and operators reach it; port 0 is any free one. It speaks TLS, with a key that \
             its evidence names.",
            &mut Address(&mut of.address),
        );
        to.setting(
            "pool",
            None,
            "Where a pool of Avalon's kind reaches its key management, in plain HTTP; without it nowhere.",
            &mut MaybeAddress(&mut of.pool),
        );
        to.setting(
            "image",
            Some("--vault-image"),
            "Its image; without it the folder vault beside that of workers.image, or built from the checkout.",
            &mut MaybeFile(&mut of.image),
        );
        let of = &mut self.manager;
        to.section(
            "manager",
            "What hands orders to workers, and where their hosts connect.",
        );
        to.setting(
            "endpoint",
            Some("--manager"),
            "Where hosts connect that are started elsewhere, with `sconce host`; without it any free \
             port of this machine. The way to them is not encrypted.",
            &mut MaybeEndpoint(&mut of.endpoint),
        );
        to.setting(
            "token_file",
            Some("--host-token-file"),
            "The file with the token that hosts show; without it a new one at each start.",
            &mut MaybeFile(&mut of.token_file),
        );
        to.setting(
            "processes",
            None,
            "Most worker processes at once.",
            &mut Count(&mut of.processes, 1..=100_000),
        );
    }

    fn visit_directory(&mut self, to: &mut dyn Visitor) {
        let of = &mut self.directory;
        to.section(
            "directory",
            "The key directory, which publishes the workers' keys so that nobody can be shown others unnoticed. \
             It runs where a vault does.",
        );
        to.setting(
            "address",
            Some("--transparency"),
            "Where requesters look workers up, in plain HTTP; port 0 is any free one. Without it nothing is \
             published.",
            &mut MaybeAddress(&mut of.address),
        );
        to.setting(
            "realm",
            None,
            "Its domain, which all that it signs names. It stays what it was at the first start.",
            &mut Domain(&mut of.realm),
        );
        to.setting(
            "epoch",
            None,
            "The time between two of its states while entries change.",
            &mut Time(&mut of.epoch, 10 * MS..=HOUR),
        );
        to.setting(
            "heartbeat",
            None,
            "The same while none does.",
            &mut Time(&mut of.heartbeat, 10 * MS..=DAY),
        );
        to.setting(
            "retention",
            None,
            "How long it can prove what stood there in epochs that did not change an entry.",
            &mut Time(&mut of.retention, SECOND..=3650 * DAY),
        );
        to.setting(
            "check",
            None,
            "How often a worker is shown its own entry: it stops if somebody else has changed that.",
            &mut Time(&mut of.check, 100 * MS..=HOUR),
        );
        to.setting(
            "token_file",
            None,
            "The file of tokens that writers show, in TOML; without it one in the data folder.",
            &mut MaybeFile(&mut of.token_file),
        );
        to.setting(
            "witnesses",
            None,
            "Servers that sign its log once they have seen that it goes on from before, each as KEY@URL.",
            &mut Witnesses(&mut of.witnesses),
        );
        to.setting(
            "witness_threshold",
            None,
            "How many of them must have signed before a state is published, and requesters believe it.",
            &mut Count(&mut of.witness_threshold, 0..=16),
        );
        to.setting(
            "auditors",
            None,
            "The file with the public keys (P-256 in PEM, one after the other) of those who check every \
             change and sign for it.",
            &mut MaybeFile(&mut of.auditors),
        );
        to.setting(
            "auditor_threshold",
            None,
            "How many of them must have signed before requesters believe a state.",
            &mut Count(&mut of.auditor_threshold, 0..=16),
        );
    }

    fn visit_store(&mut self, to: &mut dyn Visitor) {
        let of = &mut self.store;
        to.section(
            "store",
            "The file with orders, results and the registry of workers.",
        );
        to.setting(
            "cache",
            None,
            "Memory for pages of the file.",
            &mut Size(&mut of.cache, MIB..=64 * GIB),
        );
        to.setting(
            "group",
            None,
            "Most operations in one commit.",
            &mut Count(&mut of.group, 1..=65_536),
        );
        to.setting(
            "queue",
            None,
            "Most operations that wait for a commit; further ones wait before it.",
            &mut Count(&mut of.queue, 1..=1_000_000),
        );
        to.setting(
            "queue_bytes",
            None,
            "Most bytes of them.",
            &mut Size(&mut of.queue_bytes, 16 * MIB..=64 * GIB),
        );
    }

    fn visit_sight(&mut self, to: &mut dyn Visitor) {
        let of = &mut self.log;
        to.section("log", "Lines on standard error.");
        to.setting(
            "level",
            None,
            "Which lines; -v, -q and RUST_LOG go before it.",
            &mut Choice(&mut of.level, Level::ALL),
        );
        to.setting(
            "format",
            Some("--log-format"),
            "How they look: for people, or as JSON.",
            &mut Choice(&mut of.format, Format::ALL),
        );
        let of = &mut self.metrics;
        to.section("metrics", "What Prometheus sees.");
        to.setting(
            "enabled",
            None,
            "Whether /metrics is answered.",
            &mut Switch(&mut of.enabled),
        );
        to.setting(
            "address",
            None,
            "An address of its own, without TLS; without it the listener's, for this machine only.",
            &mut MaybeAddress(&mut of.bind),
        );
    }
}
