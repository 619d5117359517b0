//! Points at which handlers yield: as a game prescribes, or at random.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::sleep;

use tests::dice::Dice;

#[derive(Debug)]
pub(crate) enum Pace {
    /// All wait for their turn.
    Turns(Turns),
    /// All wait a little, or not at all.
    Random(Mutex<Dice>),
}

impl Pace {
    pub(crate) async fn hand_off(&self) {
        match self {
            Self::Turns(turns) => turns.wait().await,
            Self::Random(dice) => dawdle(dice).await,
        }
    }
}

async fn dawdle(dice: &Mutex<Dice>) {
    let wait = dice.lock().expect("no holder of the lock panics").below(12);
    match wait {
        0 => sleep(Duration::from_millis(1)).await,
        1 => sleep(Duration::from_millis(3)).await,
        _ => {
            for _ in 0..wait / 2 {
                yield_now().await;
            }
        }
    }
}

/// Tasks that wait for their turn, in the order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    waiting: Mutex<Vec<oneshot::Sender<()>>>,
    over: AtomicBool,
}

impl Turns {
    async fn wait(&self) {
        if self.over.load(SeqCst) {
            return;
        }
        let (go, turn) = oneshot::channel();
        self.waiting
            .lock()
            .expect("no holder of the lock panics")
            .push(go);
        // It ends with an error, and continues, where the game is over.
        let _ = turn.await;
    }

    /// Lets one waiting task continue.
    pub(crate) fn release(&self, which: usize) {
        let mut waiting = self.waiting.lock().expect("no holder of the lock panics");
        waiting.retain(|one| !one.is_closed());
        if !waiting.is_empty() {
            let which = which % waiting.len();
            // A task that was dropped meanwhile needs no turn.
            let _ = waiting.remove(which).send(());
        }
    }

    /// Ends all waits.
    pub(crate) fn end(&self) {
        self.over.store(true, SeqCst);
        self.waiting
            .lock()
            .expect("no holder of the lock panics")
            .clear();
    }
}
