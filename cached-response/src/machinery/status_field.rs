//! The `Cache-Status` field (RFC 9211), and `Age`.

use crate::judgement::reason::{Bypass, Forward, Skip, StaleRule};
use actix_web::http::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};
use std::{cell::RefCell, fmt::Write, time::Duration};

pub(crate) const NAME: HeaderName = HeaderName::from_static("cache-status");

/// Values are remade at most once a second and worker.
const KEPT: usize = 256;

type Kept = RefCell<Vec<Option<(u64, HeaderValue)>>>;

fn kept(of: &Kept, seconds: u64, make: impl FnOnce() -> HeaderValue) -> HeaderValue {
    let mut values = of.borrow_mut();
    let place = usize::try_from(seconds).unwrap_or(usize::MAX) % KEPT;
    match &values[place] {
        Some((known, value)) if *known == seconds => value.clone(),
        _ => {
            let value = make();
            values[place] = Some((seconds, value.clone()));
            value
        }
    }
}

/// Whole seconds, as `Age` counts them (RFC 9111 §5.1).
pub(crate) fn age(age: Duration) -> HeaderValue {
    thread_local!(static AGES: Kept = RefCell::new(vec![None; KEPT]));
    let seconds = age.as_secs();
    AGES.with(|ages| kept(ages, seconds, || HeaderValue::from(seconds)))
}

/// `cached-response; hit; ttl=297`
pub(crate) fn hit(left: Duration) -> HeaderValue {
    thread_local!(static HITS: Kept = RefCell::new(vec![None; KEPT]));
    // A structured field's integer has at most fifteen digits (RFC 8941 §3.3.1).
    let seconds = left.as_secs().min(999_999_999_999_999);
    HITS.with(|hits| {
        kept(hits, seconds, || {
            value(&format!("cached-response; hit; ttl={seconds}"))
        })
    })
}

/// `cached-response; hit; ttl=-3; detail=stale-while-revalidate`, or without a rule where it is
/// the client who puts up with a stale one.
pub(crate) fn stale(over: Duration, rule: Option<StaleRule>) -> HeaderValue {
    let seconds = over.as_secs().min(999_999_999_999_999);
    let mut text = format!("cached-response; hit; ttl=-{seconds}");
    if let Some(rule) = rule {
        let _ = write!(text, "; detail={}", rule.word());
    }
    value(&text)
}

/// `cached-response; fwd=stale; fwd-status=503; detail=stale-if-error`: in place of what the run
/// came to, where it came to a response.
pub(crate) fn stood_in(
    forward: Forward,
    status: Option<StatusCode>,
    rule: StaleRule,
) -> HeaderValue {
    let mut text = format!("cached-response; fwd={}", forward.word());
    if let Some(status) = status {
        let _ = write!(text, "; fwd-status={}", status.as_u16());
    }
    let _ = write!(text, "; detail={}", rule.word());
    value(&text)
}

/// `cached-response; detail=only-if-cached`: neither answered from the store nor forwarded.
pub(crate) fn only_if_cached() -> HeaderValue {
    HeaderValue::from_static("cached-response; detail=only-if-cached")
}

/// `cached-response; fwd=uri-miss; collapsed`
pub(crate) fn collapsed(forward: Forward) -> HeaderValue {
    value(&format!(
        "cached-response; fwd={}; collapsed",
        forward.word()
    ))
}

/// A live answer that was stored: made anew, or found unchanged.
pub(crate) fn stored(forward: Forward, validated: bool) -> HeaderValue {
    let status = if validated { "; fwd-status=304" } else { "" };
    value(&format!(
        "cached-response; fwd={}{status}; stored",
        forward.word()
    ))
}

/// A live answer: not stored where there is a reason, and else not yet known.
pub(crate) fn live(forward: Forward, why: Option<Skip>) -> HeaderValue {
    let mut text = format!("cached-response; fwd={}", forward.word());
    if let Some(why) = why {
        let _ = write!(text, "; detail={}", why.word());
    }
    value(&text)
}

/// A live answer to a request that was not looked up.
pub(crate) fn bypassed(why: Bypass, word: &str) -> HeaderValue {
    let forward = if why == Bypass::Method {
        Forward::Method
    } else {
        Forward::Bypass
    };
    value(&format!(
        "cached-response; fwd={}; detail={word}",
        forward.word(),
    ))
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("tokens and digits make a field value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_without_end_is_still_a_structured_integer() {
        assert_eq!(
            hit(Duration::MAX),
            "cached-response; hit; ttl=999999999999999"
        );
    }

    #[test]
    fn a_kept_value_is_not_mistaken_for_another() {
        assert_eq!(age(Duration::from_secs(1)), "1");
        assert_eq!(age(Duration::from_secs(257)), "257");
        assert_eq!(age(Duration::from_secs(1)), "1");
    }
}
