//! Invalid options, reported when a cache or a route is built with them.

use actix_web::{
    guard::{Guard, GuardContext},
    http::header::HeaderName,
};
use std::fmt::{self, Debug};

/// The invalid options of a policy or a cache builder.
///
/// A builder method has no way to return an error, so it notes the mistake; the cache or the route
/// that is built with the options reports all of them at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mistakes(Vec<String>);

impl Mistakes {
    /// Converts a word of `option`, or notes that it is not `what`.
    pub(crate) fn convert<T>(
        &mut self,
        option: &str,
        word: impl TryInto<T> + Debug,
        what: &str,
    ) -> Option<T> {
        let text = format!("{word:?}");
        let converted = word.try_into().ok();
        if converted.is_none() {
            self.note(format_args!("`{option}`: {text} is not {what}"));
        }
        converted
    }

    /// Notes that `fraction` of `option` is not over 0 and under 1.
    pub(crate) fn check_fraction(&mut self, option: &str, fraction: f32, usual: &str) {
        if !(fraction > 0.0 && fraction < 1.0) {
            self.note(format_args!(
                "`{option}`: {fraction} is not a fraction over 0 and under 1, such as {usual}"
            ));
        }
    }

    pub(crate) fn note(&mut self, mistake: fmt::Arguments<'_>) {
        self.0.push(mistake.to_string());
    }

    /// Reports the mistakes.
    ///
    /// # Panics
    /// If there are any.
    #[track_caller]
    pub(crate) fn report(&self) {
        assert!(self.0.is_empty(), "invalid options: {}", self.0.join("; "));
    }
}

/// The name of a header in `vary(..)` of the attribute, which checks literals when it is compiled.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the name of a header",
    label = "expected a string literal or a `HeaderName`",
    note = "write `\"accept-language\"`, or a constant of `actix_web::http::header`"
)]
pub trait IntoHeaderName {
    /// Returns the name.
    ///
    /// # Panics
    /// If a string is not the name of a header.
    fn into_name(self) -> HeaderName;
}

impl IntoHeaderName for &'static str {
    fn into_name(self) -> HeaderName {
        HeaderName::from_bytes(self.as_bytes())
            .expect("`vary` takes names of headers, such as \"accept-language\"")
    }
}

impl IntoHeaderName for HeaderName {
    fn into_name(self) -> HeaderName {
        self
    }
}

impl IntoHeaderName for &HeaderName {
    fn into_name(self) -> HeaderName {
        self.clone()
    }
}

/// The guard in `purge = ..` of the attribute.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say who may purge",
    label = "no guard",
    note = "write the name of a function `fn is_operator(context: &GuardContext<'_>) -> bool`, or a guard of actix-web"
)]
pub trait PurgeGuard: Guard {}

#[diagnostic::do_not_recommend]
impl<G: Guard> PurgeGuard for G {}

/// Returns the check of the guard. Its type is the same for every guard, so that one that is no guard is one
/// error.
pub fn purge_guard(
    guard: impl PurgeGuard + Send + Sync + 'static,
) -> Box<dyn Fn(&GuardContext<'_>) -> bool + Send + Sync> {
    Box::new(move |context| guard.check(context))
}

#[cfg(test)]
mod tests {
    use crate::{ResponseCache, policy::Policy, route::config::RouteConfig};
    use actix_web::http::{Method, StatusCode, header};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// The message of the panic in `build`.
    fn message(build: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(build)).expect_err("it is valid");
        *panic.downcast::<String>().expect("a formatted message")
    }

    /// Builds a route with `policy`, whose panic must have `words`.
    #[track_caller]
    fn assert_reported(policy: Policy, words: &[&str]) {
        let message = message(|| drop(RouteConfig::new(policy, &[])));
        for word in words {
            assert!(message.contains(word), "{word}: {message}");
        }
    }

    #[test]
    fn an_invalid_name_is_reported_when_a_route_is_built() {
        let policy = || Policy::new(1);
        assert_reported(
            policy().methods(["POST", "GE T"]),
            &["`methods`", "\"GE T\"", "\"POST\""],
        );
        assert_reported(
            policy().vary(["a b"]),
            &["`vary`", "\"a b\"", "\"accept-language\""],
        );
        assert_reported(
            policy().neutral_headers(["a b"]),
            &["`neutral_headers`", "\"a b\""],
        );
        assert_reported(
            policy().not_replayed(["x-*-y"]),
            &["`not_replayed`", "\"x-debug-*\""],
        );
        assert_reported(policy().status(99), &["`status`", "99 ", "200 to 599"]);
        assert_reported(policy().status("4o4"), &["`status`", "\"4o4\""]);
        assert_reported(
            policy().status_for(206, 1),
            &["`status_for`", "206", "leave it out"],
        );
        assert_reported(policy().tags(["a{b"]), &["`tags`", "\"a{b\"", "`{id}`"]);
        assert_reported(policy().version(""), &["`version`", "\"2\""]);
    }

    #[test]
    fn an_invalid_value_is_reported_when_a_route_is_built() {
        let (fixed, own) = (|| Policy::new(1), Policy::from_response);
        assert_reported(
            own().targeted("a b"),
            &["`targeted`", "\"CDN-Cache-Control\""],
        );
        assert_reported(
            fixed().targeted("x-a"),
            &["`targeted`", "`Policy::from_response`"],
        );
        assert_reported(
            own().heuristic_fraction(1.5),
            &["`heuristic_fraction`", "1.5", "0.1"],
        );
        assert_reported(
            own().client_max_age(5),
            &["`client_max_age`", "leave it out"],
        );
        assert_reported(fixed().jitter(1.0), &["`jitter`", "1 ", "0.1"]);
        assert_reported(
            fixed().refresh_ahead(f32::NAN),
            &["`refresh_ahead`", "NaN", "0.9"],
        );
    }

    #[test]
    fn all_mistakes_of_a_policy_are_reported_at_once() {
        let policy = Policy::new(1).methods(["GE T"]).version("");
        let message = message(|| drop(RouteConfig::new(policy, &[])));
        assert!(
            message.contains("`methods`") && message.contains("`version`"),
            "{message}"
        );
    }

    #[test]
    fn an_invalid_option_of_a_cache_is_reported_when_it_is_built() {
        let builder = ResponseCache::builder().jitter(2.0);
        let message = message(|| drop(builder.build()));
        assert!(message.contains("`jitter`: 2 is not"), "{message}");
    }

    #[test]
    fn names_may_be_of_every_type_that_converts_to_them() {
        let one = Policy::new(1)
            .methods(["GET", "POST"])
            .status(404)
            .vary(["cookie"]);
        let other = Policy::new(1)
            .methods([Method::GET, Method::POST])
            .status(StatusCode::NOT_FOUND)
            .vary([header::COOKIE]);
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
        RouteConfig::new(one, &[]);
    }
}
