//! The table of workloads as Rust, for the worker program.

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use serde::Serialize;

use crate::registry::{Registry, Workload};
use crate::{Error, naming};

/// The section of the worker program that names what it runs, as compact JSON text: a list of
/// objects with `id`, `module`, `function` and `inputs`, each of these with `name` and `kind`.
pub const SECTION: &str = ".sconce.workloads";

impl Registry {
    /// The table's source: `TABLE`, assertions that each description has the id under which it is
    /// listed, and the section [`SECTION`].
    ///
    /// # Errors
    ///
    /// [`Error::NotRust`] if a listed name makes no Rust.
    pub fn table(&self) -> Result<String, Error> {
        let mut paths: Vec<syn::Path> = Vec::new();
        for workload in self.workloads() {
            paths.push(description_path(workload)?);
        }
        let ids = self.workloads().iter().map(|workload| &workload.id);
        let messages = self.workloads().iter().map(|workload| {
            format!(
                "`{}::{}` is not the workload \"{}\"",
                workload.module, workload.function, workload.id
            )
        });
        let section = section(self.workloads());
        let file = syn::parse2(quote! {
            /// Every workload of the program, sorted by id.
            pub static TABLE: &[&::workload::Description] = &[#(&#paths),*];

            #(const _: () = assert!(same_text(#paths.id, #ids), #messages);)*

            #section
        })?;
        Ok(prettyplease::unparse(&file))
    }
}

fn description_path(workload: &Workload) -> Result<syn::Path, Error> {
    let function = syn::parse_str(&workload.function)?;
    let description = naming::description_name(&function);
    let module = &workload.module;
    Ok(syn::parse_str(&format!("::{module}::{description}"))?)
}

fn section(workloads: &[Workload]) -> TokenStream {
    let text = listing_text(workloads);
    let length = text.len();
    let bytes = Literal::byte_string(text.as_bytes());
    quote! {
        #[used]
        #[cfg_attr(target_os = "linux", unsafe(link_section = #SECTION))]
        static LISTING: [u8; #length] = *#bytes;
    }
}

fn listing_text(workloads: &[Workload]) -> String {
    #[derive(Serialize)]
    struct Entry<'a> {
        id: &'a str,
        module: &'a str,
        function: &'a str,
        inputs: Vec<Input<'a>>,
    }
    #[derive(Serialize)]
    struct Input<'a> {
        name: &'a str,
        kind: &'a str,
    }
    let entries: Vec<_> = workloads
        .iter()
        .map(|workload| Entry {
            id: &workload.id,
            module: &workload.module,
            function: &workload.function,
            inputs: workload
                .inputs
                .iter()
                .map(|input| Input {
                    name: &input.name,
                    kind: &input.kind,
                })
                .collect(),
        })
        .collect();
    #[expect(clippy::expect_used, reason = "lists and texts always serialise")]
    serde_json::to_string(&entries).expect("lists and texts serialise")
}
