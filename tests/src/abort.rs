//! Clients that leave before they have their answer.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use socket2::SockRef;

use crate::raw::Connection;

/// Breaks the connection off with a reset, which drops the handler's future on HTTP/1.
pub fn reset(connection: Connection) -> io::Result<()> {
    let stream = connection.into_stream();
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))
}

/// Closes the connection in order, which a server may notice only when it writes.
pub fn close(connection: Connection) -> io::Result<()> {
    connection.into_stream().shutdown(Shutdown::Both)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::web;

    use super::reset;
    use crate::barrier::Barriers;
    use crate::raw::{Connection, Request};
    use crate::server::Server;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[test]
    fn a_reset_drops_the_handler_where_it_waits() {
        let barriers = Barriers::default();
        let data = web::Data::new(barriers.clone());
        let server = Server::start(1, move |app| {
            let handler = async |barriers: web::Data<Barriers>| {
                barriers.at("handler").await;
                "done"
            };
            app.app_data(data.clone())
                .route("/", web::get().to(handler));
        })
        .unwrap();
        let mut client = Connection::open(server.address()).unwrap();
        client.send(&Request::get("/")).unwrap();
        barriers.wait_arrived("handler", 1, TIMEOUT);
        reset(client).unwrap();
        barriers.wait_given_up("handler", 1, TIMEOUT);
    }
}
