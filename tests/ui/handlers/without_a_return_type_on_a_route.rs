use actix_web::web::{self, Path};
use actix_web::{App, HttpResponse, Responder, get};
use cached_response::{cached_response, invalidates};

#[cached_response]
#[get("/page")]
async fn page() {
    "page"
}

#[cached_response]
async fn number(number: Path<u32>) {
    number.to_string()
}

#[cached_response(key(name))]
async fn named(name: Path<String>) {
    let _ = HttpResponse::Ok();
}

#[invalidates(all)]
async fn written() {
    page_of()?
}

fn page_of() -> impl Responder {
    "page"
}

fn main() {
    let _ = App::new()
        .service(page)
        .route("/number/{number}", web::get().to(number))
        .route("/named/{name}", web::get().to(named))
        .route("/written", web::post().to(written));
}
