//! Contenders behind one small interface, measured side by side.
//!
//! Every contender serves the same route and the same 1 KiB of JSON; what differs is who answers.
//! All figures are ratios and differences between contenders that were measured in turn in one
//! run: absolute ones say more about the machine than about the code.

pub mod contenders;
pub mod in_process;
pub mod load;
pub mod loopback;
pub mod options;
pub mod redis;
pub mod remote;
pub mod request;
pub mod server;
pub mod turns;

use actix_web::web::ServiceConfig;

/// One way to serve the route.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Contender {
    /// Its name in the tables.
    pub name: &'static str,
    /// Mounts the route.
    pub configure: fn(&mut ServiceConfig),
    /// The contender it is compared with, if any.
    pub held: Option<Held>,
    /// The contender whose server time a request bounds its own, if any.
    pub bounded: Option<Bounded>,
}

/// A comparison with another contender.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Held {
    /// The place of that contender in the list.
    pub to: usize,
    /// Least part of the other's requests a second, over sockets.
    pub least: f64,
}

/// A bound by the server time of another contender.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Bounded {
    /// The place of that contender in the list.
    pub by: usize,
    /// Most of the other's server time a request, in its multiples.
    pub most: f64,
}

/// Least part of the other contender's throughput, by default.
const REQUIRED: f64 = 0.95;

impl Contender {
    /// One that is shown for comparison.
    pub const fn peer(name: &'static str, configure: fn(&mut ServiceConfig)) -> Self {
        Self {
            name,
            configure,
            held: None,
            bounded: None,
        }
    }

    const fn ours(name: &'static str, configure: fn(&mut ServiceConfig), to: usize) -> Self {
        Self::peer(name, configure).held_to(to, REQUIRED)
    }

    /// Holds it against another.
    #[must_use]
    pub const fn held_to(mut self, to: usize, least: f64) -> Self {
        self.held = Some(Held { to, least });
        self
    }

    /// Bounds its server time a request by that of another.
    #[must_use]
    pub const fn bounded_by(mut self, by: usize, most: f64) -> Self {
        self.bounded = Some(Bounded { by, most });
        self
    }
}
