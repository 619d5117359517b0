//! What a response says to a shared cache, where its own word counts: in `Cache-Control`
//! (RFC 9111 §5.2.2), or in the field that is meant for us alone (RFC 9213).
//!
//! Other than under a timeout of the author's, what is not known is ignored here (§5.2.3), and
//! what is known but cannot be read has its strictest meaning (§4.2.1).

use crate::http::{
    dictionary::{Value, dictionary},
    directive::{Directive, directives, field_names},
    fields::lines,
};
use actix_web::http::header::{self, HeaderMap, HeaderName};
use std::time::Duration;

/// The directives that concern us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "directives are independent of each other, on the wire as well"
)]
pub(crate) struct Directives {
    /// They stand in a field for us alone, which rules in place of `Expires`, too.
    pub(crate) targeted: bool,
    pub(crate) no_store: bool,
    pub(crate) private: Withheld,
    pub(crate) no_cache: Withheld,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) must_understand: bool,
    /// Zero where it cannot be read.
    pub(crate) max_age: Option<Duration>,
    /// Zero where it cannot be read.
    pub(crate) s_maxage: Option<Duration>,
    /// RFC 5861 §3, §4; zero where it cannot be read.
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
}

/// What of a response a directive keeps from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Withheld {
    #[default]
    Nothing,
    /// Only these fields (§5.2.2.4, §5.2.2.7).
    Fields(Vec<HeaderName>),
    All,
}

impl Directives {
    /// Reads the field named `targeted` where there is one that can be read (RFC 9213 §2.2), and
    /// else `Cache-Control`.
    pub(crate) fn of(headers: &HeaderMap, targeted: Option<&HeaderName>) -> Self {
        targeted
            .and_then(|name| Self::targeted(lines(headers, name)))
            .unwrap_or_else(|| Self::cache_control(lines(headers, &header::CACHE_CONTROL)))
    }

    fn cache_control<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut said = Self::default();
        for directive in directives(lines) {
            said.hear(&directive);
        }
        said
    }

    fn hear(&mut self, directive: &Directive<'_>) {
        let seconds = || directive.seconds().unwrap_or(Duration::ZERO);
        match &*directive.name() {
            "no-store" => self.no_store = true,
            "private" => self.private.add(directive.names()),
            "no-cache" => self.no_cache.add(directive.names()),
            // What allows something takes no argument; `public=no` must not allow it.
            "public" => self.public |= directive.is_bare(),
            "must-understand" => self.must_understand |= directive.is_bare(),
            "must-revalidate" if directive.is_bare() => self.must_revalidate = true,
            // It also opens a response to others (§3.5), which one with an argument does not.
            "must-revalidate" | "proxy-revalidate" => self.proxy_revalidate = true,
            "max-age" => shorten(&mut self.max_age, seconds()),
            "s-maxage" => shorten(&mut self.s_maxage, seconds()),
            "stale-while-revalidate" => shorten(&mut self.stale_while_revalidate, seconds()),
            "stale-if-error" => shorten(&mut self.stale_if_error, seconds()),
            _ => {}
        }
        if directive.is_open() {
            self.no_cache.add(None);
        }
    }

    /// `None` where the field is absent, empty, or no dictionary (RFC 9213 §2.1).
    fn targeted<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let lines: Option<Vec<&str>> = lines.map(|line| str::from_utf8(line).ok()).collect();
        let text = lines?.join(", ");
        let members = dictionary(&text).filter(|members| !members.is_empty())?;
        let mut said = Self {
            targeted: true,
            ..Self::default()
        };
        for (name, value) in members {
            said.hear_targeted(name, value);
        }
        Some(said)
    }

    /// A value of a type that the directive has not is ignored, and the directive with it.
    fn hear_targeted(&mut self, name: &str, value: Value) {
        match (name, value) {
            ("no-store", Value::Boolean(said)) => self.no_store = said,
            ("private", Value::Boolean(true)) => self.private.add(None),
            ("private", Value::String(names)) => self.private.add(field_names(&names)),
            ("no-cache", Value::Boolean(true)) => self.no_cache.add(None),
            ("no-cache", Value::String(names)) => self.no_cache.add(field_names(&names)),
            ("public", Value::Boolean(said)) => self.public = said,
            ("must-understand", Value::Boolean(said)) => self.must_understand = said,
            ("must-revalidate", Value::Boolean(said)) => self.must_revalidate = said,
            ("proxy-revalidate", Value::Boolean(said)) => self.proxy_revalidate = said,
            ("max-age", Value::Integer(seconds)) => self.max_age = Some(clipped(seconds)),
            ("s-maxage", Value::Integer(seconds)) => self.s_maxage = Some(clipped(seconds)),
            ("stale-while-revalidate", Value::Integer(seconds)) => {
                self.stale_while_revalidate = Some(clipped(seconds));
            }
            ("stale-if-error", Value::Integer(seconds)) => {
                self.stale_if_error = Some(clipped(seconds));
            }
            _ => {}
        }
    }
}

impl Withheld {
    /// Adds fields, or everything where there are no names. A response cannot be understood without
    /// some of its fields: without them, it is not reused at all.
    fn add(&mut self, names: Option<Vec<HeaderName>>) {
        let names = names.filter(|names| !names.iter().any(is_essential));
        *self = match (std::mem::take(self), names) {
            (Self::All, _) | (_, None) => Self::All,
            (Self::Nothing, Some(names)) => Self::Fields(names),
            (Self::Fields(mut known), Some(more)) => {
                known.extend(more);
                Self::Fields(known)
            }
        };
    }

    /// The fields, where it is only fields.
    pub(crate) fn fields(&self) -> &[HeaderName] {
        match self {
            Self::Fields(names) => names,
            Self::Nothing | Self::All => &[],
        }
    }
}

fn is_essential(name: &HeaderName) -> bool {
    const ESSENTIAL: [HeaderName; 7] = [
        header::VARY,
        header::LOCATION,
        header::DATE,
        header::EXPIRES,
        header::CACHE_CONTROL,
        header::ETAG,
        header::LAST_MODIFIED,
    ];
    ESSENTIAL.contains(name) || name.as_str().starts_with("content-")
}

/// Of contradictory lifetimes the shortest counts.
fn shorten(known: &mut Option<Duration>, read: Duration) {
    *known = Some(known.map_or(read, |known| known.min(read)));
}

/// RFC 9111 §1.2.2; what is negative is as good as nothing.
fn clipped(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(1 << 31))
}

#[cfg(test)]
mod tests;
