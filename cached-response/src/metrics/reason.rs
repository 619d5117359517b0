//! Why something was not looked up, not stored, or forwarded: one word each.
//!
//! The same word stands in the `Cache-Status` field, in the counters, in the trace events and in
//! the documentation.

use std::fmt;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$what])* $variant,)* }

        impl $name {
            /// Every reason, in the order in which they are counted.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it, as in `Cache-Status`.
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
    /// Why a request was not looked up.
    Bypass {
        /// The cache is switched off: by `CACHED_RESPONSE=off`, or by `enabled(false)`.
        Off = "off",
        /// The method is not one that this route reuses responses for.
        Method = "method",
        /// A GET or HEAD with a body that is not in the key.
        Body = "body",
        /// The body is longer than what may join the key.
        BodyTooLarge = "body-too-large",
        /// The route's `unless`.
        Unless = "unless",
        /// A method-override header, on a route whose handler sees headers.
        MethodOverride = "method-override",
        /// A cookie that nothing is known of, under `CacheResponses`.
        Cookie = "cookie",
        /// A header that nothing is known of, under `CacheResponses`.
        Header = "header",
        /// The handler takes `HttpRequest` and the route does not say what it reads.
        Undeclared = "undeclared",
        /// The key is longer than 8 KiB.
        KeyTooLong = "key-too-long",
        /// A part of the key could not be serialised, or could not be extracted and the handler sees
        /// why, or more than 64 different `Data<T>` reach the handler.
        Key = "key",
        /// A live answer was asked for, and the handler can see that.
        Nocache = "nocache",
        /// The route respects clients, and the request says `no-store`.
        Client = "client",
    }
}

reasons! {
    /// Why a response was not stored.
    Skip {
        /// A status that is not stored on this route, or a 400 that may speak of a condition or a range.
        Status = "status",
        /// The handler returned `Err`, or was shown one that an error handler of the application makes.
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
        /// Under `timeout = response`, one that is stale when it comes and has no validator.
        Expired = "expired",
        /// Under `timeout = response`, one that does not say how long it stays fresh.
        Lifetime = "lifetime",
        /// A `Cache-Control` that cannot be parsed.
        CacheControl = "cache-control",
        /// `Vary: *`.
        Vary = "vary",
        /// The response varies by more than 16 names.
        VaryNames = "vary-names",
        /// A header that the response varies by came in several lines.
        Repeated = "repeated",
        /// A media type that never ends: `text/event-stream`, `multipart/x-mixed-replace`.
        Endless = "endless",
        /// An upgraded connection.
        Upgrade = "upgrade",
        /// A Content-Security-Policy with a nonce.
        Nonce = "nonce",
        /// The request's `Origin` reflected without `Vary: Origin`.
        Origin = "origin",
        /// The request had `Authorization`, and nothing says that others may have the response.
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
        /// The body broke off, or its length is not the declared one.
        Incomplete = "incomplete",
        /// What the response was selected by is not what it was in the request that was looked up:
        /// a value in its extensions, or, under `CacheResponses`, a header or a part of the key.
        Changed = "changed",
        /// A handler or middleware inside this one has a cache of its own.
        Inner = "inner",
        /// A run that started later has stored its response already.
        Superseded = "superseded",
        /// There was no room for another copy of a streamed body.
        NoRoom = "no-room",
        /// It was invalidated while it was being made.
        Invalidated = "invalidated",
        /// A tag of the route names a path parameter that the route does not have, or the response has
        /// more than 64 tags, or one of more than 256 bytes.
        Tags = "tags",
        /// A 304 named a strong `ETag` that is not the stored response's.
        Validator = "validator",
        /// The handler answered with 304 a client that had sent no condition, and not about a stored
        /// response that `stale_response()` had given it. The client does not get it.
        Unasked = "unasked",
        /// A computed value cannot be written as JSON, or not be read back.
        Value = "value",
        /// `mark_failed()`.
        Failed = "failed",
        /// Its run panicked, where a stale response was at hand.
        Panic = "panic",
        /// Its run took longer than the route's `run_timeout`.
        RunTimeout = "run-timeout",
    }
}

reasons! {
    /// By which rule a stale response has answered (RFC 5861).
    StaleRule {
        /// It is refreshed behind the answer, or rests after that has failed.
        WhileRevalidate = "stale-while-revalidate",
        /// The run that would replace it has failed.
        IfError = "stale-if-error",
        /// The run that would replace it takes longer than the route's `soft_timeout`, or than
        /// the patience of those who wait for it.
        AnswerAfter = "answer-stale-after",
    }
}

impl Skip {
    /// Whether the next response will very likely be refused for the same reason, so that
    /// requests need not wait for one another.
    pub(crate) const fn is_structural(self) -> bool {
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

    /// Returns true for what tells of the handler rather than of one request, one run or one moment:
    /// the next response will likely be refused for it, too.
    pub(crate) const fn is_expected_again(self) -> bool {
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

    /// Whether the stored response that this one would have replaced says no longer what the handler
    /// says. What only this request or this run is to blame for tells nothing of it.
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

/// Why a handler runs, as [`reason`](crate::reason) tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunReason {
    /// The request is not looked up: what the handler makes is for it alone.
    #[default]
    Bypass,
    /// Nothing is stored for the request.
    Miss,
    /// What is stored is stale, or not to the client's wishes.
    Stale,
    /// The client has its answer: the handler runs behind it.
    Refresh,
    /// A live answer was asked for.
    Live,
}

/// Reason why a request was forwarded to the handler: the `fwd` parameter of `Cache-Status`
/// (RFC 9211 §2.2).
///
/// ```
/// assert_eq!(cached_response::ForwardReason::UriMiss.as_str(), "uri-miss");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForwardReason {
    /// Nothing is stored for the request's key.
    UriMiss,
    /// Something is stored, but for other values of the headers that it varies by.
    VaryMiss,
    /// The stored response is stale.
    Stale,
    /// The request asked for it: `?nocache=1`, or a `Cache-Control` of its own.
    Request,
    /// The cache does not serve this request; [`Bypass`] has the reason.
    Bypass,
    /// The request's method is not cached.
    Method,
}

impl ForwardReason {
    pub(crate) const ALL: &'static [Self] = &[
        Self::UriMiss,
        Self::VaryMiss,
        Self::Stale,
        Self::Request,
        Self::Bypass,
        Self::Method,
    ];

    /// The token that `Cache-Status` shows.
    ///
    /// ```
    /// assert_eq!(cached_response::ForwardReason::VaryMiss.as_str(), "vary-miss");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
            Self::Bypass => "bypass",
            Self::Method => "method",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_word_is_a_token_and_stands_for_one_reason() {
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
            assert!(!words[..n].contains(word), "{word} is given twice");
        }
    }

    #[test]
    fn the_guide_explains_every_word_and_no_other() {
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
