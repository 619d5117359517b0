//! The address that a program listens on: 127.0.0.1, port 8080 or `PORT`.

use std::io;
use std::net::TcpListener;

/// Returns a listener on 127.0.0.1. If `PORT` is not set and 8080 is in use, it takes any free port.
///
/// # Errors
/// If `PORT` is not a number, or the port cannot be bound.
pub fn on_this_machine() -> io::Result<TcpListener> {
    match std::env::var("PORT") {
        Ok(port) => bind(port.parse().map_err(io::Error::other)?),
        Err(_) => bind(8080).or_else(|_| bind(0)),
    }
}

fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
}
