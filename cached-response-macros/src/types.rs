//! Types as they are written: the macro sees tokens, and no definition behind a name.

use proc_macro2::TokenStream;
use syn::{GenericArgument, PathArguments, Type};

/// Splits `web::Json<T>` into `Json` and `[T]`. `None` for a type that is not a path.
pub(crate) fn last_segment(ty: &Type) -> Option<(String, Vec<&Type>)> {
    let Type::Path(path) = ungrouped(ty) else {
        return None;
    };
    let last = path.path.segments.last()?;
    let inner = match &last.arguments {
        PathArguments::AngleBracketed(angled) => angled.args.iter().collect(),
        _ => Vec::new(),
    };
    let inside = inner.into_iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some((last.ident.to_string(), inside.collect()))
}

/// The type without parentheses, and without the invisible group of a `macro_rules` fragment.
pub(crate) fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => ungrouped(&inner.elem),
        Type::Group(inner) => ungrouped(&inner.elem),
        _ => ty,
    }
}

/// A type that actix-web extracts by extracting its parts.
#[derive(Clone, Copy, PartialEq)]
enum Composite {
    Tuple,
    Option,
    Result,
    Either,
}

/// The extractors that a type is directly composed of: `A` and `B` of `(A, B)` and of `Either<A, B>`, `T` of
/// `Option<T>` and of `Result<T, E>`. An alias of one of these names has parts that are not seen, and is none.
fn parts(ty: &Type) -> Option<(Composite, Vec<&Type>)> {
    if let Type::Tuple(tuple) = ungrouped(ty) {
        return Some((Composite::Tuple, tuple.elems.iter().collect()));
    }
    let (last, mut parts) = last_segment(ty)?;
    let composite = match last.as_str() {
        "Option" => Composite::Option,
        "Result" => Composite::Result,
        "Either" => Composite::Either,
        _ => return None,
    };
    if composite != Composite::Either {
        parts.truncate(1);
    }
    (!parts.is_empty()).then_some((composite, parts))
}

/// The extractors that a type is composed of, through all levels.
pub(crate) fn leaves(ty: &Type) -> Vec<&Type> {
    match parts(ty) {
        Some((_, parts)) => parts.into_iter().flat_map(leaves).collect(),
        None => vec![ty],
    }
}

/// Returns true where a part of the type is a `Result`: the handler can then depend on the reason of
/// a failed extraction. An alias of that name counts as one.
pub(crate) fn shows_errors(ty: &Type) -> bool {
    match parts(ty) {
        Some((composite, parts)) => {
            composite == Composite::Result || parts.into_iter().any(shows_errors)
        }
        None => last_segment(ty).is_some_and(|(last, _)| last == "Result"),
    }
}

/// The extractor inside `Option`s and `Result`s.
pub(crate) fn required(ty: &Type) -> &Type {
    match parts(ty) {
        Some((Composite::Option | Composite::Result, parts)) => required(parts[0]),
        _ => ty,
    }
}

/// Returns true for `web::Name`, after any path.
pub(crate) fn is_in_web(ty: &Type) -> bool {
    let Type::Path(path) = ungrouped(ty) else {
        return false;
    };
    let before_last = path.path.segments.iter().rev().nth(1);
    before_last.is_some_and(|segment| segment.ident == "web")
}

/// Tokens with the white space of source code.
pub(crate) fn to_source(tokens: &TokenStream) -> String {
    let mut text = tokens.to_string().replace('\n', " ");
    for (spaced, close) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        ("& ", "&"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
    ] {
        text = text.replace(spaced, close);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::{Delimiter, Group};
    use quote::{ToTokens, quote};
    use syn::{parse_quote, parse_str};

    /// The leaves of the type, as they are written.
    fn leaves_of(ty: &Type) -> Vec<String> {
        let leaves = leaves(ty).into_iter();
        leaves
            .map(|leaf| to_source(&leaf.to_token_stream()))
            .collect()
    }

    #[test]
    fn the_leaves_of_a_type_are_its_extractors() {
        for (text, expected) in [
            ("A", &["A"][..]),
            ("web::Json<A>", &["web::Json<A>"]),
            ("(A, Option<B>)", &["A", "B"]),
            ("((A, B), Result<C, E>)", &["A", "B", "C"]),
            ("Either<A, Either<B, (C)>>", &["A", "B", "(C)"]),
            ("()", &[]),
        ] {
            assert_eq!(leaves_of(&parse_str(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn an_alias_named_as_a_composite_is_a_leaf() {
        for alias in ["Option", "Result", "my::Either"] {
            assert_eq!(leaves_of(&parse_str(alias).unwrap()), [alias]);
        }
    }

    #[test]
    fn a_tuple_from_a_macro_does_not_hide_its_parts() {
        let fragment = Group::new(Delimiter::None, quote!((A, B)));
        assert_eq!(leaves_of(&parse_quote!(#fragment)), ["A", "B"]);
    }

    #[test]
    fn an_error_is_shown_by_a_result_at_any_level() {
        for (text, expected) in [
            ("Option<(A, Result<B, E>)>", true),
            ("Either<A, Result<B, E>>", true),
            ("Option<my::Result>", true),
            ("(Option<A>, web::Json<Result<B, E>>)", false),
        ] {
            assert_eq!(shows_errors(&parse_str(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn a_type_is_shown_as_it_is_written() {
        for text in [
            "web::ReqData<User>",
            "Option<(A, B)>",
            "&str",
            "a::B<C<D>, E>",
            "Words<3>",
        ] {
            assert_eq!(to_source(&text.parse().unwrap()), text);
        }
    }
}
