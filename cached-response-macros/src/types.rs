//! Types as they are written: the macro sees tokens, and no definition behind a name.

use proc_macro2::TokenStream;
use syn::{GenericArgument, PathArguments, Type};

/// Splits `web::Json<T>` into `Json` and `[T]`. `None` for a type that is not a path.
pub(crate) fn last_segment(ty: &Type) -> Option<(String, Vec<&Type>)> {
    let path = match ty {
        Type::Path(path) => path,
        Type::Paren(inner) => return last_segment(&inner.elem),
        Type::Group(inner) => return last_segment(&inner.elem),
        _ => return None,
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

/// The types that an argument's type is composed of by tuples, `Option`, `Result` and `Either`. An
/// unknown type in a tuple makes the tuple unknown, and must not hide the other parts.
pub(crate) fn leaves(ty: &Type) -> Vec<&Type> {
    if let Type::Tuple(tuple) = ty {
        return tuple.elems.iter().flat_map(leaves).collect();
    }
    match last_segment(ty) {
        Some((last, inner))
            if matches!(last.as_str(), "Option" | "Result") && !inner.is_empty() =>
        {
            leaves(inner[0])
        }
        Some((last, inner)) if last == "Either" => inner.into_iter().flat_map(leaves).collect(),
        _ => vec![ty],
    }
}

/// Returns true where a part of the type is a `Result`: the handler can then depend on the reason of
/// a failed extraction.
pub(crate) fn shows_errors(ty: &Type) -> bool {
    if let Type::Tuple(tuple) = ty {
        return tuple.elems.iter().any(shows_errors);
    }
    last_segment(ty).is_some_and(|(last, inner)| match last.as_str() {
        "Result" => true,
        "Option" | "Either" => inner.into_iter().any(shows_errors),
        _ => false,
    })
}

/// Returns true for `web::Name`, after any path.
pub(crate) fn is_in_web(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => {
            let mut segments = path.path.segments.iter().rev().skip(1);
            segments
                .next()
                .is_some_and(|segment| segment.ident == "web")
        }
        Type::Paren(inner) => is_in_web(&inner.elem),
        Type::Group(inner) => is_in_web(&inner.elem),
        _ => false,
    }
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
    use super::to_source;

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
