//! How the head of a response is written on HTTP/1.x, beside its status and its fields.

use actix_web::{dev::ResponseHead, http::header::HeaderMap};
use std::{
    borrow::Cow,
    mem,
    sync::{Mutex, PoisonError},
};

/// What a handler has said of it. By default, nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Stands in the status line in place of the status's own phrase.
    reason: Option<Cow<'static, str>>,
    /// The names of fields are written as `Content-Type`.
    camel_case: bool,
}

/// Longer reason phrases are not kept.
const LONGEST: usize = 128;

/// So many phrases of other processes are known; a response with another one has its status's own.
const MOST: usize = 64;

impl Style {
    /// The style of a live response.
    pub(crate) fn of(head: &mut ResponseHead) -> Self {
        let reason = head.reason.filter(|reason| is_phrase(reason.as_bytes()));
        Self {
            reason: reason.map(Cow::Borrowed),
            camel_case: is_camel_case(head),
        }
    }

    /// A style as another process has written it; `None` if a status line cannot have that phrase.
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

    /// Makes of a style that was read one that answers.
    pub(crate) fn settle(&mut self) {
        if let Some(Cow::Owned(text)) = &self.reason {
            self.reason = known(text).map(Cow::Borrowed);
        }
    }

    /// Writes a head of the same status in this style.
    #[inline]
    pub(crate) fn apply(&self, head: &mut ResponseHead) {
        if let Some(Cow::Borrowed(reason)) = self.reason {
            head.reason = Some(reason);
        }
        self.apply_case(head);
    }

    /// Writes a head of another status in this style: the phrase is of a status.
    #[inline]
    pub(crate) fn apply_case(&self, head: &mut ResponseHead) {
        if self.camel_case {
            head.set_camel_case_headers(true);
        }
    }
}

/// Returns true for what a status line can have as its phrase (RFC 9112 §4) without a byte that clients
/// would read differently.
fn is_phrase(text: &[u8]) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Returns the flag that `set_camel_case_headers` has set. Only `Debug` shows it.
fn is_camel_case(head: &mut ResponseHead) -> bool {
    let headers = mem::replace(&mut head.headers, HeaderMap::new());
    let reason = head.reason.take();
    let shown = format!("{head:?}");
    head.headers = headers;
    head.reason = reason;
    shown.contains("CAMEL_CASE")
}

/// Returns the phrase as one that lives on, unless there are too many.
fn known(text: &str) -> Option<&'static str> {
    static KNOWN: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let found = known.iter().copied().find(|phrase| *phrase == text);
    if found.is_none() && known.len() < MOST {
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
    fn a_phrase_that_would_end_the_line_is_none() {
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
    fn phrases_of_others_are_bounded() {
        let settled = |n: usize| {
            let mut style = Style::read(Some(format!("phrase {n}").as_bytes()), true).unwrap();
            style.settle();
            style
        };
        let known = (0..1000).filter(|n| settled(*n).reason().is_some()).count();
        assert!((1..=MOST).contains(&known), "{known}");
        assert_eq!(settled(0).reason(), Some("phrase 0"));
        assert!(settled(999).camel_case());
    }
}
