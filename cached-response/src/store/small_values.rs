//! Short values, such as nonces, that were read in one go.

#![cfg_attr(
    not(feature = "redis"),
    allow(dead_code, reason = "no other store looks up promptly")
)]

use actix_web::web::Bytes;

/// What lies under several names, in their order: `None` where nothing does.
#[derive(Clone, Debug)]
pub(crate) struct SmallValues(Inner);

#[derive(Clone, Debug)]
enum Inner {
    /// Parts of what was read: no handle on it is needed for each.
    Few(Bytes, [Part; SmallValues::FEW], usize),
    Many(Vec<Option<Bytes>>),
}

/// From which byte, and before which. An empty one is none.
type Part = (u32, u32);

impl SmallValues {
    /// So many have room of their own; most routes have four.
    pub(crate) const FEW: usize = 6;

    /// The first `count` of these parts of `read`.
    pub(crate) fn few(read: &Bytes, parts: [Part; Self::FEW], count: usize) -> Self {
        Self(Inner::Few(read.clone(), parts, count.min(Self::FEW)))
    }

    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Inner::Few(.., count) => *count,
            Inner::Many(each) => each.len(),
        }
    }

    pub(crate) fn get(&self, place: usize) -> Option<&[u8]> {
        match &self.0 {
            Inner::Few(read, parts, count) => {
                let (from, to) = *parts[..*count].get(place)?;
                read.get(from as usize..to as usize)
                    .filter(|part| !part.is_empty())
            }
            Inner::Many(each) => each.get(place)?.as_deref(),
        }
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Option<&[u8]>> {
        (0..self.len()).map(|place| self.get(place))
    }
}

impl Default for SmallValues {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<Option<Bytes>>> for SmallValues {
    fn from(each: Vec<Option<Bytes>>) -> Self {
        Self(Inner::Many(each))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_what_was_read_are_as_good_as_each_by_itself() {
        let read = Bytes::from_static(b"..one..three");
        let mut parts = [(0, 0); SmallValues::FEW];
        (parts[0], parts[2]) = ((2, 5), (7, 12));
        let few = SmallValues::few(&read, parts, 3);
        let each = [Some("one"), None, Some("three")];
        let each = each.map(|part| part.map(|part| Bytes::from_static(part.as_bytes())));
        let many = SmallValues::from(each.to_vec());
        for shorts in [few, many] {
            let read: Vec<_> = shorts.iter().collect();
            assert_eq!(read, [Some(&b"one"[..]), None, Some(b"three")]);
            assert_eq!((shorts.len(), shorts.get(3)), (3, None));
        }
    }

    #[test]
    fn what_was_not_read_is_none() {
        let parts = [(0, 9); SmallValues::FEW];
        let shorts = SmallValues::few(&Bytes::from_static(b"short"), parts, 99);
        assert_eq!(shorts.len(), SmallValues::FEW);
        assert!(shorts.iter().all(|short| short.is_none()));
        assert_eq!(SmallValues::default().len(), 0);
    }
}
