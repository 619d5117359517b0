//! The options of `#[cached_response]`: how each is written, and what else it is called.

use super::shape::{BOTH, LIST, Shape, Table, VALUE, shape};

pub(super) const CACHED: Table = Table {
    shapes: OPTIONS,
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
        ("response", "`timeout = response`"),
    ],
};

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
