//! Two processes write the same keys for the same requests.

use crate::{
    CacheResponses, KeyPart, Keyed, Policy, ResponseCache, TrackedRequest, cached, cached_response,
    insert_key_part, key::vary::Selector, memory::variants::Entry, testing::isolated,
};
use actix_web::{
    App, HttpRequest, HttpResponse,
    dev::Service,
    get,
    http::{Uri, header::Accept},
    test::{TestRequest, call_service, init_service},
    web::{self, ServiceConfig},
};
use std::{collections::BTreeMap, convert::Infallible, env, process::Command};

/// Set in the child process, which then prints its keys.
const CHILD: &str = "SAY_THE_KEYS";

#[derive(KeyPart)]
enum Order {
    Up,
    By { name: String, first: Option<i64> },
}

#[get("/plain/{n}/{m}")]
#[cached_response]
async fn plain(path: web::Path<(String, String)>) -> String {
    path.0.clone()
}

#[get("/keyed/{n}")]
#[cached_response(key(*n, order(**n), serde((**n, "a"))), ignore_query("utm_*"))]
async fn keyed(n: web::Path<u64>) -> String {
    n.to_string()
}

fn order(n: u64) -> Order {
    match n {
        0 => Order::Up,
        n => Order::By {
            name: n.to_string(),
            first: i64::try_from(n).ok(),
        },
    }
}

#[cached_response(body, methods(POST))]
async fn posted(body: String) -> String {
    body
}

#[get("/header")]
#[cached_response(vary("accept-language"))]
async fn header(_: web::Header<Accept>, uri: Uri) -> String {
    uri.to_string()
}

#[get("/whole")]
#[cached_response(vary("x-a", "x-b"))]
async fn whole(request: HttpRequest) -> String {
    request.connection_info().host().to_owned()
}

#[get("/recorded")]
#[cached_response]
async fn recorded(request: TrackedRequest) -> HttpResponse {
    let lines = request.header_lines("x-a").count();
    let (cookie, host) = (request.cookie("theme"), request.host());
    let said = format!("{lines} {cookie:?} {host:?} {:?}", request.peer_ip());
    let mut response = HttpResponse::Ok();
    response.insert_header(("vary", "x-b")).body(said)
}

fn routes(app: &mut ServiceConfig) {
    let wrapped = cached(Policy::new(60), |n: Keyed<web::Path<u32>>| async move {
        n.to_string()
    });
    let inside = web::resource("/inside").wrap(CacheResponses::new(Policy::new(60)));
    let inserting = web::resource("/inserted").wrap_fn(|request, service| {
        insert_key_part(&request, &(7, "tenant"));
        service.call(request)
    });
    app.service((plain, keyed, header, whole, recorded))
        .route("/posted", web::post().to(posted))
        .route("/wrapped/{n}", web::get().to(wrapped))
        .service(inside.route(web::get().to(HttpResponse::Ok)))
        .service(inserting.route(web::get().to(cached(Policy::new(60), HttpResponse::Ok))));
}

/// One request for each part of a key.
fn requests() -> Vec<TestRequest> {
    let get = |uri: &str| TestRequest::with_uri(uri).insert_header(("host", "shop.example"));
    let all = [
        get("/plain/a/%62?b=1&a=2&%61=3&nocache=0"),
        get("/plain/a/b"),
        get("/keyed/0?utm_source=x&page=2"),
        get("/keyed/18446744073709551615"),
        get("/posted")
            .method("POST".parse().unwrap())
            .set_payload("a=b"),
        get("/header").insert_header(Accept::html()),
        get("/header").append_header(("accept-language", "de, en")),
        get("http://other.example:81/whole").append_header(("x-a", "a")),
        get("/whole").append_header(("x-forwarded-proto", "https")),
        get("/recorded").append_header(("x-a", "1")),
        get("/recorded").append_header(("cookie", "theme=dark")),
        get("/recorded")
            .peer_addr("[::1]:9".parse().unwrap())
            .append_header(("x-b", "1,2")),
        get("/wrapped/9"),
        get("/inside?x=1"),
        get("/inserted"),
    ];
    all.into()
}

/// The keys in `cache`, without the ids of lists, which are local to the process.
fn keys(cache: &ResponseCache) -> Vec<String> {
    let shared = cache.shared();
    let mut said = Vec::new();
    shared.memory.for_each(|key, slot| {
        said.push(match slot {
            Entry::Response(stored) => match &stored.variant {
                None => key.as_bytes().escape_ascii().to_string(),
                Some(variant) => format!("{:?} {}", variant.names, variant.values.escape_ascii()),
            },
            Entry::Varies(list) => {
                let no_extension = |name: &Selector| !matches!(name, Selector::Extension(_));
                assert!(list.names.iter().all(no_extension));
                key.as_bytes().escape_ascii().to_string()
            }
        });
    });
    let sites = shared.routes.all().into_iter();
    let sites = sites.map(|site| site.identity().escape_ascii().to_string());
    let mut all: Vec<_> = said
        .into_iter()
        .chain(sites)
        .map(|said| format!("key: {said}"))
        .collect();
    all.sort();
    all
}

/// The keys of all requests, sent in this order or reversed.
async fn keys_of_all(reversed: bool) -> Vec<String> {
    let cache = isolated();
    let app = init_service(App::new().configure(routes)).await;
    let mut requests = requests();
    if reversed {
        requests.reverse();
    }
    for request in requests {
        let request = request.to_request();
        let uri = request.uri().clone();
        let response = call_service(&app, request).await;
        let status = response.headers().get("cache-status").unwrap();
        assert!(
            status.to_str().unwrap().contains("stored"),
            "{uri}: {status:?}"
        );
    }
    let value: Result<BTreeMap<u8, u8>, Infallible> = cache
        .cache()
        .get_or_compute(("rates", 7), 60, || async { Ok(BTreeMap::new()) })
        .await;
    assert!(value.is_ok());
    keys(cache.cache())
}

#[actix_web::test]
async fn another_process_writes_the_same_keys() {
    if env::var_os(CHILD).is_some() {
        return keys_of_all(true)
            .await
            .iter()
            .for_each(|key| println!("{key}"));
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["another_process_writes_the_same_keys", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let there = String::from_utf8(output.stdout).unwrap();
    let there: Vec<_> = there
        .lines()
        .filter(|line| line.starts_with("key: "))
        .collect();
    let here = keys_of_all(false).await;
    assert!(here.len() > requests().len());
    assert_eq!(there, here);
}
