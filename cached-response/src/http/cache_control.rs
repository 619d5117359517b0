//! `Cache-Control` (RFC 9111 §5.2): one reader of its directives, with two strictnesses; and targeted cache
//! control (RFC 9213): a field for this cache alone, which is a dictionary of structured values (RFC 9651).

use crate::http::fields::{lines, tokens};
use actix_web::http::header::{self, HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};
use std::time::Duration;

/// Treatment of a directive that is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// For routes that set the TTL themselves: the field can only forbid, so that a malformed
    /// directive sets [`CacheControl::malformed`], and a qualified `private` or `no-cache` counts as
    /// the unqualified one.
    Forbid,
    /// For responses that state their own lifetime: unknown directives are ignored (RFC 9111
    /// §5.2.3), and a known one with an unreadable argument has its strictest meaning (§4.2.1).
    Rfc9111,
}

/// The directives of one response that concern a shared cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "directives are independent of each other, on the wire as well"
)]
pub(crate) struct CacheControl {
    /// Read from a targeted field (RFC 9213), which also replaces `Expires`.
    pub(crate) targeted: bool,
    /// Some of the field could not be parsed; only under [`Strictness::Forbid`].
    pub(crate) malformed: bool,
    pub(crate) no_store: bool,
    pub(crate) private: Withheld,
    pub(crate) no_cache: Withheld,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) must_understand: bool,
    pub(crate) max_age: Option<Duration>,
    pub(crate) s_maxage: Option<Duration>,
    /// RFC 5861 §3.
    pub(crate) stale_while_revalidate: Option<Duration>,
    /// RFC 5861 §4.
    pub(crate) stale_if_error: Option<Duration>,
}

/// The part of a response that `private` or `no-cache` withholds from other clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Withheld {
    #[default]
    Nothing,
    /// Only these fields (RFC 9111 §5.2.2.4, §5.2.2.7).
    Fields(Vec<HeaderName>),
    All,
}

impl CacheControl {
    /// Parses the lines of the field. Of contradictory lifetimes the shortest counts.
    pub(crate) fn parse<'a>(lines: impl Iterator<Item = &'a [u8]>, strictness: Strictness) -> Self {
        let mut read = Self::default();
        for directive in directives(lines) {
            match strictness {
                Strictness::Forbid => {
                    let applied = directive.is_well_formed() && read.apply(&directive, strictness);
                    read.malformed |= !applied;
                }
                Strictness::Rfc9111 => {
                    read.apply(&directive, strictness);
                    if directive.has_unclosed_quote() {
                        read.no_cache.add(None);
                    }
                }
            }
        }
        read
    }

    /// Applies one directive. Returns false where its argument is not one that it takes.
    fn apply(&mut self, directive: &Directive<'_>, strictness: Strictness) -> bool {
        let is_strict = strictness == Strictness::Forbid;
        let bare = directive.is_bare();
        let fields = || directive.field_names().filter(|_| !is_strict);
        let seconds = || match directive.seconds() {
            None if !is_strict => Some(Duration::ZERO),
            seconds => seconds,
        };
        match &*directive.name() {
            "no-store" => self.no_store = true,
            "private" => self.private.add(fields()),
            "no-cache" => self.no_cache.add(fields()),
            // `public=no` must not allow anything.
            "public" if bare => self.public = true,
            "must-understand" if bare => self.must_understand = true,
            "must-revalidate" if bare => self.must_revalidate = true,
            // `must-revalidate` also permits reuse with `Authorization` (RFC 9111 §3.5); with an
            // argument it only restricts.
            "must-revalidate" | "proxy-revalidate" if bare || !is_strict => {
                self.proxy_revalidate = true;
            }
            "max-age" => return shorten(&mut self.max_age, seconds()),
            "s-maxage" => return shorten(&mut self.s_maxage, seconds()),
            "stale-while-revalidate" => {
                return shorten(&mut self.stale_while_revalidate, seconds());
            }
            "stale-if-error" => return shorten(&mut self.stale_if_error, seconds()),
            "public" | "must-understand" | "must-revalidate" | "proxy-revalidate" | "immutable" => {
                return bare;
            }
            _ => {}
        }
        true
    }
}

/// Keeps the shorter of two lifetimes. Returns false where there is none to add.
fn shorten(known: &mut Option<Duration>, read: Option<Duration>) -> bool {
    let Some(read) = read else { return false };
    *known = Some(known.map_or(read, |known| known.min(read)));
    true
}

impl Withheld {
    /// Adds fields, or the whole response where there are no names. A response cannot be understood
    /// without some of its fields; withholding one of them withholds everything.
    pub(crate) fn add(&mut self, names: Option<Vec<HeaderName>>) {
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

    /// The fields, where only fields are withheld.
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

/// One directive: its name, and the argument after its `=`, as they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Directive<'a> {
    name: &'a [u8],
    argument: Option<&'a [u8]>,
}

/// The directives of a field over all its lines. A name inside a quoted string is none.
pub(crate) fn directives<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
) -> impl Iterator<Item = Directive<'a>> {
    tokens(lines).map(
        |member| match member.iter().position(|byte| *byte == b'=') {
            Some(at) => Directive {
                name: &member[..at],
                argument: Some(&member[at + 1..]),
            },
            None => Directive {
                name: member,
                argument: None,
            },
        },
    )
}

impl<'a> Directive<'a> {
    /// The name in lower case, without whitespace before the `=`. An argument after such whitespace
    /// is unreadable.
    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(self.name.trim_ascii_end()).to_ascii_lowercase()
    }

    /// Returns true for a directive without an argument.
    pub(crate) fn is_bare(&self) -> bool {
        self.argument.is_none()
    }

    /// The argument as a number of seconds, quoted or not; `None` where it is none.
    pub(crate) fn seconds(&self) -> Option<Duration> {
        delta_seconds(self.text()?)
    }

    /// The field names in a quoted argument; `None` where it names no fields.
    fn field_names(&self) -> Option<Vec<HeaderName>> {
        let quoted = self
            .argument
            .is_some_and(|argument| argument.starts_with(b"\""));
        quoted.then(|| field_names(self.text()?)).flatten()
    }

    /// Returns true where the name is a token and the argument one token or one quoted string.
    fn is_well_formed(&self) -> bool {
        let is_token = !self.name.is_empty() && self.name.iter().copied().all(is_token_character);
        is_token && (self.is_bare() || self.text().is_some())
    }

    /// Returns true for a quoted string without an end: the directives that it swallowed are
    /// unknown.
    fn has_unclosed_quote(&self) -> bool {
        let argument = self.argument.unwrap_or(self.name);
        let (mut quoted, mut escaped) = (false, false);
        for byte in argument {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
        }
        quoted
    }

    /// The argument without its quotes.
    fn text(&self) -> Option<&'a str> {
        if self.name.trim_ascii_end() != self.name {
            return None;
        }
        unquoted(str::from_utf8(self.argument?).ok()?)
    }
}

/// The names in a list of fields; `None` where the list is empty or a member is not a name.
pub(crate) fn field_names(list: &str) -> Option<Vec<HeaderName>> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| {
            HeaderName::from_bytes(name.as_bytes())
                .ok()
                .filter(|_| !name.contains('"'))
        })
        .collect::<Option<Vec<_>>>()
        .filter(|names| !names.is_empty())
}

/// Returns true for a character of a token (RFC 9110 §5.6.2).
pub(crate) fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Returns the content of a quoted string, or the text itself where it has no quotes and no
/// whitespace.
fn unquoted(argument: &str) -> Option<&str> {
    let Some(opened) = argument.strip_prefix('"') else {
        let in_one_piece = argument
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"');
        return in_one_piece.then_some(argument);
    };
    let mut escaped = false;
    let end = opened.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })?;
    (end + 1 == opened.len()).then(|| &opened[..end])
}

/// Upper bound of a lifetime in seconds (RFC 9111 §1.2.2).
pub(crate) const MAX_DELTA_SECONDS: u64 = 1 << 31;

/// Parses a number of seconds (RFC 9111 §1.2.2); one too large is [`MAX_DELTA_SECONDS`].
pub(crate) fn delta_seconds(digits: &str) -> Option<Duration> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse().unwrap_or(MAX_DELTA_SECONDS);
    Some(Duration::from_secs(seconds.min(MAX_DELTA_SECONDS)))
}

/// Reads the targeted field where it is present and valid (RFC 9213 §2.2), and `Cache-Control`
/// otherwise.
pub(crate) fn effective(headers: &HeaderMap, targeted: Option<&HeaderName>) -> CacheControl {
    targeted
        .and_then(|name| parse_targeted(lines(headers, name)))
        .unwrap_or_else(|| {
            let lines = lines(headers, &header::CACHE_CONTROL);
            CacheControl::parse(lines, Strictness::Rfc9111)
        })
}

/// Parses a targeted field; `None` where it is absent, empty, or no dictionary (RFC 9213 §2.1).
fn parse_targeted<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<CacheControl> {
    let field = lines.collect::<Vec<_>>().join(&b", "[..]);
    let members: Dictionary = Parser::new(&field).parse().ok()?;
    if members.is_empty() {
        return None;
    }
    let mut read = CacheControl {
        targeted: true,
        ..CacheControl::default()
    };
    for (name, entry) in &members {
        if let ListEntry::Item(item) = entry {
            apply(&mut read, name.as_str(), &item.bare_item);
        }
    }
    Some(read)
}

/// Applies one directive. One with a value of another type than its own is ignored.
fn apply(read: &mut CacheControl, name: &str, value: &BareItem) {
    match value {
        BareItem::Boolean(value) => apply_flag(read, name, *value),
        BareItem::String(names) => match name {
            "private" => read.private.add(field_names(names.as_str())),
            "no-cache" => read.no_cache.add(field_names(names.as_str())),
            _ => {}
        },
        BareItem::Integer(seconds) => {
            let lifetime = match name {
                "max-age" => &mut read.max_age,
                "s-maxage" => &mut read.s_maxage,
                "stale-while-revalidate" => &mut read.stale_while_revalidate,
                "stale-if-error" => &mut read.stale_if_error,
                _ => return,
            };
            // RFC 9111 §1.2.2; a negative number is as good as zero.
            let seconds = u64::try_from(i64::from(*seconds)).unwrap_or(0);
            *lifetime = Some(Duration::from_secs(seconds.min(MAX_DELTA_SECONDS)));
        }
        _ => {}
    }
}

fn apply_flag(read: &mut CacheControl, name: &str, value: bool) {
    match name {
        "private" if value => read.private.add(None),
        "no-cache" if value => read.no_cache.add(None),
        "no-store" => read.no_store = value,
        "public" => read.public = value,
        "must-understand" => read.must_understand = value,
        "must-revalidate" => read.must_revalidate = value,
        "proxy-revalidate" => read.proxy_revalidate = value,
        _ => {}
    }
}

#[cfg(test)]
mod tests;
