//! What is said about an argument: one sentence on what could go wrong, and code to paste that
//! puts it right.

use super::{Advice, Said, last_segment};
use crate::{handler::Argument, plan::Role};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Ident, Type};

/// What the messages speak of.
pub(super) struct Subject {
    /// `user: web::ReqData<User>`
    declared: String,
    /// `user`
    pub(super) name: String,
    /// `ReqData`
    last: String,
    /// `user`, or every name of a pattern: `id, name`.
    names: String,
    /// Whether the argument as a whole may stand in `key(..)`.
    is_part: bool,
}

impl Subject {
    pub(super) fn new(argument: &Argument) -> Self {
        let ty = written(&argument.ty.to_token_stream());
        let names: Vec<_> = argument.names().iter().map(Ident::to_string).collect();
        let name = names.first().cloned();
        let declared = format!("{}: {ty}", written(&argument.pat.to_token_stream()));
        Self {
            declared,
            name: name.unwrap_or_else(|| "argument".to_owned()),
            last: last_segment(&argument.ty).map_or_else(String::new, |(last, _)| last),
            is_part: is_part(&argument.ty) && !names.is_empty(),
            names: names.join(", "),
        }
    }

    pub(super) fn other(&self) -> Advice {
        let declared = &self.declared;
        Advice {
            message: format!(
                "`{declared}` is not part of the cache key, so one user's response could be shown to another"
            ),
            label: "not part of the cache key",
            notes: vec![self.key(), self.gate(), self.unkeyed()],
        }
    }

    pub(super) fn header(&self) -> Advice {
        let declared = &self.declared;
        Advice {
            message: format!(
                "`{declared}` may show the handler more than its own header: its `parse` is given the whole request"
            ),
            label: "may read more than its own header",
            notes: vec![
                format!("{TAKE_REQUEST}: what the handler reads of it joins the key by itself"),
                format!("or name every header that `parse` reads: {VARY}"),
                "or, if `parse` reads the header of `name()` and nothing else, implement the marker `cached_response::ReadsOneHeader` for the type of the header".to_owned(),
            ],
        }
    }

    pub(super) fn own(&self) -> Advice {
        let declared = &self.declared;
        Advice {
            message: format!(
                "`{declared}` is not part of the cache key, and nothing says that it is the same for every request"
            ),
            label: "not part of the cache key",
            notes: vec![
                "if it is the application's own, the same for every request, take it as `web::Data<..>`".to_owned(),
                self.unkeyed(),
                self.key(),
            ],
        }
    }

    pub(super) fn identity(&self) -> Advice {
        let declared = &self.declared;
        Advice {
            message: format!(
                "`{declared}` says who is asking and is not part of the cache key, so one user's response could be shown to another"
            ),
            label: "not part of the cache key",
            notes: vec![self.key(), self.gate(), self.unkeyed()],
        }
    }

    pub(super) fn peer(&self) -> Advice {
        let Self { declared, last, .. } = self;
        let read = match last.as_str() {
            "ConnectionInfo" => "host()",
            _ => "peer_ip()",
        };
        Advice {
            message: format!(
                "`{declared}` says who is asking, or where, and is not part of the cache key"
            ),
            label: "not part of the cache key",
            notes: vec![
                format!(
                    "{TAKE_REQUEST}: what it is asked, such as `request.{read}`, joins the key by itself"
                ),
                self.key(),
                self.gate(),
                self.unkeyed(),
            ],
        }
    }

    pub(super) fn word(&self) -> Advice {
        let Self {
            declared,
            name,
            last,
            ..
        } = self;
        let word = if last == "Keyed" {
            "key".to_owned()
        } else {
            last.to_lowercase()
        };
        Advice {
            message: format!(
                "`{declared}` is how `cached(policy, handler)` is told, and the attribute does not read it"
            ),
            label: "not read by the attribute",
            notes: vec![format!(
                "take the argument without `{last}` and write `#[cached_response({word}({name}))]`"
            )],
        }
    }

    pub(super) fn request(&self, role: Role) -> Advice {
        let Self { declared, name, .. } = self;
        let mut notes = vec![
            format!("{TAKE_REQUEST}: what the handler reads of it joins the key by itself"),
            format!("or name every request header that the handler reads: {VARY}"),
            "or, if it reads none, write `none` in place of the names".to_owned(),
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

    pub(super) fn body(&self, role: Role, said: Said) -> Advice {
        let Self {
            declared,
            name,
            names,
            ..
        } = self;
        let mut notes = vec!["put the body into the key: `#[cached_response(body)]`".to_owned()];
        if self.is_part {
            notes.push(format!(
                "or what is extracted from it, with `#[derive(cached_response::KeyPart)]` on a type of your own: `#[cached_response(key({names}))]`"
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

    /// All of it in the key is right for every handler. Where the whole cannot be a part of a key,
    /// nobody here knows which of its parts the handler reads: what is shown must be filled in.
    fn key(&self) -> String {
        let names = &self.names;
        if self.is_part {
            return format!(
                "put all of it into the key, with `#[derive(cached_response::KeyPart)]` on a type of your own: `#[cached_response(key({names}))]`"
            );
        }
        format!(
            "put everything that the handler reads of it into the key, in place of the capitals: `#[cached_response(key(ALL_THAT_IS_READ_OF({names})))]`"
        )
    }

    fn gate(&self) -> String {
        format!(
            "or, if it only decides who may pass, and the handler does not read it: `#[cached_response(gate({}))]`",
            self.name
        )
    }

    /// No code to paste: it would be wrong for a handler whose response does depend on it.
    fn unkeyed(&self) -> String {
        format!(
            "or, if the response is the same whatever it is, name `{}` in `unkeyed(..)`",
            self.name
        )
    }
}

const TAKE_REQUEST: &str = "take `request: cached_response::TrackedRequest` instead";

/// Does not compile before it has been filled in.
const VARY: &str = "`#[cached_response(vary(\"EVERY HEADER THAT IS READ\"))]`";

/// Whether values of the type may be parts of a key, as far as its name tells: those of the crates
/// that say who is asking are not, nor is an error.
fn is_part(ty: &Type) -> bool {
    if let Type::Tuple(tuple) = ty {
        return tuple.elems.iter().all(is_part);
    }
    match last_segment(ty) {
        Some((last, inner)) if matches!(last.as_str(), "Option" | "Either") => {
            inner.into_iter().all(is_part)
        }
        Some((last, _)) => !matches!(
            last.as_str(),
            "Result" | "Session" | "Identity" | "BearerAuth" | "BasicAuth" | "Payload" | "ThinData"
        ),
        None => true,
    }
}

/// Tokens as a person would write them.
pub(super) fn written(tokens: &TokenStream) -> String {
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
