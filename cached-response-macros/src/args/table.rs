//! The options: how each is written, what else it is called, and what excludes what.

use crate::{errors::Errors, suggest};
use syn::{Error, Ident, Result};

/// How an option may be written.
struct Shape {
    name: &'static str,
    value: bool,
    list: bool,
    example: &'static str,
    synonyms: &'static [&'static str],
}

const fn shape(
    name: &'static str,
    forms: (bool, bool),
    example: &'static str,
    synonyms: &'static [&'static str],
) -> Shape {
    Shape {
        name,
        value: forms.0,
        list: forms.1,
        example,
        synonyms,
    }
}

const VALUE: (bool, bool) = (true, false);
const LIST: (bool, bool) = (false, true);
const BOTH: (bool, bool) = (true, true);

const OPTIONS: &[Shape] = &[
    shape(
        "timeout",
        VALUE,
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
    shape(
        "key",
        LIST,
        "key(user.id)",
        &["keys", "cache_key", "key_by", "keyed", "by"],
    ),
    shape(
        "gate",
        LIST,
        "gate(user)",
        &["guard", "guards", "auth", "gates"],
    ),
    shape(
        "unkeyed",
        LIST,
        "unkeyed(db)",
        &["ignore", "skip", "except", "exclude", "ignore_args"],
    ),
    shape("lazy", LIST, "lazy(db)", &["defer", "late"]),
    shape("body", VALUE, "body = \"64KiB\"", &["payload", "with_body"]),
    shape("methods", LIST, "methods(GET, POST)", &["method", "verbs"]),
    shape(
        "query",
        BOTH,
        "query(page, sort)",
        &["params", "query_params", "query_string", "args"],
    ),
    shape(
        "ignore_query",
        LIST,
        "ignore_query(\"utm_*\")",
        &["ignore_params", "ignored_query"],
    ),
    shape(
        "vary",
        LIST,
        "vary(\"accept-language\")",
        &["header", "headers", "vary_by", "vary_on"],
    ),
    shape(
        "status",
        LIST,
        "status(404 = \"10s\")",
        &["statuses", "status_code", "status_codes", "codes"],
    ),
    shape(
        "max_body",
        VALUE,
        "max_body = \"2MiB\"",
        &["max_size", "size", "limit", "max_len"],
    ),
    shape(
        "unless",
        VALUE,
        "unless = page.draft",
        &["bypass", "skip_if", "unless_if"],
    ),
    shape(
        "store_if",
        VALUE,
        "store_if = worth_it",
        &[
            "cache_if",
            "when",
            "only_if",
            "condition",
            "response_filter",
            "store_when",
        ],
    ),
    shape(
        "client",
        VALUE,
        "client = \"60s\"",
        &[
            "browser",
            "client_timeout",
            "cache_control",
            "client_max_age",
        ],
    ),
    shape(
        "nocache",
        BOTH,
        "nocache = off",
        &["no_cache", "flag", "refresh"],
    ),
    shape(
        "heuristic",
        VALUE,
        "heuristic = 0.1",
        &["heuristics", "heuristic_fraction", "guess"],
    ),
    shape(
        "targeted",
        VALUE,
        "targeted = \"CDN-Cache-Control\"",
        &["target", "targeted_field", "cdn", "cdn_cache_control"],
    ),
    shape(
        "respect_client",
        VALUE,
        "respect_client = true",
        &["respect_request", "honor_client", "honour_client"],
    ),
    shape(
        "cache",
        VALUE,
        "cache = CACHE",
        &["store", "backend", "in_cache"],
    ),
    shape(
        "crate",
        VALUE,
        "crate = path::to::cached_response",
        &["krate", "crate_path"],
    ),
];

fn find(name: &Ident) -> Option<&'static Shape> {
    OPTIONS.iter().find(|option| name == option.name)
}

fn example(name: &Ident) -> &'static str {
    find(name).map_or("", |option| option.example)
}

/// Whether there is such an option, or which was meant.
pub(super) fn known(name: &Ident) -> Result<()> {
    if find(name).is_some() {
        return Ok(());
    }
    let word = name.to_string();
    let synonym = OPTIONS
        .iter()
        .find(|option| option.synonyms.contains(&word.as_str()));
    let meant = match (word.as_str(), synonym) {
        ("ignore", _) => {
            ": did you mean `unkeyed` (an argument) or `ignore_query` (a part of the query)?"
                .to_owned()
        }
        ("condition" | "when", _) => {
            ": did you mean `unless` (a request) or `store_if` (a response)?".to_owned()
        }
        ("response", _) => ": did you mean `timeout = response`?".to_owned(),
        (_, Some(option)) => format!(": did you mean `{}`?", option.name),
        _ => suggest::did_you_mean(&word, OPTIONS.iter().map(|option| option.name)),
    };
    let meant = if meant.is_empty() {
        format!(": the options are {}", listed())
    } else {
        meant
    };
    Err(Error::new(
        name.span(),
        format!("unknown option `{word}`{meant}"),
    ))
}

fn listed() -> String {
    let names: Vec<_> = OPTIONS
        .iter()
        .map(|option| format!("`{}`", option.name))
        .collect();
    names.join(", ")
}

pub(super) fn takes_value(name: &Ident) -> Result<()> {
    match find(name) {
        Some(option) if !option.value => Err(Error::new(
            name.span(),
            format!(
                "`{name}` takes its arguments in parentheses: write `{}`",
                option.example
            ),
        )),
        _ => Ok(()),
    }
}

pub(super) fn takes_list(name: &Ident) -> Result<()> {
    match find(name) {
        Some(option) if !option.list => Err(Error::new(
            name.span(),
            format!(
                "`{name}` takes a value after `=`: write `{}`",
                option.example
            ),
        )),
        _ => Ok(()),
    }
}

pub(super) fn needs_value(name: &Ident) -> Error {
    Error::new(
        name.span(),
        format!(
            "`{name}` needs to be told something: write `{}`",
            example(name)
        ),
    )
}

pub(super) fn empty_list(name: &Ident) -> String {
    if name == "vary" {
        return "`vary()` names nothing: write `vary(none)` if the handler reads no header"
            .to_owned();
    }
    format!(
        "`{name}()` names nothing: write `{}`, or remove it",
        example(name)
    )
}

/// Options that contradict each other.
pub(super) fn conflicts(seen: &[Ident], by_response: bool, errors: &mut Errors) {
    let given = |name: &str| seen.iter().find(|option| *option == name);
    if let Some(option) = given("ignore_query")
        && given("query").is_some()
    {
        errors.at(
            option.span(),
            "`query` says already which parts of the query count: remove `ignore_query` or `query`",
        );
    }
    if let Some(option) = given("client")
        && by_response
    {
        errors.at(
            option.span(),
            "under `timeout = response` the response says itself what clients may keep: remove `client`, or give `timeout` a length",
        );
    }
    for option in ["heuristic", "targeted"].into_iter().filter_map(given) {
        if !by_response {
            errors.at(
                option.span(),
                format!(
                    "`{option}` is about what the response says: write `timeout = response, {}`, or remove it",
                    example(option)
                ),
            );
        }
    }
}
