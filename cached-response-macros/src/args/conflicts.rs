//! Options that contradict each other.

use super::{Args, Timeout, stale, table::CACHED};
use crate::errors::Errors;
use syn::Ident;

pub(super) fn conflicts(args: &Args, seen: &[Ident], errors: &mut Errors) {
    let by_response = matches!(args.timeout, Some(Timeout::Response));
    let given = |name: &str| seen.iter().find(|option| *option == name);
    if let Some(option) = given("ignore_query")
        && given("query").is_some()
    {
        errors.at(
            option.span(),
            "`query` says already which parts of the query count: remove `ignore_query` or `query`",
        );
    }
    if let Some(option) = given("client_max_age")
        && by_response
    {
        errors.at(
            option.span(),
            "under `timeout = response` the response says itself what clients may keep: remove `client_max_age`, or give `timeout` a length",
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
                    "`{option}` is about what the response says: write `timeout = response, {}`, or remove it",
                    CACHED.example(option)
                ),
            );
        }
    }
    stale::conflicts(args, seen, errors);
}
