//! Check of an answer.

use actix_web::http::Method;

use crate::handlers::MOODY;
use crate::oracle::Done;
use crate::page::{Facts, Kind, Scope};
use crate::question::{Held, Sent};
use crate::world::World;

/// Answer of the server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The facts in the head.
    pub(crate) facts: Option<String>,
    pub(crate) tag: Option<String>,
    /// `None` where it broke off.
    pub(crate) body: Option<Vec<u8>>,
    /// `Cache-Status` of the answer.
    pub(crate) said: String,
}

/// Fault of an answer.
pub(crate) type Wrong = String;

impl Sent {
    /// Returns the response that the client holds from now on, or the fault.
    ///
    /// `None` for an answer that was not received.
    pub(crate) fn judge(
        &self,
        answer: Option<&Answer>,
        world: &World,
    ) -> Result<Option<Held>, Wrong> {
        let Some(answer) = answer else {
            return self.only_where_it_may("no answer").map(|()| None);
        };
        match (answer.status, &self.question.method) {
            (200, &Method::POST) => self.changed(answer, world).map(|()| None),
            (200, _) => self.judge_whole(answer),
            (206, _) => self.judge_part(answer).map(|()| None),
            (304, _) => self.judge_held().map(|()| None),
            // Of the cache itself: the run took too long.
            (503, _) if self.question.page.kind == Kind::Frail => Ok(None),
            (500 | 503, _) if answer.body.as_deref() == Some(MOODY.as_bytes()) => {
                self.only_where_it_may("a failure").map(|()| None)
            }
            (status, _) => Err(format!("status {status}")),
        }
    }

    fn only_where_it_may(&self, what: &str) -> Result<(), Wrong> {
        if self.question.page.kind.may_fail() {
            return Ok(());
        }
        Err(what.to_owned())
    }

    /// A POST has changed and invalidated the object before it was answered.
    fn changed(&self, answer: &Answer, world: &World) -> Result<(), Wrong> {
        let body = answer.body.as_deref().unwrap_or_default();
        let version = str::from_utf8(body).ok().and_then(|text| text.parse().ok());
        let version = version.ok_or("it was not changed")?;
        let page = self.question.page;
        let scope = Scope::Path(page.path());
        let done = Done::Invalidated;
        world.oracle.promise(done, scope, &[(page.number, version)]);
        Ok(())
    }

    fn judge_whole(&self, answer: &Answer) -> Result<Option<Held>, Wrong> {
        let facts = self.facts_of(answer)?;
        match &answer.body {
            None => self.only_where_it_may("a body that broke off")?,
            Some(body) if self.question.method == Method::HEAD => {
                if !body.is_empty() {
                    return Err("a body for HEAD".to_owned());
                }
            }
            Some(body) if *body != facts.body().into_bytes() => {
                return Err(format!("another body of {} octets", body.len()));
            }
            Some(_) => {}
        }
        let tag = answer.tag.clone();
        Ok(tag.map(|tag| Held { tag, facts }))
    }

    fn judge_part(&self, answer: &Answer) -> Result<(), Wrong> {
        let facts = self.facts_of(answer)?;
        let part = facts.body().into_bytes();
        if self.question.range.is_none() || answer.body.as_deref() != Some(&part[5..=20]) {
            return Err("another part".to_owned());
        }
        Ok(())
    }

    /// A 304 stands for what the client holds.
    fn judge_held(&self) -> Result<(), Wrong> {
        let held = self.held.as_ref().ok_or("304 for nothing")?;
        self.judge_facts(&held.facts)
    }

    fn facts_of(&self, answer: &Answer) -> Result<Facts, Wrong> {
        let line = answer.facts.as_deref().ok_or("it tells no facts")?;
        let facts = Facts::from_line(line).ok_or("it tells no facts that can be read")?;
        self.judge_facts(&facts)?;
        Ok(facts)
    }

    fn judge_facts(&self, facts: &Facts) -> Result<(), Wrong> {
        let question = &self.question;
        let kind = question.page.kind;
        if facts.page != question.page {
            return Err(format!("the page {:?}", facts.page));
        }
        if facts.user.as_deref() != question.user.filter(|_| kind.shows_user()) {
            return Err(format!("the page of {:?}", facts.user));
        }
        if facts.language.as_deref() != question.language.filter(|_| kind.shows_language()) {
            return Err(format!("the page in {:?}", facts.language));
        }
        let objects = question.page.objects();
        if !objects.eq(facts.versions.iter().map(|(object, _)| *object)) {
            return Err(format!("other objects: {:?}", facts.versions));
        }
        let pairs = facts.versions.iter().zip(&self.least);
        match pairs.clone().find(|(version, least)| version < least) {
            Some((version, least)) => Err(format!("{version:?} where {least:?} is promised")),
            None => Ok(()),
        }
    }
}
