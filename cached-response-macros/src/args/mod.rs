//! What was asked: the options in the parentheses of the attribute.

mod conflicts;
mod fraction;
mod names;
mod shape;
mod stale;
mod standard;
mod table;
mod tags;
mod values;
mod writes;

use crate::{duration::Span, errors::Errors, size::Size};
use proc_macro2::TokenStream;
use syn::{
    Error, Ident, LitStr, Path, Result, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    token::Paren,
};

pub(crate) use stale::Stale;
pub(crate) use standard::Timeout;
use table::CACHED;
pub(crate) use tags::Tags;
pub(crate) use values::{Header, KeyPart, Lazy, Nocache, Query, Status, Vary};
pub(crate) use writes::{Named, What, Writes};

/// `body` without a size.
const DEFAULT_BODY: u64 = 65_536;

#[derive(Default)]
pub(crate) struct Args {
    pub(crate) timeout: Option<Timeout>,
    pub(crate) key: Vec<KeyPart>,
    pub(crate) gate: Vec<Ident>,
    pub(crate) unkeyed: Vec<Ident>,
    pub(crate) lazy: Option<Lazy>,
    pub(crate) body: Option<Size>,
    pub(crate) methods: Vec<String>,
    pub(crate) query: Option<Query>,
    pub(crate) ignore_query: Vec<String>,
    pub(crate) vary: Option<Vary>,
    pub(crate) status: Vec<Status>,
    pub(crate) not_replayed: Vec<String>,
    pub(crate) max_body_bytes: Option<Size>,
    pub(crate) unless: Option<TokenStream>,
    pub(crate) store_if: Option<TokenStream>,
    pub(crate) client_max_age: Option<Span>,
    pub(crate) nocache: Option<Nocache>,
    pub(crate) heuristic_fraction: Option<f32>,
    pub(crate) targeted: Option<String>,
    pub(crate) respect_client: bool,
    pub(crate) stale: Stale,
    pub(crate) tags: Tags,
    pub(crate) version: Option<LitStr>,
    pub(crate) cache: Option<TokenStream>,
    pub(crate) krate: Option<Path>,
    /// Set by ourselves, once all other attributes have had their turn.
    pub(crate) innermost: bool,
    /// What was written before others had theirs.
    pub(crate) source: Option<LitStr>,
}

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut args = Self::default();
        let mut errors = Errors::default();
        let mut seen: Vec<Ident> = Vec::new();
        each(input, &mut errors, |input, errors| {
            args.option(input, &mut seen, errors)
        })?;
        conflicts::conflicts(&args, &seen, &mut errors);
        errors.finish(args)
    }
}

/// Reads options with commas between them; after a mistake it goes on with the next one.
fn each(
    input: ParseStream<'_>,
    errors: &mut Errors,
    mut option: impl FnMut(ParseStream<'_>, &mut Errors) -> Result<()>,
) -> Result<()> {
    while !input.is_empty() {
        let parsed = option(input, errors);
        if errors.note(parsed).is_none() {
            values::skip_to_comma(input)?;
        }
        if input.is_empty() {
            break;
        }
        let comma = input.parse::<Token![,]>();
        if errors
            .note(comma.map_err(|error| missing_comma(&error)))
            .is_none()
        {
            values::skip_to_comma(input)?;
            let _: Option<Token![,]> = input.parse()?;
        }
    }
    Ok(())
}

fn missing_comma(error: &Error) -> Error {
    Error::new(error.span(), "expected a comma between options")
}

impl Args {
    fn option(
        &mut self,
        input: ParseStream<'_>,
        seen: &mut Vec<Ident>,
        errors: &mut Errors,
    ) -> Result<()> {
        if values::is_bare_value(input) {
            if !seen.is_empty() {
                return Err(input.error(
                    "name the option: only the first value can stand alone, as the timeout",
                ));
            }
            seen.push(Ident::new("timeout", input.span()));
            self.timeout = Some(Timeout::Span(Span::parse("timeout", input)?));
            return Ok(());
        }
        let name = input
            .call(Ident::parse_any)
            .map_err(|error| Error::new(error.span(), "expected the name of an option"))?;
        if name == "__innermost" {
            self.innermost = true;
            return Ok(());
        }
        if name == "__source" {
            let _: Token![=] = input.parse()?;
            self.source = Some(input.parse()?);
            return Ok(());
        }
        CACHED.known(&name)?;
        if seen.contains(&name) {
            errors.at(name.span(), format!("`{name}` is given twice"));
        }
        seen.push(name.clone());
        self.named(&name, input, errors)
    }

    /// What follows the name.
    fn named(&mut self, name: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> Result<()> {
        if input.peek(Token![=]) {
            CACHED.takes_value(name)?;
            let _: Token![=] = input.parse()?;
            if input.is_empty() || input.peek(Token![,]) {
                return Err(CACHED.needs_value(name));
            }
            return self.value(name, input);
        }
        if !input.peek(Paren) {
            return self.flag(name);
        }
        CACHED.takes_list(name)?;
        let list;
        let paren = syn::parenthesized!(list in input);
        if list.is_empty() {
            return Err(Error::new(paren.span.join(), CACHED.empty_list(name)));
        }
        let parsed = self.list(name, &list, errors);
        list.parse::<TokenStream>()?;
        parsed
    }

    /// `option`
    fn flag(&mut self, name: &Ident) -> Result<()> {
        match name.to_string().as_str() {
            "lazy" => self.lazy = Some(Lazy::All),
            "body" => self.body = Some(Size::Bytes(DEFAULT_BODY)),
            _ => return Err(CACHED.needs_value(name)),
        }
        Ok(())
    }

    /// `option = value`
    fn value(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        let stale = &mut self.stale;
        match name.to_string().as_str() {
            "timeout" => self.timeout = Some(Timeout::parse(input)?),
            "client_max_age" => self.client_max_age = Some(Span::parse("client_max_age", input)?),
            "body" => self.body = Some(Size::parse("body", input)?),
            "max_body_bytes" => self.max_body_bytes = Some(Size::parse("max_body_bytes", input)?),
            "query" => self.query = Some(Query::word(input)?),
            "nocache" => self.nocache = Some(Nocache::word(input)?),
            "heuristic_fraction" => {
                self.heuristic_fraction = Some(fraction::HEURISTIC.parse(input)?);
            }
            "targeted" => self.targeted = Some(names::targeted(input)?),
            "respect_client" => self.respect_client = standard::truth(input)?,
            "stale_while_revalidate" => stale.while_revalidate = Some(span_or_zero(name, input)?),
            "stale_if_error" => stale.if_error = Some(span_or_zero(name, input)?),
            "refresh_ahead" => stale.refresh_ahead = Some(fraction::REFRESH_AHEAD.parse(input)?),
            "soft_timeout" => stale.answer_after = Some(stale::soft_timeout(input)?),
            "run_timeout" => stale.run_timeout = Some(stale::run_timeout(input)?),
            "jitter" => stale.jitter = Some(fraction::JITTER.parse(input)?),
            "failure_cooldown" => stale.rest = Some(span_or_zero(name, input)?),
            "unless" => self.unless = Some(values::expression(input)?),
            "store_if" => self.store_if = Some(values::expression(input)?),
            "version" => self.version = Some(names::version(input)?),
            "cache" => self.cache = Some(values::expression(input)?),
            _ => self.krate = Some(input.call(Path::parse_mod_style)?),
        }
        Ok(())
    }

    /// `option(list)`
    fn list(&mut self, name: &Ident, list: ParseStream<'_>, errors: &mut Errors) -> Result<()> {
        match name.to_string().as_str() {
            "key" => self.key = values::key_parts(list)?,
            "gate" => self.gate = values::arguments(name, list, errors)?,
            "unkeyed" => self.unkeyed = values::arguments(name, list, errors)?,
            "lazy" => self.lazy = Some(Lazy::Named(values::arguments(name, list, errors)?)),
            "methods" => self.methods = names::methods(list, errors)?,
            "query" => self.query = Some(Query::Only(names::query(list, errors)?)),
            "ignore_query" => self.ignore_query = names::ignored_query(list, errors)?,
            "vary" => self.vary = Some(names::vary(list, errors)?),
            "status" => self.status = values::statuses(list, errors)?,
            "not_replayed" => self.not_replayed = names::not_replayed(list, errors)?,
            "tags" => self.tags = Tags::parse(list, errors)?,
            _ => self.nocache = Some(Nocache::list(list)?),
        }
        Ok(())
    }
}

/// A length of time, where zero says that there is none.
fn span_or_zero(option: &Ident, input: ParseStream<'_>) -> Result<Span> {
    Span::parse_where(&option.to_string(), None, input)
}
