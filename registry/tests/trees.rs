//! Trees that are in order, however their sources are laid out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared by several tests")]
mod tree;

use std::path::Path;
use std::time::Duration;

use sconce_registry::{Registry, list};
use tree::{Tree, function};

fn entry(id: &str, module: &str, function: &str) -> String {
    format!(r#""{id}": {{ "module": "{module}", "function": "{function}" }}"#)
}

#[test]
fn a_workload_is_listed_with_all_that_its_author_wrote() {
    let tree = Tree::new();
    tree.write(
        "workloads/src/greet.rs",
        r#"
        use workload::{Context, workload};

        /// Greets.
        ///
        /// - politely
        #[workload("greet", time = "250ms", secrets, network)]
        pub fn greet(context: &Context, r#type: std::string::String, list: Vec < u8 >) -> String {
            text
        }
        "#,
    );
    let workloads = list(tree.root()).unwrap();
    let ids: Vec<_> = workloads.iter().map(|workload| &workload.id).collect();
    assert_eq!(ids, ["double", "greet"]);
    let greet = &workloads[1];
    assert_eq!(greet.module, "workloads::greet");
    assert_eq!(greet.function, "greet");
    assert_eq!(greet.doc, "Greets.\n\n- politely");
    assert_eq!(greet.time_limit, Duration::from_millis(250));
    assert_eq!(greet.capabilities.names(), ["network", "secrets"]);
    let inputs: Vec<_> = greet
        .inputs
        .iter()
        .map(|input| (input.name.as_str(), input.kind.as_str()))
        .collect();
    assert_eq!(
        inputs,
        [("type", "std::string::String"), ("list", "Vec<u8>")]
    );
    assert_eq!(greet.place.to_string(), "workloads/src/greet.rs:7");
}

#[test]
fn modules_are_followed_wherever_their_files_are() {
    let tree = Tree::new();
    tree.write(
        "workloads/src/lib.rs",
        r#"
        pub mod folder;
        pub mod inline {
            pub mod below;
            #[path = "other.rs"]
            pub mod elsewhere;
        }
        pub mod named;
        #[path = "odd/place.rs"]
        pub mod placed;
        #[cfg(windows)]
        mod absent;
        "#,
    );
    let mut entries = Vec::new();
    for (file, module) in [
        ("folder/mod.rs", "folder"),
        ("inline/below.rs", "inline::below"),
        ("inline/other.rs", "inline::elsewhere"),
        ("named.rs", "named"),
        ("named/child.rs", "named::child"),
        ("named/inner/deep.rs", "named::inner::deep"),
        ("odd/place.rs", "placed"),
        ("odd/sibling.rs", "placed::sibling"),
        ("beside.rs", "named::beside"),
    ] {
        let id = module.replace("::", "-");
        let mut text = function(&id, "run");
        if file == "named.rs" {
            text += "pub mod child;\npub mod inner { pub mod deep; }\n#[path = \"beside.rs\"]\npub mod beside;\n";
        }
        if file == "odd/place.rs" {
            text += "pub mod sibling;\n";
        }
        tree.write(&format!("workloads/src/{file}"), &text);
        entries.push(entry(&id, &format!("workloads::{module}"), "run"));
    }
    tree.write("workloads.json", &format!("{{ {} }}", entries.join(", ")));
    assert_eq!(list(tree.root()).unwrap().len(), entries.len());
}

#[test]
fn a_circle_of_paths_ends() {
    let tree = Tree::new();
    let text = tree.read("workloads/src/lib.rs") + "#[path = \"lib.rs\"]\npub mod again;\n";
    tree.write("workloads/src/lib.rs", &text);
    list(tree.root()).unwrap();
}

#[test]
fn crates_outside_the_tree_may_hold_workloads() {
    let tree = Tree::new();
    let outside = Tree::new();
    outside.write(
        "own/Cargo.toml",
        "[lib]\npath = \"own.rs\"\n[dependencies]\nworkload = { package = \"sconce-workload\", path = \"../workload\" }\n",
    );
    outside.write("own/own.rs", &function("own", "own"));
    let path = outside.root().join("own");
    let text = tree.read("worker/Cargo.toml") + &format!("my-own = {{ path = {path:?} }}\n");
    tree.write("worker/Cargo.toml", &text);
    tree.replace(
        "workloads.json",
        "{\n",
        &format!("{{\n  {},\n", entry("own", "my_own", "own")),
    );
    let workloads = list(tree.root()).unwrap();
    assert_eq!(workloads.last().unwrap().id, "own");
    assert_eq!(workloads.last().unwrap().place.file, path.join("own.rs"));
}

#[test]
fn crates_that_do_not_depend_on_the_contract_are_not_read() {
    let tree = Tree::new();
    tree.write(
        "other/Cargo.toml",
        "[dependencies]\nworkloads.workspace = true\n",
    );
    tree.write("other/src/lib.rs", "not Rust");
    let text = tree.read("worker/Cargo.toml") + "other = { path = \"../other\" }\n";
    tree.write("worker/Cargo.toml", &text);
    list(tree.root()).unwrap();
}

#[test]
fn the_build_watches_all_that_it_read() {
    let tree = Tree::new();
    let registry = Registry::read(tree.root()).unwrap();
    let files: Vec<&Path> = registry
        .files()
        .map(|file| file.strip_prefix(tree.root()).unwrap())
        .collect();
    assert_eq!(
        files,
        [
            "Cargo.toml",
            "worker/Cargo.toml",
            "workload/Cargo.toml",
            "workloads/Cargo.toml",
            "workloads/src/double.rs",
            "workloads/src/greet.rs",
            "workloads/src/lib.rs",
            "workloads.json",
        ]
        .map(Path::new)
    );
}

#[test]
fn the_table_as_rust() {
    let tree = Tree::new();
    tree.replace(
        "workloads/src/greet.rs",
        "(text: String)",
        "(name: String, age: u8)",
    );
    insta::assert_snapshot!(Registry::read(tree.root()).unwrap().table().unwrap());
}

#[test]
fn a_tree_without_workloads_has_an_empty_table() {
    let tree = Tree::new();
    tree.write("workloads.json", "{}");
    tree.write("workloads/src/lib.rs", "");
    insta::assert_snapshot!(Registry::read(tree.root()).unwrap().table().unwrap());
}
