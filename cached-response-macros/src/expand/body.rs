//! The closure that makes the body's future.
//!
//! An `async move` block rather than a nested function: `Self`, generics, inference and
//! `macro_rules` stay as they were. The arguments move in whole, are bound in order and live to
//! the end, as in an `async fn`.

use super::{Expansion, local, located, output, respan, tuple};
use crate::plan::{Part, Role};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, spanned::Spanned};

impl Expansion {
    pub(super) fn body(&self, at: Span) -> TokenStream {
        let (eager, lazy) = (local("eager"), local("lazy"));
        let slots: Vec<_> = (0..self.parts.len())
            .map(|n| local(&format!("argument{n}")))
            .collect();
        let [eager_slots, lazy_slots] = [false, true].map(|lazy| {
            let chosen = self
                .parts
                .iter()
                .zip(&slots)
                .filter(|(part, _)| part.lazy == lazy);
            tuple(chosen.map(|(part, slot)| self.taken(part, slot.to_token_stream())))
        });
        let bindings = self
            .parts
            .iter()
            .zip(&slots)
            .map(|(part, slot)| self.binding(part, slot));
        let tags = self.tags(&slots);
        let checks = self.checks(at);
        let body = self.handler.body.stream();
        quote_spanned! {at=>
            |#eager, #lazy| async move {
                let #eager_slots = #eager;
                let #lazy_slots = #lazy;
                #tags
                #(#bindings)*
                #checks
                #body
            }
        }
    }

    /// Names the tags that are made of the arguments, which they see by reference. A response is for
    /// all who pass a gate, so that a tag sees no more of it than the body does.
    fn tags(&self, slots: &[Ident]) -> TokenStream {
        let (private, expressions) = (&self.private, &self.args.tags.expressions);
        if expressions.is_empty() {
            return TokenStream::new();
        }
        let bindings = self.parts.iter().zip(slots).map(|(part, slot)| {
            if part.role == Role::Gate {
                let names = part.argument.names();
                return quote!(#(let #names = #private::GatedArgumentUseKeyToReadIt;)*);
            }
            let pattern = part.argument.by_reference();
            quote!(let #pattern = &#slot;)
        });
        let tags = expressions.iter().map(|expression| {
            let at = expression.span();
            let mut inside =
                proc_macro2::Group::new(proc_macro2::Delimiter::Parenthesis, expression.clone());
            inside.set_span(at);
            quote_spanned!(at=> #private::tag(&#inside);)
        });
        quote! {
            #[allow(unused_variables, unused_parens, clippy::all, clippy::pedantic, clippy::nursery)]
            {
                #(#bindings)*
                #(#tags)*
            }
        }
    }

    /// A gate keeps its place but not its name: the body finds a value that tells nothing.
    fn binding(&self, part: &Part, slot: &Ident) -> TokenStream {
        let private = &self.private;
        let (pattern, attrs) = (&part.argument.pat, &part.argument.attrs);
        let lints =
            quote!(#[allow(clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction)]);
        if part.role != Role::Gate {
            return quote!(let #slot = #slot; #(#attrs)* #lints let #pattern = #slot;);
        }
        let names = part.argument.names();
        quote! {
            let #slot = #slot;
            #(#[allow(unused_variables)] #lints let #names = #private::GatedArgumentUseKeyToReadIt;)*
        }
    }

    /// Never run. Says that every argument is an extractor, under the argument; and a `return`
    /// of the declared type directs `?` and coercions as the signature did.
    fn checks(&self, at: Span) -> TokenStream {
        let private = &self.private;
        let extractors = self.parts.iter().map(|part| {
            let ty = &part.argument.ty;
            let check = respan(
                quote!(#private::is_extractor),
                located(part.argument.span()),
            );
            quote!(#check::<#ty>();)
        });
        let never = local("never");
        let output = output::expected(&self.handler.sig.output).map(|expected| {
            quote_spanned! {at=>
                let #never: #expected = loop {};
                return #never;
            }
        });
        let named = output::Opaque::of(&self.handler.sig.output).statements();
        if self.parts.is_empty() && output.is_none() && named.is_empty() {
            return TokenStream::new();
        }
        quote! {
            #[allow(unreachable_code, unused_variables, clippy::all, clippy::pedantic, clippy::nursery)]
            if false {
                #(#extractors)*
                #named
                #output
            }
        }
    }
}
