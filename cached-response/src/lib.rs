//! Response caching for actix-web handlers.
