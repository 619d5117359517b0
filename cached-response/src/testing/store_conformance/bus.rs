//! The bus, where there is one: whoever listens hears everything, in its order.

use crate::{
    store::bus::{Bus, Subscription},
    testing::store_conformance::subject::{Subject, ends},
};
use actix_web::web::Bytes;

pub(crate) async fn check(subject: &Subject) {
    let (Some(one), Some(other)) = (subject.one.bus(), subject.other.bus()) else {
        return;
    };
    let (channel, elsewhere) = (subject.name("bus"), subject.name("bus-elsewhere"));
    let mut ears = [
        listen(other, &channel).await,
        listen(one, &channel).await,
        listen(other, &elsewhere).await,
    ];
    let every: Bytes = (0..=u8::MAX).collect();
    publish(one, &elsewhere, "elsewhere".into()).await;
    publish(one, &channel, every.clone()).await;
    for number in 0..20 {
        publish(one, &channel, number.to_string().into()).await;
    }
    publish(one, &elsewhere, "the end".into()).await;
    for ear in &mut ears[..2] {
        hears(ear.as_mut(), &every).await;
        for number in 0..20 {
            hears(ear.as_mut(), number.to_string().as_bytes()).await;
        }
    }
    hears(ears[2].as_mut(), b"elsewhere").await;
    hears(ears[2].as_mut(), b"the end").await;
}

async fn listen(bus: &dyn Bus, channel: &str) -> Box<dyn Subscription> {
    ends("subscribe", bus.subscribe(channel)).await
}

async fn publish(bus: &dyn Bus, channel: &str, message: Bytes) {
    ends("publish", bus.publish(channel, message)).await;
}

async fn hears(ear: &mut dyn Subscription, expected: &[u8]) {
    let heard = ends("Subscription::next", ear.next()).await;
    assert!(
        heard == expected,
        "{heard:?} was heard instead of {:?}: all that is published on a channel after `subscribe` \
         is heard, by whoever publishes, too, in its order, and nothing else",
        Bytes::copy_from_slice(expected)
    );
}
