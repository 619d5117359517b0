//! The order of expansion: attribute macros below this one (`#[get]`, `#[utoipa::path]`,
//! `#[instrument]`, ..) are expanded first, so that they see the function as it was written.

use crate::{diagnostics::Errors, handler::Handler};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Error};

/// Adds an error for a second attribute of this crate.
pub(super) fn check_single(ours: &str, handler: &Handler, errors: &mut Errors) {
    for attr in &handler.attrs {
        let Some(last) = attr.path().segments.last() else {
            continue;
        };
        if last.ident == ours {
            errors.push(Error::new_spanned(
                attr.path(),
                format!("`#[{ours}]` is given twice: put all options into one"),
            ));
        } else if OURS.iter().any(|other| last.ident == other) {
            errors.push(Error::new_spanned(
                attr.path(),
                "`#[cached_response]` answers a hit without running the handler, so nothing would be written or invalidated: put `#[invalidates]` on a separate handler",
            ));
        }
    }
}

const OURS: [&str; 2] = ["cached_response", "invalidates"];

/// Returns true where other attribute macros are left to expand.
pub(super) fn is_above_others(handler: &Handler) -> bool {
    handler.attrs.iter().any(|attr| !is_inert(attr))
}

/// The function with `attribute` as its last attribute. The marker `__innermost` in it prevents a loop, so that
/// an inert attribute that is not known here costs one expansion more.
pub(super) fn move_innermost(attribute: &TokenStream, handler: Handler) -> TokenStream {
    let Handler {
        attrs,
        vis,
        sig,
        inner_attrs,
        body,
    } = handler;
    let mut block = proc_macro2::Group::new(proc_macro2::Delimiter::Brace, body.stream());
    block.set_span(body.span());
    quote! {
        #(#attrs)*
        #(#inner_attrs)*
        #[#attribute]
        #vis #sig #block
    }
}

/// Read by the compiler or a tool, rewriting nothing.
fn is_inert(attr: &Attribute) -> bool {
    const INERT: [&str; 16] = [
        "allow",
        "automatically_derived",
        "cfg",
        "cold",
        "coverage",
        "deny",
        "deprecated",
        "doc",
        "expect",
        "forbid",
        "inline",
        "must_use",
        "no_mangle",
        "optimize",
        "track_caller",
        "warn",
    ];
    const TOOLS: [&str; 4] = ["clippy", "diagnostic", "rust_analyzer", "rustfmt"];
    let path = attr.path();
    match path.get_ident() {
        Some(ident) => INERT.iter().any(|name| ident == name),
        None => path
            .segments
            .first()
            .is_some_and(|first| TOOLS.iter().any(|tool| first.ident == tool)),
    }
}
