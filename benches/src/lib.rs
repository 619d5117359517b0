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
pub mod request;
pub mod server;

use actix_web::web::ServiceConfig;

/// One way to serve the route.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Contender {
    /// What the tables call it.
    pub name: &'static str,
    /// Mounts the route.
    pub configure: fn(&mut ServiceConfig),
    /// Whom it is held against, where it is ours: the place of that contender in the list.
    pub held_to: Option<usize>,
}

impl Contender {
    /// Somebody else's way, shown for comparison.
    pub const fn peer(name: &'static str, configure: fn(&mut ServiceConfig)) -> Self {
        Self {
            name,
            configure,
            held_to: None,
        }
    }

    const fn ours(name: &'static str, configure: fn(&mut ServiceConfig), held_to: usize) -> Self {
        Self {
            name,
            configure,
            held_to: Some(held_to),
        }
    }
}
