//! Adding workloads to a tree.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared by several tests")]
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use sconce_registry::{list, new_workload};
use tree::{Tree, function};

fn relative(tree: &Tree, files: &[PathBuf]) -> Vec<String> {
    let relative = |file: &PathBuf| {
        file.strip_prefix(tree.root())
            .unwrap()
            .display()
            .to_string()
    };
    files.iter().map(relative).collect()
}

/// Every file of the tree with its text.
fn contents(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            all.push((path, text));
        }
    }
    all.sort();
    all
}

#[test]
fn a_new_workload_is_a_function_a_module_and_an_entry() {
    let tree = Tree::new();
    let files = new_workload(tree.root(), "count-words").unwrap();
    assert_eq!(
        relative(&tree, &files),
        [
            "workloads/src/count_words.rs",
            "workloads/src/lib.rs",
            "workloads.json"
        ]
    );
    insta::assert_snapshot!(tree.read("workloads/src/count_words.rs"));
    assert_eq!(
        tree.read("workloads/src/lib.rs"),
        "//! Workloads.\n\npub mod count_words;\npub mod double;\npub mod greet;\n"
    );
    insta::assert_snapshot!("list_with_one_more", tree.read("workloads.json"));
    let ids: Vec<_> = list(tree.root())
        .unwrap()
        .into_iter()
        .map(|workload| workload.id)
        .collect();
    assert_eq!(ids, ["count-words", "double", "greet"]);
}

#[test]
fn the_first_workload_of_a_tree() {
    let tree = Tree::new();
    tree.write("workloads.json", "{}\n");
    tree.write("workloads/src/lib.rs", "//! Workloads.\n");
    new_workload(tree.root(), "a").unwrap();
    assert_eq!(list(tree.root()).unwrap().len(), 1);
    new_workload(tree.root(), "b").unwrap();
    assert_eq!(list(tree.root()).unwrap().len(), 2);
}

#[test]
fn what_is_refused_changes_nothing() {
    let tree = Tree::new();
    tree.write("workloads/src/orphan.rs", "");
    tree.write("workloads/src/orphans/mod.rs", "");
    tree.replace(
        "workloads/src/lib.rs",
        "pub mod greet;",
        "pub mod greet;\npub mod inline {\n}",
    );
    let before = contents(tree.root());
    let mut messages = Vec::new();
    for id in [
        "",
        "Count",
        "count_words",
        "9lives",
        "../evil",
        "match",
        "std",
        "workload",
        "greet",
        "orphan",
        "orphans",
        "inline",
    ] {
        let message = new_workload(tree.root(), id).unwrap_err().to_string();
        messages.push(message.replace(&tree.root().display().to_string(), "ROOT"));
        assert!(contents(tree.root()) == before, "{id:?} changed the tree");
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_tree_that_is_not_in_order_is_left_alone() {
    let tree = Tree::new();
    tree.write("workloads/src/greet.rs", &function("welcome", "greet"));
    let before = contents(tree.root());
    let message = new_workload(tree.root(), "count").unwrap_err().to_string();
    assert!(message.contains("the ids differ"), "{message}");
    assert!(contents(tree.root()) == before);
}

#[test]
fn nothing_is_half_written() {
    let tree = Tree::new();
    // A folder in the place of the file that stages the list: the last file cannot be written.
    fs::create_dir(tree.root().join("workloads.sconce-new")).unwrap();
    let before = contents(tree.root());
    let message = new_workload(tree.root(), "count").unwrap_err().to_string();
    assert!(
        message.ends_with("workloads.json; nothing was changed"),
        "{message}"
    );
    assert!(contents(tree.root()) == before);
}
