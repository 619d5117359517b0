//! Programs that show the crate at work.
