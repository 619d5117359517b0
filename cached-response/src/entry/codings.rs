//! The content codings that a client takes.

/// A set of content codings, as far as they tell clients apart: those that browsers send and servers
/// use. Whoever takes `zstd` takes `br` as well, and whoever takes `deflate` takes `gzip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Codings(u8);

impl Codings {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const GZIP: Self = Self(1);
    pub(crate) const BR: Self = Self(2);
    pub(crate) const ALL: Self = Self(3);

    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn is_all(self) -> bool {
        self == Self::ALL
    }

    /// Returns true if `other` has none that this set lacks.
    pub(crate) fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The set as a byte, for a frame.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// Returns the set that was written as this byte, if it is one.
    pub(crate) fn from_bits(bits: u8) -> Option<Self> {
        (bits <= Self::ALL.0).then_some(Self(bits))
    }
}

impl Default for Codings {
    fn default() -> Self {
        Self::ALL
    }
}
