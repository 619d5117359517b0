//! The smallest program: one route, and one line that caches its response.

use actix_web::{App, HttpServer, Responder, get};
use cached_response::cached_response;

#[get("/hello/")]
#[cached_response(timeout = 86400)]
async fn hello() -> impl Responder {
    "Hello, world!"
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    let server = HttpServer::new(|| App::new().service(hello));
    server.bind(format!("127.0.0.1:{port}"))?.run().await
}
