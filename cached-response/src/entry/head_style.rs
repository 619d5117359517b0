//! HTTP/1.x style of a response head: reason phrase and case of field names.

use crate::util::sync::lock;
use actix_web::{dev::ResponseHead, http::header::HeaderMap};
use std::{borrow::Cow, mem, sync::Mutex};

/// Style that the handler set. Empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Reason phrase in place of the standard one.
    reason: Option<Cow<'static, str>>,
    /// Field names are written as `Content-Type`.
    camel_case: bool,
}

/// Longest reason phrase that is kept, in bytes.
const MAX_REASON_BYTES: usize = 128;

/// Most phrases of other processes that are kept; a response with another one has the standard phrase.
const MAX_REASONS: usize = 64;

impl Style {
    /// Reads the style of a response.
    pub(crate) fn of(head: &mut ResponseHead) -> Self {
        let reason = head.reason.filter(|reason| is_phrase(reason.as_bytes()));
        Self {
            reason: reason.map(Cow::Borrowed),
            camel_case: is_camel_case(head),
        }
    }

    /// Parses a style from a frame; `None` if a status line cannot have that phrase.
    pub(crate) fn read(reason: Option<&[u8]>, camel_case: bool) -> Option<Self> {
        let reason = match reason {
            None => None,
            Some(text) if is_phrase(text) => Some(str::from_utf8(text).ok()?.to_owned().into()),
            Some(_) => return None,
        };
        Some(Self { reason, camel_case })
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub(crate) fn camel_case(&self) -> bool {
        self.camel_case
    }

    /// Interns the phrase of a parsed style, so that it can be sent.
    pub(crate) fn intern(&mut self) {
        if let Some(Cow::Owned(text)) = &self.reason {
            self.reason = intern(text).map(Cow::Borrowed);
        }
    }

    /// Applies the style to a head of the same status.
    #[inline]
    pub(crate) fn apply(&self, head: &mut ResponseHead) {
        if let Some(Cow::Borrowed(reason)) = self.reason {
            head.reason = Some(reason);
        }
        self.apply_case(head);
    }

    /// Applies the style without the phrase, which belongs to one status, to a head of another status.
    #[inline]
    pub(crate) fn apply_case(&self, head: &mut ResponseHead) {
        if self.camel_case {
            head.set_camel_case_headers(true);
        }
    }
}

/// Returns true for a reason phrase (RFC 9112 §4) that all clients parse in the same way.
fn is_phrase(text: &[u8]) -> bool {
    (1..=MAX_REASON_BYTES).contains(&text.len())
        && text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Returns the flag of `set_camel_case_headers`, which only `Debug` shows.
fn is_camel_case(head: &mut ResponseHead) -> bool {
    let headers = mem::replace(&mut head.headers, HeaderMap::new());
    let reason = head.reason.take();
    let shown = format!("{head:?}");
    head.headers = headers;
    head.reason = reason;
    shown.contains("CAMEL_CASE")
}

/// Returns the phrase as `&'static str`, unless there are too many.
fn intern(text: &str) -> Option<&'static str> {
    static KNOWN: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut known = lock(&KNOWN);
    let found = known.iter().copied().find(|phrase| *phrase == text);
    if found.is_none() && known.len() < MAX_REASONS {
        let phrase: &'static str = Box::leak(text.into());
        known.push(phrase);
        return Some(phrase);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::StatusCode;

    #[test]
    fn a_style_is_taken_from_a_head_and_given_to_another() {
        for (reason, camel_case) in [
            (None, false),
            (Some("Fine"), false),
            (None, true),
            (Some("Fine"), true),
        ] {
            let mut head = ResponseHead::new(StatusCode::OK);
            let value = actix_web::http::header::HeaderValue::from_static("CAMEL_CASE");
            head.headers.insert(actix_web::http::header::ETAG, value);
            head.reason = reason;
            head.set_camel_case_headers(camel_case);
            let style = Style::of(&mut head);
            assert_eq!((style.reason(), style.camel_case()), (reason, camel_case));
            assert_eq!((head.headers.len(), head.reason), (1, reason));
            let mut other = ResponseHead::new(StatusCode::OK);
            style.apply(&mut other);
            assert_eq!(Style::of(&mut other), style);
        }
    }

    #[test]
    fn a_phrase_that_would_end_the_line_is_rejected() {
        for text in [
            "",
            "a\r\nset-cookie: b=1",
            "tab\there",
            "größe",
            &"x".repeat(129),
        ] {
            assert_eq!(Style::read(Some(text.as_bytes()), false), None, "{text}");
        }
        assert!(Style::read(Some(b"Quite Fine"), false).is_some());
    }

    #[test]
    fn phrases_of_other_processes_are_bounded() {
        let interned = |n: usize| {
            let mut style = Style::read(Some(format!("phrase {n}").as_bytes()), true).unwrap();
            style.intern();
            style
        };
        let known = (0..1000)
            .filter(|n| interned(*n).reason().is_some())
            .count();
        assert!((1..=MAX_REASONS).contains(&known), "{known}");
        assert_eq!(interned(0).reason(), Some("phrase 0"));
        assert!(interned(999).camel_case());
    }
}
