//! The closure that describes the route: its policy, and the facts of its arguments. It captures
//! nothing and is called once for each instantiation of the handler, so its expressions may name
//! `Self` and generics.

use super::{Expansion, located_at, respan};
use crate::options::{
    Duration, Header, Nocache, Options, Query, StaleOptions, Status, Timeout, Vary,
};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

impl Expansion {
    pub(super) fn route(&self) -> TokenStream {
        let private = &self.private;
        let policy = self.policy();
        let cache = self.options.cache.as_ref().map(|cache| {
            let clone = quote!(<#private::ResponseCache as ::core::clone::Clone>::clone);
            quote_spanned!(cache.span()=> .cache(#clone(&(#cache))))
        });
        let arguments = self.arguments.iter().flat_map(|plan| self.argument(plan));
        let typed = self.typed_query();
        quote! {
            || {
                #typed
                #private::RouteSpec::new(#policy, ::core::cfg!(test)) #cache #(#arguments)*
            }
        }
    }

    fn policy(&self) -> TokenStream {
        let Options {
            methods,
            max_body_bytes,
            client_max_age,
            vary,
            version,
            ..
        } = &self.options;
        let private = &self.private;
        let policy = self.base_policy();
        let methods = (!methods.is_empty()).then(|| quote!(.methods([#(#methods),*])));
        let max_body = max_body_bytes.as_ref();
        let max_body = max_body.map(|size| quote!(.max_body_bytes(#size)));
        let client = client_max_age.as_ref().map(|span| {
            let span = duration(span);
            quote!(.client_max_age(#span))
        });
        let vary = vary.as_ref().map(|vary| match vary {
            Vary::None => quote!(.vary_none()),
            Vary::Headers(names) => {
                let names = names.iter().map(|name| match name {
                    Header::Text(text) => quote!(#private::IntoHeaderName::into_name(#text)),
                    Header::Constant(path) => quote_spanned! {path.span()=>
                        #private::IntoHeaderName::into_name(#path)
                    },
                });
                quote!(.vary([#(#names),*]))
            }
        });
        let (query, status, nocache) = (self.query(), self.status(), self.nocache());
        let functions = self.functions();
        let (rfc9111, stale, tags) = (self.rfc9111(), self.stale(), self.templates());
        let version = version.as_ref().map(|version| quote!(.version(#version)));
        quote! {
            #policy #version #methods #query #vary #status #max_body #functions #client #nocache #tags
            #rfc9111 #stale
        }
    }

    /// The options that are functions.
    fn functions(&self) -> TokenStream {
        let private = &self.private;
        let Options {
            store_if, purge, ..
        } = &self.options;
        let store_if = store_if.as_ref();
        let store_if =
            store_if.map(|function| quote_spanned!(function.span()=> .store_if(#function)));
        let purge = purge.as_ref();
        let purge = purge.map(|guard| {
            let at = located_at(guard.span());
            let check = respan(quote!(#private::purge_guard), at);
            quote_spanned!(at=> .purge(#check(#guard)))
        });
        quote!(#store_if #purge)
    }

    /// The policy with its timeout alone.
    fn base_policy(&self) -> TokenStream {
        let private = &self.private;
        match &self.options.timeout {
            None => quote!(<#private::Policy as ::core::default::Default>::default()),
            Some(Timeout::Response) => quote!(#private::Policy::from_response()),
            Some(Timeout::Duration(Duration::Millis(millis))) => {
                quote!(#private::Policy::new(::core::time::Duration::from_millis(#millis)))
            }
            Some(Timeout::Duration(Duration::Expr(expr))) => quote_spanned! {expr.span()=>
                #private::Policy::with_ttl_fn(|| #private::IntoTimeout::into_timeout(#expr))
            },
        }
    }

    /// The options of RFC 9111.
    fn rfc9111(&self) -> TokenStream {
        let Options {
            heuristic_fraction,
            targeted,
            respect_client,
            ..
        } = &self.options;
        let heuristic = heuristic_fraction.map(|fraction| quote!(.heuristic_fraction(#fraction)));
        let targeted = targeted.as_ref().map(|name| quote!(.targeted(#name)));
        let respect_client = respect_client.then(|| quote!(.respect_client()));
        let not_replayed = self.not_replayed();
        quote!(#heuristic #targeted #respect_client #not_replayed)
    }

    fn stale(&self) -> TokenStream {
        let StaleOptions {
            stale_while_revalidate,
            stale_if_error,
            refresh_ahead,
            soft_timeout,
            run_timeout,
            jitter,
            failure_cooldown,
        } = &self.options.stale;
        let spans = [
            (quote!(stale_while_revalidate), stale_while_revalidate),
            (quote!(stale_if_error), stale_if_error),
            (quote!(soft_timeout), soft_timeout),
            (quote!(run_timeout), run_timeout),
            (quote!(failure_cooldown), failure_cooldown),
        ];
        let spans = spans.into_iter().filter_map(|(option, span)| {
            let span = duration(span.as_ref()?);
            Some(quote!(.#option(#span)))
        });
        let refresh_ahead = refresh_ahead.map(|fraction| quote!(.refresh_ahead(#fraction)));
        let jitter = jitter.map(|fraction| quote!(.jitter(#fraction)));
        quote!(#(#spans)* #refresh_ahead #jitter)
    }

    fn not_replayed(&self) -> Option<TokenStream> {
        let names = &self.options.not_replayed;
        (!names.is_empty()).then(|| quote!(.not_replayed([#(#names),*])))
    }

    fn templates(&self) -> Option<TokenStream> {
        let tags = &self.options.tags.templates;
        (!tags.is_empty()).then(|| quote!(.tags([#(#tags),*])))
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
        let each = self
            .options
            .status
            .iter()
            .map(|Status { code, timeout }| match timeout {
                None => quote!(.status(#code)),
                Some(span) => {
                    let span = duration(span);
                    quote!(.status_for(#code, #span))
                }
            });
        each.collect()
    }

    fn nocache(&self) -> TokenStream {
        match &self.options.nocache {
            None => TokenStream::new(),
            Some(Nocache::Off) => quote!(.nocache_off()),
            Some(Nocache::On { name, only_if }) => {
                let name = name.as_ref().map(|name| quote!(.nocache(#name)));
                let only_if = only_if
                    .as_ref()
                    .map(|function| quote_spanned!(function.span()=> .force_refresh_if(#function)));
                quote!(#name #only_if)
            }
        }
    }
}

fn duration(span: &Duration) -> TokenStream {
    match span {
        Duration::Millis(millis) => quote!(::core::time::Duration::from_millis(#millis)),
        Duration::Expr(expr) => quote!(#expr),
    }
}
