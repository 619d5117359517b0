//! The closure that describes the route: its policy, and what each argument may show. It
//! captures nothing and is called once for each instantiation of the handler, so that the
//! expressions in it may name `Self` and generics.

use super::{Expansion, located};
use crate::{
    args::{Args, Nocache, Query, Status, Vary},
    duration,
    plan::{Part, Role},
    rules,
};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

impl Expansion {
    pub(super) fn route(&self) -> TokenStream {
        let private = &self.private;
        let policy = self.policy();
        let cache = self.args.cache.as_ref().map(|cache| {
            let clone = quote!(<#private::ResponseCache as ::core::clone::Clone>::clone);
            quote_spanned!(cache.span()=> .cache(#clone(&(#cache))))
        });
        let arguments = self.parts.iter().map(|part| self.argument(part));
        let probes = self.parts.iter().any(|part| part.role != Role::Covered);
        let probes = probes.then(|| quote!(use #private::{ProbeKnown as _, ProbeUnknown as _};));
        quote! {
            || {
                #probes
                #private::Route::new(#policy, ::core::cfg!(test)) #cache #(#arguments)*
            }
        }
    }

    /// `.argument(role, facts)`, which does not compile where the argument could leak.
    fn argument(&self, part: &Part) -> TokenStream {
        let private = &self.private;
        let ty = &part.argument.ty;
        let at = located(part.argument.span());
        let words = self.words(part.role);
        let role = match part.role {
            Role::Covered => quote!(Covered),
            Role::Keyed => quote!(Keyed),
            Role::Gate => quote!(Gate),
            Role::Unkeyed => quote!(Unkeyed),
        };
        let advice = rules::advice(&part.argument, part.role, self.said());
        let probe = quote_spanned!(at=> (&#private::Probe::<#ty>::NEW).class());
        let facts = match (part.role, advice) {
            (Role::Covered, None) => quote_spanned!(at=> <#ty as #private::Covered<#words>>::FACTS),
            (_, None) => quote_spanned!(at=> #private::Spoken::<#words>::facts(#probe)),
            (Role::Covered, Some(advice)) => quote_spanned! {at=> {
                #advice
                trait __PartOfTheCacheKey { const FACTS: #private::Facts; }
                #[diagnostic::do_not_recommend]
                impl<T: ?Sized + #private::Covered<#words>> __PartOfTheCacheKey for T {
                    const FACTS: #private::Facts = <T as #private::Covered<#words>>::FACTS;
                }
                <#ty as __PartOfTheCacheKey>::FACTS
            }},
            (_, Some(advice)) => quote_spanned! {at=> {
                #advice
                trait __PartOfTheCacheKey { fn facts(self) -> #private::Facts; }
                #[diagnostic::do_not_recommend]
                impl<T: #private::Spoken<#words>> __PartOfTheCacheKey for T {
                    fn facts(self) -> #private::Facts { #private::Spoken::<#words>::facts(self) }
                }
                __PartOfTheCacheKey::facts(#probe)
            }},
        };
        quote!(.argument(#private::Role::#role, #facts))
    }

    /// What has been said that covers an argument: of the headers, and of the body.
    fn words(&self, role: Role) -> TokenStream {
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
        quote!(#private::Words<#private::#vary, #private::#body>)
    }

    fn policy(&self) -> TokenStream {
        let private = &self.private;
        let Args {
            timeout,
            methods,
            max_body,
            store_if,
            client,
            vary,
            ..
        } = &self.args;
        let policy = match timeout {
            None => quote!(<#private::Policy as ::core::default::Default>::default()),
            Some(duration::Span::Millis(millis)) => {
                quote!(#private::Policy::new(::core::time::Duration::from_millis(#millis)))
            }
            Some(duration::Span::Expr(expr)) => quote_spanned! {expr.span()=>
                #private::Policy::computed(|| #private::IntoTimeout::into_timeout(#expr))
            },
        };
        let methods = (!methods.is_empty()).then(|| quote!(.methods([#(#methods),*])));
        let max_body = max_body.as_ref().map(|size| quote!(.max_body(#size)));
        let store_if = store_if
            .as_ref()
            .map(|function| quote_spanned!(function.span()=> .store_if(#function)));
        let client = client.as_ref().map(|span| {
            let span = length(span);
            quote!(.client(#span))
        });
        let vary = vary.as_ref().map(|vary| match vary {
            Vary::None => quote!(.vary_none()),
            Vary::Headers(names) => quote!(.vary([#(#names),*])),
        });
        let (query, status, nocache) = (self.query(), self.status(), self.nocache());
        quote!(#policy #methods #query #vary #status #max_body #store_if #client #nocache)
    }

    fn query(&self) -> TokenStream {
        let Args {
            query,
            ignore_query,
            ..
        } = &self.args;
        match query {
            Some(Query::Only(names)) => quote!(.query([#(#names),*])),
            Some(Query::Typed) => quote!(.query_typed()),
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
                    .map(|function| quote_spanned!(function.span()=> .nocache_if(#function)));
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
