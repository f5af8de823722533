//! Annotations that the compiler would see but that a reader of the sources cannot rely on: in
//! macros, under another name, behind `cfg_attr`, or on what is no function of a module.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ItemFn, ItemUse, LitStr, Macro, Meta, UseTree};

use crate::declaration::{id_of, is_workload};
use crate::diagnostic::{Diagnostic, Place};

/// Reports them; what it visits is anything but a module or a function of one.
pub(super) struct Hidden<'a> {
    pub(super) file: PathBuf,
    pub(super) problems: &'a mut Vec<Diagnostic>,
    /// The ids of those that it finds.
    pub(super) ids: &'a mut BTreeSet<String>,
}

impl Hidden<'_> {
    /// Visits a module's function but for its own annotation, which is where it may be.
    pub(super) fn visit_within(&mut self, function: &ItemFn) {
        for attribute in &function.attrs {
            self.condition(attribute);
        }
        self.visit_signature(&function.sig);
        self.visit_block(&function.block);
    }

    fn report(&mut self, line: usize, problem: &str, fix: &str) {
        let place = Place::new(&self.file, line);
        self.problems.push(Diagnostic::new(place, problem, fix));
    }

    fn condition(&mut self, attribute: &Attribute) {
        if let Meta::List(list) = &attribute.meta
            && list.path.is_ident("cfg_attr")
            && let Some(mention) = first_mention(list.tokens.clone())
        {
            self.ids.extend(mention.id);
            self.report(
                attribute.span().start().line,
                "an annotation is hidden in `cfg_attr`",
                "annotate without a condition: what is in the table is measured, and must not \
                 depend on how it was built",
            );
        }
    }

    fn renamed(&mut self, tree: &UseTree, within: bool) {
        match tree {
            UseTree::Path(path) => self.renamed(&path.tree, true),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.renamed(tree, within);
                }
            }
            UseTree::Rename(rename) if within && rename.ident == "workload" => self.report(
                rename.span().start().line,
                &format!(
                    "the attribute `workload` is hidden under the name `{}`",
                    rename.rename
                ),
                "import it by its own name: `use workload::workload;`",
            ),
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Hidden<'_> {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.condition(attribute);
        if is_workload(attribute.path()) {
            self.ids.extend(id_of(attribute).map(|id| id.value()));
            self.report(
                attribute.span().start().line,
                "an annotation stands where no workload can be",
                "annotate a function at the top level of a module: not one in a function, an \
                 `impl` or a trait",
            );
        }
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        for mention in in_tokens(invocation.tokens.clone()) {
            self.ids.extend(mention.id);
            self.report(
                mention.line,
                "an annotation is hidden in a macro",
                "write the function out at the top level of a module, with its attribute",
            );
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.renamed(&item.tree, false);
        visit::visit_item_use(self, item);
    }
}

/// `workload("id")` in tokens.
struct Mention {
    line: usize,
    id: Option<String>,
}

/// Annotations in a macro's tokens: `#[…]` with `workload(` in it.
fn in_tokens(tokens: TokenStream) -> Vec<Mention> {
    let mut mentions = Vec::new();
    let mut after_hash = false;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            if after_hash && group.delimiter() == Delimiter::Bracket {
                mentions.extend(first_mention(group.stream()));
            } else {
                mentions.extend(in_tokens(group.stream()));
            }
        }
        after_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
    }
    mentions
}

/// The first `workload(…)` at any depth.
fn first_mention(tokens: TokenStream) -> Option<Mention> {
    let mut named = None;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            if let Some(line) = named
                && group.delimiter() == Delimiter::Parenthesis
            {
                let id = group.stream().into_iter().next();
                let id = id.and_then(|token| syn::parse2::<LitStr>(token.into()).ok());
                return Some(Mention {
                    line,
                    id: id.map(|id| id.value()),
                });
            }
            if let Some(mention) = first_mention(group.stream()) {
                return Some(mention);
            }
        }
        named = match token {
            TokenTree::Ident(ident) if ident == "workload" => Some(ident.span().start().line),
            _ => None,
        };
    }
    None
}
