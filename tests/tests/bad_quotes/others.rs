//! `sconce quote show` and `sconce quote sample`.

use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    let show = |name| Case::unusable(name, "quote.input").words("show quote");
    vec![
        show("nothing to show").absent("quote"),
        show("no quote").file("quote", "quote").says("quote: "),
        show("an empty quote").file("quote", ""),
        show("a longer quote").changed("quote", |quote| quote.push(7)),
        show("the longest quote").file("quote", vec![3; 1 << 20]),
        Case::usage("show what?").words("show"),
        Case::usage("a sample for nowhere").words("sample"),
        Case::usage("a sample with a short report data").words("sample --out new --report-data 00"),
        Case::unusable("a sample over something", "file.io")
            .words("sample --out quote")
            .failing("file.io"),
        Case::unusable("a sample in no folder", "file.io")
            .words("sample --out no/where/new")
            .failing("file.io"),
        Case::unusable("a sample beyond dates", "quote.input")
            .words("sample --out new --now 9999-12-31T23:59:59Z"),
        Case::usage("a sample in milliseconds").words("sample --out new --now 1750330571000"),
    ]
}
