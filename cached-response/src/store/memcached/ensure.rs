//! Short values that must live for some time.
//!
//! Each is put there unless something lies there, and then read; one that has too little to live is
//! made to live longer. That may make the life shorter that another has just asked for, by less than
//! a round trip: a nonce that ends early is a miss. Nothing is put back: what was deleted in between
//! is not there to live longer, and the one that is given takes its place.

use crate::store::{
    error::{StoreError, StoreFuture},
    memcached::{
        SHORT,
        commands::{TRIES, refused, vanishes},
        expiry::deadline,
        join_all,
        key::Key,
        pool::Server,
        protocol::Response,
        request::Request,
        ring::Servers,
    },
};
use actix_web::web::Bytes;
use std::{sync::Arc, time::Duration};

/// What is given under each name, or what lies there already.
pub(crate) async fn all(
    servers: &Servers,
    values: &[(String, Bytes)],
    life: Duration,
) -> Result<Vec<Bytes>, StoreError> {
    let names: Vec<_> = values.iter().map(|(name, _)| name.as_str()).collect();
    let groups = servers.groups(&names);
    let calls = groups.iter().map(|(server, places)| {
        let given = places.iter().map(|place| &values[*place]);
        let group = Group {
            server,
            life,
            names: given.map(|(name, bytes)| (Key::of(name), bytes)).collect(),
        };
        Box::pin(group.ensure()) as StoreFuture<'_, Vec<Bytes>>
    });
    let ensured = join_all::all(calls.collect()).await?;
    let mut found = vec![Bytes::new(); values.len()];
    for ((_, places), ensured) in groups.iter().zip(ensured) {
        for (place, bytes) in places.iter().zip(ensured) {
            found[*place] = bytes;
        }
    }
    Ok(found)
}

/// Those of one server.
struct Group<'a> {
    server: &'a Arc<Server>,
    life: Duration,
    names: Vec<(Key<'a>, &'a Bytes)>,
}

impl Group<'_> {
    async fn ensure(self) -> Result<Vec<Bytes>, StoreError> {
        let mut found = vec![None; self.names.len()];
        for _ in 0..TRIES {
            let short = self.add(&mut found).await?;
            if !short.is_empty() {
                self.lengthen(&short, &mut found).await?;
            }
            if found.iter().all(Option::is_some) {
                break;
            }
        }
        let found: Option<Vec<_>> = found.into_iter().collect();
        found.ok_or_else(|| vanishes(self.server))
    }

    /// Puts those there that are not found yet, and says where something lies that has too little to
    /// live.
    async fn add(&self, found: &mut [Option<Bytes>]) -> Result<Vec<usize>, StoreError> {
        let places: Vec<_> = (0..found.len())
            .filter(|place| found[*place].is_none())
            .collect();
        let answers = self.server.ask_by_its_clock(|clock| {
            let expiry = clock.no_sooner_than(deadline(self.life.saturating_mul(4)));
            let mut request = Request::default();
            for place in &places {
                let (key, bytes) = &self.names[*place];
                request.add(key, bytes, expiry);
                request.get(key, SHORT);
            }
            request
        });
        let mut answers = answers.await?.into_iter();
        let mut short = Vec::new();
        for place in places {
            match (answers.next(), answers.next()) {
                (_, Some(Response::Value(kept))) if kept.left >= self.life => {
                    found[place] = Some(kept.bytes);
                }
                (_, Some(Response::Value(_))) => short.push(place),
                (Some(Response::Done), _) => found[place] = Some(self.names[place].1.clone()),
                (Some(Response::Refused(words)), _) => return Err(refused(self.server, &words)),
                // It was there and is gone by now.
                _ => {}
            }
        }
        Ok(short)
    }

    /// Makes those live longer that are still there.
    async fn lengthen(
        &self,
        places: &[usize],
        found: &mut [Option<Bytes>],
    ) -> Result<(), StoreError> {
        let answers = self.server.ask_by_its_clock(|clock| {
            let expiry = clock.no_sooner_than(deadline(self.life.saturating_mul(4)));
            let mut request = Request::default();
            for place in places {
                request.touch(&self.names[*place].0, expiry, SHORT);
            }
            request
        });
        for (place, answer) in places.iter().zip(answers.await?) {
            found[*place] = answer.kept().map(|kept| kept.bytes);
        }
        Ok(())
    }
}
