//! Arguments whose type is a parameter of the handler: whatever stands in its place, a request and a
//! body among them, the compiler knows of it no more than the bounds say.

use super::{leaves, subject::written};
use crate::{
    errors::Errors,
    plan::{Part, Role},
};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Generics, Ident, Type, TypeParamBound, WherePredicate};

/// Whether a type is a parameter of the function, or what a trait makes of one: `T`, `T::Tenant`,
/// `<T as Tenancy>::Tenant`.
pub(crate) fn is_parameter(ty: &Type, generics: &Generics) -> bool {
    match ty {
        Type::Path(path) if path.qself.is_some() => mentions(ty, generics),
        Type::Path(path) => path
            .path
            .segments
            .first()
            .is_some_and(|first| declares(generics, &first.ident)),
        Type::Macro(_) => mentions(ty, generics),
        Type::Paren(inner) => is_parameter(&inner.elem, generics),
        Type::Group(inner) => is_parameter(&inner.elem, generics),
        _ => false,
    }
}

/// Notes an error for each such argument that is left to its type, or whose author says that the
/// response does not depend on it, and whose bounds do not say that it is covered.
pub(crate) fn check_parameters(parts: &[Part], generics: &Generics, errors: &mut Errors) {
    let left = parts
        .iter()
        .filter(|part| matches!(part.role, Role::Covered | Role::Unkeyed));
    for part in left {
        let parameters = leaves(&part.argument.ty)
            .into_iter()
            .filter(|ty| is_parameter(ty, generics) && !is_bound(ty, generics));
        for ty in parameters {
            errors.push(syn::Error::new_spanned(ty, message(part, ty)));
        }
    }
}

fn message(part: &Part, ty: &Type) -> String {
    let ty = written(&ty.to_token_stream());
    let names = part.argument.names();
    let name = names
        .first()
        .map_or_else(|| "_".to_owned(), Ident::to_string);
    let (why, or) = match part.role {
        Role::Unkeyed => (
            format!(
                "an `HttpRequest` or the body of the request, which `unkeyed({name})` cannot speak of"
            ),
            String::new(),
        ),
        _ => (
            "any extractor, and what that shows need not be in the cache key".to_owned(),
            format!(", or, if it only decides who may pass, `gate({name})`"),
        ),
    };
    format!(
        "`{ty}` may be {why}: write `{ty}: cached_response::KeyCovered` in the bounds (a type of your own is, with `impl<W> cached_response::KeyCovered<W> for YourType {{}}`), or name the type in its place{or}"
    )
}

/// Whether the bounds say of the type that it is `KeyCovered`.
fn is_bound(ty: &Type, generics: &Generics) -> bool {
    let text = ty.to_token_stream().to_string();
    let inline = generics
        .type_params()
        .any(|parameter| parameter.ident == text && covered(&parameter.bounds));
    let predicates = generics
        .where_clause
        .iter()
        .flat_map(|clause| &clause.predicates);
    inline
        || predicates.into_iter().any(|predicate| match predicate {
            WherePredicate::Type(bound) => {
                bound.bounded_ty.to_token_stream().to_string() == text && covered(&bound.bounds)
            }
            _ => false,
        })
}

fn covered<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>) -> bool {
    bounds.into_iter().any(|bound| {
        matches!(bound, TypeParamBound::Trait(bound)
            if bound.path.segments.last().is_some_and(|last| last.ident == "KeyCovered"))
    })
}

fn declares(generics: &Generics, name: &Ident) -> bool {
    generics
        .type_params()
        .any(|parameter| parameter.ident == *name)
}

fn mentions(ty: &Type, generics: &Generics) -> bool {
    fn any(tokens: TokenStream, generics: &Generics) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => declares(generics, &ident),
            TokenTree::Group(group) => any(group.stream(), generics),
            _ => false,
        })
    }
    any(ty.to_token_stream(), generics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::{Signature, parse_str};

    fn parameters(signature: &str, types: &[&str]) -> Vec<bool> {
        let signature: Signature = parse_str(signature).unwrap();
        let is = |ty: &&str| is_parameter(&parse_str(ty).unwrap(), &signature.generics);
        types.iter().map(is).collect()
    }

    #[test]
    fn what_a_trait_makes_of_a_parameter_is_one() {
        let types = [
            "T",
            "(T)",
            "T::Tenant",
            "<T as Tenancy>::Tenant",
            "<Option<T> as A>::B",
            "own!(T)",
        ];
        assert_eq!(parameters("fn f<T>()", &types), [true; 6]);
    }

    #[test]
    fn a_type_of_its_own_is_none_whatever_is_in_it() {
        let types = [
            "Claims<T>",
            "web::Json<T>",
            "User",
            "own!(U)",
            "<U as A>::B",
        ];
        assert_eq!(parameters("fn f<T, const N: usize>()", &types), [false; 5]);
    }

    #[test]
    fn a_bound_says_that_a_parameter_is_covered_wherever_it_stands() {
        for (signature, bound) in [
            ("fn f<T: FromRequest + cached_response::KeyCovered>()", true),
            ("fn f<T: FromRequest>() where T: KeyCovered", true),
            (
                "fn f<T: FromRequest, U: KeyCovered>() where T: Clone",
                false,
            ),
        ] {
            let signature: Signature = parse_str(signature).unwrap();
            let ty = parse_str("T").unwrap();
            assert_eq!(is_bound(&ty, &signature.generics), bound);
        }
    }
}
