//! The attribute in a crate of the 2021 edition.

use actix_web::{
    App, Error, FromRequest, HttpRequest, Responder, dev::Payload, get, http::header, post, test,
    web,
};
use cached_response::{KeyPart, cached_response, invalidates};
use std::future::{Ready, ready};

#[derive(KeyPart)]
struct User {
    id: u32,
}

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { id: 1 }))
    }
}

#[get("/below/{gen}")]
#[cached_response(timeout = 5m, key(user), unless = **gen > 7)]
async fn below(gen: web::Path<u32>, user: User) -> Result<impl Responder, Error> {
    Ok(format!("{gen} {}", user.id))
}

#[cached_response("1h 30m", gate(user), lazy(state))]
#[get("/above")]
async fn above(user: User, state: web::Data<u32>) -> impl Responder {
    state.get_ref().to_string()
}

#[post("/body")]
#[cached_response(body, methods(POST))]
async fn body(web::Json(mut numbers): web::Json<Vec<u32>>) -> impl Responder {
    numbers.push(1);
    web::Json(numbers)
}

#[post("/write/{gen}")]
#[invalidates(path("/below/{gen}", format!("/below/{gen}")))]
async fn write(gen: web::Path<u32>) -> Result<impl Responder, Error> {
    Ok(gen.to_string())
}

struct Site<T>(T);

impl<T: Default + ToString + 'static> Site<T> {
    const TTL: u64 = 60;

    #[cached_response(Self::TTL, key(Self::TTL))]
    async fn page() -> impl Responder {
        T::default().to_string()
    }
}

#[actix_web::test]
async fn handlers_are_cached_as_in_any_edition() {
    let app = App::new()
        .app_data(web::Data::new(7_u32))
        .service(below)
        .service(above)
        .service(body)
        .service(write);
    let app = test::init_service(app.route("/page", web::get().to(Site::<u8>::page))).await;
    for uri in ["/below/1", "/above", "/page"] {
        for stored in [false, true] {
            let response =
                test::call_service(&app, test::TestRequest::get().uri(uri).to_request()).await;
            assert_eq!(
                response.headers().contains_key(header::AGE),
                stored,
                "{uri}"
            );
            test::read_body(response).await;
        }
    }
    for stored in [false, true] {
        let request = test::TestRequest::post()
            .uri("/body")
            .set_json([1, 2])
            .to_request();
        let response = test::call_service(&app, request).await;
        assert_eq!(response.headers().contains_key(header::AGE), stored);
        assert_eq!(test::read_body(response).await, "[1,2,1]");
    }
    let changing = test::TestRequest::post().uri("/write/1").to_request();
    test::call_service(&app, changing).await;
    let read = test::TestRequest::get().uri("/below/1").to_request();
    let response = test::call_service(&app, read).await;
    assert!(!response.headers().contains_key(header::AGE));
}
