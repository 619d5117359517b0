//! What `#[invalidates]` emits: the function with the same body, which tells the runtime beforehand
//! what to invalidate.

use super::{Expansion, handler, krate, local, respan, stepping, tuple, unchanged};
use crate::{
    args::{Args, Named, What, Writes},
    errors::Errors,
    plan::{Part, Role},
};
use proc_macro2::{Delimiter, Group, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, Result, parse_quote, spanned::Spanned};

pub(crate) fn invalidates(tokens: &TokenStream, item: TokenStream) -> TokenStream {
    expanded(tokens, item.clone()).unwrap_or_else(|error| unchanged(item, error))
}

fn expanded(tokens: &TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut errors = Errors::default();
    let writes = errors.note(syn::parse2::<Writes>(tokens.clone()));
    let handler = handler("invalidates", item, &mut errors);
    errors.finish(())?;
    let (Some(writes), Some(handler)) = (writes, handler) else {
        return Ok(TokenStream::new());
    };
    let krate = krate(writes.krate.as_ref());
    if !writes.innermost && stepping::is_above_others(&handler) {
        let ours = parse_quote!(#krate::invalidates);
        return Ok(stepping::inside(&ours, tokens, handler));
    }
    // Nothing is asked of the arguments: all are extracted, and the body sees all.
    let parts = handler.arguments().into_iter().map(|argument| Part {
        argument,
        role: Role::Unkeyed,
        lazy: false,
    });
    let parts = parts.collect();
    let function = Expansion {
        private: quote!(#krate::__private),
        source: String::new(),
        flag: None,
        args: Args::default(),
        handler,
        parts,
    };
    Ok(Writing { function, writes }.function())
}

struct Writing {
    function: Expansion,
    writes: Writes,
}

impl Writing {
    fn function(&self) -> TokenStream {
        let Self { function, .. } = self;
        let private = &function.private;
        let (call, at) = (local("call"), function.place());
        let run = respan(quote!(#private::InvalidatingCall::run), at);
        let arguments = function.types(false);
        let [writer, names, body] = [self.writer(), self.names(), function.body(at)];
        function.taking(
            &quote!(#call: #private::InvalidatingCall<#arguments>),
            &quote!(#private::Written),
            &quote_spanned!(at=> { #run(#call, #writer, #names, #body) }),
        )
    }

    fn writer(&self) -> TokenStream {
        let private = &self.function.private;
        let sig = &self.function.handler.sig;
        let name = sig.ident.to_string();
        let imports = super::output::Opaque::of(&sig.output).imports();
        quote! {{
            #imports
            #private::InvalidationGuard::new(
                ::core::concat!(::core::module_path!(), "::", #name),
                ::core::cfg!(test),
            )
        }}
    }

    /// The closure that says what is invalidated. Its expressions see the arguments by reference.
    fn names(&self) -> TokenStream {
        let private = &self.function.private;
        let eager = local("eager");
        let patterns = self.function.parts(false);
        let patterns = tuple(patterns.map(|part| part.argument.by_reference()));
        let names: Vec<_> = (0..self.writes.named.len())
            .map(|n| local(&format!("name{n}")))
            .collect();
        let values = self.writes.named.iter().zip(&names);
        let values = values.filter_map(|(named, name)| self.value(named, name));
        let steps = self.writes.named.iter().zip(&names).map(step);
        let cache = self.writes.cache.as_ref().map(|cache| {
            let clone = quote!(<#private::ResponseCache as ::core::clone::Clone>::clone);
            quote_spanned!(cache.span()=> .cache(#clone(&(#cache))))
        });
        quote! {
            |#eager| {
                #[allow(unused_variables, clippy::all, clippy::pedantic, clippy::nursery)]
                let #patterns = #eager;
                #(#values)*
                #private::Invalidations::new() #(#steps)* #cache
            }
        }
    }

    /// A template as it is written; what an expression gives, with its braces as braces.
    fn value(&self, named: &Named, name: &Ident) -> Option<TokenStream> {
        let private = &self.function.private;
        let (value, at) = match &named.what {
            What::All => return None,
            What::Template(text) => (quote!(#text), text.span()),
            What::Expression(tokens) => {
                let at = tokens.span();
                let mut expression = Group::new(Delimiter::Parenthesis, tokens.clone());
                expression.set_span(at);
                (quote_spanned!(at=> #private::literal(&#expression)), at)
            }
        };
        Some(quote_spanned! {at=>
            #[allow(unused_parens, clippy::all, clippy::pedantic, clippy::nursery)]
            let #name = #value;
        })
    }
}

fn step((named, name): (&Named, &Ident)) -> TokenStream {
    let option = &named.option;
    match named.what {
        What::All => quote!(.all()),
        _ if option == "tags" => quote!(.tags([#name])),
        _ => quote!(.#option(#name)),
    }
}
