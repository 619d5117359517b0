//! Watching a cache: its counts.

mod stats;
