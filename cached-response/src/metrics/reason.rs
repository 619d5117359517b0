//! Reasons: why a request bypassed the cache or was forwarded, why a response was not stored, which rule
//! served a stale one.
//!
//! Each has one token, the same in `Cache-Status`, counters, traces and documentation.

use std::fmt;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$what])* $variant,)* }

        impl $name {
            /// Every reason, in the order of the counters.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the token of the reason, as in the `detail` of `Cache-Status`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

reasons! {
    /// Reason to bypass the cache: the request is not looked up, and its response is not stored.
    ///
    /// ```
    /// use cached_response::Bypass;
    ///
    /// assert_eq!(Bypass::KeyTooLong.as_str(), "key-too-long");
    /// assert!(Bypass::ALL.contains(&Bypass::Method));
    /// ```
    Bypass {
        /// The cache is switched off: by `CACHED_RESPONSE=off`, or by `enabled(false)`.
        Off = "off",
        /// The method is not one of the route's `methods`.
        Method = "method",
        /// A GET or HEAD with a body that is not in the key.
        Body = "body",
        /// The body is over the limit of the route's `body`.
        BodyTooLarge = "body-too-large",
        /// The route's `unless`.
        Unless = "unless",
        /// A method-override header, on a route whose handler reads headers.
        MethodOverride = "method-override",
        /// An unknown cookie, under `CacheResponses`.
        Cookie = "cookie",
        /// An unknown header, under `CacheResponses`.
        Header = "header",
        /// The handler takes an `HttpRequest` and the route has no `vary(..)`.
        Undeclared = "undeclared",
        /// The key is longer than 8 KiB.
        KeyTooLong = "key-too-long",
        /// A part of the key could not be serialised; or its extraction failed, and the handler receives the
        /// error; or the handler receives more than 64 sets of `Data<T>` values.
        Key = "key",
        /// The request forces a refresh, and the handler can read the flag.
        Nocache = "nocache",
        /// The request has `no-store`, on a route with `respect_client`.
        Client = "client",
    }
}

reasons! {
    /// Reason not to store a response. The response is sent in any case.
    ///
    /// ```
    /// use cached_response::Skip;
    ///
    /// assert_eq!(Skip::SetCookie.as_str(), "set-cookie");
    /// assert!(Skip::ALL.contains(&Skip::NoStore));
    /// ```
    Skip {
        /// A status that the route does not store, or a 400 that may be about a condition or a range.
        Status = "status",
        /// The handler returned `Err` with a status that the route does not name or a 5xx, or received an error
        /// of an extractor that the application configures.
        Error = "error",
        /// `Set-Cookie` in the response.
        SetCookie = "set-cookie",
        /// `Cache-Control: private`.
        Private = "private",
        /// `Cache-Control: no-store`.
        NoStore = "no-store",
        /// `Cache-Control: no-cache`.
        NoCache = "no-cache",
        /// `max-age=0` or `s-maxage=0`.
        MaxAge = "max-age",
        /// Under `timeout = response`, a response that is stale from the start and has no validator.
        Expired = "expired",
        /// Under `timeout = response`, a response without a lifetime.
        Lifetime = "lifetime",
        /// A `Cache-Control` that cannot be parsed.
        CacheControl = "cache-control",
        /// `Vary: *`, or a `Vary` that cannot be parsed.
        Vary = "vary",
        /// The response varies by more than 16 headers.
        VaryNames = "vary-names",
        /// The request has several lines of a header that the response varies by.
        Repeated = "repeated",
        /// A media type that never ends: `text/event-stream`, `multipart/x-mixed-replace`.
        Endless = "endless",
        /// An upgraded connection.
        Upgrade = "upgrade",
        /// A Content-Security-Policy with a nonce.
        Nonce = "nonce",
        /// The request's `Origin` reflected without `Vary: Origin`.
        Origin = "origin",
        /// The request has `Authorization`, and the response is not marked as shareable (RFC 9111 §3.5).
        Authorization = "authorization",
        /// A response to HEAD has no body to store.
        Head = "head",
        /// The timeout is zero.
        Timeout = "timeout",
        /// `disable_cache()`.
        Disabled = "disabled",
        /// The route's `store_if`.
        StoreIf = "store-if",
        /// Larger than the body limit.
        TooLarge = "too-large",
        /// The body ended early, or its length is not the declared one.
        Incomplete = "incomplete",
        /// A part of the request that selects the response has changed since the look-up: a value in its
        /// extensions, or, under `CacheResponses`, a header or a part of the key.
        Changed = "changed",
        /// An inner handler or middleware caches the response.
        Inner = "inner",
        /// A run that started later has stored its response.
        Superseded = "superseded",
        /// The budget for copies of streamed bodies was used up.
        NoRoom = "no-room",
        /// It was invalidated during its run.
        Invalidated = "invalidated",
        /// A tag has a path parameter that the route does not have, or the response has more than 64 tags,
        /// or one of more than 256 bytes or that begins with NUL.
        Tags = "tags",
        /// A 304 has a strong `ETag` that is not that of the stored response.
        Validator = "validator",
        /// The handler answered with 304 a client that had sent no condition, and not about a stored
        /// response that `stale_response()` had given it. The client gets a stale response where one may answer,
        /// else the 304.
        Unasked = "unasked",
        /// A computed value cannot be serialised as JSON, or not be read back.
        Value = "value",
        /// `mark_failed()`.
        Failed = "failed",
        /// Its run panicked, and a stale response was available.
        Panic = "panic",
        /// Its run took longer than the route's `run_timeout`.
        RunTimeout = "run-timeout",
    }
}

reasons! {
    /// The rule under which a stale response was served (RFC 5861).
    ///
    /// ```
    /// assert_eq!(cached_response::StaleRule::IfError.as_str(), "stale-if-error");
    /// ```
    StaleRule {
        /// It is being refreshed in the background, or its last refresh has failed and the cooldown is not over.
        WhileRevalidate = "stale-while-revalidate",
        /// The run to replace it has failed.
        IfError = "stale-if-error",
        /// The run to replace it takes longer than the route's `soft_timeout`, or than the cache's
        /// `wait_timeout`.
        AnswerAfter = "answer-stale-after",
    }
}

reasons! {
    /// Reason why a request was forwarded to the handler: the `fwd` parameter of `Cache-Status`
    /// (RFC 9211 §2.2).
    ///
    /// ```
    /// assert_eq!(cached_response::ForwardReason::UriMiss.as_str(), "uri-miss");
    /// ```
    ForwardReason {
        /// Nothing is stored for the request's key.
        UriMiss = "uri-miss",
        /// A response is stored, but for other values of the headers that it varies by.
        VaryMiss = "vary-miss",
        /// The stored response is stale.
        Stale = "stale",
        /// The request forces it: `?nocache=1`, or its `Cache-Control`.
        Request = "request",
        /// The request bypasses the cache; [`Bypass`] has the reason. Or the stored response may not be
        /// reused for a request with `Authorization` (RFC 9111 §3.5).
        Bypass = "bypass",
        /// The method is not cached.
        Method = "method",
    }
}

impl Skip {
    /// Returns true where the next response will very likely be skipped for the same reason: the key is marked
    /// hit-for-pass, and other processes do not wait for its run.
    pub(crate) const fn prevents_coalescing(self) -> bool {
        matches!(
            self,
            Self::SetCookie
                | Self::Private
                | Self::NoStore
                | Self::NoCache
                | Self::MaxAge
                | Self::Expired
                | Self::Lifetime
                | Self::CacheControl
                | Self::Vary
                | Self::Endless
                | Self::Upgrade
                | Self::Nonce
                | Self::Origin
                | Self::TooLarge
                | Self::Inner
                | Self::Tags
        )
    }

    /// Returns true for a reason of the handler rather than of one request, run or moment, which the head of
    /// the next stream shows before its end.
    pub(crate) const fn is_expected_of_stream(self) -> bool {
        matches!(
            self,
            Self::Vary
                | Self::Timeout
                | Self::Disabled
                | Self::StoreIf
                | Self::TooLarge
                | Self::Incomplete
                | Self::Tags
                | Self::Failed
        )
    }

    /// Returns true where the skipped response shows that the stored one is outdated. A reason of this
    /// request or run alone does not.
    pub(crate) const fn outdates(self) -> bool {
        !matches!(
            self,
            Self::Head
                | Self::Authorization
                | Self::Repeated
                | Self::Changed
                | Self::Incomplete
                | Self::Superseded
                | Self::NoRoom
                | Self::Invalidated
                | Self::Unasked
                | Self::Failed
                | Self::Panic
                | Self::RunTimeout
        )
    }
}

/// Reason why the handler runs, as [`run_reason`](crate::context::run_reason) returns it.
///
/// ```
/// use cached_response::{RunReason, context::run_reason};
///
/// // Outside a cached handler:
/// assert_eq!(run_reason(), RunReason::Bypass);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunReason {
    /// The request bypasses the cache: the response is for it alone.
    #[default]
    Bypass,
    /// Nothing is stored for the request.
    Miss,
    /// The stored response is stale, or the client does not accept it.
    Stale,
    /// The client has its response: the handler runs in the background.
    Refresh,
    /// The request forces a refresh.
    Live,
}

impl RunReason {
    /// Returns the word of the reason, as in traces.
    ///
    /// ```
    /// assert_eq!(cached_response::RunReason::Miss.as_str(), "miss");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Refresh => "refresh",
            Self::Live => "live",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_has_a_token_of_its_own() {
        let words: Vec<_> = Bypass::ALL
            .iter()
            .map(|reason| reason.as_str())
            .chain(Skip::ALL.iter().map(|reason| reason.as_str()))
            .collect();
        for (n, word) in words.iter().enumerate() {
            assert!(
                word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{word}"
            );
            assert!(!words[..n].contains(word), "{word} stands for two reasons");
        }
    }

    #[test]
    fn the_guide_explains_every_token_and_no_other() {
        let guide = include_str!("../../docs/what-is-cached.md");
        let (_, reasons) = guide.split_once("## Reasons").unwrap();
        let (bypasses, skips) = reasons.split_once("was not stored").unwrap();
        let (skips, _) = skips.split_once("\n## ").unwrap();
        let rows = |table: &'static str| -> BTreeSet<&str> {
            let words = table.lines().filter_map(|line| line.strip_prefix("| `"));
            words.filter_map(|row| row.split('`').next()).collect()
        };
        assert_eq!(
            rows(bypasses),
            Bypass::ALL.iter().map(|reason| reason.as_str()).collect()
        );
        assert_eq!(
            rows(skips),
            Skip::ALL.iter().map(|reason| reason.as_str()).collect()
        );
    }
}
