//! `Cache-Control` (RFC 9111 §5.2), read so that what forbids is never missed.
//!
//! Names are compared in any case, over all lines, outside quoted strings only.
//! Of contradictory lifetimes the shortest counts. What cannot be understood
//! is [`junk`](CacheControl::junk), which the caller takes as a prohibition.

use std::time::Duration;

use crate::http::fields::members;

/// The directives of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "directives are independent of each other, on the wire as well"
)]
pub(crate) struct CacheControl {
    /// The field is there, if only as an empty line.
    pub present: bool,
    /// Some of it could not be understood.
    pub junk: bool,
    pub no_store: bool,
    /// Also where it names fields, as in `no-cache="set-cookie"`.
    pub no_cache: bool,
    /// Also where it names fields.
    pub private: bool,
    pub public: bool,
    pub must_revalidate: bool,
    pub proxy_revalidate: bool,
    pub must_understand: bool,
    pub immutable: bool,
    pub max_age: Option<Duration>,
    pub s_maxage: Option<Duration>,
    pub stale_while_revalidate: Option<Duration>,
    pub stale_if_error: Option<Duration>,
}

impl CacheControl {
    /// Reads the lines of the field.
    pub(crate) fn parse<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut directives = Self::default();
        for member in members(lines) {
            directives.present = true;
            if !member.is_empty() && directives.read(member).is_none() {
                directives.junk = true;
            }
        }
        directives
    }

    /// Takes one directive in; `None` where it makes no sense.
    fn read(&mut self, member: &[u8]) -> Option<()> {
        let (name, argument) = split(member)?;
        match &*name.to_ascii_lowercase() {
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "public" => self.public = bare(argument)?,
            "must-revalidate" => self.must_revalidate = bare(argument)?,
            "proxy-revalidate" => self.proxy_revalidate = bare(argument)?,
            "must-understand" => self.must_understand = bare(argument)?,
            "immutable" => self.immutable = bare(argument)?,
            "max-age" => shorten(&mut self.max_age, argument)?,
            "s-maxage" => shorten(&mut self.s_maxage, argument)?,
            "stale-while-revalidate" => shorten(&mut self.stale_while_revalidate, argument)?,
            "stale-if-error" => shorten(&mut self.stale_if_error, argument)?,
            // RFC 9111 §5.2.3: what is not known is ignored.
            _ => {}
        }
        Some(())
    }
}

/// A directive's name and argument, the latter without its quotes.
fn split(member: &[u8]) -> Option<(&str, Option<&str>)> {
    let member = str::from_utf8(member).ok()?;
    let (name, argument) = match member.split_once('=') {
        Some((name, argument)) => (name, Some(unquoted(argument)?)),
        None => (member, None),
    };
    let is_token = !name.is_empty() && name.bytes().all(is_token_character);
    is_token.then_some((name, argument))
}

/// RFC 9110 §5.6.2.
fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A quoted string without its quotes, or anything else in one piece.
pub(crate) fn unquoted(argument: &str) -> Option<&str> {
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

/// What allows something takes no argument; `public=no` must not allow it.
fn bare(argument: Option<&str>) -> Option<bool> {
    argument.is_none().then_some(true)
}

fn shorten(known: &mut Option<Duration>, argument: Option<&str>) -> Option<()> {
    let read = delta_seconds(argument?)?;
    *known = Some(known.map_or(read, |known| known.min(read)));
    Some(())
}

/// RFC 9111 §1.2.2; what is too large is 2³¹.
pub(crate) fn delta_seconds(digits: &str) -> Option<Duration> {
    const LARGEST: u64 = 1 << 31;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse().unwrap_or(LARGEST);
    Some(Duration::from_secs(seconds.min(LARGEST)))
}

#[cfg(test)]
mod tests;
