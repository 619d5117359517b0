//! Where the program listens: port 8080 of this machine alone, or the one that `PORT` names.

use std::io;
use std::net::TcpListener;

/// A listener on 127.0.0.1. Where 8080 is taken and `PORT` says nothing, any free port will do.
///
/// # Errors
/// Where `PORT` is no number, or nothing can listen there.
pub fn on_this_machine() -> io::Result<TcpListener> {
    match std::env::var("PORT") {
        Ok(port) => bind(port.parse().map_err(io::Error::other)?),
        Err(_) => bind(8080).or_else(|_| bind(0)),
    }
}

fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
}
