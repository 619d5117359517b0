use super::{
    arbitrary::{lists, responses},
    *,
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
        let Some(Framed::Names(read)) = read(KEY, &frame) else {
            panic!("no names");
        };
        prop_assert_eq!(read, list);
        trial(&frame, meter);
    }

    #[test]
    fn a_head_is_read_without_its_body((stored, about) in responses(), more in 0..300_usize) {
        let frame = response(KEY, &stored, &about).unwrap();
        let head_end = frame.len() - stored.body.len();
        let prefix = frame.slice(..frame.len().min(head_end + more));
        let Some(Head::Whole { framed, body, frame: whole }) = read_head(KEY, &prefix) else {
            panic!("no head");
        };
        prop_assert_eq!((body, whole), (stored.body.len(), frame.len()));
        let Framed::Response(read, told) = framed else {
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
fn what_is_of_the_process_is_as_in_a_new_response() {
    let (mut stored, about) = full();
    stored.run = 7;
    stored.born = stored.born.after(Duration::from_secs(9));
    stored.quiet_until = stored.born;
    let (read, _) = read_response(&response(KEY, &stored, &about).unwrap());
    let new = StoredResponse::default();
    assert_eq!(
        (read.run, read.born, read.quiet_until),
        (0, new.born, new.born)
    );
    assert_eq!(read.snapshot.seen().len() + read.named.seen().len(), 0);
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
        framed: Framed::Names(read),
        body: 0,
        frame: whole,
    }) = read_head(KEY, &frame)
    else {
        panic!("no names");
    };
    assert_eq!((read, whole), (list, frame.len()));
}
