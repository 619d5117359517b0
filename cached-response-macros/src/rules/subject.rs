//! What is said about an argument: one sentence on what could go wrong, and code to paste that
//! puts it right.

use super::{Advice, Said, last_segment};
use crate::{handler::Argument, plan::Role};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Ident, Pat};

/// What the messages speak of.
pub(super) struct Subject {
    /// `user: web::ReqData<User>`
    declared: String,
    /// `user`
    pub(super) name: String,
    /// `ReqData`
    last: String,
    /// `user.id`
    id: String,
}

impl Subject {
    pub(super) fn new(argument: &Argument) -> Self {
        let ty = written(&argument.ty.to_token_stream());
        let name = argument
            .names()
            .first()
            .map_or_else(|| "argument".to_owned(), Ident::to_string);
        let last = last_segment(&argument.ty).map_or_else(String::new, |(last, _)| last);
        let id = match (&argument.pat, last.as_str()) {
            (Pat::Ident(_), "Option") => format!("{name}.as_ref().map(|{name}| {name}.id)"),
            (Pat::Ident(_), "Result") => format!("{name}.as_ref().ok().map(|{name}| {name}.id)"),
            (Pat::Ident(_), _) => format!("{name}.id"),
            _ => name.clone(),
        };
        let declared = format!("{}: {ty}", written(&argument.pat.to_token_stream()));
        Self {
            declared,
            name,
            last,
            id,
        }
    }

    pub(super) fn other(&self) -> Advice {
        let Self {
            declared, name, id, ..
        } = self;
        Advice {
            message: format!(
                "`{declared}` is not part of the cache key, so one user's response could be shown to another"
            ),
            label: "not part of the cache key",
            notes: vec![
                format!(
                    "if the response depends on it: `#[cached_response(key({id}))]`, with what it depends on"
                ),
                self.gate(),
                format!(
                    "if the response does not depend on it: `#[cached_response(unkeyed({name}))]`"
                ),
            ],
        }
    }

    pub(super) fn own(&self) -> Advice {
        let Self {
            declared, name, id, ..
        } = self;
        Advice {
            message: format!(
                "`{declared}` is not part of the cache key, and nothing says that it is the same for every request"
            ),
            label: "not part of the cache key",
            notes: vec![
                format!("if it is the application's own: `#[cached_response(unkeyed({name}))]`"),
                format!("if the response depends on whose it is: `#[cached_response(key({id}))]`"),
            ],
        }
    }

    pub(super) fn identity(&self) -> Advice {
        let Self {
            declared,
            name,
            last,
            id,
        } = self;
        let key = match last.as_str() {
            "Session" => format!("{name}.get::<String>(\"user\").ok()"),
            "Identity" => format!("{name}.id().ok()"),
            "BearerAuth" => format!("{name}.token()"),
            "BasicAuth" => format!("{name}.user_id()"),
            _ => id.clone(),
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

    pub(super) fn peer(&self) -> Advice {
        let Self {
            declared,
            name,
            last,
            ..
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

    pub(super) fn body(&self, role: Role, said: Said) -> Advice {
        let Self {
            declared,
            name,
            last,
            ..
        } = self;
        let mut notes = vec!["put the body into the key: `#[cached_response(body)]`".to_owned()];
        if last != "Payload" {
            notes.push(format!(
                "or what of it the response depends on: `#[cached_response(key({name}))]`"
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
