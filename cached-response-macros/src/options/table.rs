//! The table of options: the form of each, its example, and the names that other caches have for it, or that it
//! once had.

use super::suggestions::did_you_mean;
use syn::{Error, Ident, Result};

/// An option: its form, an example, and other names for it.
pub(super) struct OptionSpec {
    name: &'static str,
    form: Form,
    example: &'static str,
    synonyms: &'static [&'static str],
}

/// The form of an option. `lazy` and `body` may stand alone as well.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// `option`
    Alone,
    /// `option = value`
    Value,
    /// `option(list)`
    List,
    /// `option = value` or `option(list)`
    ValueOrList,
}

pub(super) const fn option(
    name: &'static str,
    form: Form,
    example: &'static str,
    synonyms: &'static [&'static str],
) -> OptionSpec {
    OptionSpec {
        name,
        form,
        example,
        synonyms,
    }
}

/// The options of one attribute.
pub(super) struct OptionTable {
    pub(super) options: &'static [OptionSpec],
    /// Names that may stand for one of several options, and those options.
    pub(super) ambiguous: &'static [(&'static str, &'static str)],
    /// Names of options that another attribute takes, and the text to write there.
    pub(super) elsewhere: &'static [(&'static str, &'static str)],
}

impl OptionTable {
    fn find(&self, name: &Ident) -> Option<&OptionSpec> {
        self.options.iter().find(|option| name == option.name)
    }

    pub(super) fn example(&self, name: &Ident) -> &'static str {
        self.find(name).map_or("", |option| option.example)
    }

    /// Returns an error with a suggestion for a name that is no option.
    pub(super) fn check_known(&self, name: &Ident) -> Result<()> {
        if self.find(name).is_some() {
            return Ok(());
        }
        let word = name.to_string();
        if let Some((_, place)) = self.elsewhere.iter().find(|(which, _)| *which == word) {
            return Err(Error::new(
                name.span(),
                format!("unknown option `{word}`: {place}"),
            ));
        }
        let is_meant = |option: &&OptionSpec| option.synonyms.contains(&word.as_str());
        let synonym = self.options.iter().find(is_meant);
        let ambiguous = self.ambiguous.iter().find(|(which, _)| *which == word);
        let meant = match (ambiguous, synonym) {
            (Some((_, either)), _) => format!(": did you mean {either}?"),
            (_, Some(option)) => format!(": did you mean `{}`?", option.name),
            _ => did_you_mean(&word, self.options.iter().map(|option| option.name)),
        };
        let meant = if meant.is_empty() {
            format!(": the options are {}", self.listed())
        } else {
            meant
        };
        Err(Error::new(
            name.span(),
            format!("unknown option `{word}`{meant}"),
        ))
    }

    fn listed(&self) -> String {
        let names = self
            .options
            .iter()
            .map(|option| format!("`{}`", option.name));
        names.collect::<Vec<_>>().join(", ")
    }

    /// Returns an error for an option that is written in another form than its own.
    pub(super) fn check_form(&self, name: &Ident, written: Form) -> Result<()> {
        let Some(OptionSpec { form, example, .. }) = self.find(name) else {
            return Ok(());
        };
        let rule = match form {
            Form::ValueOrList => return Ok(()),
            form if *form == written => return Ok(()),
            Form::Alone => "stands alone",
            Form::Value => "takes a value after `=`",
            Form::List => "takes its arguments in parentheses",
        };
        Err(Error::new(
            name.span(),
            format!("`{name}` {rule}: write `{example}`"),
        ))
    }

    pub(super) fn missing_value(&self, name: &Ident) -> Error {
        Error::new(
            name.span(),
            format!("`{name}` needs a value: write `{}`", self.example(name)),
        )
    }

    pub(super) fn empty_list(&self, name: &Ident) -> String {
        if name == "vary" {
            return "`vary()` names nothing: write `vary(none)` if the handler reads no header"
                .to_owned();
        }
        format!(
            "`{name}()` names nothing: write `{}`, or remove it",
            self.example(name)
        )
    }
}

/// The options of `#[cached_response]`.
pub(super) const CACHED_RESPONSE: OptionTable = OptionTable {
    options: OPTIONS,
    ambiguous: &[
        (
            "ignore",
            "`unkeyed` (an argument) or `ignore_query` (a part of the query)",
        ),
        (
            "condition",
            "`unless` (a request) or `store_if` (a response)",
        ),
        ("when", "`unless` (a request) or `store_if` (a response)"),
        (
            "stale",
            "`stale_while_revalidate` (served while the handler runs) or `stale_if_error` (served where the handler has failed)",
        ),
        (
            "grace",
            "`stale_while_revalidate` (served while the handler runs) or `stale_if_error` (served where the handler has failed)",
        ),
        (
            "serve_stale",
            "`stale_while_revalidate` (served while the handler runs) or `stale_if_error` (served where the handler has failed)",
        ),
        ("response", "`timeout = response`"),
    ],
    elsewhere: &[
        ("path", ROUTE),
        ("route", ROUTE),
        ("uri", ROUTE),
        ("url", ROUTE),
        ("get", ROUTE),
        ("post", ROUTE),
    ],
};

const ROUTE: &str = "the path and the method belong in the attribute of the route, above this one: write `#[get(\"/products/{id}\")]`";

const OPTIONS: &[OptionSpec] = &[
    option(
        "timeout",
        Form::Value,
        "timeout = 300",
        &[
            "ttl",
            "expire",
            "expires",
            "expiration",
            "max_age",
            "duration",
            "time",
            "seconds",
            "lifetime",
        ],
    ),
    option(
        "key",
        Form::List,
        "key(user.id)",
        &["keys", "cache_key", "key_by", "keyed", "by"],
    ),
    option(
        "gate",
        Form::List,
        "gate(user)",
        &["guard", "guards", "auth", "gates"],
    ),
    option(
        "unkeyed",
        Form::List,
        "unkeyed(db)",
        &["skip", "except", "exclude", "ignore_args"],
    ),
    option("lazy", Form::List, "lazy(db)", &["defer", "late"]),
    option(
        "body",
        Form::Value,
        "body = \"64KiB\"",
        &["payload", "with_body"],
    ),
    option(
        "methods",
        Form::List,
        "methods(GET, POST)",
        &["method", "verbs"],
    ),
    option(
        "query",
        Form::ValueOrList,
        "query(page, sort)",
        &["params", "query_params", "query_string", "args"],
    ),
    option(
        "ignore_query",
        Form::List,
        "ignore_query(\"utm_*\")",
        &["ignore_params", "ignored_query"],
    ),
    option(
        "vary",
        Form::List,
        "vary(\"accept-language\")",
        &["header", "headers", "vary_by", "vary_on"],
    ),
    option(
        "status",
        Form::List,
        "status(404 = \"10s\")",
        &["statuses", "status_code", "status_codes", "codes"],
    ),
    option(
        "not_replayed",
        Form::List,
        "not_replayed(\"x-served-by\")",
        &[
            "request_fields",
            "strip_headers",
            "remove_headers",
            "drop_headers",
            "skip_headers",
        ],
    ),
    option(
        "max_body_bytes",
        Form::Value,
        "max_body_bytes = \"2MiB\"",
        &["max_body", "max_size", "size", "limit", "max_len"],
    ),
    option(
        "unless",
        Form::Value,
        "unless = page.draft",
        &["bypass", "skip_if", "unless_if"],
    ),
    option(
        "store_if",
        Form::Value,
        "store_if = worth_it",
        &["cache_if", "only_if", "response_filter", "store_when"],
    ),
    option(
        "purge",
        Form::Value,
        "purge = is_operator",
        &["purgeable", "purge_if", "purge_guard"],
    ),
    option(
        "client_max_age",
        Form::Value,
        "client_max_age = \"60s\"",
        &["browser", "client_timeout", "cache_control", "client"],
    ),
    option(
        "nocache",
        Form::ValueOrList,
        "nocache = off",
        &["no_cache", "flag", "refresh"],
    ),
    option(
        "heuristic_fraction",
        Form::Value,
        "heuristic_fraction = 0.1",
        &["heuristics", "heuristic", "guess"],
    ),
    option(
        "targeted",
        Form::Value,
        "targeted = \"CDN-Cache-Control\"",
        &["target", "targeted_field", "cdn", "cdn_cache_control"],
    ),
    option(
        "respect_client",
        Form::Value,
        "respect_client = true",
        &["respect_request", "honor_client", "honour_client"],
    ),
    option(
        "stale_while_revalidate",
        Form::Value,
        "stale_while_revalidate = 30s",
        &["swr", "while_revalidate", "revalidate", "refresh_behind"],
    ),
    option(
        "stale_if_error",
        Form::Value,
        "stale_if_error = 1h",
        &[
            "sie",
            "if_error",
            "stale_on_error",
            "fail_safe",
            "failsafe",
            "fallback",
        ],
    ),
    option(
        "refresh_ahead",
        Form::Value,
        "refresh_ahead = 0.9",
        &[
            "eager_refresh",
            "early_refresh",
            "refresh_early",
            "refresh_at",
            "prefetch",
        ],
    ),
    option(
        "soft_timeout",
        Form::Value,
        "soft_timeout = 200ms",
        &[
            "answer_stale_after",
            "factory_soft_timeout",
            "stale_after",
            "patience",
        ],
    ),
    option(
        "run_timeout",
        Form::Value,
        "run_timeout = 10s",
        &[
            "hard_timeout",
            "factory_hard_timeout",
            "handler_timeout",
            "factory_timeout",
        ],
    ),
    option(
        "jitter",
        Form::Value,
        "jitter = 0.1",
        &["spread", "ttl_jitter", "jitter_max", "jitter_max_duration"],
    ),
    option(
        "failure_cooldown",
        Form::Value,
        "failure_cooldown = 30s",
        &[
            "rest_after_failure",
            "rest",
            "throttle",
            "backoff",
            "retry_after",
            "cooldown",
            "fail_safe_throttle",
        ],
    ),
    TAGS_OPTION,
    option(
        "version",
        Form::Value,
        "version = \"2\"",
        &["revision", "cache_version", "key_version", "epoch"],
    ),
    CACHE_OPTION,
    CRATE_OPTION,
];

/// The option of both attributes that names tags.
pub(super) const TAGS_OPTION: OptionSpec = option(
    "tags",
    Form::List,
    "tags(\"products\", \"product:{id}\")",
    &[
        "tag",
        "cache_tags",
        "cache_tag",
        "surrogate_keys",
        "surrogate_key",
    ],
);

/// The option of both attributes that names a cache.
pub(super) const CACHE_OPTION: OptionSpec = option(
    "cache",
    Form::Value,
    "cache = CACHE",
    &["store", "backend", "in_cache"],
);

/// The option of both attributes that names the crate.
pub(super) const CRATE_OPTION: OptionSpec = option(
    "crate",
    Form::Value,
    "crate = path::to::cached_response",
    &["krate", "crate_path"],
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{InvalidatesOptions, Options, invalidation::INVALIDATES};
    use proc_macro2::Span;
    use std::collections::HashSet;

    #[test]
    fn the_example_of_each_option_is_parsed() {
        for option in CACHED_RESPONSE.options {
            let needed = match option.name {
                "heuristic_fraction" | "targeted" => "timeout = response,",
                "soft_timeout" | "failure_cooldown" => "stale_if_error = 1h,",
                _ => "",
            };
            let text = format!("{needed} {}", option.example);
            let parsed = syn::parse_str::<Options>(&text);
            assert!(parsed.is_ok(), "{text}: {}", parsed.err().unwrap());
        }
        for option in INVALIDATES.options {
            let needed = match option.name {
                "cache" | "crate" => "all,",
                _ => "",
            };
            let text = format!("{needed} {}", option.example);
            let parsed = syn::parse_str::<InvalidatesOptions>(&text);
            assert!(parsed.is_ok(), "{text}: {}", parsed.err().unwrap());
        }
    }

    #[test]
    fn a_word_has_one_meaning_in_a_table() {
        for table in [CACHED_RESPONSE, INVALIDATES] {
            let names = table.options.iter().map(|option| option.name);
            let others = table.ambiguous.iter().chain(table.elsewhere);
            let others = others.map(|(word, _)| *word);
            let synonyms = table.options.iter().flat_map(|option| option.synonyms);
            let mut seen = HashSet::new();
            for word in names.chain(others).chain(synonyms.copied()) {
                assert!(seen.insert(word), "{word}");
            }
        }
    }

    #[test]
    fn the_docs_of_an_attribute_have_a_row_for_each_option() {
        let docs = include_str!("../lib.rs").split("pub fn cached_response");
        for (table, docs) in [&CACHED_RESPONSE, &INVALIDATES].into_iter().zip(docs) {
            let rows: Vec<_> = docs
                .lines()
                .filter(|line| line.starts_with("/// | `"))
                .collect();
            for option in table.options {
                let begins = |form: &str| {
                    let rest = form.strip_prefix(option.name);
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '(']))
                };
                let is_of = |row: &&str| row.split('`').skip(1).step_by(2).any(begins);
                assert!(rows.iter().any(is_of), "no row for `{}`", option.name);
            }
        }
    }

    #[test]
    fn other_and_former_names_of_stale_options_are_suggestions() {
        for (theirs, ours) in [
            ("swr", "stale_while_revalidate"),
            ("stale", "stale_while_revalidate"),
            ("grace", "stale_if_error"),
            ("sie", "stale_if_error"),
            ("fail_safe", "stale_if_error"),
            ("eager_refresh", "refresh_ahead"),
            ("answer_stale_after", "soft_timeout"),
            ("rest_after_failure", "failure_cooldown"),
            ("hard_timeout", "run_timeout"),
            ("throttle", "failure_cooldown"),
            ("spread", "jitter"),
        ] {
            let error = CACHED_RESPONSE
                .check_known(&Ident::new(theirs, Span::call_site()))
                .unwrap_err();
            let meant = error.to_string().contains(&format!("`{ours}`"));
            assert!(meant, "{error}");
            assert!(error.to_string().contains("did you mean"), "{error}");
        }
    }
}
