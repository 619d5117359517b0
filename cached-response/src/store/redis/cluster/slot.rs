//! In which slot of a cluster a name is.

/// The slots of a cluster.
pub(crate) const SLOTS: u16 = 16_384;

/// The slot of `name`: CRC-16 (XMODEM) of what is in its first pair of braces, or else of all of it.
pub(crate) fn of(name: &[u8]) -> u16 {
    crc(tag(name).unwrap_or(name)) % SLOTS
}

fn tag(name: &[u8]) -> Option<&[u8]> {
    let open = name.iter().position(|byte| *byte == b'{')?;
    let rest = &name[open + 1..];
    let close = rest.iter().position(|byte| *byte == b'}')?;
    (close > 0).then(|| &rest[..close])
}

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{crc, of};

    #[test]
    fn the_sum_is_that_of_the_standard() {
        assert_eq!(crc(b"123456789"), 0x31C3);
        assert_eq!(crc(b""), 0);
    }

    #[test]
    fn names_are_where_the_servers_say_they_are() {
        for (name, slot) in [("foo", 12_182), ("bar", 5_061), ("somekey", 11_058)] {
            assert_eq!(of(name.as_bytes()), slot, "{name}");
        }
    }

    #[test]
    fn only_what_is_in_the_first_braces_counts() {
        assert_eq!(of(b"{user}.following"), of(b"{user}.followers"));
        assert_eq!(of(b"foo{{bar}}zap"), of(b"{bar"));
        assert_eq!(of(b"foo{bar}{zap}"), of(b"bar"));
        // Nothing in them, or no end of them: all of it.
        assert_ne!(of(b"foo{}{bar}"), of(b"bar"));
        assert_eq!(of(b"foo{bar"), crc(b"foo{bar") % 16_384);
    }
}
