//! The closure that describes the route: its policy, and what each argument may show. It
//! captures nothing and is called once for each instantiation of the handler, so that the
//! expressions in it may name `Self` and generics.

use super::{Expansion, located};
use crate::{
    args::{Args, Header, Nocache, Query, Stale, Status, Timeout, Vary},
    duration,
    plan::{NO_QUERY, Part, Role},
    rules,
};
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, Type, spanned::Spanned};

impl Expansion {
    pub(super) fn route(&self) -> TokenStream {
        let private = &self.private;
        let policy = self.policy();
        let cache = self.args.cache.as_ref().map(|cache| {
            let clone = quote!(<#private::ResponseCache as ::core::clone::Clone>::clone);
            quote_spanned!(cache.span()=> .cache(#clone(&(#cache))))
        });
        let arguments = self.parts.iter().flat_map(|part| self.argument(part));
        let typed = self.typed_query();
        quote! {
            || {
                #typed
                #private::RouteSpec::new(#policy, ::core::cfg!(test)) #cache #(#arguments)*
            }
        }
    }

    /// Asks, where `query = typed` has no argument that is called a `Query`, whether one is.
    fn typed_query(&self) -> Option<TokenStream> {
        let private = &self.private;
        let Some(Query::Typed(word)) = &self.args.query else {
            return None;
        };
        let parts = || self.parts.iter();
        let known = parts().any(|part| rules::names_query(&part.argument))
            || parts().any(|part| part.role != Role::Covered);
        let facts = parts().filter(|part| !self.is_varied(part)).map(|part| {
            let ty = &part.argument.ty;
            let words = if self.is_bound(ty) {
                quote!(())
            } else {
                self.words(part.role)
            };
            quote!(<#ty as #private::KeyCovered<#words>>::FACTS.query.is_some())
        });
        let mistake = NO_QUERY;
        (!known).then(|| {
            quote_spanned! {located(word.span())=>
                const { ::core::assert!(false #(|| #facts)*, #mistake) }
            }
        })
    }

    /// `.argument(role, facts)`, which does not compile where the argument could leak.
    fn argument(&self, part: &Part) -> Vec<TokenStream> {
        let private = &self.private;
        let role = match part.role {
            Role::Covered => quote!(Covered),
            Role::Keyed => quote!(Keyed),
            Role::Gate => quote!(Gate),
            Role::Unkeyed => quote!(Unkeyed),
        };
        let (ty, spoken) = (&part.argument.ty, part.is_spoken_of());
        let types = if spoken || self.is_varied(part) {
            rules::leaves(ty)
        } else {
            vec![ty]
        };
        let facts = types.into_iter().map(|leaf| self.shown(part, leaf));
        let mut all: Vec<_> = facts.collect();
        if spoken {
            let body = self.args.body.is_some() || part.role == Role::Keyed;
            all.push(quote!(#private::named::<#ty>(#body)));
        }
        let all = all.into_iter().map(|facts| {
            let facts = if part.lazy {
                quote!(#private::ArgumentInfo::lazily(#facts))
            } else {
                facts
            };
            let facts = if self.hidden_flag(part).is_some() {
                quote!(#private::ArgumentInfo::without_flag(#facts))
            } else {
                facts
            };
            quote!(.argument(#private::Role::#role, #facts))
        });
        all.collect()
    }

    /// Of one of the types that an argument is made of, whose error may be shown beside it.
    fn shown(&self, part: &Part, leaf: &Type) -> TokenStream {
        let (private, ty) = (&self.private, &part.argument.ty);
        let facts = self.facts(part, leaf);
        let is_whole = std::ptr::eq(leaf, ty);
        if is_whole || part.role == Role::Unkeyed || !rules::shows_errors(ty) {
            return facts;
        }
        quote!(#private::ArgumentInfo::with_error(#facts))
    }

    /// Of one of the types that an argument is made of.
    fn facts(&self, part: &Part, ty: &Type) -> TokenStream {
        match part.role {
            Role::Covered | Role::Unkeyed if self.is_bound(ty) => self.bound(part, ty),
            Role::Covered if self.is_varied(part) && rules::is_header(ty) => {
                self.spoken_of(part, ty, &["ProbeVaried", "ProbeUncovered"])
            }
            Role::Covered => self.covered(part, ty),
            Role::Gate => self.spoken_of(part, ty, &["ProbeUnknown"]),
            Role::Keyed | Role::Unkeyed => {
                self.spoken_of(part, ty, &["ProbeHolder", "ProbeUnknown"])
            }
        }
    }

    /// Whether nothing is said of the argument but `vary(..)`, which covers what its `Header<H>`s
    /// read.
    fn is_varied(&self, part: &Part) -> bool {
        part.role == Role::Covered && self.args.vary.is_some() && rules::has_header(&part.argument)
    }

    /// Whether a type parameter is among its parts.
    fn is_bound(&self, ty: &Type) -> bool {
        let parameters = &self.handler.sig.generics;
        rules::leaves(ty)
            .into_iter()
            .any(|ty| rules::is_parameter(ty, parameters))
    }

    /// Of a type parameter: whatever it stands for, its bounds say that it is covered.
    fn bound(&self, part: &Part, ty: &Type) -> TokenStream {
        let private = &self.private;
        let at = located(part.argument.span());
        quote_spanned!(at=> <#ty as #private::KeyCovered>::FACTS)
    }

    /// Of an argument that nothing was said of: its type must be covered. Where the type is not
    /// known to be, a trait of its own carries the message.
    fn covered(&self, part: &Part, ty: &Type) -> TokenStream {
        let private = &self.private;
        let (at, words) = (located(part.argument.span()), self.words(part.role));
        let Some(advice) = rules::advice(&part.argument, part.role, self.said()) else {
            return quote_spanned!(at=> <#ty as #private::KeyCovered<#words>>::FACTS);
        };
        quote_spanned! {at=> {
            #advice
            trait __PartOfTheCacheKey { const FACTS: #private::ArgumentInfo; }
            #[diagnostic::do_not_recommend]
            impl<T: ?Sized + #private::KeyCovered<#words>> __PartOfTheCacheKey for T {
                const FACTS: #private::ArgumentInfo = <T as #private::KeyCovered<#words>>::FACTS;
            }
            <#ty as __PartOfTheCacheKey>::FACTS
        }}
    }

    /// Of an argument that something was said of: a request or a body needs more than that. Where
    /// its type is not known to be covered, these probes are tried in turn.
    fn spoken_of(&self, part: &Part, ty: &Type, probes: &[&str]) -> TokenStream {
        let private = &self.private;
        let (at, words) = (located(part.argument.span()), self.words(part.role));
        let probes = probes
            .iter()
            .map(|probe| Ident::new(probe, Span::call_site()));
        let probes = quote!(use #private::{ProbeKnown as _, #(#probes as _),*};);
        let probe = quote_spanned!(at=> (&&&#private::Probe::<#ty>::NEW).class());
        let Some(advice) = rules::advice(&part.argument, part.role, self.said()) else {
            return quote_spanned!(at=> { #probes #private::CoveredBy::<#words>::facts(#probe) });
        };
        quote_spanned! {at=> {
            #probes
            #advice
            trait __PartOfTheCacheKey { fn facts(self) -> #private::ArgumentInfo; }
            #[diagnostic::do_not_recommend]
            impl<T: #private::CoveredBy<#words>> __PartOfTheCacheKey for T {
                fn facts(self) -> #private::ArgumentInfo { #private::CoveredBy::<#words>::facts(self) }
            }
            __PartOfTheCacheKey::facts(#probe)
        }}
    }

    /// What has been said that covers an argument: of the headers, and of the body.
    pub(super) fn words(&self, role: Role) -> TokenStream {
        let private = &self.private;
        let said = self.said();
        let vary = said.vary || role == Role::Gate;
        let body = said.body || matches!(role, Role::Gate | Role::Keyed);
        let vary = if vary { quote!(Vary) } else { quote!(NoVary) };
        let body = if body {
            quote!(WithBody)
        } else {
            quote!(NoBody)
        };
        quote!(#private::RouteOptions<#private::#vary, #private::#body>)
    }

    fn policy(&self) -> TokenStream {
        let Args {
            methods,
            max_body_bytes,
            store_if,
            client_max_age,
            vary,
            version,
            ..
        } = &self.args;
        let private = &self.private;
        let policy = self.of_timeout();
        let methods = (!methods.is_empty()).then(|| quote!(.methods([#(#methods),*])));
        let max_body = max_body_bytes.as_ref();
        let max_body = max_body.map(|size| quote!(.max_body_bytes(#size)));
        let store_if = store_if.as_ref();
        let store_if =
            store_if.map(|function| quote_spanned!(function.span()=> .store_if(#function)));
        let client = client_max_age.as_ref().map(|span| {
            let span = length(span);
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
        let (standard, stale, tags) = (self.standard(), self.stale(), self.templates());
        let version = version.as_ref().map(|version| quote!(.version(#version)));
        quote! {
            #policy #version #methods #query #vary #status #max_body #store_if #client #nocache #tags
            #standard #stale
        }
    }

    /// A policy of which no more is said than the timeout.
    fn of_timeout(&self) -> TokenStream {
        let private = &self.private;
        match &self.args.timeout {
            None => quote!(<#private::Policy as ::core::default::Default>::default()),
            Some(Timeout::Response) => quote!(#private::Policy::from_response()),
            Some(Timeout::Span(duration::Span::Millis(millis))) => {
                quote!(#private::Policy::new(::core::time::Duration::from_millis(#millis)))
            }
            Some(Timeout::Span(duration::Span::Expr(expr))) => quote_spanned! {expr.span()=>
                #private::Policy::with_ttl_fn(|| #private::IntoTimeout::into_timeout(#expr))
            },
        }
    }

    /// The options that give requests and responses the say that the standard gives them.
    fn standard(&self) -> TokenStream {
        let Args {
            heuristic_fraction,
            targeted,
            respect_client,
            ..
        } = &self.args;
        let heuristic = heuristic_fraction.map(|fraction| quote!(.heuristic_fraction(#fraction)));
        let targeted = targeted.as_ref().map(|name| quote!(.targeted(#name)));
        let respect_client = respect_client.then(|| quote!(.respect_client()));
        let not_replayed = self.not_replayed();
        quote!(#heuristic #targeted #respect_client #not_replayed)
    }

    fn stale(&self) -> TokenStream {
        let Stale {
            while_revalidate,
            if_error,
            refresh_ahead,
            answer_after,
            run_timeout,
            jitter,
            rest,
        } = &self.args.stale;
        let spans = [
            (quote!(stale_while_revalidate), while_revalidate),
            (quote!(stale_if_error), if_error),
            (quote!(soft_timeout), answer_after),
            (quote!(run_timeout), run_timeout),
            (quote!(failure_cooldown), rest),
        ];
        let spans = spans.into_iter().filter_map(|(option, span)| {
            let span = length(span.as_ref()?);
            Some(quote!(.#option(#span)))
        });
        let refresh_ahead = refresh_ahead.map(|part| quote!(.refresh_ahead(#part)));
        let jitter = jitter.map(|part| quote!(.jitter(#part)));
        quote!(#(#spans)* #refresh_ahead #jitter)
    }

    fn not_replayed(&self) -> Option<TokenStream> {
        let names = &self.args.not_replayed;
        (!names.is_empty()).then(|| quote!(.not_replayed([#(#names),*])))
    }

    fn templates(&self) -> Option<TokenStream> {
        let tags = &self.args.tags.templates;
        (!tags.is_empty()).then(|| quote!(.tags([#(#tags),*])))
    }

    fn query(&self) -> TokenStream {
        let Args {
            query,
            ignore_query,
            ..
        } = &self.args;
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
            .args
            .status
            .iter()
            .map(|Status { code, timeout }| match timeout {
                None => quote!(.status(#code)),
                Some(span) => {
                    let span = length(span);
                    quote!(.status_for(#code, #span))
                }
            });
        each.collect()
    }

    fn nocache(&self) -> TokenStream {
        match &self.args.nocache {
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

fn length(span: &duration::Span) -> TokenStream {
    match span {
        duration::Span::Millis(millis) => quote!(::core::time::Duration::from_millis(#millis)),
        duration::Span::Expr(expr) => quote!(#expr),
    }
}
