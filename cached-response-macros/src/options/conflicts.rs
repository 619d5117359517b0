//! Options that contradict each other, or that have no effect without another one.

use super::{Duration, Options, Timeout, table::CACHED_RESPONSE};
use crate::diagnostics::Errors;
use syn::Ident;

/// Adds an error for each conflict between the options, which are given in the order `seen`.
pub(super) fn check(options: &Options, seen: &[Ident], errors: &mut Errors) {
    let by_response = matches!(options.timeout, Some(Timeout::Response));
    let given = |name: &str| seen.iter().find(|option| *option == name);
    if let Some(option) = given("ignore_query")
        && given("query").is_some()
    {
        errors.at(
            option.span(),
            "`query` already selects the parts of the query that are in the key: remove `ignore_query` or `query`",
        );
    }
    if let Some(option) = given("client_max_age")
        && by_response
    {
        errors.at(
            option.span(),
            "under `timeout = response` the `Cache-Control` of the response applies to clients, too: remove `client_max_age`, or give `timeout` a duration",
        );
    }
    for option in ["heuristic_fraction", "targeted"]
        .into_iter()
        .filter_map(given)
    {
        if !by_response {
            errors.at(
                option.span(),
                format!(
                    "`{option}` has an effect only under `timeout = response`: write `timeout = response, {}`, or remove it",
                    CACHED_RESPONSE.example(option)
                ),
            );
        }
    }
    check_stale(options, seen, errors);
}

fn check_stale(options: &Options, seen: &[Ident], errors: &mut Errors) {
    let given = |name: &str| seen.iter().find(|option| *option == name);
    // Under `timeout = response` a response may bring windows of its own.
    let may_be_served =
        has_stale_window(options) || matches!(options.timeout, Some(Timeout::Response));
    if let Some(option) = given("soft_timeout")
        && !may_be_served
    {
        errors.at(
            option.span(),
            format!("`{option}` has an effect only where a stale response may be served: add `stale_if_error = 1h` or `stale_while_revalidate = 30s`, or remove `{option}`"),
        );
    }
    if let Some(option) = given("soft_timeout")
        && let (Some(Duration::Millis(soft_timeout)), Some(Duration::Millis(limit))) =
            (&options.soft_timeout, &options.run_timeout)
        && soft_timeout >= limit
    {
        errors.at(
            option.span(),
            format!(
                "`run_timeout` ends the run before `{option}` is over: make `{option}` shorter than `run_timeout`, or remove it"
            ),
        );
    }
    if let Some(option) = given("failure_cooldown")
        && !may_be_served
        && options.refresh_ahead.is_none()
        && !options.failure_cooldown.as_ref().is_some_and(is_zero)
    {
        errors.at(
            option.span(),
            format!(
                "`{option}` has an effect only where a stale response may be served: add `stale_if_error = 1h`, or remove `{option}`"
            ),
        );
    }
}

/// Returns true where a response past its lifetime may be served.
fn has_stale_window(options: &Options) -> bool {
    let windows = [&options.stale_while_revalidate, &options.stale_if_error];
    windows.into_iter().flatten().any(|window| !is_zero(window))
}

fn is_zero(duration: &Duration) -> bool {
    matches!(duration, Duration::Millis(0))
}
