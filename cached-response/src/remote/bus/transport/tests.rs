use super::*;
use crate::{
    remote::client::Budget,
    testing::mock_store::{Behaviour, MockStore},
};
use proptest::prelude::*;

fn targets() -> impl Strategy<Value = Targets> {
    prop_oneof![
        Just(Targets::All),
        ".{0,40}".prop_map(Targets::Path),
        ".{0,40}".prop_map(Targets::Url),
        proptest::collection::vec(".{0,40}", 0..6).prop_map(Targets::Tags),
        ".{0,40}".prop_map(Targets::Prefix),
        ".{0,40}".prop_map(Targets::Route),
    ]
}

fn payload() -> impl Strategy<Value = Payload> {
    let bump = prop_oneof![Just(Bump::Expire), Just(Bump::Invalidate)];
    prop_oneof![
        any::<u64>().prop_map(|sent_at| Payload::Heartbeat(Timestamp::from_nanos(sent_at))),
        (bump, targets()).prop_map(|(bump, targets)| Payload::Bump(bump, targets)),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    (any::<u64>(), any::<u64>(), payload()).prop_map(|(sender, number, payload)| Message {
        sender,
        number,
        payload,
    })
}

fn invalidation(targets: Targets) -> Message {
    Message {
        sender: 7,
        number: 2,
        payload: Payload::Bump(Bump::Invalidate, targets),
    }
}

#[test]
fn the_format_of_version_1_does_not_change() {
    let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 2];
    bytes.extend([2, 3, 0, 0, 0, 1, b'a', 0, 0, 0, 2, b'b', b'c']);
    bytes.extend([0xce, 0x8e, 0xea, 0x8d]);
    let tags = Targets::Tags(vec!["a".into(), "bc".into()]);
    assert_eq!(invalidation(tags).to_bytes(), bytes);
}

#[test]
fn another_version_is_unreadable() {
    let mut bytes = invalidation(Targets::All).to_bytes().to_vec();
    assert!(Message::parse(&bytes).is_ok());
    bytes[0] = 2;
    assert_eq!(Message::parse(&bytes), Err(Unreadable));
}

#[test]
fn a_wrong_length_is_unreadable() {
    let mut bytes = invalidation(Targets::Path("/a".into())).to_bytes().to_vec();
    bytes[19..23].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(Message::parse(&bytes), Err(Unreadable));
}

#[test]
fn what_is_no_utf_8_is_unreadable() {
    let mut bytes = invalidation(Targets::Url("/a".into())).to_bytes().to_vec();
    *bytes.last_mut().unwrap() = 0xff;
    assert_eq!(Message::parse(&bytes), Err(Unreadable));
}

#[test]
fn tags_are_published_together_and_the_rest_one_by_one() {
    let scopes = [
        Scope::Tag("a".into()),
        Scope::Path("/a".into()),
        Scope::Url("/a?b".into()),
        Scope::Tag("b".into()),
        Scope::All,
    ];
    let together = [
        Targets::Path("/a".into()),
        Targets::Url("/a?b".into()),
        Targets::All,
        Targets::Tags(vec!["a".into(), "b".into()]),
    ];
    assert_eq!(Targets::of(scopes), together);
    assert_eq!(Targets::of([]), []);
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in message()) {
        prop_assert_eq!(Message::parse(&message.to_bytes()), Ok(message));
    }

    #[test]
    fn any_bytes_are_a_message_or_unreadable(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..80),
        version in any::<bool>(),
    ) {
        if let Some(first) = bytes.first_mut().filter(|_| version) {
            *first = VERSION;
        }
        if let Ok(message) = Message::parse(&bytes) {
            prop_assert_eq!(message.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_cut_or_longer_message_is_another_or_unreadable(
        message in message(),
        end in any::<prop::sample::Index>(),
        more in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        let bytes = message.to_bytes();
        let cut = &bytes[..end.index(bytes.len())];
        prop_assert_ne!(Message::parse(cut), Ok(message.clone()));
        let longer: Vec<u8> = bytes.iter().copied().chain(more).collect();
        prop_assert_ne!(Message::parse(&longer), Ok(message));
    }

    #[test]
    fn tags_are_split_into_messages_that_are_not_too_long_and_lose_none(
        lengths in proptest::collection::vec(0..MAX_TAG_BYTES + 9, 0..12),
    ) {
        let tags: Vec<_> = lengths.into_iter().map(|length| "x".repeat(length)).collect();
        let split = Targets::of(tags.iter().cloned().map(Scope::Tag));
        let mut sent = Vec::new();
        for targets in split {
            let Targets::Tags(tags) = targets else { panic!("{targets:?}") };
            let length: usize = tags.iter().map(|tag| LENGTH_BYTES + tag.len()).sum();
            prop_assert!(length <= MAX_TAG_BYTES || tags.len() == 1);
            prop_assert!(!tags.is_empty());
            sent.extend(tags);
        }
        prop_assert_eq!(sent, tags);
    }
}

#[tokio::test]
async fn calls_pass_an_open_breaker_in_a_recovery_only() {
    let (store, _events) = MockStore::new(Behaviour::Fail(StoreErrorKind::Unreachable));
    let client = RemoteClient::new(store.clone(), "the probe".into(), Vec::new());
    let any_store: Arc<dyn Store> = store.clone();
    let transport = StoreTransport::new(&any_store, &client, "bus", Duration::from_secs(30));
    let budget = Budget::new(Duration::from_secs(30));
    for _ in 0..3 {
        let delete = |store: Arc<dyn Store>| -> crate::StoreFuture<'static, ()> {
            Box::pin(async move { store.delete("in vain").await })
        };
        assert!(client.call(&budget, delete).await.is_err());
    }
    assert!(client.is_open());
    store.set_behaviour(Behaviour::Hold);
    store.release(2);
    let delete = || transport.delete(vec!["name".to_owned()]);
    assert!(delete().await.is_err());
    let recovery = transport.recover();
    assert_eq!(delete().await, Ok(()));
    drop(recovery);
    assert!(delete().await.is_err());
}
