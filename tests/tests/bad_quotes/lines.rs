//! Command lines without a meaning, and files that are not there.

use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    let missing = |name, option: &str| {
        Case::unusable(name, "quote.input")
            .option(option, "nowhere")
            .says("nowhere: ")
    };
    let folder = |name, option: &str| {
        Case::unusable(name, "quote.input")
            .folder("folder")
            .option(option, "folder")
    };
    vec![
        Case::usage("no quote").without("--quote"),
        Case::usage("no collateral").without("--collateral"),
        Case::usage("a time with a fraction").option("--now", "1.5"),
        Case::usage("a negative time").option("--now", "-1"),
        Case::usage("a date").option("--now", "2026-01-01"),
        Case::usage("a time beyond numbers").option("--now", "18446744073709551616"),
        Case::usage("milliseconds").option("--now", "1750330571000"),
        Case::usage("a short report data").option("--report-data", "00"),
        Case::usage("a report data that is no hex").option("--report-data", "zz".repeat(64)),
        Case::usage("two policies").again("--policy", "policy.toml"),
        Case::usage("an unknown option").option("--tolerate", "debug-mode"),
        missing("a quote that is not there", "--quote"),
        missing("collateral that is not there", "--collateral"),
        missing("a root that is not there", "--root"),
        missing("a policy that is not there", "--policy"),
        folder("a folder as the quote", "--quote"),
        folder("a folder as the collateral", "--collateral"),
        folder("a folder as the policy", "--policy"),
        Case::unusable("collateral as the root", "quote.input")
            .without("--trust-root")
            .option("--root", "collateral.json"),
        Case::unusable("the quote as collateral", "quote.input").option("--collateral", "quote"),
        Case::verify("collateral as the quote", "parse").option("--quote", "collateral.json"),
        Case::unusable("a name that steers", "quote.input")
            .option("--quote", "no\u{1b}[2Jwhere\nerror: ok"),
        Case::unusable("no file is left", "quote.input").absent("quote"),
    ]
}
