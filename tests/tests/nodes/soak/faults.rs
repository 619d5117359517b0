//! Faults that are injected.

use std::thread;
use std::time::{Duration, Instant};

use tests::dice::Dice;
use tests::proxy::{Mode, Proxy};
use tests::servers::redis::Redis;

/// One after the other, with quiet times between them.
pub(super) struct Faults<'a> {
    redis: &'a mut Redis,
    proxies: &'a [Proxy],
    dice: Dice,
    happened: Vec<Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Late,
    Swallowed,
    Deaf,
    Cut,
    Reset,
    Altered,
    Dripping,
    Refused,
    Stopped,
    Restarted,
    Emptied,
    Full,
    Kicked,
}

const FAULTS: [Fault; 13] = [
    Fault::Late,
    Fault::Swallowed,
    Fault::Deaf,
    Fault::Cut,
    Fault::Reset,
    Fault::Altered,
    Fault::Dripping,
    Fault::Refused,
    Fault::Stopped,
    Fault::Restarted,
    Fault::Emptied,
    Fault::Full,
    Fault::Kicked,
];

impl std::fmt::Debug for Faults<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counted = FAULTS.map(|it| {
            (
                it,
                self.happened.iter().filter(|other| **other == it).count(),
            )
        });
        f.debug_map().entries(counted).finish()
    }
}

impl<'a> Faults<'a> {
    pub(super) fn new(redis: &'a mut Redis, proxies: &'a [Proxy], dice: Dice) -> Self {
        Self {
            redis,
            proxies,
            dice,
            happened: Vec::new(),
        }
    }

    /// A quiet time, and a fault.
    pub(super) fn next(&mut self, end: Instant) {
        self.pass(end, &[100, 500, 2000]);
        let fault = self.dice.pick(&FAULTS);
        self.happened.push(fault);
        let proxy = &self.proxies[self.dice.below(self.proxies.len())];
        let place = self.dice.below(600);
        match fault {
            Fault::Late => proxy.set(Mode::Delay(Duration::from_millis(place as u64 / 5))),
            Fault::Swallowed => proxy.set(Mode::BlackHole),
            Fault::Deaf => set_lines(proxy, true, Mode::BlackHole),
            Fault::Cut => proxy.set(Mode::CutAfter(place)),
            Fault::Reset => proxy.set(Mode::Reset),
            // Nothing on the way to a confirmation is checked but by TCP.
            Fault::Altered => set_lines(proxy, false, Mode::Corrupt(place)),
            Fault::Dripping => proxy.set(Mode::Drip(1 + place / 10)),
            Fault::Refused => proxy.refuse(),
            Fault::Stopped => self.redis.stop().unwrap(),
            Fault::Restarted => self.redis.kill(),
            Fault::Emptied => self.execute(&["FLUSHALL"]),
            Fault::Full => self.execute(&["CONFIG", "SET", "maxmemory", "1"]),
            Fault::Kicked => self.execute(&["CLIENT", "KILL", "TYPE", "pubsub"]),
        }
        self.pass(end, &[20, 300, 1500, 3500]);
        self.repair(fault);
    }

    /// Everything is well.
    pub(super) fn end(&self) {
        self.proxies.iter().for_each(|proxy| proxy.set(Mode::Pass));
    }

    fn repair(&mut self, fault: Fault) {
        match fault {
            Fault::Refused => self.proxies.iter().for_each(Proxy::accept),
            Fault::Stopped => self.redis.resume().unwrap(),
            Fault::Restarted => self.redis.restart().unwrap(),
            Fault::Full => self.execute(&["CONFIG", "SET", "maxmemory", "0"]),
            Fault::Emptied | Fault::Kicked => {}
            _ => self.end(),
        }
    }

    fn execute(&self, command: &[&str]) {
        self.redis.ask(command).unwrap();
    }

    fn pass(&mut self, end: Instant, times: &[u64]) {
        let time = Duration::from_millis(self.dice.pick(times));
        thread::sleep(time.min(end.saturating_duration_since(Instant::now())));
    }
}

/// Sets the mode of the connections that listen, or of those that only read.
fn set_lines(proxy: &Proxy, listening: bool, mode: Mode) {
    for line in proxy.lines() {
        let (listens, publishes) = (line.has_said(b"SUBSCRIBE"), line.has_said(b"PUBLISH"));
        if if listening {
            listens
        } else {
            !listens && !publishes
        } {
            line.set(mode);
        }
    }
}
