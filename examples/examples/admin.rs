//! A cache that is watched and steered with `curl`.
//!
//! The important line is `admin::scope(..)`: a scope of routes with the counts of the cache, its entries,
//! what would become of a request, and invalidations. It prints the commands to try.

use std::io;

use actix_web::{App, HttpServer, Responder, get, web};
use cached_response::{ResponseCache, admin, cached_response};
use examples::listen;

#[get("/products/{id}")]
#[cached_response(timeout = 1h, tags("products", "product:{id}"))]
async fn product(id: web::Path<u32>) -> impl Responder {
    format!("product {id}")
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let cache = ResponseCache::builder().build();
    // Not in the source of a real program: from its environment or its file of secrets.
    let secret = "the secret of this example";
    let listener = listen::on_this_machine()?;
    let address = listener.local_addr()?;

    let app = move || {
        App::new()
            .app_data(cache.clone())
            .service(admin::scope("/cache", cache.clone(), admin::token(secret)))
            .service(product)
    };

    println!("Some pages: curl http://{address}/products/[1-5]");
    let curl = format!("curl -u 'admin:{secret}'");
    println!("The counts: {curl} http://{address}/cache/stats");
    println!("For Prometheus: {curl} http://{address}/cache/metrics");
    println!("The routes: {curl} http://{address}/cache/routes");
    println!("In memory: {curl} 'http://{address}/cache/entries?prefix=/products/&limit=2'");
    println!("What becomes of: {curl} 'http://{address}/cache/explain?url=/products/7'");
    let post = format!("{curl} --json '{{\"tag\": \"product:3\"}}'");
    println!("Invalidate: {post} http://{address}/cache/invalidate");
    println!("In a browser: http://{address}/cache/");
    HttpServer::new(app)
        .workers(2)
        .listen(listener)?
        .run()
        .await
}
