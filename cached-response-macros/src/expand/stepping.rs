//! Attribute macros below this one (`#[get]`, `#[utoipa::path]`, `#[instrument]`, ..) go first,
//! so that they see the function as it was written.

use super::twice;
use crate::{errors::Errors, handler::Handler};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Path};

pub(super) fn is_given_once(handler: &Handler, errors: &mut Errors) {
    let ours = |attr: &&Attribute| {
        attr.path()
            .segments
            .last()
            .is_some_and(|last| last.ident == "cached_response")
    };
    if let Some(again) = handler.attrs.iter().find(ours) {
        errors.push(twice(again.path()));
    }
}

pub(super) fn is_above_others(handler: &Handler) -> bool {
    handler.attrs.iter().any(|attr| !is_inert(attr))
}

/// The function again, with this attribute as its last. The marker prevents a loop, so that an
/// inert attribute that is not known here costs one expansion more.
pub(super) fn inside(krate: &Path, tokens: &TokenStream, handler: Handler) -> TokenStream {
    let Handler {
        attrs,
        vis,
        sig,
        inner_attrs,
        body,
    } = handler;
    let comma = (!tokens.is_empty()).then(|| quote!(,));
    let mut block = proc_macro2::Group::new(proc_macro2::Delimiter::Brace, body.stream());
    block.set_span(body.span());
    quote! {
        #(#attrs)*
        #(#inner_attrs)*
        #[#krate::cached_response(__innermost #comma #tokens)]
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
