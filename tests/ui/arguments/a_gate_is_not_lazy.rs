use actix_web::{App, dev::PeerAddr, web};
use cached_response::{Gate, Lazy, Policy, cached};

fn main() {
    let page = cached(
        Policy::new(60),
        |_: (web::Path<u32>, Option<Lazy<Gate<PeerAddr>>>)| async { "for peers" },
    );
    let _ = App::new().route("/{n}", web::get().to(page));
}
