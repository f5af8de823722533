//! The documentation agrees with the code: a page for each error with the code's own numbers, links
//! that lead somewhere, and commands that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::Reason;
use sconce_tests::codes;
use sconce_tests::vectors::checkout;
use serde_json::Value;

/// What stands over the table of the codes that `sconify` prints.
const SCONIFY: &str = "\n## Errors of `sconify`\n";

/// What stands over the table of the codes about evidence, launching and platforms.
const EVIDENCE: &str = "\n## Errors of evidence and launching\n";

/// What stands over the table of the codes about keys and the vaults that give them.
const VAULT: &str = "\n## Errors of keys and vaults\n";

/// What stands over the table of the codes about key transparency.
const KT: &str = "\n## Errors of key transparency\n";

#[test]
fn every_error_has_a_page_and_every_page_an_error() {
    let pages: BTreeSet<String> = fs::read_dir(errors())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    let reasons = Reason::ALL.iter().map(ToString::to_string);
    let errors: BTreeSet<String> = reasons
        .chain(codes::of_sconify())
        .chain(codes::of_evidence())
        .chain(codes::of_vault())
        .chain(codes::of_kt())
        .map(|code| format!("{code}.md"))
        .collect();
    let (alone, missing) = (&pages - &errors, &errors - &pages);
    assert!(alone.is_empty(), "pages without an error: {alone:?}");
    assert!(missing.is_empty(), "errors without a page: {missing:?}");
}

#[test]
fn pages_of_commands_show_what_they_print() {
    let readme = read(&errors().join("README.md"));
    let (_, rest) = readme.split_once(SCONIFY).expect("a section for sconify");
    let (sconify, rest) = rest.split_once(EVIDENCE).expect("a section for evidence");
    let (evidence, rest) = rest.split_once(VAULT).expect("a section for vaults");
    let (vault, kt) = rest.split_once(KT).expect("a section for key transparency");
    let sections = [
        (sconify, codes::of_sconify()),
        (evidence, codes::of_evidence()),
        (vault, codes::of_vault()),
        (kt, codes::of_kt()),
    ];
    let mut faults = Vec::new();
    for (table, codes) in sections {
        for code in codes {
            let page = fs::read_to_string(errors().join(format!("{code}.md"))).unwrap_or_default();
            faults.extend(faults_of_page(&code, &page));
            let row = format!("| [`{code}`]({code}.md) | ");
            if !table.contains(&row) {
                faults.push(format!("README.md has no row for {code}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Pages that name tests as `path`: `name`.
#[test]
fn tests_that_are_named_exist() {
    let page = read(&checkout().join("docs/attacks.md"));
    let mut named = 0;
    for line in page.lines() {
        let parts: Vec<&str> = line.split('`').collect();
        for window in parts.windows(4) {
            let [_, path, between, name] = window else {
                continue;
            };
            if !path.ends_with(".rs") || *between != ": " {
                continue;
            }
            let source = read(&checkout().join(path));
            assert!(
                source.contains(&format!("fn {name}(")),
                "{path} has no test {name}"
            );
            named += 1;
        }
    }
    assert!(named > 40, "{named} tests are named");
}

/// What the page of a code that commands print lacks.
fn faults_of_page(code: &str, page: &str) -> Vec<String> {
    let parts = [
        format!("# `{code}`\n"),
        "\n## What happened\n".to_owned(),
        "\n## What to do\n".to_owned(),
        "\n## Example\n".to_owned(),
        format!("error[{code}]: "),
    ];
    let rows = ["Found by", "Exit status"]
        .into_iter()
        .filter(|row| row_of(page, row).is_none());
    parts
        .iter()
        .map(String::as_str)
        .filter(|part| !page.contains(part))
        .chain(rows)
        .map(|part| format!("{code}.md lacks {part:?}"))
        .collect()
}

#[test]
fn pages_show_the_codes_and_the_text_of_the_table() {
    for reason in Reason::ALL.iter().copied() {
        let page = read(&errors().join(format!("{reason}.md")));
        let told = |row: &str| {
            row_of(&page, row).unwrap_or_else(|| panic!("{reason}.md has no row {row:?}"))
        };
        assert!(page.starts_with(&format!("# `{reason}`\n")), "{reason}");
        assert_code(
            reason,
            told("Code for the client"),
            Some(reason.client_code()),
        );
        assert_code(
            reason,
            told("Code in a worker's reply"),
            worker_code(reason),
        );
        assert_eq!(told("Text"), format!("`{}`", reason.text()), "{reason}.md");
        for section in ["## What happened", "## What to do", "## Example"] {
            assert!(page.contains(section), "{reason}.md lacks {section:?}");
        }
        for reader in ["Requester", "Operator", "Author of the workload"] {
            let advice = format!("- **{reader}.** ");
            assert!(
                page.contains(&advice),
                "{reason}.md has no advice for {reader}"
            );
        }
    }
}

#[test]
fn examples_are_replies_with_the_codes_of_the_table() {
    for reason in Reason::ALL.iter().copied() {
        let page = read(&errors().join(format!("{reason}.md")));
        let example = page
            .split("```json\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .unwrap_or_else(|| panic!("{reason}.md has no example"));
        let reply: Value = serde_json::from_str(example)
            .unwrap_or_else(|fault| panic!("{reason}.md: the example is no JSON: {fault}"));
        assert_eq!(
            reply["error"]["code"],
            reason.client_code(),
            "{reason}.md: example"
        );
        assert_eq!(
            reply["error"]["data"]["reason"],
            reason.code(),
            "{reason}.md: example"
        );
        assert_eq!(reply["jsonrpc"], "2.0", "{reason}.md: example");
        assert!(reply.get("id").is_some(), "{reason}.md: example");
    }
}

#[test]
fn the_table_of_errors_has_each_with_its_codes() {
    let table = read(&errors().join("README.md"));
    let (table, _) = table.split_once(SCONIFY).expect("a section for sconify");
    let mut rows = Vec::new();
    for line in table.lines().filter(|line| line.starts_with("| [`")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, _, client, worker] = cells[..] else {
            panic!("not five cells: {line}");
        };
        let code = name.trim_start_matches("[`").split('`').next().unwrap();
        let reason = Reason::from_code(code).unwrap_or_else(|| panic!("no reason {code:?}"));
        assert_eq!(name, format!("[`{code}`]({code}.md)"));
        assert_code(reason, client, Some(reason.client_code()));
        assert_code(reason, worker, worker_code(reason));
        rows.push(reason);
    }
    assert_eq!(rows, Reason::ALL, "the order is that of the code");
}

/// The code in a worker's reply, if workers or hosts ever answer with this reason.
fn worker_code(reason: Reason) -> Option<i64> {
    let others = [
        Reason::LimitSlow,
        Reason::LimitRate,
        Reason::AccessDenied,
        Reason::WorkerUnknown,
        Reason::WorkerTaken,
        Reason::OrderTaken,
        Reason::OrderReplayed,
        Reason::OrderUnknown,
        Reason::OrderPending,
        Reason::OrderExpired,
        Reason::ReceiptUnknown,
        Reason::ReceiptTaken,
        Reason::ReceiptMismatch,
        Reason::ReceiptSignature,
        Reason::ReceiptForeign,
        Reason::ReceiptStatus,
        Reason::ReceiptRepeated,
        Reason::ReceiptFull,
        Reason::ReceiptIndex,
        Reason::Busy,
    ];
    (!others.contains(&reason)).then(|| reason.worker_code())
}

/// A cell begins with the code, and may say more after a comma; a dash stands for none.
fn assert_code(reason: Reason, cell: &str, code: Option<i64>) {
    let wanted = code.map_or("–".to_owned(), |code| code.to_string());
    let found = cell.split(',').next().unwrap_or_default();
    assert_eq!(found, wanted, "{reason}: the documented code");
}

#[test]
fn links_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    for file in documents() {
        let text = without_code(&read(&file));
        for target in links(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((&target, ""));
            let linked = match path {
                "" => file.clone(),
                path => file.parent().unwrap().join(path),
            };
            let found = linked.exists() && (heading.is_empty() || has_heading(&linked, heading));
            if !found {
                broken.push(format!("{}: {target}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn commands_that_are_named_exist() {
    let commands = [
        ("sconce", "sconce/src/cli.rs", ["submit", "workload"]),
        ("sconify", "sconify/src/command.rs", ["build", "verify"]),
    ];
    let mut unknown = Vec::new();
    for (command, source, samples) in commands {
        let known = subcommands(source);
        assert!(samples.iter().all(|sample| known.contains(*sample)));
        for file in documents() {
            for named in named_commands(command, &read(&file)) {
                if !known.contains(&named) {
                    unknown.push(format!("{}: {command} {named}", file.display()));
                }
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "no such command:\n{}",
        unknown.join("\n")
    );
}

#[test]
fn ci_runs_the_commands_of_the_readme() {
    let readme = read(&checkout().join("README.md"));
    let ci = read(&checkout().join(".ci/run"));
    for command in ["cargo run --release -- demo", "cargo test --workspace"] {
        assert!(
            readme.lines().any(|line| line == command),
            "README.md: {command}"
        );
        let same = |line: &str| {
            let plain: Vec<&str> = line
                .split_whitespace()
                .filter(|word| !["--locked", "--no-fail-fast"].contains(word))
                .collect();
            plain.join(" ").ends_with(command)
        };
        assert!(ci.lines().any(same), ".ci/run does not run: {command}");
    }
}

/// The README and its like, and everything in `docs/` and `deploy/`.
fn documents() -> Vec<PathBuf> {
    let names = [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
    ];
    let mut found: Vec<PathBuf> = names.iter().map(|name| checkout().join(name)).collect();
    let mut folders = ["docs", "deploy"]
        .map(|name| checkout().join(name))
        .to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn errors() -> PathBuf {
    checkout().join("docs/errors")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// The second cell of a two-column row.
fn row_of<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("| {name} | ");
    page.lines()
        .find_map(|line| line.strip_prefix(&start))
        .and_then(|rest| rest.strip_suffix(" |"))
}

/// The text without fenced blocks and code spans, where brackets are no links.
fn without_code(text: &str) -> String {
    let prose = text.split("```").step_by(2).collect::<String>();
    prose.split('`').step_by(2).collect()
}

/// Targets of `[text](target)`.
fn links(text: &str) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

/// Whether a heading of the file has this anchor, as GitHub makes anchors.
fn has_heading(file: &Path, anchor: &str) -> bool {
    read(file)
        .lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| anchor_of(line.trim_start_matches('#').trim()) == anchor)
}

fn anchor_of(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Subcommands as a command line is declared: the variants of its `enum Command`.
fn subcommands(source: &str) -> BTreeSet<String> {
    let source = read(&checkout().join(source));
    let (_, body) = source.split_once("enum Command {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    body.lines()
        .map(str::trim)
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .filter_map(|line| line.split(['(', ',', ' ']).next())
        .map(str::to_lowercase)
        .chain(["help".to_owned()])
        .collect()
}

/// What follows the command and a blank in code spans, and the command or its path in the lines of
/// blocks.
fn named_commands(command: &str, text: &str) -> Vec<String> {
    let (span, start) = (format!("`{command} "), format!("{command} "));
    let spans = text.split(&span).skip(1);
    let blocks = text.split("```").skip(1).step_by(2);
    let lines = blocks.flat_map(str::lines).filter_map(|line| {
        let line = line.trim_start().trim_start_matches("$ ");
        line.trim_start_matches("target/release/")
            .strip_prefix(&start)
    });
    spans
        .chain(lines)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_lowercase()).next())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
