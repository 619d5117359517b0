//! Targets: templates with the route's parameters, and expressions with the arguments.

use super::{invalidated, is_hit, post as posted, read, stored};
use actix_web::{HttpRequest, Responder, get, post, test::TestRequest, web};
use cached_response::{cached_response, invalidates};
use serde::Deserialize;
use tests::stage::Stage;

#[derive(Deserialize)]
struct User {
    id: String,
}

#[post("/by-parameter/{name}")]
#[invalidates(path("/read/{name}"))]
async fn by_parameter() -> impl Responder {
    "written"
}

#[post("/by-expression/{id}")]
#[invalidates(path(format!("/read/{}", user.id)))]
async fn by_expression(user: web::Path<User>) -> impl Responder {
    // Moved: the expression had it by reference.
    user.into_inner().id
}

#[post("/by-both/{id}")]
#[invalidates(path("/read/{id}", "/read/".to_owned() + &other.id), url("/nowhere"),)]
async fn by_both(mut other: web::Query<User>) -> impl Responder {
    other.id.push('!');
    other.into_inner().id
}

#[post("/braces")]
#[invalidates(path("/read/{{a}}", String::from("/read/{b}")))]
async fn braces() -> impl Responder {
    "written"
}

#[post("/everything")]
#[invalidates(all)]
async fn everything() -> impl Responder {
    "written"
}

#[post("/nobody")]
#[invalidates(path("/nowhere", "/read/{nobody}"))]
async fn no_such_parameter() -> impl Responder {
    "written"
}

#[post("/branches/{name}")]
#[invalidates(prefix("/read/{name}"))]
async fn branch() -> impl Responder {
    "written"
}

#[post("/tops/{name}")]
#[invalidates(prefix("/{name}"))]
async fn top() -> impl Responder {
    "written"
}

#[post("/tails/{tail:.*}")]
#[invalidates(prefix("/read/{tail}"))]
async fn tail() -> impl Responder {
    "written"
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(read)
        .service(by_parameter)
        .service(by_expression)
        .service(by_both)
        .service(braces)
        .service(everything)
        .service(no_such_parameter)
        .service((branch, top, tail))
        .service(search)
        .service(reindex)
        .service(web::scope("/shop/{shop}").service(in_a_scope));
}

#[actix_web::test]
async fn a_parameter_of_the_route_is_filled_in() {
    assert_eq!(posted(routes, "/by-parameter/a").await, "a");
    assert_eq!(posted(routes, "/by-parameter/b").await, "b");
    assert_eq!(posted(routes, "/by-parameter/%61").await, "a");
    assert_eq!(posted(routes, "/by-parameter/c").await, "neither");
}

#[actix_web::test]
async fn an_expression_sees_the_arguments_before_they_are_moved() {
    assert_eq!(posted(routes, "/by-expression/b").await, "b");
    assert_eq!(posted(routes, "/by-both/a?id=b").await, "both");
    assert_eq!(posted(routes, "/by-both/a?id=a").await, "a");
}

#[actix_web::test]
async fn the_target_all_invalidates_everything() {
    assert_eq!(posted(routes, "/everything").await, "both");
}

#[actix_web::test]
async fn a_parameter_with_any_characters_invalidates_its_path() {
    for value in [
        "a%2Fb", "a%3Fb", "a%23b", "100%25", "%2525", "%C3%BC", "a+b", "a%20b", "{b}",
    ] {
        let (_, app) = stored(routes).await;
        let uri = format!("/read/{value}");
        app.get(&uri).answer().await;
        assert!(is_hit(&app, &uri).await, "{value}");
        let write = TestRequest::post().uri(&format!("/by-parameter/{value}"));
        app.ask(write).answer().await;
        assert!(!is_hit(&app, &uri).await, "{value}");
        assert_eq!(invalidated(&app).await, "neither", "{value}");
    }
}

#[actix_web::test]
async fn a_parameter_of_slashes_does_not_widen_a_prefix() {
    for value in ["%2F", "%2f%2F"] {
        for uri in ["/branches", "/tops"] {
            let uri = format!("{uri}/{value}");
            assert_eq!(posted(routes, &uri).await, "neither", "{uri}");
        }
    }
    assert_eq!(posted(routes, "/branches/a").await, "a");
    assert_eq!(posted(routes, "/tops/read").await, "both");
    assert_eq!(posted(routes, "/tails/b").await, "b");
    // The pattern of the route allows it.
    assert_eq!(posted(routes, "/tails/").await, "both");
}

#[actix_web::test]
async fn doubled_braces_and_those_of_expressions_are_literal() {
    let (_, app) = stored(routes).await;
    for uri in ["/read/{a}", "/read/{b}"] {
        app.get(uri).answer().await;
        assert!(is_hit(&app, uri).await, "{uri}");
    }
    app.ask(TestRequest::post().uri("/braces")).answer().await;
    for uri in ["/read/{a}", "/read/{b}"] {
        assert!(!is_hit(&app, uri).await, "{uri}");
    }
    assert_eq!(invalidated(&app).await, "neither");
}

/// An invalidation of too much is safe, one of too little is not.
#[actix_web::test]
async fn a_missing_parameter_of_the_route_invalidates_everything() {
    assert_eq!(posted(routes, "/nobody").await, "both");
}

#[get("/search")]
#[cached_response(timeout = 60)]
async fn search(stage: web::Data<Stage>) -> impl Responder {
    format!("run {}", stage.run())
}

#[post("/reindex/{words}")]
#[invalidates(url("/search?words={words}&page=1"))]
async fn reindex() -> impl Responder {
    "written"
}

#[actix_web::test]
async fn a_url_invalidates_one_query_with_any_parameter() {
    for value in ["tea", "a%26b", "a%3Db", "a%2Bb", "a%20b", "a%23b", "%C3%BC"] {
        let (_, app) = stored(routes).await;
        let named = format!("/search?words={value}&page=1");
        let other = format!("/search?words={value}&page=2");
        for uri in [&named, &other] {
            app.get(uri).answer().await;
            assert!(is_hit(&app, uri).await, "{uri}");
        }
        let write = TestRequest::post().uri(&format!("/reindex/{value}"));
        app.ask(write).answer().await;
        assert!(!is_hit(&app, &named).await, "{named}");
        assert!(is_hit(&app, &other).await, "{other}");
    }
}

#[post("/items/{item}")]
#[invalidates(path("/read/{shop}", "/read/{item}"))]
async fn in_a_scope(_: HttpRequest) -> impl Responder {
    "written"
}

#[actix_web::test]
async fn parameters_of_a_scope_are_parameters_of_the_route() {
    assert_eq!(posted(routes, "/shop/a/items/b").await, "both");
    assert_eq!(posted(routes, "/shop/b/items/b").await, "b");
}
