//! The options of stale responses: when one may answer, when it is refreshed, and how long a run
//! may take.

use super::{Args, Timeout};
use crate::{duration::Span, errors::Errors};
use syn::{Ident, Result, parse::ParseStream};

#[derive(Default)]
pub(crate) struct Stale {
    pub(crate) while_revalidate: Option<Span>,
    pub(crate) if_error: Option<Span>,
    pub(crate) refresh_ahead: Option<f32>,
    pub(crate) answer_after: Option<Span>,
    pub(crate) run_timeout: Option<Span>,
    pub(crate) jitter: Option<f32>,
    pub(crate) rest: Option<Span>,
}

impl Stale {
    /// Whether a response that is past its lifetime may ever answer.
    fn may_answer(&self) -> bool {
        let windows = [&self.while_revalidate, &self.if_error];
        windows.into_iter().flatten().any(|window| !is_zero(window))
    }
}

fn is_zero(span: &Span) -> bool {
    matches!(span, Span::Millis(0))
}

pub(super) fn soft_timeout(input: ParseStream<'_>) -> Result<Span> {
    const ZERO: &str = "a `soft_timeout` of zero waits for no run: remove it, and write `stale_while_revalidate = 30s`, which answers at once";
    Span::parse_where("soft_timeout", Some(ZERO), input)
}

pub(super) fn run_timeout(input: ParseStream<'_>) -> Result<Span> {
    const ZERO: &str = "a `run_timeout` of zero lets no run finish: give it a length, or remove it";
    Span::parse_where("run_timeout", Some(ZERO), input)
}

/// Options that say nothing without others, or beside them.
pub(super) fn conflicts(args: &Args, seen: &[Ident], errors: &mut Errors) {
    let given = |name: &str| seen.iter().find(|option| *option == name);
    let stale = &args.stale;
    // A response that has the say may bring windows of its own.
    let may_answer = stale.may_answer() || matches!(args.timeout, Some(Timeout::Response));
    if let Some(option) = given("soft_timeout")
        && !may_answer
    {
        errors.at(
            option.span(),
            format!("no stale response may answer here: add `stale_if_error = 1h` or `stale_while_revalidate = 30s`, or remove `{option}`"),
        );
    }
    if let Some(option) = given("soft_timeout")
        && let (Some(Span::Millis(soft_timeout)), Some(Span::Millis(limit))) =
            (&stale.answer_after, &stale.run_timeout)
        && soft_timeout >= limit
    {
        errors.at(
            option.span(),
            format!(
                "a run is over by then: make `{option}` shorter than `run_timeout`, or remove it"
            ),
        );
    }
    if let Some(option) = given("failure_cooldown")
        && !may_answer
        && stale.refresh_ahead.is_none()
        && !stale.rest.as_ref().is_some_and(is_zero)
    {
        errors.at(
            option.span(),
            format!(
                "no response answers while the handler rests: add `stale_if_error = 1h`, or remove `{option}`"
            ),
        );
    }
}
