//! Advice: what the counts of a cache say about the way it is used, and the word to write.
//!
//! It is derived from counts that are there in any case. Beside them there is a bounded set of tags, which
//! is written when a response is stored or a tag invalidated.

use crate::{
    cache::{Inner, ResponseCache},
    invalidation::tags::mistake,
    metrics::{
        event::TARGET,
        reason::{Bypass, ForwardReason, Skip},
        stats::{RouteStats, Stats},
    },
    util::sync::{Mutex, lock},
};
use serde::{Serialize, Serializer};
use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Requests of a route before anything is said about it.
const MIN_REQUESTS: u64 = 200;
/// Misses by `Vary` of a route that are too many.
const MANY_VARIANTS: u64 = 500;
/// Misses of a route whose keys hardly repeat.
const MANY_KEYS: u64 = 2_000;
/// Invalidations of a tag before it is called unknown.
const MIN_INVALIDATIONS: u32 = 3;
/// Evictions before anything is said about them.
const MIN_EVICTIONS: u64 = 1_000;
/// Requests to the handler between two looks at the counts.
const INTERVAL: u64 = 1_024;
/// Tags that are remembered; with more of them nothing is said about tags.
const MAX_TAGS: usize = 16_384;
/// Invalidated tags that are watched.
const MAX_UNKNOWN: usize = 32;
/// Advice that is logged.
const MAX_LOGGED: usize = 256;

/// Kind of an [`Advice`].
///
/// ```
/// assert_eq!(cached_response::AdviceKind::UnknownTag.as_str(), "unknown-tag");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AdviceKind {
    /// A route that was never answered from the cache.
    NeverHits,
    /// A route whose responses vary by a header with very many values.
    ManyVariants,
    /// A route whose keys hardly repeat.
    ManyKeys,
    /// A memory that is too small for the timeouts: most responses are evicted before theirs.
    EvictedEarly,
    /// A tag that is invalidated, and that no response has had.
    UnknownTag,
    /// A cache that was built once for each worker.
    CachePerWorker,
}

impl AdviceKind {
    /// Returns the word of the kind, as in JSON.
    ///
    /// ```
    /// assert_eq!(cached_response::AdviceKind::NeverHits.as_str(), "never-hits");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeverHits => "never-hits",
            Self::ManyVariants => "many-variants",
            Self::ManyKeys => "many-keys",
            Self::EvictedEarly => "evicted-early",
            Self::UnknownTag => "unknown-tag",
            Self::CachePerWorker => "cache-per-worker",
        }
    }
}

impl Serialize for AdviceKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A suggestion that the counts of a cache make.
///
/// ```
/// let cache = cached_response::ResponseCache::builder().build();
/// assert!(cache.advice().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// The kind.
    pub kind: AdviceKind,
    /// The route, by its name in [`RouteStats::route`]; or the tag; empty for the cache.
    pub subject: String,
    /// A sentence with the word to write.
    pub message: String,
}

/// The state of the advisor of one cache.
#[derive(Debug, Default)]
pub(crate) struct Advisor {
    seen: AtomicU64,
    logged: Mutex<HashSet<(AdviceKind, String)>>,
    tags: Mutex<KnownTags>,
    hash: RandomState,
}

/// Hashes of the tags that responses have had, and the invalidated ones that none had.
#[derive(Debug, Default)]
struct KnownTags {
    known: HashSet<u64>,
    unknown: Vec<(Box<str>, u32)>,
}

impl KnownTags {
    fn is_full(&self) -> bool {
        self.known.len() >= MAX_TAGS
    }
}

impl Advisor {
    /// Notes the tags of a response that is stored.
    pub(crate) fn stored<'t>(&self, tags: impl Iterator<Item = &'t str>) {
        let mut tags = tags.peekable();
        if tags.peek().is_none() {
            return;
        }
        let mut known = lock(&self.tags);
        for tag in tags {
            if !known.is_full() {
                known.known.insert(self.hash.hash_one(tag));
            }
            known.unknown.retain(|(unknown, _)| **unknown != *tag);
        }
    }

    /// Notes that a tag is invalidated.
    pub(crate) fn invalidated(&self, tag: &str) {
        let mut tags = lock(&self.tags);
        let is_known = tags.known.contains(&self.hash.hash_one(tag));
        if is_known || tags.is_full() || mistake(tag).is_some() {
            return;
        }
        let place = tags.unknown.iter().position(|(known, _)| **known == *tag);
        match place {
            Some(place) => {
                let (_, times) = &mut tags.unknown[place];
                *times = times.saturating_add(1);
            }
            None if tags.unknown.len() < MAX_UNKNOWN => tags.unknown.push((tag.into(), 1)),
            None => {}
        }
    }

    fn unknown_tags(&self) -> Vec<Advice> {
        let tags = lock(&self.tags);
        if tags.is_full() {
            return Vec::new();
        }
        let often = tags
            .unknown
            .iter()
            .filter(|(_, times)| *times >= MIN_INVALIDATIONS);
        let advice = often.map(|(tag, times)| Advice {
            kind: AdviceKind::UnknownTag,
            subject: tag.to_string(),
            message: format!(
                "the tag {tag:?} was invalidated {times} times, and no response has had it: compare it with the \
                 `tags(..)` of the handlers"
            ),
        });
        advice.collect()
    }

    /// Returns true for advice that was not logged before.
    fn is_new(&self, advice: &Advice) -> bool {
        let mut logged = lock(&self.logged);
        logged.len() < MAX_LOGGED && logged.insert((advice.kind, advice.subject.clone()))
    }
}

impl ResponseCache {
    /// Returns what the counts suggest to change: a route that is never answered from the cache, and why;
    /// keys or variants that hardly repeat; a tag that no response has. Each is also logged once.
    ///
    /// ```
    /// use actix_web::{App, HttpResponse, test, web};
    /// use cached_response::{AdviceKind, Policy, ResponseCache, cached};
    ///
    /// # #[actix_web::main] async fn main() {
    /// let cache = ResponseCache::builder().build();
    /// let login = || async { HttpResponse::Ok().insert_header(("set-cookie", "id=1")).finish() };
    /// let page = web::get().to(cached(Policy::default(), login));
    /// let app = test::init_service(App::new().app_data(cache.clone()).route("/login", page)).await;
    /// for _ in 0..200 {
    ///     test::call_service(&app, test::TestRequest::get().uri("/login").to_request()).await;
    /// }
    /// let advice = cache.advice();
    /// assert_eq!((advice[0].kind, &*advice[0].subject), (AdviceKind::NeverHits, "/login"));
    /// # }
    /// ```
    pub fn advice(&self) -> Vec<Advice> {
        self.shared().advice()
    }
}

impl Inner {
    fn advice(&self) -> Vec<Advice> {
        let mut stats = self.counters.read(&self.routes);
        (stats.max_bytes, stats.evictions) = (self.memory.max_bytes(), self.memory.evictions());
        let mut advice = advise(&stats, |route| self.counters.unknown_input(route));
        // Where there are other processes, they may have the tag.
        if self.remote.is_none() && stats.stored + stats.values.stored > 0 {
            advice.extend(self.advisor.unknown_tags());
        }
        if self.routes.is_per_worker() {
            advice.push(Advice {
                kind: AdviceKind::CachePerWorker,
                subject: String::new(),
                message:
                    "each worker has built a cache of its own: build it outside the closure of \
                          `HttpServer::new`, and clone it inside"
                        .to_owned(),
            });
        }
        advice
    }

    /// Logs new advice, now and then.
    pub(crate) fn log_advice(&self) {
        if !(self.advisor.seen.fetch_add(1, Relaxed) + 1).is_multiple_of(INTERVAL) {
            return;
        }
        for advice in self.advice() {
            // It was logged when it was found.
            if advice.kind != AdviceKind::CachePerWorker && self.advisor.is_new(&advice) {
                tracing::warn!(
                    target: TARGET,
                    advice = advice.kind.as_str(),
                    subject = advice.subject,
                    "{}", advice.message
                );
            }
        }
    }
}

/// Judges the counts. `unknown_input` returns the first unknown header or cookie of a middleware's route.
fn advise(stats: &Stats, unknown_input: impl Fn(&RouteStats) -> Option<String>) -> Vec<Advice> {
    let of_route = |stats: &RouteStats| {
        let (kind, message) = judge(stats, unknown_input(stats).as_deref())?;
        Some(Advice {
            kind,
            subject: stats.route.clone(),
            message: format!("{}: {message}", stats.route),
        })
    };
    let of_routes = stats.routes.iter().filter_map(of_route);
    of_routes.chain(evicted_early(stats)).collect()
}

fn evicted_early(stats: &Stats) -> Option<Advice> {
    let stored = stats.stored + stats.values.stored;
    (stats.evictions >= MIN_EVICTIONS && stats.evictions > stored / 2).then(|| Advice {
        kind: AdviceKind::EvictedEarly,
        subject: String::new(),
        message: format!(
            "{} of {stored} stored responses made room for others before their timeout was over: raise \
             `max_bytes(..)` above {} bytes, or store fewer of them",
            stats.evictions, stats.max_bytes
        ),
    })
}

fn judge(stats: &RouteStats, unknown_input: Option<&str>) -> Option<(AdviceKind, String)> {
    let requests = stats.requests();
    if requests < MIN_REQUESTS {
        return None;
    }
    if stats.hits == 0
        && let Some((word, remedy)) = obstacle(stats, requests, unknown_input)
    {
        let message = format!("none of {requests} requests was a hit ({word}): {remedy}");
        return Some((AdviceKind::NeverHits, message));
    }
    let by_variant = stats.forwards.get(ForwardReason::VaryMiss);
    if by_variant >= MANY_VARIANTS && by_variant > stats.hits {
        let message = format!(
            "{by_variant} misses are for further values of the headers that its responses vary by: send `Vary` \
             only for headers with few values, or put what counts of them into `key(..)`"
        );
        return Some((AdviceKind::ManyVariants, message));
    }
    let by_key = stats.forwards.get(ForwardReason::UriMiss);
    (by_key >= MANY_KEYS && by_key / 4 > stats.hits).then(|| {
        let message = format!(
            "{by_key} keys were requested and hardly one twice: name the parameters that count, \
             `query(\"page\", \"sort\")`, or ignore those that do not, `ignore_query(\"utm_source\")`"
        );
        (AdviceKind::ManyKeys, message)
    })
}

/// The reason of most requests without a hit, with its remedy.
fn obstacle(
    stats: &RouteStats,
    requests: u64,
    unknown_input: Option<&str>,
) -> Option<(String, String)> {
    let is_most = |count: u64| count > requests / 2;
    let mut bypasses = stats.bypasses.iter();
    if let Some((why, _)) = bypasses.find(|(_, count)| is_most(*count)) {
        let unknown_input = unknown_input.filter(|input| input.starts_with(why.as_str()));
        let word = unknown_input.unwrap_or(why.as_str()).to_owned();
        let name = unknown_input.and_then(|input| input.split_once(':'));
        return Some((word, bypass_remedy(why, name.map(|(_, name)| name))));
    }
    let mut skips = stats.skips.iter();
    let (why, _) = skips.find(|(_, count)| is_most(*count))?;
    Some((why.as_str().to_owned(), skip_remedy(why).to_owned()))
}

fn bypass_remedy(why: Bypass, name: Option<&str>) -> String {
    let name = name.unwrap_or("..");
    match why {
        Bypass::Cookie => format!(
            "if no response depends on this cookie, write `ignore_cookies([\"{name}\"])`; else put it into the key"
        ),
        Bypass::Header => format!(
            "if no response depends on this header, write `neutral_headers([\"{name}\"])`; else `vary([\"{name}\"])`"
        ),
        Bypass::Undeclared => {
            "its handler takes the whole request: write `vary(..)` with the headers that it reads, or take \
             arguments in its place"
                .to_owned()
        }
        Bypass::Off => "the cache is switched off: CACHED_RESPONSE=off, or `enabled(false)`".to_owned(),
        Bypass::Method => "write `methods(..)` with the methods that are safe to cache, or take the cache off".to_owned(),
        Bypass::Body | Bypass::BodyTooLarge => "write `body` with a limit that is large enough".to_owned(),
        _ => "the guide on what is cached has the reason".to_owned(),
    }
}

const fn skip_remedy(why: Skip) -> &'static str {
    match why {
        Skip::SetCookie => {
            "its responses set a cookie: set it elsewhere, or take the cache off this handler"
        }
        Skip::Private | Skip::NoStore | Skip::NoCache | Skip::MaxAge | Skip::CacheControl => {
            "its responses forbid it in `Cache-Control`: correct that field, or take the cache off this handler"
        }
        Skip::Vary => "its responses have `Vary: *`: name the headers",
        Skip::Lifetime => "its responses state no lifetime: write `timeout = 60`",
        Skip::Timeout => "its timeout is zero: write `timeout = 60`",
        Skip::TooLarge => "its bodies are over the limit: write a larger `max_body_bytes`",
        Skip::Authorization => {
            "its requests have `Authorization`: put the user into `key(..)`, or mark the response `public`"
        }
        Skip::Status | Skip::Error => {
            "its handler fails, or answers with a status that is not stored: `status(..)`"
        }
        Skip::Tags => "a tag names a path parameter that the route does not have",
        Skip::Disabled => "its handler calls `disable_cache()` each time",
        Skip::StoreIf => "its `store_if` refuses each response",
        _ => "the guide on what is cached has the reason",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_bounded_and_a_later_tag_is_counted() {
        let advisor = Advisor::default();
        for n in 0..1_000 {
            let tag = format!("tag{n}");
            (0..5).for_each(|_| advisor.invalidated(&tag));
        }
        assert_eq!(advisor.unknown_tags().len(), MAX_UNKNOWN);
        advisor.stored(["tag3"].into_iter());
        assert!(
            advisor
                .unknown_tags()
                .iter()
                .all(|advice| advice.subject != "tag3")
        );
        advisor.invalidated("tag3");
        assert_eq!(advisor.unknown_tags().len(), MAX_UNKNOWN - 1);
        for n in 0..MAX_TAGS + 7 {
            advisor.stored([format!("{n}").as_str()].into_iter());
        }
        assert_eq!(lock(&advisor.tags).known.len(), MAX_TAGS);
        assert_eq!(advisor.unknown_tags(), [], "it may have been one of those");
    }
}
