//! Watching a cache: its counts, its events and what is traced.

mod advice;
mod events;
mod exporter;
mod recorder;
mod stats;
mod troubles;
