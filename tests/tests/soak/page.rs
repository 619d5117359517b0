//! Pages, their sources, and the words of an answer.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use serde::{Deserialize, Serialize};

use tests::dice::Dice;

pub(crate) const OBJECTS: usize = 50;
pub(crate) const GROUPS: usize = 10;

/// A kind of route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// One object; answers HEAD, and POST changes it.
    Object,
    /// The objects of a group.
    Group,
    /// One a language, declared by `vary(..)`.
    Said,
    /// One a language, learnt from what the handler reads.
    Chosen,
    /// One a user, by `key(..)`.
    Mine,
    /// In pieces.
    Stream,
    /// Behind the middleware.
    Scope,
    /// Fresh for a moment.
    Brief,
    /// Fails, panics, breaks off, forbids to store.
    Moody,
    /// Answers stale, and refreshes behind the answer.
    Late,
    /// Fails and hangs, and answers stale where it can.
    Frail,
    /// Fresh for a moment; its handler may find what is stored unchanged.
    Renewed,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::Object,
        Self::Group,
        Self::Said,
        Self::Chosen,
        Self::Mine,
        Self::Stream,
        Self::Scope,
        Self::Brief,
        Self::Moody,
        Self::Late,
        Self::Frail,
        Self::Renewed,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Group => "group",
            Self::Said => "said",
            Self::Chosen => "chosen",
            Self::Mine => "mine",
            Self::Stream => "stream",
            Self::Scope => "scope",
            Self::Brief => "brief",
            Self::Moody => "moody",
            Self::Late => "late",
            Self::Frail => "frail",
            Self::Renewed => "renewed",
        }
    }

    /// True if its failure is expected.
    pub(crate) fn may_fail(self) -> bool {
        matches!(self, Self::Moody | Self::Frail)
    }

    /// True if a stale response may answer.
    pub(crate) fn may_be_stale(self) -> bool {
        matches!(self, Self::Late | Self::Frail)
    }

    pub(crate) fn shows_user(self) -> bool {
        matches!(self, Self::Mine | Self::Scope)
    }

    pub(crate) fn shows_language(self) -> bool {
        matches!(self, Self::Said | Self::Chosen | Self::Scope)
    }
}

/// Subset of the pages: the fewer pages, the more requests coincide.
#[derive(Debug, Clone)]
pub(crate) struct Among {
    kinds: Vec<Kind>,
    /// The first so many of each kind.
    spread: usize,
}

impl Among {
    /// A few kinds, and a few pages of each.
    pub(crate) fn few(dice: &mut Dice) -> Self {
        let count = dice.pick(&[1, 2, 3, Kind::ALL.len()]);
        Self {
            kinds: (0..count).map(|_| dice.pick(&Kind::ALL)).collect(),
            spread: dice.pick(&[1, 1, 2, 3, 12]),
        }
    }

    pub(crate) fn every_kind(spread: usize) -> Self {
        Self {
            kinds: Kind::ALL.to_vec(),
            spread,
        }
    }

    pub(crate) fn object(&self, dice: &mut Dice) -> usize {
        dice.below(self.spread.min(OBJECTS))
    }
}

/// A URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) kind: Kind,
    pub(crate) number: usize,
    pub(crate) full: bool,
}

impl Page {
    pub(crate) fn roll(dice: &mut Dice, among: &Among) -> Self {
        let kind = dice.pick(&among.kinds);
        let most = if kind == Kind::Group { GROUPS } else { OBJECTS };
        Self {
            kind,
            number: dice.below(among.spread.min(most)),
            full: dice.once_in(3),
        }
    }

    pub(crate) fn path(self) -> Path {
        Path {
            kind: self.kind,
            number: self.number,
        }
    }

    pub(crate) fn uri(self) -> String {
        self.path().text() + if self.full { "?view=full" } else { "" }
    }

    pub(crate) fn objects(self) -> impl Iterator<Item = usize> {
        let (first, step) = match self.kind {
            Kind::Group => (self.number, GROUPS),
            _ => (self.number, OBJECTS),
        };
        (first..OBJECTS).step_by(step)
    }

    /// Whatever is said of one of these is said of the page.
    pub(crate) fn scopes(self) -> impl Iterator<Item = Scope> {
        let named = [Scope::All, Scope::Path(self.path()), Scope::Url(self)];
        let tags = self.tags().into_iter().map(Scope::Tag);
        named.into_iter().chain(tags)
    }

    /// Tags of its route and its handler.
    fn tags(self) -> Vec<Tag> {
        let (object, group) = (self.number, self.number % GROUPS);
        match self.kind {
            Kind::Said | Kind::Brief | Kind::Moody | Kind::Frail => Vec::new(),
            Kind::Group => {
                let objects = self.objects().map(Tag::Object);
                objects.chain([Tag::Group(self.number)]).collect()
            }
            Kind::Stream => vec![Tag::Object(object), Tag::Group(group)],
            Kind::Object | Kind::Chosen | Kind::Mine | Kind::Scope | Kind::Late | Kind::Renewed => {
                vec![Tag::Object(object)]
            }
        }
    }
}

/// A path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Path {
    kind: Kind,
    number: usize,
}

impl Path {
    pub(crate) fn text(self) -> String {
        format!("/{}/{}", self.kind.word(), self.number)
    }
}

/// A name that pages have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tag {
    Object(usize),
    Group(usize),
}

impl Tag {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Object(object) => format!("object:{object}"),
            Self::Group(group) => format!("group:{group}"),
        }
    }
}

/// Target of one invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    All,
    Path(Path),
    Url(Page),
    Tag(Tag),
}

impl Scope {
    pub(crate) fn roll(dice: &mut Dice, among: &Among) -> Self {
        let page = Page::roll(dice, among);
        match dice.below(40) {
            0 => Self::All,
            1..14 => Self::Path(page.path()),
            14..27 => Self::Url(page),
            27..34 => Self::Tag(Tag::Object(page.number)),
            _ => Self::Tag(Tag::Group(page.number % GROUPS)),
        }
    }
}

/// All that a response says, in its body and in the field `X-Facts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) page: Page,
    pub(crate) user: Option<String>,
    pub(crate) language: Option<String>,
    /// The versions that it was made from.
    pub(crate) versions: Vec<(usize, u64)>,
}

impl Facts {
    pub(crate) fn to_line(&self) -> String {
        serde_json::to_string(self).expect("plain data")
    }

    pub(crate) fn from_line(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// The whole body: the facts, and octets that follow from them alone.
    pub(crate) fn body(&self) -> String {
        let mut body = self.to_line();
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let mut dice = Dice::new(hasher.finish());
        for _ in 0..dice.below(150) {
            body.push('\n');
            body.push_str(&dice.next().to_string());
        }
        body
    }
}
