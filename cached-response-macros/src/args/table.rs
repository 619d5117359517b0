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
        (
            "stale",
            "`stale_while_revalidate` (the handler runs behind the answer) or `stale_if_error` (it has failed)",
        ),
        (
            "grace",
            "`stale_while_revalidate` (the handler runs behind the answer) or `stale_if_error` (it has failed)",
        ),
        (
            "serve_stale",
            "`stale_while_revalidate` (the handler runs behind the answer) or `stale_if_error` (it has failed)",
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

const ROUTE: &str = "the path and its method stand in the route's attribute, above this one: write `#[get(\"/products/{id}\")]`";

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
        "not_replayed",
        LIST,
        "not_replayed(\"x-served-by\")",
        &[
            "request_fields",
            "strip_headers",
            "remove_headers",
            "drop_headers",
            "skip_headers",
        ],
    ),
    shape(
        "max_body_bytes",
        VALUE,
        "max_body_bytes = \"2MiB\"",
        &["max_body", "max_size", "size", "limit", "max_len"],
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
        "client_max_age",
        VALUE,
        "client = \"60s\"",
        &["browser", "client_timeout", "cache_control", "client"],
    ),
    shape(
        "nocache",
        BOTH,
        "nocache = off",
        &["no_cache", "flag", "refresh"],
    ),
    shape(
        "heuristic_fraction",
        VALUE,
        "heuristic_fraction = 0.1",
        &["heuristics", "heuristic", "guess"],
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
        "stale_while_revalidate",
        VALUE,
        "stale_while_revalidate = 30s",
        &["swr", "while_revalidate", "revalidate", "refresh_behind"],
    ),
    shape(
        "stale_if_error",
        VALUE,
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
    shape(
        "refresh_ahead",
        VALUE,
        "refresh_ahead = 0.9",
        &[
            "eager_refresh",
            "early_refresh",
            "refresh_early",
            "refresh_at",
            "prefetch",
        ],
    ),
    shape(
        "soft_timeout",
        VALUE,
        "soft_timeout = 200ms",
        &[
            "answer_stale_after",
            "factory_soft_timeout",
            "stale_after",
            "patience",
        ],
    ),
    shape(
        "run_timeout",
        VALUE,
        "run_timeout = 10s",
        &[
            "hard_timeout",
            "factory_hard_timeout",
            "handler_timeout",
            "factory_timeout",
        ],
    ),
    shape(
        "jitter",
        VALUE,
        "jitter = 0.1",
        &["spread", "ttl_jitter", "jitter_max", "jitter_max_duration"],
    ),
    shape(
        "failure_cooldown",
        VALUE,
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
    shape(
        "tags",
        LIST,
        "tags(\"products\", \"product:{id}\")",
        &[
            "tag",
            "cache_tags",
            "cache_tag",
            "surrogate_keys",
            "surrogate_key",
        ],
    ),
    shape(
        "version",
        VALUE,
        "version = \"2\"",
        &["revision", "cache_version", "key_version", "epoch"],
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

#[cfg(test)]
mod tests {
    use super::CACHED;
    use proc_macro2::Span;
    use syn::Ident;

    #[test]
    fn what_others_call_the_options_of_stale_responses_is_known() {
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
            let error = CACHED
                .known(&Ident::new(theirs, Span::call_site()))
                .unwrap_err();
            let meant = error.to_string().contains(&format!("`{ours}`"));
            assert!(meant, "{error}");
            assert!(error.to_string().contains("did you mean"), "{error}");
        }
    }
}
