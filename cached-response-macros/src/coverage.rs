//! The rule that an argument must be covered by the cache key: which kind of type needs which option.

use crate::{
    diagnostics::{Advice, DescribedArgument},
    handler::Argument,
    options::Options,
    types::{is_in_web, last_segment, leaves, required},
};
use syn::Type;

/// The role of an argument with respect to the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// By its type: no option names it.
    Covered,
    /// `key(..)`
    Keyed,
    /// `gate(..)`, or a name that starts with `_`.
    Gate,
    /// `unkeyed(..)`
    Unkeyed,
}

impl Role {
    /// The option that gives an argument the role.
    pub(crate) fn option(self) -> Option<&'static str> {
        match self {
            Self::Covered => None,
            Self::Keyed => Some("key"),
            Self::Gate => Some("gate"),
            Self::Unkeyed => Some("unkeyed"),
        }
    }
}

/// The options of the route that cover arguments.
#[derive(Clone, Copy)]
pub(crate) struct RouteOptions {
    pub(crate) vary: bool,
    pub(crate) body: bool,
    pub(crate) methods: bool,
}

impl RouteOptions {
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            vary: options.vary.is_some(),
            body: options.body.is_some(),
            methods: !options.methods.is_empty(),
        }
    }
}

/// Class of an argument, by the name of its type. Ordered: of a type with several parts the last one
/// decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ArgumentKind {
    Covered,
    /// Covered where its header is known to read nothing else.
    Header,
    Other,
    /// State of the application.
    Application,
    Peer,
    Identity,
    /// A role as a type, which only `cached(..)` reads.
    RoleType,
    Body,
    Request,
}

/// The compile error for an argument, where its type is one that may need one.
pub(crate) fn advice(argument: &Argument, role: Role, options: RouteOptions) -> Option<Advice> {
    let described = DescribedArgument::new(&argument.pat, &argument.ty, &argument.names());
    match (kind(&argument.ty, &described.name), role) {
        (_, Role::Gate) | (ArgumentKind::Covered, _) | (ArgumentKind::Body, Role::Keyed) => None,
        (ArgumentKind::Request, role) => (!options.vary).then(|| described.request(role.option())),
        (ArgumentKind::Body, role) => {
            (!options.body).then(|| described.body(role.option(), options.methods))
        }
        (_, Role::Keyed | Role::Unkeyed) => None,
        (ArgumentKind::Header, _) => (!options.vary).then(|| described.header()),
        (ArgumentKind::Peer, _) => Some(described.peer()),
        (ArgumentKind::Identity, _) => Some(described.identity()),
        (ArgumentKind::Application, _) => Some(described.application()),
        (ArgumentKind::RoleType, _) => Some(described.role_type()),
        (ArgumentKind::Other, _) => Some(described.other()),
    }
}

/// Returns true where the name of the type is one whose value is in the key.
pub(crate) fn is_covered(argument: &Argument) -> bool {
    matches!(
        kind(&argument.ty, ""),
        ArgumentKind::Covered | ArgumentKind::Header
    )
}

/// Returns true for `Header<H>`, by its name, and for a type with one among its parts and no part that is
/// covered less.
pub(crate) fn is_header(ty: &Type) -> bool {
    kind(ty, "") == ArgumentKind::Header
}

/// Returns true where the key determines the extracted value: a response that is stored under the key
/// came from the same value, so the extractor need not run on a hit.
pub(crate) fn is_determined_by_key(argument: &Argument) -> bool {
    last_segment(&argument.ty).is_some_and(|(last, _)| {
        matches!(last.as_str(), "Path" | "Query" | "Method" | "Uri" | "Data")
    })
}

/// Returns true where the name of the type excludes that it reads fields of the query.
pub(crate) fn reads_no_query(argument: &Argument) -> bool {
    leaves(&argument.ty)
        .into_iter()
        .all(|ty| !is_query(ty) && kind(ty, "") != ArgumentKind::Other)
}

/// Returns true where a part of the type is named `Query`.
pub(crate) fn has_query(argument: &Argument) -> bool {
    leaves(&argument.ty).into_iter().any(is_query)
}

/// Returns true for the `Query<T>` of actix-web, by its name, also within `Option` and `Result`. A type
/// of another crate with that name is accepted only where no option names the argument, since then the
/// type must be covered; otherwise it must be written `web::Query<T>`.
pub(crate) fn is_plain_query(argument: &Argument, role: Role) -> bool {
    let ty = required(&argument.ty);
    let is_query =
        last_segment(ty).is_some_and(|(last, inner)| last == "Query" && inner.len() == 1);
    is_query && (role == Role::Covered || is_in_web(ty))
}

fn is_query(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|(last, _)| last == "Query")
}

/// The kind of the part that is covered least.
fn kind(ty: &Type, name: &str) -> ArgumentKind {
    let kinds = leaves(ty).into_iter().map(|leaf| kind_of_leaf(leaf, name));
    kinds.max().unwrap_or(ArgumentKind::Covered)
}

fn kind_of_leaf(ty: &Type, name: &str) -> ArgumentKind {
    let Some((last, _)) = last_segment(ty) else {
        return ArgumentKind::Other;
    };
    match last.as_str() {
        "Path" | "Query" | "Method" | "Uri" | "Data" | "TrackedRequest" | "CacheHandle" => {
            ArgumentKind::Covered
        }
        "Header" => ArgumentKind::Header,
        "HttpRequest" => ArgumentKind::Request,
        "Json" | "Form" | "Bytes" | "String" | "Payload" => ArgumentKind::Body,
        "ConnectionInfo" | "PeerAddr" => ArgumentKind::Peer,
        "ReqData" | "Session" | "Identity" | "BearerAuth" | "BasicAuth" => ArgumentKind::Identity,
        "Keyed" | "Gate" | "Unkeyed" | "Lazy" => ArgumentKind::RoleType,
        "ThinData" => ArgumentKind::Application,
        _ if APPLICATION_NAMES.contains(&name) => ArgumentKind::Application,
        _ => ArgumentKind::Other,
    }
}

/// Usual names of arguments that hold state of the application.
#[rustfmt::skip]
const APPLICATION_NAMES: [&str; 12] = [
    "db", "database", "pool", "conn", "connection", "client", "state", "app", "config", "settings", "mailer", "store",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_covered_part_of_a_type_decides() {
        for (text, expected) in [
            ("Option<web::Path<u32>>", ArgumentKind::Covered),
            ("(web::Path<u32>, User)", ArgumentKind::Other),
            ("Result<HttpRequest, Error>", ArgumentKind::Request),
            ("Either<web::Json<A>, web::Form<B>>", ArgumentKind::Body),
            (
                "Option<Option<actix_identity::Identity>>",
                ArgumentKind::Identity,
            ),
            ("[u8; 4]", ArgumentKind::Other),
        ] {
            let ty = syn::parse_str(text).unwrap();
            assert!(kind(&ty, "argument") == expected, "{text}");
        }
    }
}
