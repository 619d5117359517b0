//! What is emitted: a plain function that takes one `CalledThroughAnApp` and hands the runtime four closures.
//!
//! Expressions of the user's are spliced as they are. All else is by absolute path, and every
//! binding is hygienic *and* has a long name: `#[get]` makes a unit struct of a handler called
//! `call`, and a pattern `call` would then match that struct.

mod body;
mod flag;
mod output;
mod route;
mod stepping;
mod writing;

use crate::{
    args::Args,
    errors::Errors,
    handler::Handler,
    plan::{Part, plan},
    rules::{Said, check_parameters},
    source::fingerprint,
};
use proc_macro2::{Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, Ident, Path, Result, ReturnType, parse_quote, spanned::Spanned};

pub(crate) use writing::invalidates;

pub(crate) fn cached_response(tokens: &TokenStream, item: TokenStream) -> TokenStream {
    expanded(tokens, &item).unwrap_or_else(|error| unchanged(item, error))
}

/// The function stays: routing macros, editors and all other diagnostics go on working.
fn unchanged(item: TokenStream, error: Error) -> TokenStream {
    let handler = Handler::below("cached_response", item.clone()).ok();
    let mut item = handler.and_then(Handler::after_a_mistake).unwrap_or(item);
    item.extend(error.into_compile_error());
    item
}

fn expanded(tokens: &TokenStream, item: &TokenStream) -> Result<TokenStream> {
    let mut errors = Errors::default();
    let args = errors.note(syn::parse2::<Args>(tokens.clone()));
    let handler = handler("cached_response", item.clone(), &mut errors);
    let (Some(args), Some(handler)) = (args, handler) else {
        return errors.finish(TokenStream::new());
    };
    let krate = krate(args.krate.as_ref());
    let parts = plan(&args, handler.arguments(), &mut errors);
    check_parameters(&parts, &handler.sig.generics, &mut errors);
    errors.finish(())?;
    let source = source(&args, tokens, item, &handler);
    if !args.innermost && stepping::is_above_others(&handler) {
        let ours = parse_quote!(#krate::cached_response);
        let tokens = quote!(__source = #source, #tokens);
        return Ok(stepping::inside(&ours, &tokens, handler));
    }
    Ok(Expansion {
        private: quote!(#krate::__private),
        source,
        flag: flag::packed(args.nocache.as_ref()),
        args,
        handler,
        parts,
    }
    .function())
}

/// The fingerprint of what the author wrote, which other attributes may have rewritten meanwhile.
/// Under a version of the author's what parts of the key mean counts still: one user's number must
/// not become that of a tenant.
fn source(args: &Args, tokens: &TokenStream, item: &TokenStream, handler: &Handler) -> String {
    if let Some(source) = &args.source {
        return source.value();
    }
    let fingerprint = if args.version.is_some() {
        let keyed = args.key.iter().map(|part| &part.tokens);
        let inputs = &handler.sig.inputs;
        fingerprint(&quote!(#((#keyed))*), &quote!(#inputs))
    } else {
        fingerprint(tokens, item)
    };
    format!("{fingerprint:032x}")
}

/// The function below the attribute `ours`, with all that is wrong about it noted.
fn handler(ours: &'static str, item: TokenStream, errors: &mut Errors) -> Option<Handler> {
    let handler = errors.note(Handler::below(ours, item))?;
    handler.check(errors);
    handler.check_arguments(errors);
    stepping::is_alone(ours, &handler, errors);
    Some(handler)
}

/// Where the runtime's half is found.
fn krate(given: Option<&Path>) -> Path {
    given
        .cloned()
        .unwrap_or_else(|| parse_quote!(::cached_response))
}

/// Everything that the emitted function is made of.
struct Expansion {
    /// The path of the runtime's half.
    private: TokenStream,
    /// What tells the handler from what it was before.
    source: String,
    /// The flag of a live answer that queries are extracted without.
    flag: Option<u128>,
    args: Args,
    handler: Handler,
    parts: Vec<Part>,
}

impl Expansion {
    fn function(&self) -> TokenStream {
        let private = &self.private;
        let (call, at) = (local("call"), self.place());
        let eager = self.types(false);
        let lazy = self.types(true);
        let body = self
            .args
            .body
            .as_ref()
            .map_or_else(|| quote!(NoBody), |limit| quote!(BodyUpTo<{ #limit }>));
        let [site, route, key, run_body] = [self.site(), self.route(), self.key(), self.body(at)];
        let block = if self.args.vary.is_some() {
            let [probe, handler, facts] = ["probe", "handler", "facts"].map(local);
            let run = respan(quote!(#private::CalledThroughAnApp::run_under_vary), at);
            quote_spanned! {at=> {
                let (#probe, #handler) = #private::CalledThroughAnApp::probed(&#call, #run_body);
                let #facts = {
                    use #private::{ProbeAny as _, ProbeCovered as _};
                    (&#probe).facts()
                };
                #run(#call, #site, #route, #key, (#facts, #handler))
            }}
        } else {
            let run = respan(quote!(#private::CalledThroughAnApp::run), at);
            quote_spanned!(at=> { #run(#call, #site, #route, #key, #run_body) })
        };
        self.taking(
            &quote!(#call: #private::CalledThroughAnApp<#eager, #lazy, #private::#body>),
            &quote!(#private::ResponseFuture),
            &block,
        )
    }

    /// The function as it was, but for what it takes, what it returns and what it does.
    fn taking(&self, call: &TokenStream, answer: &TokenStream, block: &TokenStream) -> TokenStream {
        let Handler {
            attrs,
            vis,
            sig,
            inner_attrs,
            ..
        } = &self.handler;
        let syn::Signature {
            fn_token,
            ident: name,
            generics,
            ..
        } = sig;
        let where_clause = &generics.where_clause;
        quote! {
            #(#attrs)*
            #(#inner_attrs)*
            #[allow(clippy::async_yields_async, clippy::future_not_send)]
            #vis #fn_token #name #generics (#call) -> #answer
            #where_clause
            #block
        }
    }

    /// Where a message points that is about what the handler answers.
    fn place(&self) -> Span {
        let sig = &self.handler.sig;
        located(match &sig.output {
            ReturnType::Type(_, ty) => ty.span(),
            ReturnType::Default => sig.ident.span(),
        })
    }

    fn parts(&self, lazy: bool) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(move |part| part.lazy == lazy)
    }

    fn types(&self, lazy: bool) -> TokenStream {
        tuple(self.parts(lazy).map(|part| self.extracted(part)))
    }

    /// The handler's counters. A `static` has no hygiene, so that a block of its own keeps it
    /// out of the body's sight.
    fn site(&self) -> TokenStream {
        let private = &self.private;
        let name = self.handler.sig.ident.to_string();
        let (source, [line, column]) = (&self.source, own_place());
        let site = Ident::new("__CACHED_RESPONSE_SITE", Span::mixed_site());
        let imports = output::Opaque::of(&self.handler.sig.output).imports();
        quote! {{
            #imports
            static #site: #private::RouteCell = #private::RouteCell::new(#private::SourceLocation::new(
                ::core::concat!(::core::module_path!(), "::", #name),
                [::core::line!(), ::core::column!()],
                [#line, #column],
                #source,
            ));
            &#site
        }}
    }

    /// Writes `key(..)`, and asks `unless`. Both see the eager arguments by reference.
    fn key(&self) -> TokenStream {
        let Self { private, args, .. } = self;
        if args.key.is_empty() && args.unless.is_none() {
            return quote!(|_, _| {});
        }
        let (writer, eager) = (local("writer"), local("eager"));
        let patterns = tuple(
            self.parts(false)
                .map(|part| self.taken(part, part.argument.by_reference())),
        );
        let unless = args.unless.as_ref().map(|unless| {
            let refused = local("refused");
            quote_spanned! {unless.span()=>
                let #refused: bool = #unless;
                if #refused { #private::KeyWriter::unless(#writer); }
            }
        });
        let parts = args.key.iter().map(|part| {
            let (tokens, at) = (&part.tokens, part.tokens.span());
            let method = Ident::new(if part.serde { "serde" } else { "part" }, at);
            let mut expression =
                proc_macro2::Group::new(proc_macro2::Delimiter::Parenthesis, tokens.clone());
            expression.set_span(at);
            quote_spanned!(at=> #private::KeyWriter::#method(#writer, &#expression);)
        });
        quote! {
            |#writer, #eager| {
                #[allow(unused_variables, clippy::all, clippy::pedantic, clippy::nursery)]
                let #patterns = #eager;
                #unless
                #[allow(unused_parens, clippy::all, clippy::pedantic, clippy::nursery)]
                { #(#parts)* }
            }
        }
    }

    fn said(&self) -> Said {
        let Args {
            vary,
            body,
            methods,
            ..
        } = &self.args;
        Said {
            vary: vary.is_some(),
            body: body.is_some(),
            methods: !methods.is_empty(),
        }
    }
}

/// Line and column of the attribute itself: not those that `line!` and `column!` tell where it is
/// written by a macro.
fn own_place() -> [Literal; 2] {
    // In a unit test there is no source.
    let at = proc_macro::is_available().then(|| Span::call_site().unwrap());
    let place = at.map_or([0; 2], |at| [at.line(), at.column()]);
    place.map(Literal::usize_unsuffixed)
}

/// A name that neither the user's code nor a unit struct of theirs can meet.
fn local(name: &str) -> Ident {
    Ident::new(&format!("__cached_response_{name}"), Span::mixed_site())
}

/// The place of `span`, where a message is to point, with names that stay ours.
fn located(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let moved = tokens.into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    moved.collect()
}

/// `(A, B,)`. actix-web extracts tuples of up to sixteen, so that longer ones are nested.
fn tuple(parts: impl IntoIterator<Item = TokenStream>) -> TokenStream {
    let mut parts: Vec<_> = parts.into_iter().collect();
    while parts.len() > 16 {
        parts = parts
            .chunks(16)
            .map(|chunk| quote!((#(#chunk,)*)))
            .collect();
    }
    quote!((#(#parts,)*))
}

#[cfg(test)]
mod tests;
