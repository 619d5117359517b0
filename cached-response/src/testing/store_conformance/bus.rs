//! The bus, where the store has one: subscribers receive every message in order.

use crate::{
    store::bus::{Bus, Subscription},
    testing::store_conformance::{Subject, completes},
};
use actix_web::web::Bytes;

pub(crate) async fn check(subject: &Subject) {
    let (Some(one), Some(other)) = (subject.one.bus(), subject.other.bus()) else {
        return;
    };
    let (channel, elsewhere) = (subject.name("bus"), subject.name("bus-elsewhere"));
    let mut subscriptions = [
        subscribe(other, &channel).await,
        subscribe(one, &channel).await,
        subscribe(other, &elsewhere).await,
    ];
    let every: Bytes = (0..=u8::MAX).collect();
    publish(one, &elsewhere, "elsewhere".into()).await;
    publish(one, &channel, every.clone()).await;
    for number in 0..20 {
        publish(one, &channel, number.to_string().into()).await;
    }
    publish(one, &elsewhere, "the end".into()).await;
    for subscription in &mut subscriptions[..2] {
        receives(subscription.as_mut(), &every).await;
        for number in 0..20 {
            receives(subscription.as_mut(), number.to_string().as_bytes()).await;
        }
    }
    receives(subscriptions[2].as_mut(), b"elsewhere").await;
    receives(subscriptions[2].as_mut(), b"the end").await;
}

async fn subscribe(bus: &dyn Bus, channel: &str) -> Box<dyn Subscription> {
    completes("subscribe", bus.subscribe(channel)).await
}

async fn publish(bus: &dyn Bus, channel: &str, message: Bytes) {
    completes("publish", bus.publish(channel, message)).await;
}

async fn receives(subscription: &mut dyn Subscription, expected: &[u8]) {
    let received = completes("Subscription::next", subscription.next()).await;
    assert!(
        received == expected,
        "{received:?} was received instead of {:?}: a subscription receives all that is published on its \
         channel after `subscribe`, also by the same store, in order, and nothing else",
        Bytes::copy_from_slice(expected)
    );
}
