//! What the attribute turns a function into.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use registry::{Capabilities, Declaration, naming};
use syn::spanned::Spanned;
use syn::{ItemFn, Path, parse_quote};

/// The function as it was, and its description; or the errors in the description's place, so that
/// whoever calls the function is not told that it does not exist.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            let error = syn::Error::new_spanned(&item, "a workload is a function with a body");
            let error = error.into_compile_error();
            return quote! { #error #item };
        }
    };
    let description = match Declaration::new(options, &function) {
        Ok(declaration) => description(&declaration, &function),
        Err(errors) => errors.into_compile_error(),
    };
    let kept = kept(&function);
    quote! { #kept #function #description }
}

/// The function stays one of its own in the program, with a symbol, so that tools can say which
/// workload a changed byte belongs to. An author who says how to inline it is heard.
fn kept(function: &ItemFn) -> Option<TokenStream> {
    let attributes = &function.attrs;
    let says = attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("inline"));
    (!says).then(|| quote!(#[inline(never)]))
}

fn description(declaration: &Declaration, function: &ItemFn) -> TokenStream {
    let workload = declaration
        .options
        .crate_path
        .clone()
        .unwrap_or_else(|| parse_quote!(::workload));
    let conditions = function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    let visibility = &function.vis;
    let name = naming::description_name(&declaration.function);
    let id = &declaration.options.id;
    let doc = &declaration.doc;
    let inputs = inputs(declaration, &workload);
    let capabilities = capabilities(declaration.options.capabilities, &workload);
    let seconds = declaration.options.time_limit.as_secs();
    let nanoseconds = declaration.options.time_limit.subsec_nanos();
    let run = run(declaration, function, &workload);
    quote! {
        #(#conditions)*
        #[doc(hidden)]
        #[allow(dead_code, deprecated, non_upper_case_globals)]
        #visibility const #name: #workload::Description = {
            const __INPUTS: &[#workload::Input] = #inputs;
            #run
            #workload::Description {
                id: #id,
                doc: #doc,
                inputs: __INPUTS,
                capabilities: #capabilities,
                time_limit: ::core::time::Duration::new(#seconds, #nanoseconds),
                run: __run,
            }
        };
    }
}

fn inputs(declaration: &Declaration, workload: &Path) -> TokenStream {
    let inputs = declaration.inputs.iter().map(|input| {
        let name = &input.name;
        let kind = input.kind_text();
        quote!(#workload::Input { name: #name, kind: #kind })
    });
    quote!(&[#(#inputs),*])
}

fn capabilities(declared: Capabilities, workload: &Path) -> TokenStream {
    let Capabilities {
        network,
        secrets,
        files,
        ..
    } = declared;
    quote! {
        #workload::Capabilities { network: #network, secrets: #secrets, files: #files }
    }
}

/// The function `__run`: inputs in, the author's function, output out. Each conversion has the
/// span of the type that it converts, where the compiler then points if it cannot.
fn run(declaration: &Declaration, function: &ItemFn, workload: &Path) -> TokenStream {
    let count = declaration.inputs.len();
    let values: Vec<_> = (0..count)
        .map(|position| format_ident!("__input_{position}"))
        .collect();
    let prepare = (count > 1).then(|| {
        quote! {
            let mut __arguments =
                #workload::__private::Arguments::several(__items, __INPUTS)?;
        }
    });
    let takes = declaration.inputs.iter().map(|input| {
        let kind = &input.kind;
        if count == 1 {
            quote_spanned! {kind.span()=>
                #workload::__private::Arguments::only::<#kind>(__items, &__INPUTS[0])?
            }
        } else {
            quote_spanned!(kind.span()=> __arguments.take::<#kind>()?)
        }
    });
    let context = declaration.takes_context.then(|| quote!(__context,));
    let name = &declaration.function;
    let output = match &function.sig.output {
        syn::ReturnType::Type(_, kind) => kind.to_token_stream(),
        syn::ReturnType::Default => quote!(()),
    };
    let answer = quote_spanned! {output.span()=>
        #workload::IntoOutput::into_output(__answer)
    };
    quote! {
        fn __run(
            __context: &#workload::Context<'_>,
            __items: &[&[u8]],
        ) -> ::core::result::Result<::std::vec::Vec<u8>, #workload::Failure> {
            #prepare
            #(let #values = #takes;)*
            let __answer = #name(#context #(#values),*);
            #answer
        }
    }
}
