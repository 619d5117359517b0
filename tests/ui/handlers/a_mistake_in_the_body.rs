use actix_web::Responder;
use cached_response::cached_response;

#[cached_response]
async fn page() -> impl Responder {
    let n: u32 = "text";
    n.to_string()
}

fn main() {}
