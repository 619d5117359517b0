//! What a server is told.
//!
//! Only what Redis 6 knows as well as its successors and Valkey.

use std::{iter, sync::Arc, time::Duration};

use crate::store::redis::{
    answer::Shape,
    resp::{self, Decimal},
};

/// Commands to be sent in one go, and what shape the answer to each has. An answer of another shape
/// is that of another command: then the connection is out of step, and of no use any more.
#[derive(Clone, Default)]
pub(crate) struct Commands {
    /// As they are sent, one after the other.
    bytes: Vec<u8>,
    /// Of each, the shape of its answer, and where it ends.
    shapes: Vec<(Shape, usize)>,
}

/// What the answers to some commands look like, in their order.
pub(crate) type Shapes = Arc<[Shape]>;

/// Commands that are sent again and again.
pub(crate) struct Prepared {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) shapes: Shapes,
    /// Whether what is answered is soon gone.
    pub(crate) in_passing: bool,
}

/// The most that a command takes as a time: a hundred years.
const LONGEST: u64 = 100 * 365 * 86_400 * 1_000;

/// The most that a server says of itself.
const LONGEST_INFO: usize = 1 << 20;

/// A time as commands take it, in milliseconds.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).map_or(LONGEST, |time| time.min(LONGEST))
}

impl Commands {
    /// None yet, and room for `count` commands of so many bytes each.
    pub(crate) fn with_room(count: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(count * bytes),
            shapes: Vec::with_capacity(count),
        }
    }

    fn push<const COUNT: usize>(&mut self, shape: Shape, words: [&[u8]; COUNT]) -> &mut Self {
        resp::write(words, &mut self.bytes);
        self.shapes.push((shape, self.bytes.len()));
        self
    }

    /// The first `limit` bytes of what lies under `name`: none if nothing does.
    pub(crate) fn read(&mut self, name: &str, limit: usize) -> &mut Self {
        let most = u64::try_from(i64::MAX).unwrap_or(u64::MAX);
        // From 0 to -1 is all of it.
        let (first, last) = match u64::try_from(limit).unwrap_or(most).min(most) {
            0 => (1, 0),
            limit => (0, limit - 1),
        };
        let (first, last) = (Decimal::of(first), Decimal::of(last));
        let words = [
            b"GETRANGE",
            name.as_bytes(),
            first.as_bytes(),
            last.as_bytes(),
        ];
        self.push(Shape::Bytes(limit.max(1)), words)
    }

    /// The short values under these names.
    pub(crate) fn shorts(&mut self, names: &[String]) -> &mut Self {
        if !names.is_empty() {
            let of_each = names.iter().map(String::as_bytes);
            resp::write(iter::once(&b"MGET"[..]).chain(of_each), &mut self.bytes);
            self.shapes
                .push((Shape::Shorts(names.len()), self.bytes.len()));
        }
        self
    }

    /// How long it has still to live: -2 if it is not there, -1 if it lives for ever.
    pub(crate) fn left(&mut self, name: &str) -> &mut Self {
        self.push(Shape::Number, [b"PTTL", name.as_bytes()])
    }

    /// Puts `bytes` under `name` for a time of at least a millisecond.
    pub(crate) fn set(&mut self, name: &str, bytes: &[u8], milliseconds: u64) -> &mut Self {
        let life = Decimal::of(milliseconds);
        let words = [b"SET", name.as_bytes(), bytes, b"PX", life.as_bytes()];
        self.push(Shape::Done, words)
    }

    /// The same, unless something lies there.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8], milliseconds: u64) -> &mut Self {
        let life = Decimal::of(milliseconds);
        let name = name.as_bytes();
        self.push(
            Shape::Done,
            [b"SET", name, bytes, b"PX", life.as_bytes(), b"NX"],
        )
    }

    /// Has it live that long from now, if it is there.
    pub(crate) fn extend(&mut self, name: &str, milliseconds: u64) -> &mut Self {
        let life = Decimal::of(milliseconds);
        self.push(
            Shape::Number,
            [b"PEXPIRE", name.as_bytes(), life.as_bytes()],
        )
    }

    /// Has it live until then, by the server's clock.
    pub(crate) fn until(&mut self, name: &str, deadline: u64) -> &mut Self {
        let deadline = Decimal::of(deadline);
        self.push(
            Shape::Number,
            [b"PEXPIREAT", name.as_bytes(), deadline.as_bytes()],
        )
    }

    /// Removes it.
    pub(crate) fn remove(&mut self, name: &str) -> &mut Self {
        self.push(Shape::Number, [b"UNLINK", name.as_bytes()])
    }

    /// How many replicas have all that was written so far: when one has, or the time is over.
    pub(crate) fn wait_for_a_replica(&mut self, time: Duration) -> &mut Self {
        let time = Decimal::of(milliseconds(time).max(1));
        self.push(Shape::Number, [b"WAIT", b"1", time.as_bytes()])
    }

    pub(crate) fn publish(&mut self, channel: &str, message: &[u8]) -> &mut Self {
        self.push(Shape::Number, [b"PUBLISH", channel.as_bytes(), message])
    }

    /// What time it is by the server's clock: seconds and microseconds.
    pub(crate) fn time(&mut self) -> &mut Self {
        self.push(Shape::Many, [b"TIME"])
    }

    /// Whether it is a primary, and which replicas it has.
    pub(crate) fn replication(&mut self) -> &mut Self {
        self.push(Shape::Bytes(LONGEST_INFO), [b"INFO", b"replication"])
    }

    /// Which node of a cluster has which slots.
    pub(crate) fn slots(&mut self) -> &mut Self {
        self.push(Shape::Many, [b"CLUSTER", b"SLOTS"])
    }

    /// Where a sentinel believes the primary to be.
    pub(crate) fn primary(&mut self, name: &str) -> &mut Self {
        let words = [
            b"SENTINEL",
            &b"get-master-addr-by-name"[..],
            name.as_bytes(),
        ];
        self.push(Shape::Many, words)
    }

    /// Says who we are.
    pub(crate) fn login(&mut self, user: Option<&str>, password: &str) -> &mut Self {
        match user {
            Some(user) => self.push(Shape::Done, [b"AUTH", user.as_bytes(), password.as_bytes()]),
            None => self.push(Shape::Done, [b"AUTH", password.as_bytes()]),
        }
    }

    /// Chooses a database.
    pub(crate) fn select(&mut self, database: u64) -> &mut Self {
        let database = Decimal::of(database);
        self.push(Shape::Done, [b"SELECT", database.as_bytes()])
    }

    /// All of `others`, behind these.
    pub(crate) fn append(&mut self, others: &Self) -> &mut Self {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&others.bytes);
        let shapes = others.shapes.iter();
        self.shapes
            .extend(shapes.map(|(shape, end)| (*shape, start + end)));
        self
    }

    /// The same, and before each that it is about a slot that this node is being given.
    pub(crate) fn asking(&self) -> Self {
        let mut all = Self::with_room(2 * self.len(), self.bytes.len() / self.len().max(1) + 16);
        let mut start = 0;
        for (shape, end) in &self.shapes {
            all.push(Shape::Done, [b"ASKING"]);
            all.bytes.extend_from_slice(&self.bytes[start..*end]);
            all.shapes.push((*shape, all.bytes.len()));
            start = *end;
        }
        all
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.shapes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// As they are sent.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What their answers look like, in their order.
    pub(crate) fn shapes(&self) -> Shapes {
        self.shapes.iter().map(|(shape, _)| *shape).collect()
    }

    /// The same, to be sent again and again. The answers may be soon gone.
    pub(crate) fn prepared(self, in_passing: bool) -> Prepared {
        Prepared {
            shapes: self.shapes(),
            bytes: self.bytes.into(),
            in_passing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Commands, LONGEST, milliseconds};

    fn words(commands: &Commands) -> String {
        let text = str::from_utf8(commands.as_bytes()).unwrap();
        let words = text.split("\r\n").skip(2).step_by(2);
        words.collect::<Vec<_>>().join(" ")
    }

    fn read(limit: usize) -> String {
        words(Commands::default().read("name", limit))
    }

    #[test]
    fn a_read_takes_no_more_than_its_limit() {
        assert_eq!(read(64), "GETRANGE name 0 63");
        assert_eq!(read(1), "GETRANGE name 0 0");
        // Of what is shorter than two bytes this is nothing, and of all else one byte at most.
        assert_eq!(read(0), "GETRANGE name 1 0");
        assert_eq!(
            read(usize::MAX),
            format!("GETRANGE name 0 {}", i64::MAX - 1)
        );
    }

    #[test]
    fn what_is_put_lives_for_a_time() {
        let mut set = Commands::default();
        assert_eq!(words(set.set("name", b"it", 5)), "SET name it PX 5");
        let mut add = Commands::default();
        assert_eq!(words(add.add("name", b"it", 5)), "SET name it PX 5 NX");
    }

    #[test]
    fn a_time_is_never_too_long_for_a_command() {
        assert_eq!(milliseconds(Duration::from_micros(1_999)), 1);
        assert_eq!(milliseconds(Duration::MAX), LONGEST);
    }

    #[test]
    fn commands_are_sent_one_after_the_other() {
        let (mut first, mut others) = (Commands::default(), Commands::default());
        first.left("a");
        others.remove("b").remove("c");
        first.append(&others);
        let text = "*2\r\n$4\r\nPTTL\r\n$1\r\na\r\n\
            *2\r\n$6\r\nUNLINK\r\n$1\r\nb\r\n*2\r\n$6\r\nUNLINK\r\n$1\r\nc\r\n";
        assert_eq!(str::from_utf8(first.as_bytes()).unwrap(), text);
        assert_eq!((first.len(), first.shapes().len()), (3, 3));
    }

    #[test]
    fn each_says_that_it_asks() {
        let asking = Commands::default().remove("b").left("c").asking();
        let text = "*1\r\n$6\r\nASKING\r\n*2\r\n$6\r\nUNLINK\r\n$1\r\nb\r\n\
            *1\r\n$6\r\nASKING\r\n*2\r\n$4\r\nPTTL\r\n$1\r\nc\r\n";
        assert_eq!(str::from_utf8(asking.as_bytes()).unwrap(), text);
        assert_eq!(asking.len(), 4);
    }
}
