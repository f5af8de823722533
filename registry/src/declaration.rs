//! One annotated function: the attribute's options and the function's signature.
//!
//! The attribute and the scan of the sources both read it here, so they cannot disagree about
//! what a workload is.

use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, ExprLit, FnArg, Ident, ItemFn, Lit, LitStr, Meta, Pat, Path, ReturnType,
    Signature, Type,
};

use crate::options::Options;

/// One annotated function.
#[non_exhaustive]
pub struct Declaration {
    /// What the attribute says.
    pub options: Options,
    /// The function's name.
    pub function: Ident,
    /// The function's doc text, lines separated by `\n`.
    pub doc: String,
    /// Whether the first parameter is the context.
    pub takes_context: bool,
    /// The other parameters.
    pub inputs: Vec<Parameter>,
}

/// One parameter that a requester fills.
#[non_exhaustive]
pub struct Parameter {
    /// Its name, without `r#`.
    pub name: String,
    /// Its type.
    pub kind: Type,
}

impl Parameter {
    /// The type as an author writes it: `Vec<u8>`, not `Vec < u8 >`.
    pub fn kind_text(&self) -> String {
        crate::text::of_type(&self.kind)
    }
}

impl Declaration {
    /// Reads an annotation's arguments and the function that it stands on.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with either, each error with its place.
    pub fn new(options: proc_macro2::TokenStream, function: &ItemFn) -> syn::Result<Self> {
        let mut errors = Errors::default();
        let options = errors.keep(syn::parse2::<Options>(options));
        errors.keep(check_qualifiers(&function.sig));
        let (takes_context, inputs) = parameters(&function.sig, &mut errors);
        match (options, errors.finish()) {
            (Some(options), Ok(())) => Ok(Self {
                options,
                function: function.sig.ident.clone(),
                doc: doc_text(&function.attrs),
                takes_context,
                inputs,
            }),
            (_, Err(errors)) => Err(errors),
            (None, Ok(())) => Err(syn::Error::new(function.sig.span(), "no options")),
        }
    }
}

/// The id that an annotation gives, whatever else is wrong with it.
pub(crate) fn id_of(attribute: &Attribute) -> Option<LitStr> {
    let Meta::List(list) = &attribute.meta else {
        return None;
    };
    list.parse_args_with(|input: syn::parse::ParseStream<'_>| {
        let id = input.parse();
        input.parse::<proc_macro2::TokenStream>()?;
        id
    })
    .ok()
}

/// Whether an attribute is an annotation, by the last part of its path.
pub(crate) fn is_workload(path: &Path) -> bool {
    path.segments
        .last()
        .is_some_and(|last| last.ident == "workload")
}

fn check_qualifiers(signature: &Signature) -> syn::Result<()> {
    let mut errors = Errors::default();
    if let Some(asyncness) = &signature.asyncness {
        errors.add(
            asyncness,
            "a workload cannot be async: it runs to its end on one thread",
        );
    }
    if let syn::Safety::Unsafe(keyword) = &signature.safety {
        errors.add(
            keyword,
            "a workload cannot be unsafe: it is called with whatever requesters send",
        );
    }
    if let Some(abi) = &signature.abi {
        errors.add(abi, "a workload cannot be extern: write a plain function");
    }
    if !signature.generics.params.is_empty() {
        errors.add(
            &signature.generics,
            "a workload cannot be generic: name the types that requesters send",
        );
    } else if let Some(clause) = &signature.generics.where_clause {
        errors.add(clause, "a workload cannot have a where clause");
    }
    if let Some(variadic) = &signature.variadic {
        errors.add(variadic, "a workload has a fixed number of parameters");
    }
    if matches!(signature.output, ReturnType::Default) {
        errors.add(
            &signature.ident,
            "a workload returns its answer: add `-> String`, `-> Vec<u8>` or a `Result` of these",
        );
    }
    errors.finish()
}

fn parameters(signature: &Signature, errors: &mut Errors) -> (bool, Vec<Parameter>) {
    let mut takes_context = false;
    let mut inputs = Vec::new();
    for (position, argument) in signature.inputs.iter().enumerate() {
        match argument {
            FnArg::Receiver(receiver) => {
                errors.add(receiver, "a workload is a free function: it has no `self`");
            }
            FnArg::Typed(argument) if is_context(&argument.ty) => {
                takes_context = true;
                if position != 0 {
                    errors.add(argument, "the context comes before every other parameter");
                }
            }
            FnArg::Typed(argument) => match (name(&argument.pat), check_type(&argument.ty)) {
                (Some(name), Ok(())) => inputs.push(Parameter {
                    name,
                    kind: (*argument.ty).clone(),
                }),
                (None, _) => errors.add(
                    &argument.pat,
                    "an input has a plain name, which messages to requesters use",
                ),
                (_, Err(error)) => {
                    errors.keep::<()>(Err(error));
                }
            },
        }
    }
    (takes_context, inputs)
}

/// `&Context`, however the path before it is written.
fn is_context(kind: &Type) -> bool {
    matches!(kind, Type::Reference(reference)
        if matches!(&*reference.elem, Type::Path(path)
            if path.path.segments.last().is_some_and(|last| last.ident == "Context")))
}

fn name(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(ident) if ident.by_ref.is_none() && ident.subpat.is_none() => {
            Some(ident.ident.unraw().to_string())
        }
        _ => None,
    }
}

/// Types that no implementation of `FromInput` can serve, with better words than the compiler's.
fn check_type(kind: &Type) -> syn::Result<()> {
    let instead = match kind {
        Type::Reference(reference) => match crate::text::of_type(&reference.elem).as_str() {
            "str" => "an input is owned: write `String`",
            "[u8]" => "an input is owned: write `Vec<u8>`",
            _ => "an input is owned: take it without `&`",
        },
        Type::ImplTrait(_) => "an input has a type of its own: write it instead of `impl`",
        _ => return Ok(()),
    };
    Err(syn::Error::new_spanned(kind, instead))
}

fn doc_text(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .flat_map(|text| {
            text.split('\n')
                .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

/// Errors collected so that an author sees all of them at once.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn add(&mut self, place: &impl quote::ToTokens, message: &str) {
        self.keep::<()>(Err(syn::Error::new_spanned(place, message)));
    }

    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                match &mut self.0 {
                    Some(errors) => errors.combine(error),
                    None => self.0 = Some(error),
                }
                None
            }
        }
    }

    pub(crate) fn finish(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
