//! A cluster: many servers, each with a part of the names.
//!
//! Every command is about one name, so there is no command over several slots that a cluster would
//! refuse. Commands that are asked at a time go to all nodes at a time, each node's in one go.

pub(crate) mod map;
pub(crate) mod redirect;
pub(crate) mod slot;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use self::map::{Map, Place};
use crate::{
    store::{
        error::{StoreError, StoreErrorKind},
        redis::{
            address::Address,
            answer::Answer,
            command::Commands,
            error,
            joint::Joint,
            node::{Node, Order},
            target::{CONNECTING, Target},
            wire::{Side, Wire},
        },
    },
    util::sync::lock,
};

/// How often a name may have moved while it is looked for.
const REDIRECTS: u32 = 8;

/// How old the map may grow: a node that has taken another's place says nothing by itself.
const OLD: Duration = Duration::from_secs(5);

/// How old it must be to be drawn again, whatever moves.
const NEW: Duration = Duration::from_millis(100);

/// A cluster, known by some of its nodes.
pub(crate) struct Cluster {
    atlas: Arc<Atlas>,
    drawing: Joint<Arc<Map>>,
}

/// Where what is.
struct Atlas {
    seeds: Vec<Address>,
    map: Mutex<Option<Arc<Map>>>,
    /// Nodes that another has named, and that are not on the map yet.
    strays: Mutex<HashMap<Place, Arc<Node>>>,
}

impl Cluster {
    /// There is at least one seed.
    pub(crate) fn new(seeds: Vec<Address>) -> Result<Self, StoreError> {
        let seeds = seeds.into_iter().map(Address::in_a_cluster);
        Ok(Self {
            atlas: Arc::new(Atlas {
                seeds: seeds.collect::<Result<_, _>>()?,
                map: Mutex::default(),
                strays: Mutex::default(),
            }),
            drawing: Joint::default(),
        })
    }

    /// The node that has `name`.
    pub(crate) async fn owner(&self, name: &str) -> Result<Arc<Node>, StoreError> {
        let slot = slot::of(name.as_bytes());
        let owner = self.map().await?.owner(slot).cloned();
        owner.ok_or_else(|| {
            self.redraw();
            let nobody = format!("CLUSTERDOWN no node has slot {slot}");
            StoreError::new(StoreErrorKind::Refused, nobody)
        })
    }

    /// Has it done by the node that has `name`, which all of it is about.
    pub(crate) async fn answers(
        &self,
        name: &str,
        order: &Order,
    ) -> Result<Vec<Answer>, StoreError> {
        let mut node = self.owner(name).await?;
        let mut asking = false;
        for redirects in 0..REDIRECTS {
            let answers = self.noticed(node.answers(order, asking).await)?;
            let Some(redirect) = redirect::of(&answers, node.host()) else {
                return Ok(answers);
            };
            if let Some(pause) = redirects.checked_sub(2) {
                // Two that point at each other do not agree yet, for a moment.
                sleep(Duration::from_millis(1 << pause)).await;
            }
            let (place, asks) = redirect.into_parts();
            (node, asking) = (self.atlas.node(place), asks);
        }
        Err(StoreError::new(
            StoreErrorKind::Refused,
            "MOVED again and again",
        ))
    }

    /// The answers to each of several questions, each about a name.
    pub(crate) async fn all_answers(
        &self,
        questions: Vec<(String, Commands)>,
    ) -> Result<Vec<Vec<Answer>>, StoreError> {
        let mut found: Vec<Vec<Answer>> = vec![Vec::new(); questions.len()];
        let mut asked = JoinSet::new();
        for (node, places) in self.by_owner(&questions).await? {
            let mut commands = Commands::default();
            for place in &places {
                commands.append(&questions[*place].1);
            }
            let order = Order::Ask(commands);
            asked.spawn(async move { (places, node.answers(&order, false).await) });
        }
        while let Some(answered) = asked.join_next().await {
            let (places, answers) = answered.map_err(error::unreachable)?;
            let mut answers = self.noticed(answers)?.into_iter();
            for place in places {
                found[place] = answers.by_ref().take(questions[place].1.len()).collect();
            }
        }
        for ((name, commands), found) in questions.into_iter().zip(&mut found) {
            if redirect::of(found, "").is_some() {
                *found = self.answers(&name, &Order::Ask(commands)).await?;
            }
        }
        Ok(found)
    }

    /// Which of the questions go to which node.
    async fn by_owner(
        &self,
        questions: &[(String, Commands)],
    ) -> Result<Vec<(Arc<Node>, Vec<usize>)>, StoreError> {
        let mut owners: Vec<(Arc<Node>, Vec<usize>)> = Vec::new();
        for (place, (name, _)) in questions.iter().enumerate() {
            let node = self.owner(name).await?;
            match owners
                .iter_mut()
                .find(|(known, _)| Arc::ptr_eq(known, &node))
            {
                Some((_, places)) => places.push(place),
                None => owners.push((node, vec![place])),
            }
        }
        Ok(owners)
    }

    /// Draws the map anew where the answers show that it is out of date.
    fn noticed(&self, answers: Result<Vec<Answer>, StoreError>) -> Result<Vec<Answer>, StoreError> {
        let shows_it = match &answers {
            Ok(answers) => redirect::shows_another_map(answers),
            Err(_) => true,
        };
        if shows_it {
            self.redraw();
        }
        answers
    }

    async fn map(&self) -> Result<Arc<Map>, StoreError> {
        let map = lock(&self.atlas.map).clone();
        let Some(map) = map else {
            return self.drawing.outcome(draw(Arc::clone(&self.atlas))).await;
        };
        if map.is_older_than(OLD) {
            self.redraw();
        }
        Ok(map)
    }

    /// Has the map drawn anew, behind what goes on.
    fn redraw(&self) {
        let map = lock(&self.atlas.map).clone();
        if map.is_none_or(|map| map.is_older_than(NEW)) {
            // Without a runtime nothing is reached either, which those say who wait for it.
            let _ = self.drawing.begin(draw(Arc::clone(&self.atlas)));
        }
    }
}

impl Atlas {
    /// The node in that place, on the map or not.
    fn node(&self, place: Place) -> Arc<Node> {
        let map = lock(&self.map).clone();
        if let Some(node) = map.and_then(|map| map.at(&place).cloned()) {
            return node;
        }
        let mut strays = lock(&self.strays);
        let stray = strays.entry(place).or_insert_with_key(|place| {
            let (host, port) = place;
            // Whoever has the password of one has that of all.
            let address = self.seeds[0].elsewhere(host, *port);
            Arc::new(Node::new(Target::Fixed(address)))
        });
        Arc::clone(stray)
    }

    fn keep(&self, map: Arc<Map>) {
        *lock(&self.map) = Some(map);
        lock(&self.strays).clear();
    }
}

/// Draws a map from what the nodes say: of those that are on the map, or else of the seeds.
async fn draw(atlas: Arc<Atlas>) -> Result<Arc<Map>, StoreError> {
    let map = lock(&atlas.map).clone();
    let known = map.iter().flat_map(|map| map.nodes());
    let mut asked = JoinSet::new();
    for (place, node) in known {
        let (place, node) = (place.clone(), Arc::clone(node));
        asked.spawn(async move {
            let slots = Order::Ask(slots());
            (place, node.answers(&slots, false).await)
        });
    }
    if let Ok(map) = best(&atlas, asked).await {
        return Ok(map);
    }
    let mut asked = JoinSet::new();
    for seed in atlas.seeds.clone() {
        asked.spawn(async move {
            let place = (seed.host().to_owned(), seed.port());
            (place, ask_seed(&seed).await)
        });
    }
    best(&atlas, asked).await
}

/// A seed may be a replica, which is good enough to be asked for the primaries.
async fn ask_seed(seed: &Address) -> Result<Vec<Answer>, StoreError> {
    let asking = async { Wire::open(seed, Side::There).await?.ask(&slots()).await };
    let answers = timeout(CONNECTING, asking).await;
    answers.unwrap_or_else(|_| Err(error::unreachable("connecting took too long")))
}

fn slots() -> Commands {
    let mut slots = Commands::default();
    slots.slots();
    slots
}

/// The first map on which every slot has its node, or else the one with the fewest gaps.
async fn best(
    atlas: &Atlas,
    mut asked: JoinSet<(Place, Result<Vec<Answer>, StoreError>)>,
) -> Result<Arc<Map>, StoreError> {
    let mut best: Option<Map> = None;
    let mut why = error::unreachable("no node of the cluster was reached");
    while let Some(answered) = asked.join_next().await {
        let drawn = answered.map_err(error::unreachable);
        let drawn = drawn.and_then(|(place, answers)| {
            let slots = answers?.pop().ok_or_else(error::protocol_error)?.many()?;
            map::parse(&slots, &place, |place| atlas.node(place))
        });
        match drawn {
            Ok(map)
                if best
                    .as_ref()
                    .is_none_or(|best| best.covered() < map.covered()) =>
            {
                best = Some(map);
            }
            Ok(_) => {}
            Err(error) => why = error,
        }
        if best.as_ref().is_some_and(Map::is_whole) {
            break;
        }
    }
    let map = Arc::new(best.ok_or(why)?);
    atlas.keep(Arc::clone(&map));
    Ok(map)
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.atlas.seeds.fmt(f)
    }
}
