//! The closure that creates the future of the handler's body.
//!
//! An `async move` block rather than a nested function keeps `Self`, generics, inference and
//! `macro_rules` as they were. The arguments move in whole, are bound in order and live to the end,
//! as in an `async fn`.

use super::{
    Expansion, lints_of_options, local, located_at, parenthesized, respan, return_type, tuple,
};
use crate::{arguments::ArgumentPlan, coverage::Role};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, spanned::Spanned};

impl Expansion {
    pub(super) fn body(&self, at: Span) -> TokenStream {
        let (eager, lazy) = (local("eager"), local("lazy"));
        let slots: Vec<_> = (0..self.arguments.len())
            .map(|n| local(&format!("argument{n}")))
            .collect();
        let [eager_slots, lazy_slots] = [false, true].map(|lazy| {
            let chosen = self
                .arguments
                .iter()
                .zip(&slots)
                .filter(|(plan, _)| plan.lazy == lazy);
            tuple(chosen.map(|(plan, slot)| self.extracted_pattern(plan, slot.to_token_stream())))
        });
        let bindings = self
            .arguments
            .iter()
            .zip(&slots)
            .map(|(plan, slot)| self.binding(plan, slot));
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

    /// The tags that are computed from the arguments, by reference. A gate is hidden from them as from
    /// the body: the response is for every request that passes the gate.
    fn tags(&self, slots: &[Ident]) -> TokenStream {
        let (private, expressions) = (&self.private, &self.options.tags.expressions);
        if expressions.is_empty() {
            return TokenStream::new();
        }
        let bindings = self.arguments.iter().zip(slots).map(|(plan, slot)| {
            if plan.role == Role::Gate {
                let names = plan.argument.names();
                return quote!(#(let #names = #private::GatedArgumentUseKeyToReadIt;)*);
            }
            let pattern = plan.argument.by_reference();
            quote!(let #pattern = &#slot;)
        });
        let tags = expressions.iter().map(|expression| {
            let at = expression.span();
            let expression = parenthesized(expression);
            quote_spanned!(at=> #private::tag(&#expression);)
        });
        let allow = lints_of_options();
        quote! {
            #allow {
                #(#bindings)*
                #(#tags)*
            }
        }
    }

    /// Binds an argument. The name of a gate is bound to a placeholder, which the body cannot use.
    fn binding(&self, plan: &ArgumentPlan, slot: &Ident) -> TokenStream {
        let private = &self.private;
        let (pattern, attrs) = (&plan.argument.pat, &plan.argument.attrs);
        // A `let` in place of an argument: lints on statements do not hold for patterns of a signature.
        let lints =
            quote!(#[allow(clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction)]);
        if plan.role != Role::Gate {
            return quote!(let #slot = #slot; #(#attrs)* #lints let #pattern = #slot;);
        }
        let names = plan.argument.names();
        // The body does not read a gate.
        quote! {
            let #slot = #slot;
            #(#[allow(unused_variables)] #lints let #names = #private::GatedArgumentUseKeyToReadIt;)*
        }
    }

    /// Type checks that never run. Every argument is an extractor, with the error at the argument; and a
    /// `return` of the declared type drives `?` and coercions as the signature did.
    fn checks(&self, at: Span) -> TokenStream {
        let private = &self.private;
        let extractors = self.arguments.iter().map(|plan| {
            let ty = &plan.argument.ty;
            let check = respan(
                quote!(#private::is_extractor),
                located_at(plan.argument.span()),
            );
            quote!(#check::<#ty>();)
        });
        let never = local("never");
        let output = return_type::expected(&self.handler.sig.output).map(|expected| {
            quote_spanned! {at=>
                let #never: #expected = loop {};
                return #never;
            }
        });
        let named = return_type::Opaque::of(&self.handler.sig.output).statements();
        if self.arguments.is_empty() && output.is_none() && named.is_empty() {
            return TokenStream::new();
        }
        // Never run, so that what follows its `return` is unreachable, and its variables are not read.
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
