//! Response caching for actix-web handlers.

mod machinery;
