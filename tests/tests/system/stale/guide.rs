//! The table of situations in the guide, row by row.

use std::fs;
use std::path::Path;

use cached_response::Policy;
use tests::stage::soon;
use tokio::task::yield_now;

use super::{NEXT, Next, Scene};

/// The rules of the guide's routes.
pub(super) fn policy() -> Policy {
    Policy::new(60)
        .stale_while_revalidate(30)
        .stale_if_error(3600)
        .refresh_ahead(0.9)
        .run_timeout(10)
}

/// The events before the request of a row, and while it waits.
#[derive(Clone, Copy)]
enum Event {
    Older(u64),
    Invalidated,
    Expired,
    /// A request whose run has this outcome.
    Asked(Next),
    /// The next run has this outcome.
    Makes(Next),
    /// The next run takes so many seconds.
    Slow(u64),
}

use Event::{Asked, Expired, Invalidated, Makes, Older, Slow};

const FAILS: Next = Next::Status(500);

/// The first cell of each row, the path of the route and the events.
const SITUATIONS: &[(&str, &str, &[Event])] = &[
    ("is 10 s old", "/guide", &[Older(10)]),
    ("is 55 s old", "/guide", &[Older(55)]),
    ("is 70 s old", "/guide", &[Older(70)]),
    (
        "is 70 s old, and a refresh has just failed",
        "/guide",
        &[Older(70), Asked(FAILS)],
    ),
    (
        "is 70 s old, and a refresh has just answered 404",
        "/guide",
        &[Older(70), Asked(Next::Status(404))],
    ),
    ("is 100 s old", "/guide", &[Older(100)]),
    (
        "is 100 s old, and the handler answers 500",
        "/guide",
        &[Older(100), Makes(FAILS)],
    ),
    (
        "is 100 s old, and the handler returns `Err` of 500",
        "/guide",
        &[Older(100), Makes(Next::Error(500))],
    ),
    (
        "is 100 s old, and the handler calls `mark_failed()` and answers 200",
        "/guide",
        &[Older(100), Makes(Next::Declared)],
    ),
    (
        "is 100 s old, and the handler panics",
        "/guide",
        &[Older(100), Makes(Next::Panic)],
    ),
    (
        "is 100 s old, and the handler is not done after 10 s",
        "/guide",
        &[Older(100), Slow(10)],
    ),
    (
        "is 100 s old, and the handler has just failed",
        "/guide",
        &[Older(100), Asked(FAILS)],
    ),
    (
        "is 100 s old, and the handler answers 404",
        "/guide",
        &[Older(100), Makes(Next::Status(404))],
    ),
    (
        "is 100 s old, and the request has `?nocache=1` while the handler answers 500",
        "/guide?nocache=1",
        &[Older(100), Makes(FAILS)],
    ),
    (
        "is 3660 s old, and the handler answers 500",
        "/guide",
        &[Older(3660), Makes(FAILS)],
    ),
    (
        "was invalidated, and the handler answers 500",
        "/guide",
        &[Invalidated, Makes(FAILS)],
    ),
    (
        "was expired by `expire_path` when it was 10 s old",
        "/guide",
        &[Older(10), Expired],
    ),
    (
        "is 100 s old, and the handler is not done after 2 s",
        "/guide-impatient",
        &[Older(100), Slow(2)],
    ),
];

/// The rows of a page's tables whose first cell is a situation.
fn rows() -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/staying-up.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| is ") || line.starts_with("| was "));
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

impl Scene {
    /// Plays the events before the request; returns the duration of its run.
    async fn prepare(&self, events: &[Event]) -> Option<u64> {
        let mut slow = None;
        for event in events {
            match *event {
                Older(seconds) => self.advance(seconds),
                Invalidated => drop(self.stage.cache.invalidate_path(self.path)),
                Expired => drop(self.stage.cache.expire_path(self.path)),
                Asked(next) => {
                    NEXT.set(next);
                    self.stage.release(2);
                    self.get().await;
                    settle().await;
                    NEXT.set(Next::Fine);
                }
                Makes(next) => NEXT.set(next),
                Slow(seconds) => slow = Some(seconds),
            }
        }
        slow
    }

    /// The answer to the client, the runs of the handler, and `Cache-Status`.
    async fn outcome(&self, target: &str, slow: Option<u64>) -> Vec<String> {
        let run = self.stage.runs() + 1;
        let asked = self.app.get(target);
        let ends_or_runs = || asked.is_finished() || self.stage.runs() == run;
        soon("it is answered, or waits", ends_or_runs).await;
        settle().await;
        let at_once = asked.is_finished();
        match slow {
            Some(seconds) => self.advance(seconds),
            None => self.stage.release(run),
        }
        let answer = asked.answer().await;
        settle().await;
        let gets = match (answer.status.as_u16(), answer.text().as_str()) {
            (200, "run 1") => "the stored one".to_owned(),
            (200, _) => "the new one".to_owned(),
            (status, _) => format!("the {status}"),
        };
        let handler = match (self.stage.runs() == run, at_once) {
            (true, true) => "runs in the background",
            (true, false) => "runs",
            (false, _) if run > 2 => "is in its cooldown",
            (false, _) => "does not run",
        };
        let said = answer.header("cache-status").unwrap();
        let said = said.strip_prefix("cached-response; ").unwrap();
        vec![gets, handler.to_owned(), format!("`{said}`")]
    }
}

/// Yields until all tasks that can make progress have.
async fn settle() {
    for _ in 0..50 {
        yield_now().await;
    }
}

#[actix_web::test]
async fn each_situation_of_the_guide_has_its_outcome() {
    let rows = rows();
    let told: Vec<_> = rows.iter().map(|row| row[0].as_str()).collect();
    let played: Vec<_> = SITUATIONS.iter().map(|(opening, ..)| *opening).collect();
    assert_eq!(told, played);
    for (row, (opening, target, events)) in rows.iter().zip(SITUATIONS) {
        let path = target.split('?').next().unwrap();
        let scene = Scene::new(path).await;
        let slow = scene.prepare(events).await;
        assert_eq!(scene.outcome(target, slow).await, row[1..], "{opening}");
    }
}
