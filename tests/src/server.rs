//! An actix server of the test's own: a free port on loopback, a thread of its own, stopped when dropped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use actix_web::dev::{self, ServerHandle};
use actix_web::rt::System;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};

/// Address to bind for a free port.
pub const FREE_PORT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Starts an app on that many workers; `configure` is called once a worker.
    pub fn start<F>(workers: usize, configure: F) -> io::Result<Self>
    where
        F: Fn(&mut ServiceConfig) + Send + Clone + 'static,
    {
        Self::run(move || {
            let app = move || App::new().configure(configure.clone());
            let server = HttpServer::new(app).workers(workers).bind(FREE_PORT)?;
            let address = server.addrs()[0];
            Ok((server.disable_signals().run(), address))
        })
    }

    /// Runs any server that `build` binds, for apps that need a middleware or settings of their own.
    pub fn run<F>(build: F) -> io::Result<Self>
    where
        F: FnOnce() -> io::Result<(dev::Server, SocketAddr)> + Send + 'static,
    {
        let (started, start) = mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                // The receiver is gone only if the thread of the test has ended.
                let (server, address) = match build() {
                    Ok(running) => running,
                    Err(error) => {
                        let _ = started.send(Err(error));
                        return Ok(());
                    }
                };
                let _ = started.send(Ok((address, server.handle())));
                server.await
            })
        });
        let start = start.recv();
        let (address, handle) = start.map_err(|_| io::Error::other("the server panicked"))??;
        Ok(Self {
            address,
            handle,
            thread: Some(thread),
        })
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent at the call; the future only waits for its end.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            // A server that failed has shown so to the requests.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use actix_web::web;

    use super::Server;
    use crate::raw::{self, Request};

    #[test]
    fn a_server_answers_until_it_is_dropped() {
        let server = Server::start(2, |app| {
            app.route("/", web::get().to(async || "here"));
        })
        .unwrap();
        let address = server.address();
        let response = raw::fetch(address, &Request::get("/")).unwrap();
        assert_eq!((response.status(), response.text().as_str()), (200, "here"));
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }
}
