//! The rule that an argument must be accounted for, as messages: for each kind of type one
//! sentence on what could go wrong, and code to paste that puts it right.

use crate::{handler::Argument, plan::Role};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{GenericArgument, Ident, PathArguments, Type};

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
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Covered,
    Request,
    Body,
    Peer,
    Identity,
    Own,
    Other,
}

/// The error for an argument, where its type is one that may need one.
pub(crate) fn advice(argument: &Argument, role: Role, said: Said) -> Option<Advice> {
    let subject = Subject::new(argument);
    match (kind(&argument.ty, &subject.name), role) {
        (_, Role::Gate) | (Kind::Covered, _) => None,
        (Kind::Request, role) => (!said.vary).then(|| subject.request(role)),
        (Kind::Body, Role::Keyed) => None,
        (Kind::Body, role) => (!said.body).then(|| subject.body(role, said)),
        (_, Role::Keyed | Role::Unkeyed) => None,
        (Kind::Peer, _) => Some(subject.peer()),
        (Kind::Identity, _) => Some(subject.identity()),
        (Kind::Own, _) => Some(subject.own()),
        (Kind::Other, _) => Some(subject.other()),
    }
}

fn kind(ty: &Type, name: &str) -> Kind {
    const COVERED: [&str; 8] = [
        "Path",
        "Query",
        "Method",
        "Uri",
        "Data",
        "Header",
        "Request",
        "CacheHandle",
    ];
    const BODIES: [&str; 5] = ["Json", "Form", "Bytes", "String", "Payload"];
    const IDENTITIES: [&str; 5] = ["ReqData", "Session", "Identity", "BearerAuth", "BasicAuth"];
    const OWN: [&str; 12] = [
        "db",
        "database",
        "pool",
        "conn",
        "connection",
        "client",
        "state",
        "app",
        "config",
        "settings",
        "mailer",
        "store",
    ];
    if let Type::Tuple(tuple) = ty {
        return worst(tuple.elems.iter(), name);
    }
    let Some((last, inner)) = last_segment(ty) else {
        return Kind::Other;
    };
    let known = |names: &[&str]| names.contains(&last.as_str());
    match last.as_str() {
        "Option" | "Result" => worst(inner.into_iter().take(1), name),
        "Either" => worst(inner.into_iter(), name),
        "HttpRequest" => Kind::Request,
        "ConnectionInfo" | "PeerAddr" => Kind::Peer,
        "ThinData" => Kind::Own,
        _ if known(&COVERED) => Kind::Covered,
        _ if known(&BODIES) => Kind::Body,
        _ if known(&IDENTITIES) => Kind::Identity,
        _ if OWN.contains(&name) => Kind::Own,
        _ => Kind::Other,
    }
}

/// The first part that is not covered.
fn worst<'a>(mut parts: impl Iterator<Item = &'a Type>, name: &str) -> Kind {
    parts
        .find_map(|part| Some(kind(part, name)).filter(|kind| *kind != Kind::Covered))
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
        PathArguments::AngleBracketed(list) => list.args.iter().collect(),
        _ => Vec::new(),
    };
    let inner = inner.into_iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some((last.ident.to_string(), inner.collect()))
}

/// What the messages speak of.
struct Subject {
    /// `user: web::ReqData<User>`
    declared: String,
    /// `user`
    name: String,
    /// `ReqData`
    last: String,
}

impl Subject {
    fn new(argument: &Argument) -> Self {
        let ty = written(argument.ty.to_token_stream());
        let name = argument
            .names()
            .first()
            .map_or_else(|| "argument".to_owned(), Ident::to_string);
        let last = last_segment(&argument.ty).map_or_else(String::new, |(last, _)| last);
        Self {
            declared: format!("{}: {ty}", written(argument.pat.to_token_stream())),
            name,
            last,
        }
    }

    fn other(&self) -> Advice {
        let Self { declared, name, .. } = self;
        Advice {
            message: format!(
                "`{declared}` is not part of the cache key, so one user's response could be shown to another"
            ),
            label: "not part of the cache key",
            notes: vec![
                format!(
                    "if the response depends on it: `#[cached_response(key({name}.id))]`, with what it depends on"
                ),
                self.gate(),
                format!(
                    "if the response does not depend on it: `#[cached_response(unkeyed({name}))]`"
                ),
            ],
        }
    }

    fn own(&self) -> Advice {
        let Self { declared, name, .. } = self;
        Advice {
            message: format!(
                "`{declared}` is not part of the cache key, and nothing says that it is the same for every request"
            ),
            label: "not part of the cache key",
            notes: vec![
                format!("if it is the application's own: `#[cached_response(unkeyed({name}))]`"),
                format!(
                    "if the response depends on whose it is: `#[cached_response(key({name}.id))]`"
                ),
            ],
        }
    }

    fn identity(&self) -> Advice {
        let Self {
            declared,
            name,
            last,
        } = self;
        let key = match last.as_str() {
            "Session" => format!("{name}.get::<String>(\"user\").ok()"),
            "Identity" => format!("{name}.id().ok()"),
            "BearerAuth" => format!("{name}.token()"),
            "BasicAuth" => format!("{name}.user_id()"),
            _ => format!("{name}.id"),
        };
        Advice {
            message: format!(
                "`{declared}` says who is asking and is not part of the cache key, so one user's response could be shown to another"
            ),
            label: "not part of the cache key",
            notes: vec![
                format!(
                    "put what tells users apart into the key: `#[cached_response(key({key}))]`"
                ),
                self.gate(),
                format!(
                    "if the response does not depend on it: `#[cached_response(unkeyed({name}))]`"
                ),
            ],
        }
    }

    fn peer(&self) -> Advice {
        let Self {
            declared,
            name,
            last,
        } = self;
        let (read, key) = match last.as_str() {
            "ConnectionInfo" => ("host()", format!("{name}.host()")),
            _ => ("peer_ip()", format!("{name}.ip().to_string()")),
        };
        Advice {
            message: format!(
                "`{declared}` says who is asking, or where, and is not part of the cache key"
            ),
            label: "not part of the cache key",
            notes: vec![
                format!(
                    "take `request: cached_response::Request` instead: what it is asked, such as `request.{read}`, joins the key by itself"
                ),
                format!(
                    "or put into the key what the response depends on: `#[cached_response(key({key}))]`"
                ),
                self.gate(),
                format!(
                    "if the response does not depend on it: `#[cached_response(unkeyed({name}))]`"
                ),
            ],
        }
    }

    fn request(&self, role: Role) -> Advice {
        let Self { declared, name, .. } = self;
        let mut notes = vec![
            format!("take `{name}: cached_response::Request` instead: what the handler reads of it joins the key by itself"),
            "or name the request headers that the handler reads: `#[cached_response(vary(\"accept-language\"))]`".to_owned(),
            "or say that it reads none: `#[cached_response(vary(none))]`".to_owned(),
            "`vary(..)` also vouches for what else a request carries: its extensions, connection data and peer address".to_owned(),
        ];
        match role {
            Role::Unkeyed => notes.push(format!(
                "`unkeyed({name})` alone would hide every header and cookie from the key"
            )),
            Role::Keyed => notes.push(format!(
                "`key(..)` alone would leave the rest of `{name}` out of the key"
            )),
            _ => {}
        }
        Advice {
            message: format!(
                "`{declared}` shows the handler every header and cookie, and the cache key has none of them"
            ),
            label: "which request headers does the handler read?",
            notes,
        }
    }

    fn body(&self, role: Role, said: Said) -> Advice {
        let Self {
            declared,
            name,
            last,
        } = self;
        let part = if matches!(last.as_str(), "Bytes" | "String") {
            name.clone()
        } else {
            format!("{name}.0")
        };
        let mut notes = vec!["put the body into the key: `#[cached_response(body)]`".to_owned()];
        if last != "Payload" {
            notes.push(format!(
                "or what of it the response depends on: `#[cached_response(key({part}))]`"
            ));
        }
        if !said.methods {
            notes.push(
                "only responses to GET and HEAD are reused, unless you add `methods(POST)`"
                    .to_owned(),
            );
        }
        if role == Role::Unkeyed {
            notes.push(format!("`unkeyed({name})` cannot say that of a body"));
        }
        Advice {
            message: format!(
                "`{declared}` is read from the body of the request, which is not part of the cache key"
            ),
            label: "the body is not part of the cache key",
            notes,
        }
    }

    fn gate(&self) -> String {
        format!(
            "if it only decides who may pass: `#[cached_response(gate({}))]`",
            self.name
        )
    }
}

impl ToTokens for Advice {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        // Braces would be read as placeholders.
        let plain = |text: &str| text.replace(['{', '}'], "");
        let (message, label) = (plain(&self.message), self.label);
        let notes = self.notes.iter().map(|note| plain(note));
        tokens.extend(quote! {
            #[diagnostic::on_unimplemented(message = #message, label = #label, #(note = #notes),*)]
        });
    }
}

/// Tokens as a person would write them.
fn written(tokens: TokenStream) -> String {
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

    #[test]
    fn a_type_is_shown_as_it_is_written() {
        for text in [
            "web::ReqData<User>",
            "Option<(A, B)>",
            "&str",
            "a::B<C<D>, E>",
            "Words<3>",
        ] {
            assert_eq!(written(text.parse().unwrap()), text);
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
                written(ty.to_token_stream())
            );
        }
    }
}
