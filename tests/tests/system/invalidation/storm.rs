//! Everything is invalidated again and again, under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{Responder, get, web};
use cached_response::{ResponseCache, cached_response};
use tests::crowd::best_of_three;
use tests::raw::{Connection, Request};
use tests::stage::Stage;

/// Pause of a reader: two of them make 2,000 requests a second.
const EACH: Duration = Duration::from_millis(1);
const REQUESTS: u32 = 1500;
/// What a request may take beside twice the time without invalidations.
const ON_TOP: Duration = Duration::from_millis(1);

/// What the pages are made from.
static DATA: AtomicU64 = AtomicU64::new(0);

#[get("/data/{page}")]
#[cached_response(timeout = 3600)]
async fn data(page: web::Path<u32>) -> impl Responder {
    format!("{page} of {}", DATA.load(SeqCst))
}

/// Asks for one page after the other, and gives what 99 of 100 requests take at most. No answer is
/// older than what was acknowledged at its request.
fn read(server: std::net::SocketAddr, acknowledged: &AtomicU64) -> Duration {
    let mut connection = Connection::open(server).unwrap();
    let mut took = Vec::new();
    let start = Instant::now();
    for number in 0..REQUESTS {
        thread::sleep((EACH * number).saturating_sub(start.elapsed()));
        let least = acknowledged.load(SeqCst);
        let response = connection.exchange(&Request::get(format!("/data/{}", number % 20)));
        let response = response.unwrap();
        let text = response.text();
        let (page, version) = text.split_once(" of ").unwrap();
        assert_eq!(page, (number % 20).to_string());
        let version: u64 = version.parse().unwrap();
        assert!(version >= least, "{version} is older than {least}");
        took.push(response.took);
    }
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

fn readers(server: std::net::SocketAddr, acknowledged: &Arc<AtomicU64>) -> Duration {
    let readers = [(); 2].map(|()| {
        let acknowledged = acknowledged.clone();
        thread::spawn(move || read(server, &acknowledged))
    });
    readers
        .map(|reader| reader.join().unwrap())
        .into_iter()
        .max()
        .unwrap()
}

/// Invalidating everything under load shows nothing older.
#[test]
fn invalidating_everything_under_load_shows_nothing_older_and_slows_no_reader() {
    let stage = Stage::new(ResponseCache::builder().build());
    let server = stage.serve(2, |app| _ = app.service(data));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let over = best_of_three(ON_TOP, || {
        let calm = readers(server.address(), &acknowledged);
        let done = Arc::new(AtomicBool::new(false));
        let writer = {
            let (cache, done) = (stage.cache.clone(), done.clone());
            let acknowledged = acknowledged.clone();
            thread::spawn(move || {
                while !done.load(SeqCst) {
                    let version = DATA.fetch_add(1, SeqCst) + 1;
                    cache.invalidate_all();
                    acknowledged.store(version, SeqCst);
                    thread::sleep(EACH * 20);
                }
            })
        };
        let stormy = readers(server.address(), &acknowledged);
        done.store(true, SeqCst);
        writer.join().unwrap();
        stormy.saturating_sub(calm * 2)
    });
    assert!(
        over <= ON_TOP,
        "99 of 100 take up to {over:?} more than twice as long"
    );
    assert!(stage.cache.stats().invalidations > 50);
}
