use super::*;
use crate::entry::codec::{
    head::KnownHead,
    tests::arbitrary::{lists, responses},
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_response_is_read_as_it_was_written((stored, about) in responses()) {
        let frame = response(KEY, &stored, &about).unwrap();
        let (read, told) = read_response(&frame);
        assert_same(&read, &stored);
        prop_assert_eq!(told, about);
        trial(&frame, meter);
    }

    #[test]
    fn a_list_is_read_as_it_was_written(list in lists()) {
        let frame = names(KEY, &list).unwrap();
        let Some(Decoded::Names(read)) = read(KEY, &frame) else {
            panic!("no names");
        };
        prop_assert_eq!(read, list);
        trial(&frame, meter);
    }

    /// A head that is known is no other way to read: what is read is the same, and what is none stays
    /// none, whatever was read before.
    #[test]
    fn a_memoized_head_is_read_like_a_new_one(
        (stored, about) in responses(),
        body in any::<Vec<u8>>(),
        other in responses(),
        (at, bit) in (any::<prop::sample::Index>(), 0..8_u32),
    ) {
        let frame = response(KEY, &stored, &about).unwrap();
        let Some(known) = KnownHead::of(KEY, &frame) else {
            prop_assert!(frame.len() - stored.body.len() > 2 << 10);
            return Ok(());
        };
        let same_head = StoredResponse { body: body.into(), ..stored };
        let again = response(KEY, &same_head, &about).unwrap();
        let Some(Decoded::Response(read, told)) = known.read(&again) else {
            panic!("it has the same head");
        };
        assert_same(&read, &same_head);
        prop_assert_eq!(&told, &about);
        prop_assert!(known.is_of(&read));
        let mut altered = again.to_vec();
        let at = at.index(altered.len());
        altered[at] ^= 1 << bit;
        // The checksum of a head that is known is not looked at: its bytes are.
        let in_checksum = (18..22).contains(&at);
        prop_assert_eq!(known.read(&altered.into()).is_some(), in_checksum);
        let other = response(KEY, &other.0, &other.1).unwrap();
        if let Some(Decoded::Response(read, told)) = known.read(&other) {
            let (stored, about) = read_response(&other);
            assert_same(&read, &stored);
            prop_assert_eq!(told, about);
        }
    }

    #[test]
    fn a_head_is_read_without_its_body((stored, about) in responses(), more in 0..300_usize) {
        let frame = response(KEY, &stored, &about).unwrap();
        let head_end = frame.len() - stored.body.len();
        let prefix = frame.slice(..frame.len().min(head_end + more));
        let Some(Head::Whole { decoded, body, frame: whole }) = read_head(KEY, &prefix) else {
            panic!("no head");
        };
        prop_assert_eq!((body, whole), (stored.body.len(), frame.len()));
        let Decoded::Response(read, told) = decoded else {
            panic!("no response");
        };
        assert_same(&read, &StoredResponse { body: Bytes::new(), ..stored });
        prop_assert_eq!(told, about);
    }
}

#[test]
fn a_response_with_something_of_everything_is_read_as_it_was_written() {
    let (stored, about) = full();
    let (read, told) = read_response(&response(KEY, &stored, &about).unwrap());
    assert_same(&read, &stored);
    assert_eq!(told, about);
}

#[test]
fn fields_of_one_process_have_their_defaults() {
    let (mut stored, about) = full();
    stored.run = 7;
    stored.created_at = stored.created_at.after(Duration::from_secs(9));
    stored.refresh_at = stored.created_at;
    let (read, _) = read_response(&response(KEY, &stored, &about).unwrap());
    let new = StoredResponse::default();
    assert_eq!(
        (read.run, read.created_at, read.refresh_at),
        (0, new.created_at, new.created_at)
    );
    assert_eq!(
        read.snapshot.seen().len() + read.tag_snapshot.seen().len(),
        0
    );
}

#[test]
fn the_body_is_not_copied() {
    let (stored, about) = full();
    let frame = response(KEY, &stored, &about).unwrap();
    let (read, _) = read_response(&frame);
    let place = frame[frame.len() - stored.body.len()..].as_ptr();
    assert_eq!(read.body.as_ptr(), place);
}

#[test]
fn a_list_of_names_needs_no_more_than_its_beginning() {
    let list = list(every_selector());
    let frame = names(KEY, &list).unwrap();
    let Some(Head::Whole {
        decoded: Decoded::Names(read),
        body: 0,
        frame: whole,
    }) = read_head(KEY, &frame)
    else {
        panic!("no names");
    };
    assert_eq!((read, whole), (list, frame.len()));
}
