use actix_web::{Responder, dev::ConnectionInfo};
use cached_response::cached_response;

#[cached_response]
async fn who(connection: ConnectionInfo) -> impl Responder {
    connection.host().to_owned()
}

fn main() {}
