//! A soak on one thread, where the moves decide everything: which request is sent, continues or is dropped, and
//! when the clock is turned. The same moves play the same game.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::rt::{self, System};
use cached_response::ResponseCache;
use cached_response::testing::ManualClock;
use tests::stage::{Asked, InProcess, soon};
use tokio::task::yield_now;

use crate::handlers::routes;
use crate::oracle::Done;
use crate::pace::{Pace, Turns};
use crate::page::{Among, Scope};
use crate::question::{Held, Question, Sent};
use crate::verdict::{Answer, Wrong};
use crate::world::{Plant, World};
use tests::dice::Dice;

/// Next event, and the time for which all tasks run before the one after it.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    what: What,
    breaths: usize,
}

#[derive(Debug, Clone)]
enum What {
    Ask(Question),
    /// One of the waiting tasks continues.
    GoOn(usize),
    /// One of the clients leaves.
    Leave(usize),
    Change(usize),
    Make(Done, Scope),
    Turn(Duration),
}

impl Move {
    fn roll(dice: &mut Dice, among: &Among) -> Self {
        const TURNS: [u64; 8] = [1, 10, 20, 40, 40, 1000, 6000, 31_000];
        let what = match dice.below(100) {
            0..30 => What::Ask(Question::roll(dice, among)),
            30..78 => What::GoOn(dice.below(1000)),
            78..82 => What::Leave(dice.below(1000)),
            82..88 => What::Change(among.object(dice)),
            88..93 => What::Make(Done::roll(dice), Scope::roll(dice, among)),
            _ => What::Turn(Duration::from_millis(dice.pick(&TURNS))),
        };
        let breaths = dice.below(6);
        Self { what, breaths }
    }

    /// The moves of a game.
    pub(crate) fn of_a_game(seed: u64, count: usize) -> Vec<Self> {
        let mut dice = Dice::new(seed);
        let among = Among::few(&mut dice);
        (0..count).map(|_| Self::roll(&mut dice, &among)).collect()
    }
}

/// Result of a game.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Played {
    /// Every answer, in the order of arrival.
    pub(crate) answers: Vec<String>,
    pub(crate) violation: Option<Violation>,
}

/// An answer that must not be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    at: usize,
    request: String,
    wrong: Wrong,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, request, wrong } = self;
        write!(f, "move {at}: {request}, and was answered with {wrong}")
    }
}

/// Plays a game to its end, or up to the first answer that is wrong.
pub(crate) fn play(moves: &[Move], plant: Option<Plant>) -> Played {
    System::new().block_on(async {
        let mut game = Game::new(plant).await;
        for (at, next) in moves.iter().enumerate() {
            game.next(next).await;
            game.receive_finished(at).await;
            if game.played.violation.is_some() {
                return game.played;
            }
        }
        game.end(moves.len()).await
    })
}

struct Game {
    world: Arc<World>,
    clock: ManualClock,
    app: InProcess,
    under_way: Vec<(Asked, Sent)>,
    held: Vec<Held>,
    played: Played,
}

impl Game {
    async fn new(plant: Option<Plant>) -> Self {
        let clock = ManualClock::new();
        let cache = ResponseCache::builder().clock(&clock).build();
        let world = World::new(cache, Pace::Turns(Turns::default()), plant);
        let app = InProcess::start(|app| routes(&world, app)).await;
        Self {
            world,
            clock,
            app,
            under_way: Vec::new(),
            held: Vec::new(),
            played: Played {
                answers: Vec::new(),
                violation: None,
            },
        }
    }

    fn turns(&self) -> &Turns {
        match &self.world.pace {
            Pace::Turns(turns) => turns,
            Pace::Random(_) => unreachable!("a game is played by turns"),
        }
    }

    async fn next(&mut self, next: &Move) {
        match &next.what {
            What::Ask(question) => {
                let sent = question.clone().send(&self.world, &self.held);
                let asked = self.app.ask(sent.in_process());
                self.under_way.push((asked, sent));
            }
            What::GoOn(which) => self.turns().release(*which),
            What::Leave(which) if !self.under_way.is_empty() => {
                let which = which % self.under_way.len();
                self.under_way.remove(which).0.leave().await;
            }
            What::Leave(_) => {}
            What::Change(object) => _ = self.world.bump(*object),
            What::Make(done, scope) => {
                let (world, done, scope) = (self.world.clone(), *done, *scope);
                rt::spawn(async move { world.make(done, scope).await });
            }
            What::Turn(by) => self.clock.advance(*by),
        }
        for _ in 0..next.breaths {
            yield_now().await;
        }
    }

    async fn receive_finished(&mut self, at: usize) {
        while let Some(ended) = self.under_way.iter().position(|(it, _)| it.is_finished()) {
            let (asked, sent) = self.under_way.remove(ended);
            self.receive(at, asked, &sent).await;
        }
    }

    async fn receive(&mut self, at: usize, asked: Asked, sent: &Sent) {
        let answer = asked.survived().await.map(|answer| Answer {
            status: answer.status.as_u16(),
            facts: answer.header("x-facts").map(ToOwned::to_owned),
            tag: answer.header("etag").map(ToOwned::to_owned),
            said: answer.header("cache-status").unwrap_or_default().to_owned(),
            // The server leaves it out.
            body: match sent.question.method {
                Method::HEAD => Some(Vec::new()),
                _ => answer.body.map(|body| body.to_vec()),
            },
        });
        let received = answer.as_ref().map(|it| (it.status, &it.said, &it.facts));
        self.played.answers.push(format!("{sent} -> {received:?}"));
        match sent.judge(answer.as_ref(), &self.world) {
            Ok(held) => self.held.extend(held),
            Err(wrong) => {
                let request = sent.to_string();
                self.played
                    .violation
                    .get_or_insert(Violation { at, request, wrong });
            }
        }
    }

    /// All tasks continue to their end, and nothing is left.
    async fn end(mut self, at: usize) -> Played {
        self.turns().end();
        let second = Duration::from_secs(1);
        // What hangs is ended by the clock.
        soon("all are answered, and all runs end", || {
            self.clock.advance(second);
            let answered = self.under_way.iter().all(|(it, _)| it.is_finished());
            answered && self.world.cache.stats().running == 0
        })
        .await;
        self.receive_finished(at).await;
        let stats = self.world.cache.stats();
        assert!(stats.hit_for_pass_bytes <= 2 << 20, "{stats:?}");
        assert!(stats.bytes <= 64 << 20, "{stats:?}");
        self.played
    }
}
