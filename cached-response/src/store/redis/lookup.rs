//! A look-up: what is asked, and what is read.

use actix_web::web::Bytes;
use std::{
    sync::OnceLock,
    task::{Context, Poll, ready},
    time::Duration,
};

use crate::{
    store::{
        error::{Found, LookedUp, Question, StoreError, StoredValue},
        redis::{
            answer::Answer,
            command::{Commands, Prepared},
            error,
            line::Asked,
            wire::Read,
        },
        small_values::SmallValues,
    },
    util::shared_oneshot::Place,
};

/// So many commands are [`whole`].
const WHOLE: usize = 3;

/// What is asked to read a value and its life. Another may put something else in its place while it
/// is read: one of the two lives is that of what was read, and the shorter one is believed.
pub(crate) fn whole(name: &str, limit: usize, more: usize) -> Commands {
    let mut whole = Commands::with_room(WHOLE + more, name.len() + 64);
    whole.left(name).read(name, limit).left(name);
    whole
}

/// All that is asked for a look-up.
pub(crate) fn prepared(question: &Question<'_>) -> Prepared {
    let Question { name, with, .. } = question;
    let mut commands = whole(name, question.limit, with.len());
    commands.shorts(with);
    commands.prepared(question.in_passing)
}

/// What was answered to [`whole`].
pub(crate) fn kept(answers: [Answer; WHOLE]) -> Result<Option<StoredValue>, StoreError> {
    let [before, bytes, after] = answers;
    let (before, after) = (before.number()?, after.number()?);
    let Some(bytes) = bytes.value()? else {
        return Ok(None);
    };
    if before == NOT_THERE || after == NOT_THERE {
        return Ok(None);
    }
    // Below zero it lives for ever, which is nothing that we have put there.
    let left = u64::try_from(before.min(after)).unwrap_or(0);
    Ok(Some(StoredValue::new(bytes, Duration::from_millis(left))))
}

/// What was answered to [`whole`], and to the names beside it.
pub(crate) fn looked_up(
    (first, others): (Vec<Answer>, Vec<Option<Bytes>>),
) -> Result<(Option<StoredValue>, Vec<Option<Bytes>>), StoreError> {
    let first = first.try_into().map_err(|_| error::protocol_error())?;
    Ok((kept(first)?, others))
}

/// What `PTTL` says of a name under which nothing lies.
pub(crate) const NOT_THERE: i64 = -2;

/// A look-up on a connection that was at hand.
pub(crate) struct PendingLookup {
    asked: Asked,
    /// Whether short values are asked for as well.
    more: bool,
    /// What it has come to, where several wait for it.
    found: OnceLock<Result<LookedUp, StoreError>>,
}

impl PendingLookup {
    pub(crate) fn new(asked: Asked, question: &Question<'_>) -> Self {
        Self {
            asked,
            more: !question.with.is_empty(),
            found: OnceLock::new(),
        }
    }

    fn read(&self, mut read: Read) -> Result<LookedUp, StoreError> {
        let kept = kept([read.next()?, read.next()?, read.next()?])?;
        let others = if self.more {
            read.shorts()?
        } else {
            SmallValues::default()
        };
        Ok((kept, others))
    }
}

impl Found for PendingLookup {
    fn poll(&self, place: &mut Place, cx: &Context<'_>) -> Poll<Result<LookedUp, StoreError>> {
        if let Some(found) = self.found.get() {
            return Poll::Ready(found.clone());
        }
        let (read, others) = ready!(self.asked.poll(place, cx));
        let found = read.and_then(|read| self.read(read));
        Poll::Ready(if others {
            self.found.get_or_init(|| found).clone()
        } else {
            found
        })
    }
}
