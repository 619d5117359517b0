use actix_web::{Responder, web};
use cached_response::cached_response;

struct User {
    id: u32,
}

impl actix_web::FromRequest for User {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;
    fn from_request(_: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self { id: 1 }))
    }
}

#[cached_response(unkeyed(db))]
async fn account((user, db): (User, web::ThinData<u32>)) -> impl Responder {
    format!("{} {}", user.id, *db)
}

#[derive(serde::Deserialize)]
struct Search {
    words: String,
    page: u32,
}

#[cached_response(methods(POST), key(words))]
async fn search(web::Json(Search { words, page }): web::Json<Search>) -> impl Responder {
    format!("{words} {page}")
}

fn main() {}
