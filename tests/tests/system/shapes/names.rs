//! Names of the user that could collide with generated code. `#[get]` declares a unit struct for each
//! handler, and a pattern of the same name would match that struct.

use super::answered_from_the_store;
use actix_web::{App, Responder, get, test, web};
use cached_response::cached_response;

macro_rules! handlers {
    ($($name:ident)*) => {
        mod handlers {
            use super::{Responder, cached_response, get, web};
            $(
                #[get("/{n}")]
                #[cached_response(key(**n), unless = **n > 7)]
                pub(super) async fn $name(n: web::Path<u32>) -> Result<impl Responder, actix_web::Error> {
                    Ok(n.to_string())
                }
            )*
        }

        #[actix_web::test]
        async fn a_handler_may_have_any_name_of_the_generated_code() {
            $(
                let body = answered_from_the_store(|app| { app.service(handlers::$name); }, "/1").await;
                assert_eq!(body, "1", stringify!($name));
            )*
        }
    };
}

macro_rules! writers {
    ($($name:ident)*) => {
        mod writers {
            use actix_web::{Responder, post, web};
            use cached_response::invalidates;
            $(
                #[post("/{n}")]
                #[invalidates(path(format!("/{n}"), "/{n}"))]
                pub(super) async fn $name(n: web::Path<u32>) -> Result<impl Responder, actix_web::Error> {
                    Ok(n.to_string())
                }
            )*
        }

        #[actix_web::test]
        async fn an_invalidating_handler_may_have_any_name_of_the_generated_code() {
            $(
                let app = test::init_service(App::new().service(writers::$name)).await;
                let request = test::TestRequest::post().uri("/1").to_request();
                let body = test::call_and_read_body(&app, request).await;
                assert_eq!(body, "1", stringify!($name));
            )*
        }
    };
}

writers! { call eager lazy name0 argument0 never writer names writing run request write handler }

handlers! {
    call eager lazy writer output argument0 never site key route handler policy cache body run request facts
    refused class probe key_part explain
}

/// Shadows the usual names of macros.
mod shadowed {
    #![allow(dead_code, unused_macros, reason = "they are only in the way")]
    use actix_web::get;

    pub(super) struct Result;
    pub(super) struct Option;
    pub(super) struct Ok;
    pub(super) struct Err;
    pub(super) struct Some;
    pub(super) struct None;
    pub(super) struct Box;
    pub(super) struct String;
    pub(super) struct Default;
    pub(super) struct Clone;
    pub(super) struct Route;
    pub(super) struct Facts;
    pub(super) struct T;
    pub(super) mod std {}
    pub(super) mod core {}
    pub(super) mod cached_response {}
    macro_rules! format {
        () => {};
    }
    macro_rules! concat {
        ($($t:tt)*) => {
            compile_error!("shadowed concat")
        };
    }
    macro_rules! module_path {
        ($($t:tt)*) => {
            compile_error!("shadowed module_path")
        };
    }
    macro_rules! cfg {
        ($($t:tt)*) => {
            compile_error!("shadowed cfg")
        };
    }
    const __CALL: u8 = 0;
    static SITE: u8 = 1;

    #[get("/shadowed/{n}")]
    #[::cached_response::cached_response(timeout = 60, key(**n), lazy(state), store_if = |_| true)]
    pub(super) async fn shadowed(
        n: ::actix_web::web::Path<u8>,
        state: ::actix_web::web::Data<u8>,
    ) -> &'static str {
        let call = SITE;
        let eager = call;
        if eager != 1 || *n != **state {
            return "not my SITE";
        }
        "shadowed"
    }
}

#[actix_web::test]
async fn names_of_the_standard_library_may_be_shadowed() {
    let configure = |app: &mut web::ServiceConfig| {
        app.app_data(web::Data::new(3_u8))
            .service(shadowed::shadowed);
    };
    assert_eq!(
        answered_from_the_store(configure, "/shadowed/3").await,
        "shadowed"
    );
}
