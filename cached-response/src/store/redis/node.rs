//! A server and the two connections to it.

use actix_web::web::Bytes;
use redis::aio::PubSub;
use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::store::{
    error::{StoreError, StoreErrorKind},
    redis::{
        answer::Answer,
        command::{Commands, Prepared, milliseconds},
        line::{Asked, Line, Sent, Turns},
        near::Near,
        primary::Primary,
        server_info::NEW,
        target::Target,
        wire::Side,
    },
};

/// How long an invalidation waits for a replica to have it.
const REPLICATING: Duration = Duration::from_millis(200);

/// The same for an invalidation where there are no replicas: it is not to be made longer, and others
/// learn it more often.
const NEW_ENOUGH: Duration = Duration::from_secs(60);

/// One server.
pub(crate) struct Node {
    target: Arc<Target>,
    /// For what requests wait for: it is never behind a large body, or behind a `WAIT`.
    front: Arc<Line>,
    /// The same for what the requests of a worker look up, on a connection of its own.
    near: Near,
    /// For what goes on behind them, in its order: what is stored, deleted and told.
    back: Line,
}

/// A request to a node, which may be made of more than one, since a name may be with another by now.
pub(crate) enum Order {
    /// Asks these in one go, on the connection for what requests wait for.
    Ask(Commands),
    /// Puts these bytes under the name, which have until then to live.
    Set(String, Bytes, Instant),
    /// Removes these names, in their order.
    Remove(Vec<String>),
    /// Tells it on the channel.
    Publish(String, Bytes),
}

impl Node {
    pub(crate) fn new(target: Target) -> Self {
        let (target, turns) = (Arc::new(target), Turns::default());
        Self {
            front: Arc::new(Line::new(
                Side::There,
                Arc::clone(&target),
                Arc::clone(&turns),
            )),
            near: Near::new(Arc::clone(&target), Arc::clone(&turns)),
            back: Line::new(Side::There, Arc::clone(&target), turns),
            target,
        }
    }

    /// Where it is, as far as that is always the same.
    pub(crate) fn host(&self) -> &str {
        self.target.host()
    }

    /// Does it, and gives what was answered to each command. One that has moved to another node is
    /// among these: `asking` says that this is the other.
    pub(crate) async fn answers(
        &self,
        order: &Order,
        asking: bool,
    ) -> Result<Vec<Answer>, StoreError> {
        let answers = match order {
            Order::Ask(commands) => {
                let ask = |_: &Primary| Sent::new(asked(asking, Cow::Borrowed(commands)), None);
                self.front.send(ask).await
            }
            Order::Set(name, bytes, deadline) => {
                let build = |primary: &Primary| {
                    let set = Cow::Owned(set(primary, name, bytes, *deadline));
                    Sent::new(asked(asking, set), Some(NEW))
                };
                self.back.send(build).await
            }
            Order::Remove(names) => {
                let build = |primary: &Primary| {
                    let (commands, known_for) = remove(primary, names);
                    Sent::new(asked(asking, Cow::Owned(commands)), Some(known_for))
                };
                self.back.send(build).await
            }
            Order::Publish(channel, message) => {
                let mut publish = Commands::default();
                publish.publish(channel, message);
                let publish = asked(asking, Cow::Owned(publish));
                self.back.send_once(Sent::new(publish, Some(NEW))).await
            }
        };
        Ok(told(asking, answers?))
    }

    /// Asks these, and gives what was answered to each.
    pub(crate) async fn ask(&self, commands: &Commands) -> Result<Vec<Answer>, StoreError> {
        let ask = |_: &Primary| Sent::new(Cow::Borrowed(commands), None);
        self.front.send(ask).await
    }

    /// Asks these on a connection that is at hand, if one is: their answers may be awaited wherever
    /// one is. A worker that serves requests has one of its own.
    pub(crate) fn ask_promptly(&self, prepared: &Prepared, on_a_worker: bool) -> Option<Asked> {
        let near = on_a_worker.then(|| self.near.post(prepared)).flatten();
        near.or_else(|| Asked::on(&self.front, prepared))
    }

    /// Listens on `channel`, on a connection of its own.
    pub(crate) async fn listen(&self, channel: &str) -> Result<PubSub, StoreError> {
        self.target.listen(channel).await
    }
}

/// What lives until then. A server that was stopped, or a long way off, does this later than it was
/// told: then it may not live longer for it. `SET` has known of deadlines since Redis 6.2 only, so
/// it gets one in a second command.
fn set(primary: &Primary, name: &str, bytes: &Bytes, deadline: Instant) -> Commands {
    let now = Instant::now();
    let left = milliseconds(deadline.saturating_duration_since(now));
    let mut commands = Commands::default();
    if left == 0 {
        // Over before it is there: what it replaces goes all the same.
        commands.remove(name);
        return commands;
    }
    commands.set(name, bytes, left);
    if let Some(clock) = primary.known().clock_at(now) {
        commands.until(name, clock.saturating_add(left));
    }
    commands
}

/// Removes these, and waits for a replica to have it: or they would be found again after a failover.
/// A replica that has gone is waited for until it is known.
fn remove(primary: &Primary, names: &[String]) -> (Commands, Duration) {
    let mut commands = Commands::default();
    for name in names {
        commands.remove(name);
    }
    if !primary.known().has_replicas {
        return (commands, NEW_ENOUGH);
    }
    commands.wait_for_a_replica(REPLICATING);
    (commands, NEW)
}

/// Says before each that it is about what this node is being given.
fn asked(asking: bool, commands: Cow<'_, Commands>) -> Cow<'_, Commands> {
    if asking {
        Cow::Owned(commands.asking())
    } else {
        commands
    }
}

/// The answers without those to what [`asked`] has added.
fn told(asking: bool, answers: Vec<Answer>) -> Vec<Answer> {
    if !asking {
        return answers;
    }
    answers.into_iter().skip(1).step_by(2).collect()
}

/// Whether all of `names` were removed, at a replica too where there was one.
pub(crate) fn removed(names: usize, answers: Vec<Answer>) -> Result<(), StoreError> {
    let mut answers = answers.into_iter();
    for answer in answers.by_ref().take(names) {
        answer.number()?;
    }
    match answers.next().map(Answer::number).transpose()? {
        Some(replicas) if replicas < 1 => Err(StoreError::new(
            StoreErrorKind::Timeout,
            "no replica has confirmed it in time",
        )),
        _ => Ok(()),
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}
