use actix_web::{App, HttpRequest, Responder, get, test, web};
use cached_response::{cached_response, testing::isolated};

#[get("/hello/{name}")]
#[cached_response(timeout = 86400)]
async fn hello(name: web::Path<String>) -> impl Responder {
    format!("Hello, {name}!")
}

#[get("/agent")]
#[cached_response(timeout = 5m, vary("user-agent"))]
async fn agent(request: HttpRequest) -> impl Responder {
    format!("{:?}", request.headers().get("user-agent"))
}

#[actix_web::test]
async fn smoke() {
    let cache = isolated();
    let app = test::init_service(App::new().service(hello).service(agent)).await;
    for uri in [
        "/hello/a",
        "/hello/a",
        "/hello/b",
        "/hello/a?nocache=1",
        "/agent",
        "/agent",
    ] {
        let response =
            test::call_service(&app, test::TestRequest::with_uri(uri).to_request()).await;
        println!("{uri} {:?}", response.headers());
    }
    println!("{:?}", cache.cache().stats());
}
