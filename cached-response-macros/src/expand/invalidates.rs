//! The expansion of `#[invalidates]`: the function with the same body, and a closure that returns the
//! targets of the invalidation before the body runs.

use super::{
    Expansion, attribute_order, crate_path, lints_of_options, local, parenthesized, parse_handler,
    respan, return_type, tuple, with_error,
};
use crate::{
    arguments::ArgumentPlan,
    coverage::Role,
    diagnostics::Errors,
    options::{InvalidatesOptions, Options, Target, TargetName},
};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, Result, spanned::Spanned};

pub(crate) fn invalidates(tokens: &TokenStream, item: TokenStream) -> TokenStream {
    expand(tokens, item.clone()).unwrap_or_else(|error| with_error(item, error))
}

fn expand(tokens: &TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut errors = Errors::default();
    let options = errors.record(syn::parse2::<InvalidatesOptions>(tokens.clone()));
    let handler = parse_handler("invalidates", item, &mut errors);
    errors.finish(())?;
    let (Some(options), Some(handler)) = (options, handler) else {
        return Ok(TokenStream::new());
    };
    let krate = crate_path(options.krate.as_ref());
    if options.innermost.is_none() && attribute_order::is_above_others(&handler) {
        // Nothing is stored, so the source does not matter.
        let attribute = quote!(#krate::invalidates(__innermost = "", #tokens));
        return Ok(attribute_order::move_innermost(&attribute, handler));
    }
    // Without a key there is nothing to prove: all arguments are extracted, and the body sees all.
    let arguments = handler
        .arguments()
        .into_iter()
        .map(|argument| ArgumentPlan {
            argument,
            role: Role::Unkeyed,
            lazy: false,
        });
    let arguments = arguments.collect();
    let function = Expansion {
        private: quote!(#krate::__private),
        source: String::new(),
        flag: None,
        options: Options::default(),
        handler,
        arguments,
    };
    Ok(InvalidatesExpansion { function, options }.function())
}

struct InvalidatesExpansion {
    function: Expansion,
    options: InvalidatesOptions,
}

impl InvalidatesExpansion {
    fn function(&self) -> TokenStream {
        let Self { function, .. } = self;
        let private = &function.private;
        let (call, at) = (local("call"), function.output_span());
        let run = respan(quote!(#private::InvalidatingCall::run), at);
        let arguments = function.types(function.eager());
        let [guard, targets, body] = [self.guard(), self.targets(), function.body(at)];
        function.with_signature(
            &quote!(#call: #private::InvalidatingCall<#arguments>),
            &quote!(#private::Written),
            &quote_spanned!(at=> { #run(#call, #guard, #targets, #body) }),
        )
    }

    fn guard(&self) -> TokenStream {
        let private = &self.function.private;
        let sig = &self.function.handler.sig;
        let name = sig.ident.to_string();
        let imports = return_type::Opaque::of(&sig.output).imports();
        quote! {{
            #imports
            #private::InvalidationGuard::new(
                ::core::concat!(::core::module_path!(), "::", #name),
                ::core::cfg!(test),
            )
        }}
    }

    /// The closure that returns the targets. Its expressions see the arguments by reference.
    fn targets(&self) -> TokenStream {
        let private = &self.function.private;
        let eager = local("eager");
        let patterns = self.function.eager();
        let patterns = tuple(patterns.map(|plan| plan.argument.by_reference()));
        let names: Vec<_> = (0..self.options.targets.len())
            .map(|n| local(&format!("name{n}")))
            .collect();
        let values = self.options.targets.iter().zip(&names);
        let values = values.filter_map(|(target, name)| self.value(target, name));
        let steps = self.options.targets.iter().zip(&names).map(step);
        let cache = self.function.cache(self.options.cache.as_ref());
        let allow = lints_of_options();
        quote! {
            |#eager| {
                #allow let #patterns = #eager;
                #(#values)*
                #private::Invalidations::new() #(#steps)* #cache
            }
        }
    }

    /// Binds the value of a target: a template as it is written, or the value of an expression with its
    /// braces doubled.
    fn value(&self, target: &Target, name: &Ident) -> Option<TokenStream> {
        let private = &self.function.private;
        let (value, at) = match &target.name {
            TargetName::All => return None,
            TargetName::Template(text) => (quote!(#text), text.span()),
            TargetName::Expression(tokens) if target.option == "route" => {
                let expression = parenthesized(tokens);
                (quote!(#expression), tokens.span())
            }
            TargetName::Expression(tokens) => {
                let at = tokens.span();
                let expression = parenthesized(tokens);
                (quote_spanned!(at=> #private::literal(&#expression)), at)
            }
        };
        let allow = lints_of_options();
        Some(quote_spanned!(at=> #allow let #name = #value;))
    }
}

/// The call of the builder that adds a target.
fn step((target, name): (&Target, &Ident)) -> TokenStream {
    let option = &target.option;
    match target.name {
        TargetName::All => quote!(.all()),
        _ if option == "tags" => quote!(.tags([#name])),
        _ => quote!(.#option(#name)),
    }
}
