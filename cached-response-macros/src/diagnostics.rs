//! Compile errors: a collector that reports all of them at once, and the messages about arguments
//! that the cache key does not cover.

use crate::types::{last_segment, leaves, shows_errors, to_source};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use std::fmt::Display;
use syn::{Error, Ident, Pat, Result, Type};

/// The errors found so far.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds an error that points to `span`.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.push(Error::new(span, message));
    }

    /// Returns the value, or adds its error.
    pub(crate) fn record<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Returns `value` where there are no errors.
    pub(crate) fn finish<T>(self, value: T) -> Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}

/// The compile error for an argument: the risk in one sentence, and code to paste that removes it.
/// Emitted as the attribute `#[diagnostic::on_unimplemented]`.
pub(crate) struct Advice {
    message: String,
    label: &'static str,
    notes: Vec<String>,
}

impl ToTokens for Advice {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        // The compiler reads single braces as placeholders.
        let literal = |text: &str| text.replace('{', "{{").replace('}', "}}");
        let (message, label) = (literal(&self.message), self.label);
        let notes = self.notes.iter().map(|note| literal(note));
        tokens.extend(quote! {
            #[diagnostic::on_unimplemented(message = #message, label = #label, #(note = #notes),*)]
        });
    }
}

/// An argument as the messages name it.
pub(crate) struct DescribedArgument {
    /// `user: web::ReqData<User>`
    declared: String,
    /// `user`, the first name of a pattern.
    pub(crate) name: String,
    /// `ReqData`
    last: String,
    /// `user`, or every name of a pattern: `id, name`.
    names: String,
    /// The whole argument can stand in `key(..)`.
    is_key_part: bool,
}

impl DescribedArgument {
    pub(crate) fn new(pattern: &Pat, ty: &Type, names: &[Ident]) -> Self {
        let names: Vec<_> = names.iter().map(Ident::to_string).collect();
        let name = names.first().cloned();
        let [pattern, written] =
            [pattern.to_token_stream(), ty.to_token_stream()].map(|tokens| to_source(&tokens));
        Self {
            declared: format!("{pattern}: {written}"),
            name: name.unwrap_or_else(|| "argument".to_owned()),
            last: last_segment(ty).map_or_else(String::new, |(last, _)| last),
            is_key_part: is_key_part(ty) && !names.is_empty(),
            names: names.join(", "),
        }
    }

    pub(crate) fn other(&self) -> Advice {
        let declared = &self.declared;
        Advice {
            message: format!(
                "`{declared}` is not part of the cache key, so one user's response could be shown to another"
            ),
            label: NOT_IN_KEY,
            notes: vec![self.key(), self.gate(), self.unkeyed()],
        }
    }

    pub(crate) fn header(&self) -> Advice {
        let declared = &self.declared;
        Advice {
            message: format!(
                "`{declared}` may depend on more than its own header: its `parse` receives the whole request"
            ),
            label: "may read more than its own header",
            notes: vec![
                format!("{TAKE_REQUEST}: the headers that the handler reads through it become part of the key"),
                format!("or name every header that `parse` reads: {VARY}"),
                "or, if `parse` reads the header of `name()` and nothing else, implement the marker `cached_response::ReadsOneHeader` for the type of the header".to_owned(),
            ],
        }
    }

    /// Of state of the application.
    pub(crate) fn application(&self) -> Advice {
        let declared = &self.declared;
        Advice {
            message: format!(
                "`{declared}` is not part of the cache key, and may differ from request to request"
            ),
            label: NOT_IN_KEY,
            notes: vec![
                "if it belongs to the application and is the same for every request, take it as `web::Data<..>`".to_owned(),
                self.unkeyed(),
                self.key(),
            ],
        }
    }

    pub(crate) fn identity(&self) -> Advice {
        let declared = &self.declared;
        Advice {
            message: format!(
                "`{declared}` identifies the user and is not part of the cache key, so one user's response could be shown to another"
            ),
            label: NOT_IN_KEY,
            notes: vec![self.key(), self.gate(), self.unkeyed()],
        }
    }

    pub(crate) fn peer(&self) -> Advice {
        let Self { declared, last, .. } = self;
        let read = match last.as_str() {
            "ConnectionInfo" => "host()",
            _ => "peer_ip()",
        };
        Advice {
            message: format!(
                "`{declared}` describes the client or the connection, and is not part of the cache key"
            ),
            label: NOT_IN_KEY,
            notes: vec![
                format!(
                    "{TAKE_REQUEST}: a value that is read through it, such as `request.{read}`, becomes part of the key"
                ),
                self.key(),
                self.gate(),
                self.unkeyed(),
            ],
        }
    }

    pub(crate) fn role_type(&self) -> Advice {
        let Self {
            declared,
            name,
            last,
            ..
        } = self;
        let option = if last == "Keyed" {
            "key".to_owned()
        } else {
            last.to_lowercase()
        };
        Advice {
            message: format!(
                "`{declared}` declares a role for `cached(policy, handler)`, and the attribute reads roles from its options only"
            ),
            label: "not read by the attribute",
            notes: vec![format!(
                "take the argument without `{last}` and write `#[cached_response({option}({name}))]`"
            )],
        }
    }

    /// `option` names the argument, which does not suffice.
    pub(crate) fn request(&self, option: Option<&str>) -> Advice {
        let Self { declared, name, .. } = self;
        let mut notes = vec![
            format!("{TAKE_REQUEST}: the headers that the handler reads through it become part of the key"),
            format!("or name every request header that the handler reads: {VARY}"),
            "or, if it reads none, write `none` in place of the names".to_owned(),
            "`vary(..)` also declares that the response does not depend on the request's extensions, connection data and peer address".to_owned(),
        ];
        match option {
            Some("unkeyed") => notes.push(format!(
                "`unkeyed({name})` alone would leave every header and cookie out of the key"
            )),
            Some("key") => notes.push(format!(
                "`key(..)` alone would leave the rest of `{name}` out of the key"
            )),
            _ => {}
        }
        Advice {
            message: format!(
                "`{declared}` gives the handler every header and cookie, and none of them is part of the cache key"
            ),
            label: "which request headers does the handler read?",
            notes,
        }
    }

    /// `option` names the argument, which does not suffice; `methods` are given for the route.
    pub(crate) fn body(&self, option: Option<&str>, methods: bool) -> Advice {
        let Self {
            declared,
            name,
            names,
            ..
        } = self;
        let mut notes = vec!["put the body into the key: `#[cached_response(body)]`".to_owned()];
        if self.is_key_part {
            notes.push(format!(
                "or the extracted value, with `#[derive(cached_response::KeyPart)]` on a type of your own: `#[cached_response(key({names}))]`"
            ));
        }
        if !methods {
            notes.push(
                "only responses to GET and HEAD are reused, unless you add `methods(POST)`"
                    .to_owned(),
            );
        }
        if option == Some("unkeyed") {
            notes.push(format!("`unkeyed({name})` does not apply to a body"));
        }
        Advice {
            message: format!(
                "`{declared}` is read from the body of the request, which is not part of the cache key"
            ),
            label: "the body is not part of the cache key",
            notes,
        }
    }

    /// The whole argument in the key is right for every handler. Where it cannot be a part of a key,
    /// the parts that the handler reads are unknown here, so the code to paste has a blank to fill in.
    fn key(&self) -> String {
        let names = &self.names;
        if self.is_key_part {
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
            "or, if it only authorizes the request and the handler does not read it: `#[cached_response(gate({}))]`",
            self.name
        )
    }

    /// No code to paste: it would be wrong for a handler whose response depends on the argument.
    fn unkeyed(&self) -> String {
        format!(
            "or, if the response does not depend on it, name `{}` in `unkeyed(..)`",
            self.name
        )
    }
}

const NOT_IN_KEY: &str = "not part of the cache key";

const TAKE_REQUEST: &str = "take `request: cached_response::TrackedRequest` instead";

/// Does not compile before it has been filled in.
const VARY: &str = "`#[cached_response(vary(\"EVERY HEADER THAT IS READ\"))]`";

/// Returns true where values of the type can be parts of a key, by its name: those of the crates for
/// sessions and authentication cannot, nor can an error.
fn is_key_part(ty: &Type) -> bool {
    let is_none = |leaf| {
        last_segment(leaf).is_some_and(|(last, _)| {
            matches!(
                last.as_str(),
                "Result"
                    | "Session"
                    | "Identity"
                    | "BearerAuth"
                    | "BasicAuth"
                    | "Payload"
                    | "ThinData"
            )
        })
    };
    !shows_errors(ty) && !leaves(ty).into_iter().any(is_none)
}
