//! The life of a request.
//!
//! ```text
//! lookup ----- hit: reuse ----------------------------------------------> answer
//!   |  bypass ------------------------------------------------- run ----> answer
//!   |
//!  miss ------ lead: remote_lookup - miss: run - judge - store ---------> answer
//!   |            |  hit                            |
//!   |            +-----------------------------------------------------> answer
//!   +--------- wait for the leader <--- notify ----+ -------------------> answer
//! ```
//!
//! [`lookup`] is the synchronous half and all of a hit: it admits a request, writes its key, and looks
//! the key up in memory. [`reuse`] decides whether the stored response answers. A response that is due
//! is refreshed after the answer, by [`refresh`].
//!
//! [`miss`] coalesces the misses of a key: one of them leads, the others are [`waiting`] for it. The
//! leader reads the remote store ([`remote_lookup`]), or else starts the [`run`] of the handler. Its end
//! is for [`judge`], which decides whether the response may be stored, and for [`store`], which stores it, sends it
//! to the remote store and gives it to the waiters.
//!
//! A run has a [fence](run::Fence) that invalidations during it break, a [`stale_fallback`] where a stale response
//! may answer in place of a failure or after a soft timeout, and goes on when its client leaves
//! ([`detach`]). Runs that would wait for each other are found by their [edges](waiting::WaitEdge). A client that
//! wants a new response waits for a forced [`refresh`].
//!
//! All of that is written once, over a subject ([`subject`]): the [`response`] to a request, or a
//! [`value`].

pub(crate) mod detach;
pub(crate) mod judge;
pub(crate) mod lookup;
pub(crate) mod miss;
pub(crate) mod purge;
pub(crate) mod refresh;
#[cfg(any(test, feature = "remote"))]
pub(crate) mod remote_lookup;
#[cfg(any(test, feature = "remote"))]
pub(crate) mod remote_session;
pub(crate) mod response;
pub(crate) mod reuse;
pub(crate) mod run;
pub(crate) mod stale_fallback;
pub(crate) mod store;
pub(crate) mod subject;
pub(crate) mod timeout;
pub(crate) mod upstream;
pub(crate) mod value;
pub(crate) mod waiting;
#[cfg(not(any(test, feature = "remote")))]
pub(crate) mod without_remote;

#[cfg(not(any(test, feature = "remote")))]
pub(crate) use self::{without_remote as remote_lookup, without_remote as remote_session};
