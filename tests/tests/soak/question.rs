//! Requests of a client.

use std::fmt;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use tests::raw;

use crate::oracle::Version;
use crate::page::{Among, Facts, Kind, Page};
use crate::world::World;
use tests::dice::Dice;

/// One request, before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) page: Page,
    pub(crate) method: Method,
    pub(crate) user: Option<&'static str>,
    pub(crate) language: Option<&'static str>,
    /// With `?nocache=1`.
    pub(crate) live: bool,
    pub(crate) range: Option<&'static str>,
    /// True if it sends the `ETag` of a response that its client holds.
    pub(crate) held: Option<Tag>,
}

/// Of what a client sends the tag.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tag {
    /// Of the last that it has seen of this page.
    Newest,
    /// Of anything.
    Any(usize),
}

/// A representation that a client holds.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) tag: String,
    pub(crate) facts: Facts,
}

/// A request that is sent, and what it must be answered with.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) question: Question,
    pub(crate) held: Option<Held>,
    pub(crate) least: Vec<Version>,
}

impl Tag {
    fn roll(dice: &mut Dice) -> Option<Self> {
        match dice.below(10) {
            0..3 => Some(Self::Newest),
            3 => Some(Self::Any(dice.below(1000))),
            _ => None,
        }
    }
}

impl Question {
    pub(crate) fn roll(dice: &mut Dice, among: &Among) -> Self {
        let page = Page::roll(dice, among);
        let method = match dice.below(20) {
            0..2 if page.kind == Kind::Object => Method::POST,
            2..5 if page.kind == Kind::Object => Method::HEAD,
            _ => Method::GET,
        };
        Self {
            page,
            live: method == Method::GET && dice.once_in(12),
            method,
            user: dice.pick(&[None, None, Some("ann"), Some("bob")]),
            language: dice.pick(&[None, Some("de"), Some("en")]),
            range: dice.pick(&[None, None, None, None, None, None, Some("bytes=5-20")]),
            held: Tag::roll(dice),
        }
    }

    /// Reads what is promised, and the clock of truth where the answer is to be a live one.
    pub(crate) fn send(self, world: &World, held: &[Held]) -> Sent {
        let held = match self.held {
            Some(Tag::Newest) => held.iter().rfind(|held| held.facts.page == self.page),
            Some(Tag::Any(which)) => held.get(which % held.len().max(1)),
            None => None,
        };
        let least = if self.live {
            world.versions(self.page.objects())
        } else {
            world.oracle.least(self.page)
        };
        Sent {
            question: self,
            held: held.cloned(),
            least,
        }
    }

    fn uri(&self) -> String {
        let uri = self.page.uri();
        let sign = if self.page.full { '&' } else { '?' };
        if self.live {
            format!("{uri}{sign}nocache=1")
        } else {
            uri
        }
    }
}

impl Sent {
    fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let tag = self.held.as_ref().map(|held| held.tag.as_str());
        [
            ("x-user", self.question.user),
            ("accept-language", self.question.language),
            ("range", self.question.range),
            ("if-none-match", tag),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }

    pub(crate) fn in_process(&self) -> TestRequest {
        let request = TestRequest::with_uri(&self.question.uri());
        let request = request.method(self.question.method.clone());
        self.fields().fold(request, |request, (name, value)| {
            request.insert_header((name, value))
        })
    }

    pub(crate) fn on_the_wire(&self) -> raw::Request {
        let request = raw::Request::new(self.question.method.as_str(), self.question.uri());
        let request = self.fields().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        if self.question.method == Method::POST {
            return request.body("");
        }
        request
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            question, least, ..
        } = self;
        write!(f, "{} {}", question.method, question.uri())?;
        for (name, value) in self.fields() {
            write!(f, ", {name}: {value}")?;
        }
        write!(f, "; promised {least:?}")
    }
}
