//! The options in the parentheses of an attribute.

mod conflicts;
mod http_names;
mod invalidation;
mod parser;
mod quantities;
pub(crate) mod suggestions;
mod table;
mod templates;
mod values;

use crate::diagnostics::Errors;
use proc_macro2::TokenStream;
use syn::{
    Ident, LitStr, Path, Result,
    parse::{Parse, ParseStream},
};

pub(crate) use invalidation::{InvalidatesOptions, Target, TargetName};
use parser::OptionSet;
pub(crate) use quantities::{Duration, Size};
use quantities::{HEURISTIC_FRACTION, JITTER, REFRESH_AHEAD};
use table::{CACHED_RESPONSE, OptionTable};
pub(crate) use templates::Tags;
pub(crate) use values::{Header, KeyExpression, Lazy, Nocache, Query, Status, Timeout, Vary};

/// Limit of `body` without a size.
const DEFAULT_BODY_BYTES: u64 = 65_536;

/// The options of `#[cached_response]`.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) timeout: Option<Timeout>,
    pub(crate) key: Vec<KeyExpression>,
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
    pub(crate) purge: Option<TokenStream>,
    pub(crate) client_max_age: Option<Duration>,
    pub(crate) nocache: Option<Nocache>,
    pub(crate) heuristic_fraction: Option<f32>,
    pub(crate) targeted: Option<String>,
    pub(crate) respect_client: bool,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
    pub(crate) refresh_ahead: Option<f32>,
    pub(crate) soft_timeout: Option<Duration>,
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) failure_cooldown: Option<Duration>,
    pub(crate) jitter: Option<f32>,
    pub(crate) tags: Tags,
    pub(crate) version: Option<LitStr>,
    pub(crate) cache: Option<TokenStream>,
    pub(crate) krate: Option<Path>,
    /// The fingerprint of the source, where all other attributes have been expanded.
    pub(crate) innermost: Option<LitStr>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut errors = Errors::default();
        let mut options = Self {
            innermost: parser::innermost(input)?,
            ..Self::default()
        };
        let seen = parser::parse(&mut options, input, &mut errors)?;
        conflicts::check(&options, &seen, &mut errors);
        errors.finish(options)
    }
}

impl OptionSet for Options {
    const TABLE: OptionTable = CACHED_RESPONSE;
    const EXPECTED: &'static str = "expected the name of an option";

    /// `300`
    fn bare_value(&mut self, input: ParseStream<'_>, is_first: bool) -> Result<Option<Ident>> {
        if !values::is_bare_value(input) {
            return Ok(None);
        }
        if !is_first {
            return Err(input
                .error("name the option: only the first value can stand alone, as the timeout"));
        }
        let name = Ident::new("timeout", input.span());
        self.timeout = Some(Timeout::Duration(Duration::parse("timeout", input)?));
        Ok(Some(name))
    }

    fn alone(&mut self, name: &Ident) -> Result<()> {
        match name.to_string().as_str() {
            "lazy" => self.lazy = Some(Lazy::All),
            "body" => self.body = Some(Size::Bytes(DEFAULT_BODY_BYTES)),
            _ => return Err(CACHED_RESPONSE.missing_value(name)),
        }
        Ok(())
    }

    fn value(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        let option = name.to_string();
        let duration = |input| Duration::parse(&option, input).map(Some);
        match option.as_str() {
            "timeout" => self.timeout = Some(Timeout::parse(input)?),
            "client_max_age" => self.client_max_age = duration(input)?,
            "body" => self.body = Some(Size::parse("body", input)?),
            "max_body_bytes" => self.max_body_bytes = Some(Size::parse("max_body_bytes", input)?),
            "query" => self.query = Some(Query::word(input)?),
            "nocache" => self.nocache = Some(Nocache::word(input)?),
            "heuristic_fraction" => {
                self.heuristic_fraction = Some(HEURISTIC_FRACTION.parse(input)?);
            }
            "targeted" => self.targeted = Some(http_names::targeted(input)?),
            "respect_client" => self.respect_client = values::boolean(input)?,
            "stale_while_revalidate" => self.stale_while_revalidate = duration(input)?,
            "stale_if_error" => self.stale_if_error = duration(input)?,
            "refresh_ahead" => self.refresh_ahead = Some(REFRESH_AHEAD.parse(input)?),
            "soft_timeout" => self.soft_timeout = duration(input)?,
            "run_timeout" => self.run_timeout = duration(input)?,
            "jitter" => self.jitter = Some(JITTER.parse(input)?),
            "failure_cooldown" => self.failure_cooldown = duration(input)?,
            "unless" => self.unless = Some(values::expression(input)?),
            "store_if" => self.store_if = Some(values::expression(input)?),
            "purge" => self.purge = Some(values::expression(input)?),
            "version" => self.version = Some(values::version(input)?),
            "cache" => self.cache = Some(values::expression(input)?),
            "crate" => self.krate = Some(input.call(Path::parse_mod_style)?),
            _ => unreachable!("`{name} = value` is in the table"),
        }
        Ok(())
    }

    fn list(&mut self, name: &Ident, list: ParseStream<'_>, errors: &mut Errors) -> Result<()> {
        match name.to_string().as_str() {
            "key" => self.key = values::key_expressions(list)?,
            "gate" => self.gate = values::arguments(name, list, errors)?,
            "unkeyed" => self.unkeyed = values::arguments(name, list, errors)?,
            "lazy" => self.lazy = Some(Lazy::Named(values::arguments(name, list, errors)?)),
            "methods" => self.methods = http_names::methods(list, errors)?,
            "query" => self.query = Some(Query::Only(http_names::query(list, errors)?)),
            "ignore_query" => self.ignore_query = http_names::ignored_query(list, errors)?,
            "vary" => self.vary = Some(http_names::vary(list, errors)?),
            "status" => self.status = values::statuses(list, errors)?,
            "not_replayed" => self.not_replayed = http_names::not_replayed(list, errors)?,
            "tags" => self.tags = Tags::parse(list, errors)?,
            "nocache" => self.nocache = Some(Nocache::list(list)?),
            _ => unreachable!("`{name}(list)` is in the table"),
        }
        Ok(())
    }
}
