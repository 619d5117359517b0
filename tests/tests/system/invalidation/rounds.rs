//! Ten thousand rounds of requests and invalidations, in an order that a seed decides.
//!
//! The source of a page is a number that only grows. A writer raises it, invalidates the page and then
//! records what it must be at least; no request after that may be answered with less.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use actix_web::{Responder, get, rt, test, web};
use cached_response::{ResponseCache, cached_response, tag};
use tokio::task::yield_now;

use crate::ask;

/// A fixed row of numbers that look random.
#[derive(Clone)]
struct Dice(Arc<AtomicUsize>);

impl Dice {
    fn below(&self, bound: usize) -> usize {
        let next = |mut state: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^ (state << 17)
        };
        let state = self.0.load(SeqCst);
        self.0.store(next(state), SeqCst);
        (state >> 16) % bound
    }

    async fn dawdle(&self) {
        for _ in 0..self.below(4) {
            yield_now().await;
        }
    }
}

const PAGES: [&str; 4] = ["/number/a", "/number/a?n=1", "/number/b", "/number/b?n=1"];

#[derive(Clone)]
struct World {
    dice: Dice,
    cache: ResponseCache,
    /// What the pages are made from.
    sources: Arc<Mutex<HashMap<&'static str, usize>>>,
    /// What is promised of each page.
    least: Arc<Mutex<HashMap<&'static str, usize>>>,
}

#[get("/number/{name}")]
#[cached_response(timeout = 60, tags("number:{name}"))]
async fn read_slowly(
    world: web::Data<World>,
    name: web::Path<String>,
    query: web::Query<HashMap<String, String>>,
) -> impl Responder {
    world.dice.dawdle().await;
    let query = if query.is_empty() { "" } else { "?n=1" };
    let uri = format!("/number/{name}{query}");
    let early = world.dice.below(2) == 0;
    if early {
        tag(&uri);
    }
    let read = world.sources.lock().unwrap()[uri.as_str()];
    world.dice.dawdle().await;
    if !early {
        tag(&uri);
    }
    read.to_string()
}

impl World {
    fn new() -> Self {
        let all = || PAGES.map(|page| (page, 0)).into_iter().collect();
        Self {
            dice: Dice(Arc::new(AtomicUsize::new(0x5eed))),
            cache: ResponseCache::builder().build(),
            sources: Arc::new(Mutex::new(all())),
            least: Arc::new(Mutex::new(all())),
        }
    }

    /// Changes some pages and invalidates them.
    async fn change(&self) {
        let page = PAGES[self.dice.below(PAGES.len())];
        let path = &page[..9];
        let way = self.dice.below(5);
        let mut promised = HashMap::new();
        for (changed, source) in self.sources.lock().unwrap().iter_mut() {
            if way == 0 || (way < 3 && changed.starts_with(path)) || *changed == page {
                *source += 1;
                promised.insert(*changed, *source);
            }
        }
        self.dice.dawdle().await;
        let done = match way {
            0 => self.cache.invalidate_all(),
            1 => self.cache.invalidate_path(path),
            2 => self.cache.invalidate_tag(&path[1..].replace('/', ":")),
            3 => self.cache.invalidate_url(page),
            _ => self.cache.invalidate_tag(page),
        };
        done.await.unwrap();
        let mut least = self.least.lock().unwrap();
        for (page, number) in promised {
            let least = least.get_mut(page).unwrap();
            *least = number.max(*least);
        }
    }
}

#[actix_web::test]
async fn nothing_older_than_the_last_acknowledged_invalidation_is_ever_answered() {
    const ROUNDS: usize = 10_000;
    let world = World::new();
    let app = actix_web::App::new()
        .app_data(web::Data::new(world.clone()))
        .app_data(world.cache.clone())
        .service(read_slowly);
    let app = Rc::new(test::init_service(app).await);
    for round in 0..ROUNDS {
        let mut tasks = Vec::new();
        for _ in 0..2 + world.dice.below(3) {
            let (app, world) = (app.clone(), world.clone());
            tasks.push(rt::spawn(async move {
                world.dice.dawdle().await;
                let page = PAGES[world.dice.below(PAGES.len())];
                let least = world.least.lock().unwrap()[page];
                let answer = ask::get(&*app, page).await;
                let number: usize = answer.body.parse().unwrap();
                assert!(
                    number >= least,
                    "round {round}: {page} is {number}, not {least}"
                );
            }));
        }
        let changing = world.clone();
        tasks.push(rt::spawn(async move {
            changing.dice.dawdle().await;
            changing.change().await;
        }));
        for task in tasks {
            task.await.unwrap();
        }
    }
    let stats = world.cache.stats();
    let overtaken = stats.skipped(cached_response::Skip::Invalidated);
    assert!(
        stats.hits > 1000 && stats.collapsed > 100 && overtaken > 1000,
        "little happened: {stats:?}"
    );
}
