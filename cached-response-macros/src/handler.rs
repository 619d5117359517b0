//! The annotated function. Its body stays unparsed, so that the signature, and every diagnostic that
//! rests on it, survives a body that is being typed.

use crate::{diagnostics::Errors, names};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    AttrStyle, Attribute, Error, FnArg, Ident, Pat, Result, ReturnType, Signature, Token, Type,
    Visibility,
    parse::{ParseStream, Parser},
    parse_quote, parse_quote_spanned,
    spanned::Spanned,
};

/// The function below the attribute.
pub(crate) struct Handler {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// `#![allow(..)]` inside the body, made outer.
    pub(crate) inner_attrs: Vec<Attribute>,
    pub(crate) body: Group,
}

/// One argument of the handler.
pub(crate) struct Argument {
    /// Lint levels.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) pat: Pat,
    pub(crate) ty: Type,
}

impl Handler {
    /// Parses the function below `attribute`.
    pub(crate) fn parse(attribute: &'static str, item: TokenStream) -> Result<Self> {
        let parse = |input: ParseStream<'_>| Self::parse_item(attribute, input);
        parse.parse2(item)
    }

    fn parse_item(attribute: &str, input: ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        if !starts_function(input) {
            return Err(input.error(format!("`#[{attribute}]` goes on a handler: an `async fn`")));
        }
        let sig = input.parse()?;
        let group = match input.parse::<TokenTree>()? {
            TokenTree::Group(group) => group,
            other => return Err(Error::new(other.span(), "expected the body of the handler")),
        };
        let inside = |input: ParseStream<'_>| {
            Ok((
                input.call(Attribute::parse_inner)?,
                input.parse::<TokenStream>()?,
            ))
        };
        let (inner_attrs, body) = inside.parse2(group.stream())?;
        let inner_attrs = inner_attrs
            .into_iter()
            .map(|attr| Attribute {
                style: AttrStyle::Outer,
                ..attr
            })
            .collect();
        let mut body = Group::new(group.delimiter(), body);
        body.set_span(group.span());
        Ok(Self {
            attrs,
            vis,
            sig,
            inner_attrs,
            body,
        })
    }

    /// Adds an error for each part of the signature that actix-web cannot call, and for a missing
    /// return type.
    pub(crate) fn check(&self, errors: &mut Errors) {
        let Signature {
            constness,
            asyncness,
            unsafety,
            abi,
            fn_token,
            ident,
            output,
            ..
        } = &self.sig;
        if asyncness.is_none() {
            errors.at(fn_token.span, self.not_async_message());
        }
        let qualifiers = [
            constness.map(|token| (token.span, "const")),
            unsafety.map(|token| (token.span, "unsafe")),
            abi.as_ref().map(|abi| (abi.extern_token.span, "extern")),
        ];
        for (span, word) in qualifiers.into_iter().flatten() {
            errors.at(
                span,
                format!("actix-web calls handlers as plain functions: remove `{word}`"),
            );
        }
        if let Some(receiver) = self.sig.receiver() {
            errors.push(Error::new_spanned(
                receiver,
                "actix-web calls handlers without a receiver: take the state as `state: web::Data<State>`",
            ));
        }
        if matches!(output, ReturnType::Default) {
            errors.at(
                ident.span(),
                "a handler needs a return type: write one, such as `-> impl Responder`",
            );
        }
    }

    /// Other attributes may have removed an `async` that the source has.
    fn not_async_message(&self) -> &'static str {
        if self.returns_a_future() {
            "a handler is an `async fn`, and this function returns a future: write `async fn`. Where another attribute rewrote it so (`#[api_operation]` of apistos, `#[async_trait]`), cache with the middleware `CacheResponses` around the route"
        } else {
            "a handler is asynchronous: write `async fn`"
        }
    }

    fn returns_a_future(&self) -> bool {
        names::contain(self.sig.output.to_token_stream(), "Future")
    }

    /// The function that is emitted beside an error, for routes and other attributes. A signature that
    /// actix-web cannot call is corrected, so that the compiler does not report it a second time.
    pub(crate) fn corrected(mut self) -> Option<TokenStream> {
        if matches!(self.sig.output, ReturnType::Default) {
            self.give_return_type();
        } else if self.returns_a_future() || self.sig.receiver().is_some() {
            return None;
        }
        self.sig
            .asyncness
            .get_or_insert_with(<Token![async]>::default);
        self.sig.constness = None;
        self.sig.unsafety = None;
        self.sig.abi = None;
        let Self {
            attrs,
            vis,
            sig,
            inner_attrs,
            body,
        } = self;
        Some(quote!(#(#attrs)* #(#inner_attrs)* #vis #sig #body))
    }

    /// Gives the function a return type. The body is removed with it: the type of its value is unknown,
    /// and each of its exits would be an error of its own.
    fn give_return_type(&mut self) {
        let at = self.sig.ident.span();
        self.sig.output = parse_quote_spanned!(at=> -> &'static str);
        let mut body = Group::new(Delimiter::Brace, quote_spanned!(at=> ""));
        body.set_span(self.body.span());
        self.body = body;
        // The removed body was the use of the arguments.
        self.inner_attrs.push(parse_quote!(#[allow(unused)]));
    }

    /// Adds an error for `cfg` on an argument, which the compiler evaluates after this macro.
    pub(crate) fn check_arguments(&self, errors: &mut Errors) {
        for argument in self.arguments() {
            for attr in argument.attrs {
                if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
                    errors.push(Error::new_spanned(
                        attr,
                        "an argument cannot be conditional: write `#[cfg(..)]` on two whole handlers",
                    ));
                }
            }
        }
    }

    pub(crate) fn arguments(&self) -> Vec<Argument> {
        let typed = self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(Argument {
                attrs: typed.attrs.clone(),
                pat: (*typed.pat).clone(),
                ty: (*typed.ty).clone(),
            }),
            FnArg::Receiver(_) => None,
        });
        typed.collect()
    }
}

impl Argument {
    /// Every identifier that the pattern binds.
    pub(crate) fn names(&self) -> Vec<Ident> {
        if let Pat::Ident(pat) = &self.pat {
            return vec![pat.ident.clone()];
        }
        let mut names = names::bound(&self.pat);
        names.retain(|name| !name.to_string().starts_with(char::is_uppercase));
        names
    }

    pub(crate) fn binds(&self, name: &Ident) -> bool {
        self.names().contains(name)
    }

    /// Returns true for `_` and `_user`, which the handler does not read.
    pub(crate) fn is_unread(&self) -> bool {
        match &self.pat {
            Pat::Wild(_) => true,
            Pat::Ident(pat) => pat.ident.to_string().starts_with('_'),
            _ => false,
        }
    }

    /// The pattern as it binds references: without `mut` and `ref`.
    pub(crate) fn by_reference(&self) -> TokenStream {
        without_binding_modes(self.pat.to_token_stream())
    }

    pub(crate) fn span(&self) -> proc_macro2::Span {
        self.ty.span()
    }
}

fn starts_function(input: ParseStream<'_>) -> bool {
    let any = input.peek(Token![async])
        || input.peek(Token![fn])
        || input.peek(Token![unsafe])
        || input.peek(Token![extern]);
    any || (input.peek(Token![const]) && !input.peek2(Ident))
}

fn without_binding_modes(tokens: TokenStream) -> TokenStream {
    let kept = tokens.into_iter().filter_map(|token| match token {
        TokenTree::Ident(ident) if ident == "mut" || ident == "ref" => None,
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), without_binding_modes(group.stream()));
            inner.set_span(group.span());
            Some(TokenTree::Group(inner))
        }
        other => Some(other),
    });
    kept.collect()
}
