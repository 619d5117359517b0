use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(timeout = 60)]
async fn messages<R: Responder + Default + 'static>() -> R {
    R::default()
}

fn main() {}
