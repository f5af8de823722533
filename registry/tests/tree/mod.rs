//! A small checkout in a temporary folder, in order until a test breaks it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

pub(crate) struct Tree(TempDir);

impl Tree {
    /// Two workloads, `double` and `greet`, each in a file of its own.
    pub(crate) fn new() -> Self {
        let tree = Self(TempDir::new().unwrap());
        tree.write(
            "Cargo.toml",
            r#"
            [workspace]
            members = ["workload", "workloads", "worker"]
            [workspace.dependencies]
            workload = { package = "sconce-workload", path = "workload" }
            workloads = { package = "sconce-workloads", path = "workloads" }
            "#,
        );
        tree.write(
            "worker/Cargo.toml",
            "[dependencies]\nworkload.workspace = true\nworkloads.workspace = true\n",
        );
        tree.write(
            "workload/Cargo.toml",
            "[package]\nname = \"sconce-workload\"\n",
        );
        tree.write(
            "workloads/Cargo.toml",
            "[dependencies]\nworkload.workspace = true\n",
        );
        tree.write(
            "workloads/src/lib.rs",
            "//! Workloads.\n\npub mod double;\npub mod greet;\n",
        );
        tree.write("workloads/src/double.rs", &function("double", "double"));
        tree.write("workloads/src/greet.rs", &function("greet", "greet"));
        tree.write(
            "workloads.json",
            r#"{
  "double": { "module": "workloads::double", "function": "double" },
  "greet": { "module": "workloads::greet", "function": "greet" }
}
"#,
        );
        tree
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap()
    }

    /// Replaces the only occurrence of a text.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {path}");
        self.write(path, &text.replace(from, to));
    }
}

/// A workload, as an author writes it.
pub(crate) fn function(id: &str, name: &str) -> String {
    format!(
        "use workload::workload;\n\n/// Does something.\n#[workload(\"{id}\")]\npub fn {name}(text: String) -> String {{\n    text\n}}\n"
    )
}
