//! The remote store beside the memory, and what other processes say of it.

pub(crate) mod hearing;

use super::{moment, sync};
