//! The facts of each argument, as the runtime crate reads them from its type, and the compile errors
//! for an argument that is not covered.

use super::{Expansion, located_at};
use crate::{
    arguments::{ArgumentPlan, NO_QUERY, is_type_parameter},
    coverage::{self, Role},
    options::{Nocache, Query},
    types::{leaves, shows_errors},
};
use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, Type};

const DEFAULT_FLAG: &str = "nocache";

/// Packs the name of the flag into a number, its last byte lowest. `None` without a flag, and where
/// the name is longer than sixteen bytes.
pub(super) fn packed_flag(nocache: Option<&Nocache>) -> Option<u128> {
    let name = match nocache {
        Some(Nocache::Off) => return None,
        Some(Nocache::On {
            name: Some(name), ..
        }) => name,
        _ => DEFAULT_FLAG,
    };
    let pack = |packed, byte| packed << 8 | u128::from(byte);
    (name.len() <= size_of::<u128>()).then(|| name.bytes().fold(0, pack))
}

impl Expansion {
    /// The check, under `query = typed` without an argument that is named `Query`, that one of them is a
    /// query.
    pub(super) fn typed_query(&self) -> Option<TokenStream> {
        let private = &self.private;
        let Some(Query::Typed(word)) = &self.options.query else {
            return None;
        };
        let plans = || self.arguments.iter();
        let known = plans().any(|plan| coverage::has_query(&plan.argument))
            || plans().any(|plan| plan.role != Role::Covered);
        let facts = plans().filter(|plan| !self.is_varied(plan)).map(|plan| {
            let ty = &plan.argument.ty;
            let covering = if self.has_type_parameter(ty) {
                quote!(())
            } else {
                self.covering_options(plan.role)
            };
            quote!(<#ty as #private::KeyCovered<#covering>>::FACTS.query.is_some())
        });
        let message = NO_QUERY;
        (!known).then(|| {
            quote_spanned! {located_at(word.span())=>
                const { ::core::assert!(false #(|| #facts)*, #message) }
            }
        })
    }

    /// `.argument(role, facts)`, which does not compile where the argument could leak.
    pub(super) fn argument(&self, plan: &ArgumentPlan) -> Vec<TokenStream> {
        let private = &self.private;
        let role = match plan.role {
            Role::Covered => quote!(Covered),
            Role::Keyed => quote!(Keyed),
            Role::Gate => quote!(Gate),
            Role::Unkeyed => quote!(Unkeyed),
        };
        let (ty, declared) = (&plan.argument.ty, plan.is_declared());
        let types = if declared || self.is_varied(plan) {
            leaves(ty)
        } else {
            vec![ty]
        };
        let facts = types
            .into_iter()
            .map(|leaf| self.facts_with_error(plan, leaf));
        let mut all: Vec<_> = facts.collect();
        if declared {
            let body = self.options.body.is_some() || plan.role == Role::Keyed;
            all.push(quote!(#private::named::<#ty>(#body)));
        }
        let all = all.into_iter().map(|facts| {
            let facts = if plan.lazy {
                quote!(#private::ArgumentInfo::lazily(#facts))
            } else {
                facts
            };
            let facts = if self.hidden_flag(plan).is_some() {
                quote!(#private::ArgumentInfo::without_flag(#facts))
            } else {
                facts
            };
            quote!(.argument(#private::Role::#role, #facts))
        });
        all.collect()
    }

    /// The facts of one of the types that an argument is composed of, and of its error.
    fn facts_with_error(&self, plan: &ArgumentPlan, leaf: &Type) -> TokenStream {
        let (private, ty) = (&self.private, &plan.argument.ty);
        let facts = self.facts(plan, leaf);
        let is_whole = std::ptr::eq(leaf, ty);
        if is_whole || plan.role == Role::Unkeyed || !shows_errors(ty) {
            return facts;
        }
        quote!(#private::ArgumentInfo::with_error(#facts))
    }

    /// The facts of one of the types that an argument is composed of.
    fn facts(&self, plan: &ArgumentPlan, ty: &Type) -> TokenStream {
        match plan.role {
            Role::Covered | Role::Unkeyed if self.has_type_parameter(ty) => {
                self.facts_by_bound(plan, ty)
            }
            Role::Covered if self.is_varied(plan) && coverage::is_header(ty) => {
                self.facts_by_probes(plan, ty, &["ProbeVaried", "ProbeUncovered"])
            }
            Role::Covered => self.facts_by_type(plan, ty),
            Role::Gate => self.facts_by_probes(plan, ty, &["ProbeUnknown"]),
            Role::Keyed | Role::Unkeyed => {
                self.facts_by_probes(plan, ty, &["ProbeHolder", "ProbeUnknown"])
            }
        }
    }

    /// Returns true where `vary(..)` alone covers the argument: it covers the headers that its
    /// `Header<H>`s read.
    fn is_varied(&self, plan: &ArgumentPlan) -> bool {
        plan.role == Role::Covered
            && self.options.vary.is_some()
            && coverage::is_header(&plan.argument.ty)
    }

    /// Returns true where one of the parts is a type parameter.
    fn has_type_parameter(&self, ty: &Type) -> bool {
        let parameters = &self.handler.sig.generics;
        leaves(ty)
            .into_iter()
            .any(|ty| is_type_parameter(ty, parameters))
    }

    /// The facts of a type parameter, by its bound.
    fn facts_by_bound(&self, plan: &ArgumentPlan, ty: &Type) -> TokenStream {
        let private = &self.private;
        let at = located_at(plan.argument.span());
        quote_spanned!(at=> <#ty as #private::KeyCovered>::FACTS)
    }

    /// The facts of an argument that no option names: its type must be `KeyCovered`. A local trait
    /// carries the error message, where the name of the type is not known to be.
    fn facts_by_type(&self, plan: &ArgumentPlan, ty: &Type) -> TokenStream {
        let private = &self.private;
        let (at, covering) = (
            located_at(plan.argument.span()),
            self.covering_options(plan.role),
        );
        let Some(advice) = coverage::advice(&plan.argument, plan.role, self.route_options()) else {
            return quote_spanned!(at=> <#ty as #private::KeyCovered<#covering>>::FACTS);
        };
        quote_spanned! {at=> {
            #advice
            trait __PartOfTheCacheKey { const FACTS: #private::ArgumentInfo; }
            #[diagnostic::do_not_recommend]
            impl<T: ?Sized + #private::KeyCovered<#covering>> __PartOfTheCacheKey for T {
                const FACTS: #private::ArgumentInfo = <T as #private::KeyCovered<#covering>>::FACTS;
            }
            <#ty as __PartOfTheCacheKey>::FACTS
        }}
    }

    /// The facts of an argument that an option names, by autoref probes in this order. A request or a
    /// body needs more than the option, so a local trait may carry an error message here, too.
    fn facts_by_probes(&self, plan: &ArgumentPlan, ty: &Type, probes: &[&str]) -> TokenStream {
        let private = &self.private;
        let (at, covering) = (
            located_at(plan.argument.span()),
            self.covering_options(plan.role),
        );
        let probes = probes
            .iter()
            .map(|probe| Ident::new(probe, Span::call_site()));
        let probes = quote!(use #private::{ProbeKnown as _, #(#probes as _),*};);
        let probe = quote_spanned!(at=> (&&&#private::Probe::<#ty>::NEW).class());
        let Some(advice) = coverage::advice(&plan.argument, plan.role, self.route_options()) else {
            return quote_spanned!(at=> { #probes #private::CoveredBy::<#covering>::facts(#probe) });
        };
        quote_spanned! {at=> {
            #probes
            #advice
            trait __PartOfTheCacheKey { fn facts(self) -> #private::ArgumentInfo; }
            #[diagnostic::do_not_recommend]
            impl<T: #private::CoveredBy<#covering>> __PartOfTheCacheKey for T {
                fn facts(self) -> #private::ArgumentInfo { #private::CoveredBy::<#covering>::facts(self) }
            }
            __PartOfTheCacheKey::facts(#probe)
        }}
    }

    /// The type of the options that cover an argument: for the headers, and for the body.
    pub(super) fn covering_options(&self, role: Role) -> TokenStream {
        let private = &self.private;
        let options = self.route_options();
        let vary = options.vary || role == Role::Gate;
        let body = options.body || matches!(role, Role::Gate | Role::Keyed);
        let vary = if vary { quote!(Vary) } else { quote!(NoVary) };
        let body = if body {
            quote!(WithBody)
        } else {
            quote!(NoBody)
        };
        quote!(#private::RouteOptions<#private::#vary, #private::#body>)
    }

    /// The flag that the argument is extracted without: that of a `Query`.
    pub(super) fn hidden_flag(&self, plan: &ArgumentPlan) -> Option<u128> {
        self.flag
            .filter(|_| coverage::is_plain_query(&plan.argument, plan.role))
    }

    /// The type that the argument is extracted as. One with the flag in its name hides the flag from
    /// the handler.
    pub(super) fn extracted_type(&self, plan: &ArgumentPlan) -> TokenStream {
        let (private, ty) = (&self.private, &plan.argument.ty);
        let Some(flag) = self.hidden_flag(plan) else {
            return ty.to_token_stream();
        };
        let (covering, flag) = (
            self.covering_options(plan.role),
            Literal::u128_unsuffixed(flag),
        );
        quote!(#private::QueryWithoutFlag<#ty, #covering, #flag>)
    }

    /// The pattern for the [extracted type](Self::extracted_type), around the `pattern` of the argument.
    pub(super) fn extracted_pattern(
        &self,
        plan: &ArgumentPlan,
        pattern: TokenStream,
    ) -> TokenStream {
        let private = &self.private;
        if self.hidden_flag(plan).is_none() {
            return pattern;
        }
        quote!(#private::QueryWithoutFlag { argument: #pattern, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::{Nocache, packed_flag};

    fn named(name: &str) -> Nocache {
        Nocache::On {
            name: Some(name.to_owned()),
            only_if: None,
        }
    }

    #[test]
    fn a_flag_of_up_to_sixteen_bytes_is_packed() {
        let longest = named("0123456789abcdef");
        let expected = u128::from_be_bytes(*b"0123456789abcdef");
        assert_eq!(packed_flag(Some(&longest)), Some(expected));
        assert_eq!(packed_flag(Some(&named("0123456789abcdefg"))), None);
        assert_eq!(packed_flag(Some(&Nocache::Off)), None);
        assert_eq!(packed_flag(None), packed_flag(Some(&named("nocache"))));
    }
}
