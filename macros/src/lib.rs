//! The attribute `#[workload]`. Authors take it from the crate `workload`, which documents it.

mod expand;

use proc_macro::TokenStream;

/// Makes a function a workload: `#[workload("id")]`.
///
/// The function stays callable as plain Rust; a hidden constant beside it describes it. The
/// program's table lists it once `workloads.json` names it too.
///
/// ```text
/// #[workload("id", time = "5s", network, secrets, files, crate = path)]
/// ```
///
/// - the id: 1 to 64 of `a`-`z`, `0`-`9` and `-`, a letter first;
/// - `time`: how long one call may take, in `ms`, `s` or `m`, at most an hour; 5 seconds if absent;
/// - `network`, `secrets`, `files`: what the workload needs beyond its inputs. They are recorded
///   and shown to whoever reviews the program;
/// - `crate`: where the crate `workload` is, if it has another name.
///
/// The function is public, in public modules, and neither generic nor async nor unsafe. It may
/// take `&Context` first; its other parameters are inputs.
#[proc_macro_attribute]
pub fn workload(options: TokenStream, function: TokenStream) -> TokenStream {
    expand::expand(options.into(), function.into()).into()
}
