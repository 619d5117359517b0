//! The rule that an argument must be accounted for: which kind of type needs which word.

mod parameters;
mod subject;

use crate::{handler::Argument, plan::Role};
pub(crate) use parameters::{check_parameters, is_parameter};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use subject::Subject;
use syn::{GenericArgument, PathArguments, Type};

/// What a compile error on an argument says.
pub(crate) struct Advice {
    message: String,
    label: &'static str,
    notes: Vec<String>,
}

/// What the route's words cover.
#[derive(Clone, Copy)]
pub(crate) struct Said {
    pub(crate) vary: bool,
    pub(crate) body: bool,
    pub(crate) methods: bool,
}

/// What an argument is, as far as its type's name tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Covered,
    /// Covered where its header is known to read nothing else.
    Header,
    Other,
    Own,
    Peer,
    Identity,
    /// A word on an argument as a type, which only `cached(..)` reads.
    Word,
    Body,
    Request,
}

/// The error for an argument, where its type is one that may need one.
pub(crate) fn advice(argument: &Argument, role: Role, said: Said) -> Option<Advice> {
    let subject = Subject::new(argument);
    match (kind(&argument.ty, &subject.name), role) {
        (_, Role::Gate) | (Kind::Covered, _) | (Kind::Body, Role::Keyed) => None,
        (Kind::Request, role) => (!said.vary).then(|| subject.request(role)),
        (Kind::Body, role) => (!said.body).then(|| subject.body(role, said)),
        (_, Role::Keyed | Role::Unkeyed) => None,
        (Kind::Header, _) => (!said.vary).then(|| subject.header()),
        (Kind::Peer, _) => Some(subject.peer()),
        (Kind::Identity, _) => Some(subject.identity()),
        (Kind::Own, _) => Some(subject.own()),
        (Kind::Word, _) => Some(subject.word()),
        (Kind::Other, _) => Some(subject.other()),
    }
}

/// Whether it shows nothing that is not in the key, as far as its type's name tells.
pub(crate) fn is_covered(argument: &Argument) -> bool {
    matches!(kind(&argument.ty, ""), Kind::Covered | Kind::Header)
}

/// Whether it is a `Header<H>`, or has one among its parts and nothing that is covered less.
pub(crate) fn has_header(argument: &Argument) -> bool {
    kind(&argument.ty, "") == Kind::Header
}

/// Whether it is a `Header<H>`, as far as its name tells.
pub(crate) fn is_header(ty: &Type) -> bool {
    kind(ty, "") == Kind::Header
}

/// Whether the key tells what would be extracted: where a response is stored under it, the extractor
/// has succeeded with just this, and to run it on a hit would decide nothing.
pub(crate) fn is_told_by_key(argument: &Argument) -> bool {
    last_segment(&argument.ty).is_some_and(|(last, _)| {
        matches!(last.as_str(), "Path" | "Query" | "Method" | "Uri" | "Data")
    })
}

/// Whether it can be told from its type's name that it takes no fields of a query.
pub(crate) fn is_no_query(argument: &Argument) -> bool {
    leaves(&argument.ty)
        .into_iter()
        .all(|ty| !is_query(ty) && kind(ty, "") != Kind::Other)
}

/// Whether a part of it is called a query.
pub(crate) fn names_query(argument: &Argument) -> bool {
    leaves(&argument.ty).into_iter().any(is_query)
}

/// Whether its type is known to be the `Query<T>` of actix-web, or one of that, as far as its name tells. A type of
/// another crate that is also called so can do without the word of its author only where it is
/// covered; where the author says something of it, it must be written `web::Query<T>`.
pub(crate) fn is_plain_query(argument: &Argument, role: Role) -> bool {
    let ty = optional(&argument.ty);
    let is_query =
        last_segment(ty).is_some_and(|(last, inner)| last == "Query" && inner.len() == 1);
    is_query && (role == Role::Covered || is_in_web(ty))
}

/// `T` of `Option<T>` and of `Result<T, E>`.
fn optional(ty: &Type) -> &Type {
    match last_segment(ty) {
        Some((last, inner))
            if matches!(last.as_str(), "Option" | "Result") && !inner.is_empty() =>
        {
            optional(inner[0])
        }
        _ => ty,
    }
}

/// Whether it is written `web::Name`, after whatever path.
fn is_in_web(ty: &Type) -> bool {
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

fn is_query(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|(last, _)| last == "Query")
}

fn kind(ty: &Type, name: &str) -> Kind {
    if let Type::Tuple(tuple) = ty {
        return worst(tuple.elems.iter(), name);
    }
    let Some((last, inner)) = last_segment(ty) else {
        return Kind::Other;
    };
    match last.as_str() {
        "Option" | "Result" => worst(inner.into_iter().take(1), name),
        "Either" => worst(inner.into_iter(), name),
        "Path" | "Query" | "Method" | "Uri" | "Data" | "TrackedRequest" | "CacheHandle" => {
            Kind::Covered
        }
        "Header" => Kind::Header,
        "HttpRequest" => Kind::Request,
        "Json" | "Form" | "Bytes" | "String" | "Payload" => Kind::Body,
        "ConnectionInfo" | "PeerAddr" => Kind::Peer,
        "ReqData" | "Session" | "Identity" | "BearerAuth" | "BasicAuth" => Kind::Identity,
        "Keyed" | "Gate" | "Unkeyed" | "Lazy" => Kind::Word,
        "ThinData" => Kind::Own,
        _ if OWN.contains(&name) => Kind::Own,
        _ => Kind::Other,
    }
}

/// What an application calls what is its own.
#[rustfmt::skip]
const OWN: [&str; 12] = [
    "db", "database", "pool", "conn", "connection", "client", "state", "app", "config", "settings", "mailer", "store",
];

/// The types that an argument's type is made of, as far as its words tell: a tuple with a
/// stranger in it is a stranger, and must not hide what else is in it.
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

/// Returns true where a part of it is a `Result`, as it is written: the handler is shown why that part
/// could not be extracted.
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

/// What the most telling part is.
fn worst<'a>(parts: impl Iterator<Item = &'a Type>, name: &str) -> Kind {
    parts
        .map(|part| kind(part, name))
        .max()
        .unwrap_or(Kind::Covered)
}

/// `Json` and `[T]` of `web::Json<T>`.
fn last_segment(ty: &Type) -> Option<(String, Vec<&Type>)> {
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

impl ToTokens for Advice {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        // Single braces would be read as placeholders.
        let plain = |text: &str| text.replace('{', "{{").replace('}', "}}");
        let (message, label) = (plain(&self.message), self.label);
        let notes = self.notes.iter().map(|note| plain(note));
        tokens.extend(quote! {
            #[diagnostic::on_unimplemented(message = #message, label = #label, #(note = #notes),*)]
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{subject::written, *};

    #[test]
    fn a_type_is_shown_as_it_is_written() {
        for text in [
            "web::ReqData<User>",
            "Option<(A, B)>",
            "&str",
            "a::B<C<D>, E>",
            "Words<3>",
        ] {
            assert_eq!(written(&text.parse().unwrap()), text);
        }
    }

    #[test]
    fn a_type_made_of_parts_is_as_bad_as_its_worst() {
        for (ty, expected) in [
            ("Option<web::Path<u32>>", Kind::Covered),
            ("(web::Path<u32>, User)", Kind::Other),
            ("Result<HttpRequest, Error>", Kind::Request),
            ("Either<web::Json<A>, web::Form<B>>", Kind::Body),
            ("Option<Option<actix_identity::Identity>>", Kind::Identity),
            ("[u8; 4]", Kind::Other),
        ] {
            let ty = syn::parse_str(ty).unwrap();
            assert!(
                kind(&ty, "argument") == expected,
                "{}",
                written(&ty.to_token_stream())
            );
        }
    }
}
