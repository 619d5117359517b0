//! The closure that describes the route: its policy, and the facts of its arguments. It captures
//! nothing and is called once for each instantiation of the handler, so its expressions may name
//! `Self` and generics.

use super::{Expansion, located_at, respan};
use crate::options::{Duration, Header, Nocache, Options, Query, Status, Timeout, Vary};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, spanned::Spanned};

impl Expansion {
    pub(super) fn route(&self) -> TokenStream {
        let private = &self.private;
        let policy = self.policy();
        let cache = self.cache(self.options.cache.as_ref());
        let arguments = self.arguments.iter().flat_map(|plan| self.argument(plan));
        let typed = self.typed_query();
        quote! {
            || {
                #typed
                #private::RouteSpec::new(#policy, ::core::cfg!(test)) #cache #(#arguments)*
            }
        }
    }

    /// The policy, with a call for each option that is given.
    fn policy(&self) -> TokenStream {
        let options = &self.options;
        let calls = [
            call("version", options.version.as_ref()),
            call("methods", list(&options.methods).as_ref()),
            call("not_replayed", list(&options.not_replayed).as_ref()),
            call("tags", list(&options.tags.templates).as_ref()),
            call("max_body_bytes", options.max_body_bytes.as_ref()),
            call("client_max_age", options.client_max_age.as_ref()),
            call("heuristic_fraction", options.heuristic_fraction.as_ref()),
            call("targeted", options.targeted.as_ref()),
            call(
                "stale_while_revalidate",
                options.stale_while_revalidate.as_ref(),
            ),
            call("stale_if_error", options.stale_if_error.as_ref()),
            call("refresh_ahead", options.refresh_ahead.as_ref()),
            call("soft_timeout", options.soft_timeout.as_ref()),
            call("run_timeout", options.run_timeout.as_ref()),
            call("failure_cooldown", options.failure_cooldown.as_ref()),
            call("jitter", options.jitter.as_ref()),
        ];
        let calls = calls.into_iter().flatten();
        let (policy, functions) = (self.policy_with_timeout(), self.functions());
        let respect_client = options.respect_client.then(|| quote!(.respect_client()));
        let [query, vary, status, nocache] =
            [self.query(), self.vary(), self.status(), self.nocache()];
        quote!(#policy #(#calls)* #query #vary #status #nocache #functions #respect_client)
    }

    /// The policy with its timeout alone.
    fn policy_with_timeout(&self) -> TokenStream {
        let private = &self.private;
        match &self.options.timeout {
            None => quote!(<#private::Policy as ::core::default::Default>::default()),
            Some(Timeout::Response) => quote!(#private::Policy::from_response()),
            Some(Timeout::Duration(Duration::Expr(expr))) => quote_spanned! {expr.span()=>
                #private::Policy::with_ttl_fn(|| #private::IntoTimeout::into_timeout(#expr))
            },
            Some(Timeout::Duration(constant)) => quote!(#private::Policy::new(#constant)),
        }
    }

    /// The options that are functions. An error in one points to it.
    fn functions(&self) -> TokenStream {
        let private = &self.private;
        let store_if = self.options.store_if.as_ref();
        let store_if =
            store_if.map(|function| quote_spanned!(function.span()=> .store_if(#function)));
        let purge = self.options.purge.as_ref().map(|guard| {
            let at = located_at(guard.span());
            let check = respan(quote!(#private::purge_guard), at);
            quote_spanned!(at=> .purge(#check(#guard)))
        });
        quote!(#store_if #purge)
    }

    fn vary(&self) -> TokenStream {
        let private = &self.private;
        let names = match &self.options.vary {
            None => return TokenStream::new(),
            Some(Vary::None) => return quote!(.vary_none()),
            Some(Vary::Headers(names)) => names,
        };
        let names = names.iter().map(|name| match name {
            Header::Text(text) => quote!(#private::IntoHeaderName::into_name(#text)),
            Header::Constant(path) => {
                quote_spanned!(path.span()=> #private::IntoHeaderName::into_name(#path))
            }
        });
        quote!(.vary([#(#names),*]))
    }

    fn query(&self) -> TokenStream {
        let Options {
            query,
            ignore_query,
            ..
        } = &self.options;
        match query {
            Some(Query::Only(names)) => quote!(.query([#(#names),*])),
            Some(Query::Typed(_)) => quote!(.query_typed()),
            Some(Query::All) => quote!(.query_all()),
            Some(Query::Exact) => quote!(.query_exact()),
            None if ignore_query.is_empty() => TokenStream::new(),
            None => quote!(.ignore_query([#(#ignore_query),*])),
        }
    }

    fn status(&self) -> TokenStream {
        let statuses = self.options.status.iter();
        let each = statuses.map(|Status { code, timeout }| match timeout {
            None => quote!(.status(#code)),
            Some(timeout) => quote!(.status_for(#code, #timeout)),
        });
        each.collect()
    }

    fn nocache(&self) -> TokenStream {
        match &self.options.nocache {
            None => TokenStream::new(),
            Some(Nocache::Off) => quote!(.nocache_off()),
            Some(Nocache::On { name, only_if }) => {
                let name = call("nocache", name.as_ref());
                let only_if = only_if
                    .as_ref()
                    .map(|function| quote_spanned!(function.span()=> .force_refresh_if(#function)));
                quote!(#name #only_if)
            }
        }
    }
}

/// `.method(value)`, where there is a value.
fn call(method: &str, value: Option<&impl ToTokens>) -> Option<TokenStream> {
    let method = Ident::new(method, Span::call_site());
    value.map(|value| quote!(.#method(#value)))
}

/// `[a, b]`, where there is an element.
fn list(elements: &[impl ToTokens]) -> Option<TokenStream> {
    (!elements.is_empty()).then(|| quote!([#(#elements),*]))
}
