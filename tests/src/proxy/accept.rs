//! Acceptance of connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc as std_mpsc;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Line, Shared};

/// Command of the thread.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Accept,
    Refuse,
}

type Orders = mpsc::UnboundedReceiver<(Order, std_mpsc::Sender<()>)>;

/// A reserved port, also while no socket listens on it.
#[derive(Debug)]
pub(super) struct Listening {
    place: Socket,
    address: SocketAddr,
}

impl Listening {
    pub(super) fn on_a_free_port() -> io::Result<Self> {
        let place = bound((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = place.local_addr()?.as_socket();
        let address = address.ok_or_else(|| io::Error::other("a socket without an address"))?;
        Ok(Self { place, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Executes commands until their channel is closed.
    pub(super) async fn serve(self, shared: Arc<Shared>, mut orders: Orders) {
        let mut lines = JoinSet::new();
        let mut listener = None;
        loop {
            tokio::select! {
                order = orders.recv() => {
                    let Some((order, done)) = order else { break };
                    listener = match order {
                        Order::Accept if listener.is_some() => listener,
                        Order::Accept => Some(self.listen().expect("the port is ours")),
                        Order::Refuse => None,
                    };
                    if listener.is_none() {
                        lines.shutdown().await;
                    }
                    // The sender of the command waits for it.
                    let _ = done.send(());
                }
                Some(client) = next(listener.as_ref()) => {
                    lines.spawn(connect(client, shared.clone()));
                }
                Some(_) = lines.join_next() => {}
            }
        }
        lines.shutdown().await;
    }

    fn listen(&self) -> io::Result<TcpListener> {
        debug_assert!(self.place.local_addr().is_ok());
        let socket = bound(self.address)?;
        socket.listen(1024)?;
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket.into())
    }
}

/// Two sockets may be bound to one port where both allow it, and only a listening one accepts.
fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

async fn next(listener: Option<&TcpListener>) -> Option<TcpStream> {
    // An error is of a client that has left already.
    listener?.accept().await.ok().map(|(client, _)| client)
}

async fn connect(client: TcpStream, shared: Arc<Shared>) {
    shared.accepted.fetch_add(1, SeqCst);
    let line = {
        let mode = shared.mode();
        let line = Arc::new(Line::new(*mode));
        shared.lines().push(line.clone());
        line
    };
    let on_the_list = OnTheList(&shared, &line);
    line.run(client, &shared).await;
    drop(on_the_list);
}

/// Off the list when it is dropped, however its connection ends.
struct OnTheList<'a>(&'a Shared, &'a Arc<Line>);

impl Drop for OnTheList<'_> {
    fn drop(&mut self) {
        self.0.lines().retain(|line| !Arc::ptr_eq(line, self.1));
    }
}
