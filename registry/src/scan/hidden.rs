//! Annotations that the compiler would see but that a reader of the sources cannot rely on: in
//! macros, under another name, behind `cfg_attr`, or on what is no function of a module.

use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemFn, ItemUse, Macro, Meta, UseTree};

use crate::declaration::is_workload;
use crate::diagnostic::{Diagnostic, Place};

/// Reports annotations anywhere in an item that is neither a function nor a module.
pub(crate) fn in_item(item: &Item, file: &Path, problems: &mut Vec<Diagnostic>) {
    Hidden { file, problems }.visit_item(item);
}

/// Reports annotations inside a function, and `cfg_attr` on it; its own annotation is no matter
/// of this module.
pub(crate) fn in_function(function: &ItemFn, file: &Path, problems: &mut Vec<Diagnostic>) {
    let mut hidden = Hidden { file, problems };
    for attribute in &function.attrs {
        hidden.condition(attribute);
    }
    hidden.visit_signature(&function.sig);
    hidden.visit_block(&function.block);
}

struct Hidden<'a> {
    file: &'a Path,
    problems: &'a mut Vec<Diagnostic>,
}

impl Hidden<'_> {
    fn report(&mut self, line: usize, problem: &str, fix: &str) {
        let place = Place::new(self.file, line);
        self.problems.push(Diagnostic::new(place, problem, fix));
    }

    fn condition(&mut self, attribute: &Attribute) {
        if let Meta::List(list) = &attribute.meta
            && list.path.is_ident("cfg_attr")
            && first_mention(list.tokens.clone()).is_some()
        {
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
            self.report(
                attribute.span().start().line,
                "an annotation stands where no workload can be",
                "annotate a function at the top level of a module: not one in a function, an \
                 `impl` or a trait",
            );
        }
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        for line in in_tokens(invocation.tokens.clone()) {
            self.report(
                line,
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

/// Lines of annotations in a macro's tokens: `#[…]` with `workload(` in it.
fn in_tokens(tokens: TokenStream) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut after_hash = false;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            if after_hash && group.delimiter() == Delimiter::Bracket {
                lines.extend(first_mention(group.stream()));
            } else {
                lines.extend(in_tokens(group.stream()));
            }
        }
        after_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
    }
    lines
}

/// The line of the first `workload(…)` at any depth.
fn first_mention(tokens: TokenStream) -> Option<usize> {
    let mut named = None;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            if named.is_some() && group.delimiter() == Delimiter::Parenthesis {
                return named;
            }
            if let Some(line) = first_mention(group.stream()) {
                return Some(line);
            }
        }
        named = match token {
            TokenTree::Ident(ident) if ident == "workload" => Some(ident.span().start().line),
            _ => None,
        };
    }
    None
}
