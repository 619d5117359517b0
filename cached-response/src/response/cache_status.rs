//! The `Cache-Status` field (RFC 9211), and `Age`.

use crate::metrics::reason::{Bypass, ForwardReason, Skip, StaleRule};
use actix_web::http::{
    StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use std::{cell::RefCell, fmt::Write, time::Duration};

pub(crate) const NAME: HeaderName = HeaderName::from_static("cache-status");

/// Whole seconds, as `Age` counts them (RFC 9111 §5.1).
pub(crate) fn age(age: Duration) -> HeaderValue {
    HeaderValue::from(age.as_secs())
}

/// Adds `Age`, and `cached-response; hit; ttl=297`; where it was not in this process, with
/// `detail=remote`.
///
/// The values of responses that were created in one second with one lifetime are made once a second and
/// worker, unless others replace them.
pub(crate) fn add_hit(headers: &mut HeaderMap, age: Duration, left: Duration, is_remote: bool) {
    const PLACES: usize = 256;
    type Made = ((u64, u64, bool), HeaderValue, HeaderValue);
    thread_local!(static MADE: RefCell<Vec<Option<Made>>> = RefCell::new(vec![None; PLACES]));
    // A structured field's integer has at most fifteen digits (RFC 8941 §3.3.1).
    let (old, left) = (age.as_secs(), left.as_secs().min(999_999_999_999_999));
    let of = (old, left, is_remote);
    // So the ages of one response use all the places in turn.
    let place = old.wrapping_mul(2).wrapping_add(left) % PLACES as u64;
    let place = usize::try_from(place).unwrap_or_default();
    MADE.with_borrow_mut(|made| {
        let (_, age, status) = match &mut made[place] {
            Some(made) if made.0 == of => made,
            place => {
                let detail = if is_remote { "; detail=remote" } else { "" };
                let status = value(&format!("cached-response; hit; ttl={left}{detail}"));
                place.insert((of, self::age(age), status))
            }
        };
        // Never in a stored response: to append is cheaper than to insert.
        headers.append(header::AGE, age.clone());
        headers.append(NAME, status.clone());
    });
}

/// `cached-response; hit; ttl=-3; detail=stale-while-revalidate`, or without a detail where the client
/// accepts a stale response.
pub(crate) fn stale(over: Duration, rule: Option<StaleRule>) -> HeaderValue {
    let seconds = over.as_secs().min(999_999_999_999_999);
    // An integer has no negative zero (RFC 8941 §4.1.4).
    let sign = if seconds == 0 { "" } else { "-" };
    let mut text = format!("cached-response; hit; ttl={sign}{seconds}");
    if let Some(rule) = rule {
        let _ = write!(text, "; detail={}", rule.as_str());
    }
    value(&text)
}

/// `cached-response; fwd=stale; fwd-status=503; detail=stale-if-error`, with the status of the run's own
/// response, if there is one.
pub(crate) fn stood_in(
    forward: ForwardReason,
    status: Option<StatusCode>,
    rule: StaleRule,
) -> HeaderValue {
    let mut text = format!("cached-response; fwd={}", forward.as_str());
    if let Some(status) = status {
        let _ = write!(text, "; fwd-status={}", status.as_u16());
    }
    let _ = write!(text, "; detail={}", rule.as_str());
    value(&text)
}

/// `cached-response; detail=only-if-cached`: neither answered from the store nor forwarded.
pub(crate) fn only_if_cached() -> HeaderValue {
    HeaderValue::from_static("cached-response; detail=only-if-cached")
}

/// `cached-response; fwd=uri-miss; collapsed`
pub(crate) fn collapsed(forward: ForwardReason) -> HeaderValue {
    value(&format!(
        "cached-response; fwd={}; collapsed",
        forward.as_str()
    ))
}

/// The answer of a run that was stored: new, or validated.
pub(crate) fn stored(forward: ForwardReason, validated: bool) -> HeaderValue {
    let status = if validated { "; fwd-status=304" } else { "" };
    value(&format!(
        "cached-response; fwd={}{status}; stored",
        forward.as_str()
    ))
}

/// The answer of a run that was not stored for `reason`; without one that is not known yet.
pub(crate) fn forwarded(forward: ForwardReason, why: Option<Skip>) -> HeaderValue {
    let mut text = format!("cached-response; fwd={}", forward.as_str());
    if let Some(why) = why {
        let _ = write!(text, "; detail={}", why.as_str());
    }
    value(&text)
}

/// The answer of a run whose request was not looked up.
pub(crate) fn bypassed(why: Bypass, word: &str) -> HeaderValue {
    let forward = if why == Bypass::Method {
        ForwardReason::Method
    } else {
        ForwardReason::Bypass
    };
    value(&format!(
        "cached-response; fwd={}; detail={word}",
        forward.as_str(),
    ))
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("tokens and digits make a field value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_hit(age: Duration, left: Duration, ttl: u64) {
        let status = format!("cached-response; hit; ttl={ttl}");
        assert_added(false, age, left, &status);
        assert_added(true, age, left, &format!("{status}; detail=remote"));
    }

    fn assert_added(is_remote: bool, age: Duration, left: Duration, status: &str) {
        let mut headers = HeaderMap::new();
        add_hit(&mut headers, age, left, is_remote);
        assert_eq!(
            headers.get("age").unwrap(),
            age.as_secs().to_string().as_str()
        );
        assert_eq!(headers.get("cache-status").unwrap(), status);
        assert_eq!(headers.len(), 2);
    }

    #[test]
    fn a_lifetime_without_end_is_still_a_structured_integer() {
        assert_hit(Duration::ZERO, Duration::MAX, 999_999_999_999_999);
    }

    #[test]
    fn what_was_made_is_not_mistaken_for_another() {
        // All of them would use one place.
        for (age, left) in [(1, 254), (257, 254), (0, 256), (0, 0), (128, 0), (1, 254)] {
            assert_hit(Duration::from_secs(age), Duration::from_secs(left), left);
        }
    }
}
