//! The page of the admin scope. Its script asks the other routes; all that it shows comes from them.

use actix_web::{HttpRequest, HttpResponse, Scope, http::header, web};
use std::future::ready;

/// A file of the page: its route, its type and its content.
const FILES: [(&str, &str, &str); 4] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("dashboard/page.html"),
    ),
    (
        "/style.css",
        "text/css; charset=utf-8",
        include_str!("dashboard/style.css"),
    ),
    (
        "/script.js",
        "text/javascript; charset=utf-8",
        include_str!("dashboard/script.js"),
    ),
    (
        "/icon.svg",
        "image/svg+xml",
        include_str!("dashboard/icon.svg"),
    ),
];

/// Only the files and figures of the scope itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'";

/// Adds the routes of the page.
pub(crate) fn add(scope: Scope) -> Scope {
    let scope = scope.service(web::resource("").get(to_folder));
    FILES
        .into_iter()
        .fold(scope, |scope, (path, kind, content)| {
            scope.service(web::resource(path).get(move || ready(file(kind, content))))
        })
}

fn file(kind: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(content)
}

/// The page's addresses are relative to a path that ends with `/`.
async fn to_folder(request: HttpRequest) -> HttpResponse {
    let last = request.path().rsplit('/').next().unwrap_or_default();
    HttpResponse::TemporaryRedirect()
        .insert_header((header::LOCATION, format!("{last}/")))
        .finish()
}
