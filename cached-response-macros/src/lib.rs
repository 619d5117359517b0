//! The attributes and one derive of `cached-response`.
