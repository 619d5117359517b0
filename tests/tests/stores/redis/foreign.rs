//! Values that others have put under the names of a cache: lists, empty texts, other bytes, and more of them
//! than are read. Each is about one name, which heals, and says nothing of the server.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use cached_response::{
    Policy, RedisStore, ResponseCache, Store, StoreErrorKind, TrackedRequest, cached, tag,
};
use tests::servers::redis::Redis;
use tests::stage::{InProcess, Stage};

use super::{LONG, MINUTE, names, redis};

fn it() -> Bytes {
    Bytes::from_static(b"it")
}

/// Replaces the value under a name by a foreign one.
type Plant = fn(&Redis, &str);

fn plant(server: &Redis, name: &str, command: &[&str]) {
    server.ask(&["DEL", name]).unwrap();
    let [word, rest @ ..] = command else {
        return;
    };
    let command: Vec<_> = [word, name]
        .into_iter()
        .chain(rest.iter().copied())
        .collect();
    let reply = server.ask(&command).unwrap().text();
    assert!(!reply.starts_with("ERR"), "{reply}");
}

fn list(server: &Redis, name: &str) {
    plant(server, name, &["RPUSH", "of", "three", "items"]);
}

fn empty(server: &Redis, name: &str) {
    plant(server, name, &["SET", ""]);
}

fn text(server: &Redis, name: &str) {
    plant(server, name, &["SET", "what no cache has written"]);
}

/// Three million bytes: more than a list of nonces may have.
fn huge(server: &Redis, name: &str) {
    plant(server, name, &["SETRANGE", "3000000", "x"]);
}

#[tokio::test]
async fn a_value_of_another_type_is_a_miss_for_its_name_alone() {
    let (server, store) = redis();
    store.set("page", it(), MINUTE).await.unwrap();
    store.set("nonce", it(), MINUTE).await.unwrap();
    list(&server, "list");
    let asked = names(&["list", "nonce"]);
    assert_eq!(store.get("list", 64).await.unwrap(), None);
    assert_eq!(store.get_many(&asked).await.unwrap(), [None, Some(it())]);
    let (page, with) = store.look_up("page", 64, &asked).await.unwrap();
    assert_eq!(page.unwrap().bytes, "it");
    assert_eq!(with, [None, Some(it())]);
    let (none, with) = store.look_up("list", 64, &asked).await.unwrap();
    assert_eq!((none, with), (None, vec![None, Some(it())]));
}

#[tokio::test]
async fn what_cannot_be_read_is_replaced_by_what_is_put_there() {
    for plant in [list as Plant, empty] {
        let (server, store) = redis();
        for name in ["page", "lease", "nonce"] {
            plant(&server, name);
        }
        store.set("page", it(), MINUTE).await.unwrap();
        assert_eq!(store.get("page", 64).await.unwrap().unwrap().bytes, "it");
        assert_eq!(store.add("lease", it(), MINUTE).await.unwrap(), "it");
        let offered = ["nonce", "other"].map(|name| (name.to_owned(), it()));
        assert_eq!(store.ensure(&offered, MINUTE).await.unwrap(), [it(), it()]);
        let asked = names(&["page", "lease", "nonce", "other"]);
        assert_eq!(store.get_many(&asked).await.unwrap(), vec![Some(it()); 4]);
        list(&server, "page");
        store.delete("page").await.unwrap();
        assert_eq!(server.ask(&["EXISTS", "page"]).unwrap().text(), "0");
    }
}

#[tokio::test]
async fn a_value_that_is_far_too_long_for_a_nonce_leaves_the_others_readable() {
    let (server, store) = redis();
    store.set("page", it(), MINUTE).await.unwrap();
    store.set("nonce", it(), MINUTE).await.unwrap();
    huge(&server, "huge");
    let asked = names(&["huge", "nonce"]);
    let found = store.get_many(&asked).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap().len(), 64);
    assert_eq!(found[1], Some(it()));
    let (page, with) = store.look_up("page", 64, &asked).await.unwrap();
    assert_eq!((page.unwrap().bytes, with), (it(), found));
}

async fn plain(stage: Data<Stage>) -> String {
    format!("run {}", stage.run())
}

async fn named(stage: Data<Stage>) -> String {
    tag("row");
    format!("run {}", stage.run())
}

async fn varied(stage: Data<Stage>, request: TrackedRequest) -> String {
    let tongue = request.header("accept-language").unwrap_or("none");
    format!("run {} in {tongue}", stage.run())
}

const PATHS: [&str; 3] = ["/plain", "/named", "/varied"];

fn routes(app: &mut web::ServiceConfig) {
    let policy = || Policy::new(3600).tags(["products"]);
    app.route("/plain", web::get().to(cached(policy(), plain)))
        .route("/named", web::get().to(cached(policy(), named)))
        .route("/varied", web::get().to(cached(policy(), varied)))
        .route("/other", web::get().to(cached(Policy::new(3600), plain)));
}

/// An application whose responses are in Redis alone.
struct Shop {
    server: Redis,
    stage: Stage,
    app: InProcess,
}

impl Shop {
    async fn open() -> Self {
        let server = Redis::start().unwrap();
        let store = RedisStore::open(&server.url()).unwrap();
        // No test is about a slow machine.
        let builder = ResponseCache::builder().remote(store).namespace("shop");
        let builder = builder.remote_timeout(LONG).invalidation_timeout(LONG);
        let stage = Stage::new(builder.without_memory().build());
        let app = stage.app(routes).await;
        Self { server, stage, app }
    }

    /// The text of an answer, and what `Cache-Status` says, when all that it leaves behind is done.
    async fn get(&self, path: &str) -> (String, String) {
        let answer = self.app.get(path).answer().await;
        self.stage.cache.settled().await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let said = answer.header("cache-status").unwrap();
        (answer.text(), said.to_owned())
    }

    async fn is_hit(&self, path: &str) -> bool {
        self.get(path).await.1.contains("; hit;")
    }

    /// Asks until it is a hit, and gives the names that are in use then.
    async fn warm(&self, path: &str) -> BTreeSet<String> {
        for _ in 0..3 {
            if self.is_hit(path).await {
                break;
            }
        }
        assert!(self.is_hit(path).await, "{path}");
        let names = self.server.ask(&["KEYS", "shop:*"]).unwrap().text();
        names.lines().map(str::to_owned).collect()
    }

    /// Plants under these names, with or without a response that is there still, and sees them heal.
    async fn heals(&self, path: &str, names: &[String], plant: Plant, without: Option<&str>) {
        for name in names {
            plant(&self.server, name);
        }
        if let Some(entry) = without {
            self.server.ask(&["DEL", entry]).unwrap();
        }
        let (first, said) = self.get(path).await;
        let is_true = said.contains("; hit;") || said.ends_with("; stored");
        assert!(is_true, "{path} with {names:?}: {said}");
        let (again, said) = self.get(path).await;
        assert!(said.contains("; hit;"), "{path} with {names:?}: {said}");
        assert_eq!(first, again);
        // The lease on its run was taken, and is released. A variant behind a new list has another.
        let digest = without.filter(|_| path != "/varied");
        let digest = digest.and_then(|entry| entry.rsplit(':').next());
        if let Some(lease) = digest.map(|digest| format!("shop:l:{digest}")) {
            let is_there = self.server.ask(&["EXISTS", &lease]).unwrap().text();
            assert_eq!(is_there, "0", "{path} with {names:?}");
        }
    }

    /// Nothing that was found has counted against the server.
    fn is_well(&self) {
        let remote = self.stage.cache.stats().remote.unwrap();
        assert_eq!((remote.opened, remote.dropped), (0, 0), "{remote:?}");
        for kind in [
            StoreErrorKind::Protocol,
            StoreErrorKind::Refused,
            StoreErrorKind::Unreachable,
        ] {
            assert_eq!(remote.failed(kind), 0, "{remote:?}");
        }
    }
}

/// The names in use, those of all stripes together; and those of the leases on the runs.
fn groups(names: &BTreeSet<String>) -> Vec<Vec<String>> {
    let (stripes, others): (Vec<_>, Vec<_>) = names
        .iter()
        .cloned()
        .partition(|name| name.starts_with("shop:s:"));
    let leases = others.iter().filter_map(|name| {
        let (_, digest) = name.strip_prefix("shop:/")?.rsplit_once(':')?;
        Some(format!("shop:l:{digest}"))
    });
    let leases: Vec<_> = leases.collect();
    let single = others.into_iter().chain(leases).map(|name| vec![name]);
    single
        .chain([stripes])
        .filter(|names| !names.is_empty())
        .collect()
}

async fn every_name_heals(plant: Plant) {
    let shop = Shop::open().await;
    let shared = shop.warm("/other").await;
    let (other, _) = shop.get("/other").await;
    for path in PATHS {
        let used: BTreeSet<_> = &shop.warm(path).await - &shared;
        let entry = format!("shop:{path}:");
        let entry = used.iter().find(|name| name.starts_with(&entry)).unwrap();
        for names in groups(&used) {
            shop.heals(path, &names, plant, None).await;
            shop.heals(path, &names, plant, Some(entry)).await;
            assert_eq!(shop.get("/other").await.0, other, "after {names:?}");
        }
    }
    // What all depend on: `/other` is made anew.
    for names in groups(&shared) {
        shop.heals("/other", &names, plant, None).await;
    }
    shop.is_well();
}

#[actix_web::test]
async fn a_list_under_any_name_of_a_cache_heals() {
    every_name_heals(list).await;
}

#[actix_web::test]
async fn an_empty_text_under_any_name_of_a_cache_heals() {
    every_name_heals(empty).await;
}

#[actix_web::test]
async fn bytes_that_are_none_of_a_cache_heal_under_any_name() {
    every_name_heals(text).await;
}

#[actix_web::test]
async fn more_bytes_than_are_read_heal_under_any_name() {
    every_name_heals(huge).await;
}
