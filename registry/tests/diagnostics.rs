//! The message for each way to get it wrong, as an author sees it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared by several tests")]
mod tree;

use sconce_registry::Registry;
use tree::{Tree, function};

/// What the registry says of a tree that is not in order.
fn message(tree: &Tree) -> String {
    Registry::read(tree.root()).unwrap_err().to_string()
}

#[test]
fn nothing_to_report() {
    Registry::read(Tree::new().root()).unwrap();
}

#[test]
fn annotated_but_not_listed() {
    let tree = Tree::new();
    tree.replace(
        "workloads.json",
        ",\n  \"greet\": { \"module\": \"workloads::greet\", \"function\": \"greet\" }",
        "",
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn listed_but_not_annotated() {
    let tree = Tree::new();
    tree.replace("workloads/src/greet.rs", "#[workload(\"greet\")]\n", "");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn function_missing() {
    let tree = Tree::new();
    tree.write("workloads/src/greet.rs", "//! Nothing yet.\n");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn function_under_another_name() {
    let tree = Tree::new();
    tree.replace("workloads/src/greet.rs", "fn greet", "fn welcome");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn module_missing() {
    let tree = Tree::new();
    tree.replace("workloads/src/lib.rs", "pub mod greet;\n", "");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn module_without_a_file() {
    let tree = Tree::new();
    tree.replace(
        "workloads/src/lib.rs",
        "pub mod greet;",
        "pub mod greet;\npub mod part;",
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn crate_missing() {
    let tree = Tree::new();
    tree.replace("workloads.json", "workloads::greet", "elsewhere::greet");
    tree.write("workloads/src/greet.rs", "//! Nothing yet.\n");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn id_twice_in_the_list() {
    let tree = Tree::new();
    tree.replace("workloads.json", "\"greet\": {", "\"double\": {");
    tree.write("workloads/src/greet.rs", "//! Nothing.\n");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn id_twice_in_the_sources() {
    let tree = Tree::new();
    tree.write(
        "workloads/src/greet.rs",
        &(function("greet", "greet") + &function("greet", "welcome")),
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn ids_differ() {
    let tree = Tree::new();
    tree.replace("workloads/src/greet.rs", "\"greet\"", "\"welcome\"");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn bad_id_in_the_list() {
    let tree = Tree::new();
    tree.replace("workloads.json", "\"greet\": {", "\"Greet!\": {");
    tree.write("workloads/src/greet.rs", "//! Nothing.\n");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn bad_id_in_the_annotation() {
    let tree = Tree::new();
    tree.replace("workloads/src/greet.rs", "\"greet\"", "\"greet_me\"");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn list_is_no_json() {
    let tree = Tree::new();
    tree.replace("workloads.json", "},\n", "}\n");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn unknown_member_in_the_list() {
    let tree = Tree::new();
    tree.replace(
        "workloads.json",
        "\"function\": \"greet\"",
        "\"class\": \"Greet\"",
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn hidden_in_a_macro() {
    let tree = Tree::new();
    tree.write(
        "workloads/src/greet.rs",
        "macro_rules! make {\n    ($name:ident) => {\n        #[workload::workload(\"greet\")]\n        pub fn $name(text: String) -> String {\n            text\n        }\n    };\n}\nmake!(greet);\n",
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn hidden_in_a_call_of_a_macro() {
    let tree = Tree::new();
    tree.write(
        "workloads/src/greet.rs",
        "make! {\n    #[inline]\n    #[workload(\"greet\")]\n    pub fn greet(text: String) -> String { text }\n}\n",
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn function_behind_cfg() {
    let tree = Tree::new();
    tree.replace(
        "workloads/src/greet.rs",
        "#[workload",
        "#[cfg(unix)]\n#[workload",
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn module_behind_cfg() {
    let tree = Tree::new();
    tree.replace(
        "workloads/src/lib.rs",
        "pub mod greet;",
        "#[cfg(feature = \"greet\")]\npub mod greet;",
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn file_behind_cfg() {
    let tree = Tree::new();
    let text = function("greet", "greet");
    tree.write("workloads/src/greet.rs", &format!("#![cfg(unix)]\n{text}"));
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn annotation_behind_cfg_attr() {
    let tree = Tree::new();
    tree.replace(
        "workloads/src/greet.rs",
        "#[workload(\"greet\")]",
        "#[cfg_attr(unix, workload(\"greet\"))]",
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn annotation_under_another_name() {
    let tree = Tree::new();
    tree.replace(
        "workloads/src/greet.rs",
        "use workload::workload;",
        "use workload::{workload as job};",
    );
    tree.replace("workloads/src/greet.rs", "#[workload(", "#[job(");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn annotation_where_no_workload_can_be() {
    let tree = Tree::new();
    tree.write(
        "workloads/src/greet.rs",
        "pub struct Greeter;\n\nimpl Greeter {\n    #[workload(\"greet\")]\n    pub fn greet(text: String) -> String {\n        #[workload(\"inner\")]\n        fn inner(text: String) -> String { text }\n        inner(text)\n    }\n}\n",
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn function_private() {
    let tree = Tree::new();
    tree.replace("workloads/src/greet.rs", "pub fn", "pub(crate) fn");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn module_private() {
    let tree = Tree::new();
    tree.replace("workloads/src/lib.rs", "pub mod greet;", "mod greet;");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn function_that_cannot_be_a_workload() {
    let tree = Tree::new();
    tree.replace(
        "workloads/src/greet.rs",
        "pub fn greet(text: String)",
        "pub async fn greet<T>(text: T)",
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn function_with_two_annotations() {
    let tree = Tree::new();
    tree.replace(
        "workloads/src/greet.rs",
        "pub fn",
        "#[workload(\"welcome\")]\npub fn",
    );
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn source_is_no_rust() {
    let tree = Tree::new();
    tree.write("workloads/src/greet.rs", "\npub fn greet( -> String {}\n");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn everything_at_once() {
    let tree = Tree::new();
    tree.replace("workloads/src/greet.rs", "\"greet\"", "\"welcome\"");
    tree.replace("workloads/src/double.rs", "#[workload(\"double\")]\n", "");
    tree.write("workloads/src/third.rs", &function("third", "third"));
    tree.replace(
        "workloads/src/lib.rs",
        "pub mod greet;",
        "pub mod greet;\npub mod third;",
    );
    tree.replace("workloads.json", "\"greet\": {", "\"a\": {}, \"greet\": {");
    insta::assert_snapshot!(message(&tree));
}

#[test]
fn dependency_that_the_workspace_lacks() {
    let tree = Tree::new();
    tree.replace(
        "worker/Cargo.toml",
        "workloads.workspace",
        "others.workspace",
    );
    let root = tree.root().display().to_string();
    insta::assert_snapshot!(message(&tree).replace(&root, "ROOT"));
}
