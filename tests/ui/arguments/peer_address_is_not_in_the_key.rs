use actix_web::{Responder, dev::PeerAddr};
use cached_response::cached_response;

#[cached_response]
async fn who(peer: PeerAddr) -> impl Responder {
    peer.to_string()
}

fn main() {}
