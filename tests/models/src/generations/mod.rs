//! The generations, and the registry they are found through, in every order of their steps.

#[expect(dead_code, reason = "nothing is weighed here")]
#[path = "../../../../cached-response/src/invalidation/generation.rs"]
mod generation;
mod handles;
#[path = "../../../../cached-response/src/invalidation/path.rs"]
mod path;
#[expect(dead_code, reason = "other names stand for those of URLs and tags")]
#[path = "../../../../cached-response/src/invalidation/registry.rs"]
mod registry;
mod scenarios;
#[expect(dead_code, reason = "nothing but a bump is needed here")]
#[path = "../../../../cached-response/src/invalidation/scope.rs"]
mod scope;
pub(crate) mod sync;

// The same with one mistake each.
include!(concat!(env!("OUT_DIR"), "/generations.rs"));
