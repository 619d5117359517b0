//! The expansion: a plain function that takes one `CalledThroughAnApp` and passes closures to the
//! runtime crate.
//!
//! The user's expressions are spliced unchanged. Every other name is an absolute path, and every
//! binding is hygienic *and* has a long name: `#[get]` declares a unit struct for a handler named
//! `call`, and a pattern `call` would then match that struct.

mod argument_info;
mod attribute_order;
mod body;
mod invalidates;
mod policy;
mod return_type;

use crate::{
    arguments::{self, ArgumentPlan},
    coverage::RouteOptions,
    diagnostics::Errors,
    handler::Handler,
    options::Options,
    source::fingerprint,
};
use proc_macro2::{Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, Ident, Path, Result, ReturnType, parse_quote, spanned::Spanned};

pub(crate) use invalidates::invalidates;

pub(crate) fn cached_response(tokens: &TokenStream, item: TokenStream) -> TokenStream {
    expand(tokens, &item).unwrap_or_else(|error| with_error(item, error))
}

/// The function beside its error, so that routing macros, editors and other diagnostics still work.
fn with_error(item: TokenStream, error: Error) -> TokenStream {
    let handler = Handler::parse("cached_response", item.clone()).ok();
    let mut item = handler.and_then(Handler::corrected).unwrap_or(item);
    item.extend(error.into_compile_error());
    item
}

fn expand(tokens: &TokenStream, item: &TokenStream) -> Result<TokenStream> {
    let mut errors = Errors::default();
    let options = errors.record(syn::parse2::<Options>(tokens.clone()));
    let handler = parse_handler("cached_response", item.clone(), &mut errors);
    let (Some(options), Some(handler)) = (options, handler) else {
        return errors.finish(TokenStream::new());
    };
    let krate = crate_path(options.krate.as_ref());
    let arguments = arguments::plan(&options, &handler, &mut errors);
    errors.finish(())?;
    let source = source(&options, tokens, item, &handler);
    if options.innermost.is_none() && attribute_order::is_above_others(&handler) {
        let attribute = quote!(#krate::cached_response(__innermost = #source, #tokens));
        return Ok(attribute_order::move_innermost(&attribute, handler));
    }
    Ok(Expansion {
        private: quote!(#krate::__private),
        source,
        flag: argument_info::packed_flag(options.nocache.as_ref()),
        options,
        handler,
        arguments,
    }
    .function())
}

/// Returns the fingerprint of the source as it was before other attributes were expanded. With
/// `version` only the parts that give the key its meaning count: one user's number must not become
/// that of a tenant.
fn source(
    options: &Options,
    tokens: &TokenStream,
    item: &TokenStream,
    handler: &Handler,
) -> String {
    if let Some(source) = &options.innermost {
        return source.value();
    }
    let fingerprint = if options.version.is_some() {
        let keyed = options.key.iter().map(|part| &part.tokens);
        let inputs = &handler.sig.inputs;
        fingerprint(&quote!(#((#keyed))*), &quote!(#inputs))
    } else {
        fingerprint(tokens, item)
    };
    format!("{fingerprint:032x}")
}

/// Parses the function below `attribute` and adds its errors.
fn parse_handler(
    attribute: &'static str,
    item: TokenStream,
    errors: &mut Errors,
) -> Option<Handler> {
    let handler = errors.record(Handler::parse(attribute, item))?;
    handler.check(errors);
    handler.check_arguments(errors);
    attribute_order::check_single(attribute, &handler, errors);
    Some(handler)
}

/// The path of the runtime crate.
fn crate_path(given: Option<&Path>) -> Path {
    given
        .cloned()
        .unwrap_or_else(|| parse_quote!(::cached_response))
}

/// The parts of the emitted function.
struct Expansion {
    /// The path of the runtime's `__private` module.
    private: TokenStream,
    /// The fingerprint of the source.
    source: String,
    /// The name of the nocache flag, which queries are extracted without.
    flag: Option<u128>,
    options: Options,
    handler: Handler,
    arguments: Vec<ArgumentPlan>,
}

impl Expansion {
    fn function(&self) -> TokenStream {
        let private = &self.private;
        let (call, at) = (local("call"), self.output_span());
        let [eager, lazy] = [self.types(self.eager()), self.types(self.lazy())];
        let body = self
            .options
            .body
            .as_ref()
            .map_or_else(|| quote!(NoBody), |limit| quote!(BodyUpTo<{ #limit }>));
        let [route_cell, route, key, run_body] =
            [self.route_cell(), self.route(), self.key(), self.body(at)];
        let block = if self.options.vary.is_some() {
            let [probe, handler, facts] = ["probe", "handler", "facts"].map(local);
            let run = respan(quote!(#private::CalledThroughAnApp::run_under_vary), at);
            quote_spanned! {at=> {
                let (#probe, #handler) = #private::CalledThroughAnApp::probed(&#call, #run_body);
                let #facts = {
                    use #private::{ProbeAny as _, ProbeCovered as _};
                    (&#probe).facts()
                };
                #run(#call, #route_cell, #route, #key, (#facts, #handler))
            }}
        } else {
            let run = respan(quote!(#private::CalledThroughAnApp::run), at);
            quote_spanned!(at=> { #run(#call, #route_cell, #route, #key, #run_body) })
        };
        self.with_signature(
            &quote!(#call: #private::CalledThroughAnApp<#eager, #lazy, #private::#body>),
            &quote!(#private::ResponseFuture),
            &block,
        )
    }

    /// The user's function with another argument, return type and body.
    fn with_signature(
        &self,
        argument: &TokenStream,
        output: &TokenStream,
        block: &TokenStream,
    ) -> TokenStream {
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
        // The function returns the future of a response, which is bound to its worker.
        quote! {
            #(#attrs)*
            #(#inner_attrs)*
            #[allow(clippy::async_yields_async, clippy::future_not_send)]
            #vis #fn_token #name #generics (#argument) -> #output
            #where_clause
            #block
        }
    }

    /// The span of errors about the return type.
    fn output_span(&self) -> Span {
        let sig = &self.handler.sig;
        located_at(match &sig.output {
            ReturnType::Type(_, ty) => ty.span(),
            ReturnType::Default => sig.ident.span(),
        })
    }

    /// The arguments that are extracted before the look-up.
    fn eager(&self) -> impl Iterator<Item = &ArgumentPlan> {
        self.arguments.iter().filter(|plan| !plan.lazy)
    }

    /// The arguments that are extracted when the handler runs.
    fn lazy(&self) -> impl Iterator<Item = &ArgumentPlan> {
        self.arguments.iter().filter(|plan| plan.lazy)
    }

    fn types<'a>(&self, arguments: impl Iterator<Item = &'a ArgumentPlan>) -> TokenStream {
        tuple(arguments.map(|plan| self.extracted_type(plan)))
    }

    /// The `static` of the route. It has no hygiene, so a block of its own hides it from the body.
    fn route_cell(&self) -> TokenStream {
        let private = &self.private;
        let name = self.handler.sig.ident.to_string();
        let (source, [line, column]) = (&self.source, attribute_position());
        let cell = Ident::new("__CACHED_RESPONSE_ROUTE", Span::mixed_site());
        let imports = return_type::Opaque::of(&self.handler.sig.output).imports();
        quote! {{
            #imports
            static #cell: #private::RouteCell = #private::RouteCell::new(#private::SourceLocation::new(
                ::core::concat!(::core::module_path!(), "::", #name),
                [::core::line!(), ::core::column!()],
                [#line, #column],
                #source,
            ));
            &#cell
        }}
    }

    /// The closure that writes `key(..)` and evaluates `unless`, with the eager arguments by
    /// reference.
    fn key(&self) -> TokenStream {
        let Self {
            private, options, ..
        } = self;
        if options.key.is_empty() && options.unless.is_none() {
            return quote!(|_, _| {});
        }
        let (writer, eager) = (local("writer"), local("eager"));
        let patterns = tuple(
            self.eager()
                .map(|plan| self.extracted_pattern(plan, plan.argument.by_reference())),
        );
        let unless = options.unless.as_ref().map(|unless| {
            let bypassed = local("bypassed");
            quote_spanned! {unless.span()=>
                let #bypassed: bool = #unless;
                if #bypassed { #private::KeyWriter::unless(#writer); }
            }
        });
        let parts = options.key.iter().map(|part| {
            let (tokens, at) = (&part.tokens, part.tokens.span());
            let method = Ident::new(if part.serde { "serde" } else { "part" }, at);
            let expression = parenthesized(tokens);
            quote_spanned!(at=> #private::KeyWriter::#method(#writer, &#expression);)
        });
        let allow = lints_of_options();
        quote! {
            |#writer, #eager| {
                #allow let #patterns = #eager;
                #unless
                #allow { #(#parts)* }
            }
        }
    }

    /// `.cache(..)`, with a clone of the cache that the option names.
    fn cache(&self, named: Option<&TokenStream>) -> Option<TokenStream> {
        let private = &self.private;
        let clone = quote!(<#private::ResponseCache as ::core::clone::Clone>::clone);
        named.map(|cache| quote_spanned!(cache.span()=> .cache(#clone(&(#cache)))))
    }

    fn route_options(&self) -> RouteOptions {
        RouteOptions::of(&self.options)
    }
}

/// Line and column of the attribute. Within a macro, `line!` and `column!` give those of the macro's
/// call.
fn attribute_position() -> [Literal; 2] {
    // In a unit test there is no source.
    let at = proc_macro::is_available().then(|| Span::call_site().unwrap());
    let position = at.map_or([0; 2], |at| [at.line(), at.column()]);
    position.map(Literal::usize_unsuffixed)
}

/// A hygienic name that no unit struct of the user has.
fn local(name: &str) -> Ident {
    Ident::new(&format!("__cached_response_{name}"), Span::mixed_site())
}

/// A hygienic span whose errors point to `span`.
fn located_at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let moved = tokens.into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    moved.collect()
}

/// Allows what the expressions of options cannot avoid where they stand: the patterns of the arguments bind
/// names that an expression does not read, and each expression is in parentheses.
fn lints_of_options() -> TokenStream {
    quote!(#[allow(unused_variables, unused_parens, clippy::all, clippy::pedantic, clippy::nursery)])
}

/// `(expression)`, whose errors point to the expression.
fn parenthesized(expression: &TokenStream) -> proc_macro2::Group {
    let mut group =
        proc_macro2::Group::new(proc_macro2::Delimiter::Parenthesis, expression.clone());
    group.set_span(expression.span());
    group
}

/// `(A, B,)`. actix-web extracts tuples of up to sixteen elements, so longer ones are nested.
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
