//! Random compositions of responders: one that reads the request is never stored under a key of another
//! request.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::rt::System;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, Data};
use actix_web::{App, Either, Error, HttpRequest, HttpResponse, Responder};
use cached_response::cached_response;
use cached_response::testing::isolated;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{Page, page_of};
use crate::ask::{ask, run};

/// A responder composed of responders.
#[derive(Clone, Debug)]
enum Tree {
    Neutral,
    ReadsACookie,
    Some(Box<Self>),
    Ok(Box<Self>),
    Left(Box<Self>),
    Right(Box<Self>),
    Tuple(Box<Self>),
    Customized(Box<Self>),
}

impl Tree {
    fn reads(&self) -> bool {
        match self {
            Self::Neutral => false,
            Self::ReadsACookie => true,
            Self::Some(inner)
            | Self::Ok(inner)
            | Self::Left(inner)
            | Self::Right(inner)
            | Self::Tuple(inner)
            | Self::Customized(inner) => inner.reads(),
        }
    }

    /// The same composition of types of actix-web.
    fn build(&self) -> Erased {
        match self {
            Self::Neutral => Erased::new(format!("{} neutral", run())),
            Self::ReadsACookie => Erased::new(Page),
            Self::Some(inner) => Erased::new(Some(inner.build())),
            Self::Ok(inner) => Erased::new(Ok::<_, Error>(inner.build())),
            Self::Left(inner) => Erased::new(Either::<_, HttpResponse>::Left(inner.build())),
            Self::Right(inner) => Erased::new(Either::<HttpResponse, _>::Right(inner.build())),
            Self::Tuple(inner) => Erased::new((inner.build(), StatusCode::OK)),
            Self::Customized(inner) => {
                Erased::new(inner.build().customize().insert_header(("x-inner", "1")))
            }
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![Just(Tree::Neutral), Just(Tree::ReadsACookie)];
    leaf.prop_recursive(5, 6, 1, |inner| {
        let wrap = prop_oneof![
            Just(Tree::Some as fn(Box<Tree>) -> Tree),
            Just(Tree::Ok as fn(Box<Tree>) -> Tree),
            Just(Tree::Left as fn(Box<Tree>) -> Tree),
            Just(Tree::Right as fn(Box<Tree>) -> Tree),
            Just(Tree::Tuple as fn(Box<Tree>) -> Tree),
            Just(Tree::Customized as fn(Box<Tree>) -> Tree),
        ];
        (wrap, inner).prop_map(|(wrap, inner)| wrap(Box::new(inner)))
    })
}

/// Any responder.
struct Erased(Box<dyn FnOnce(&HttpRequest) -> HttpResponse>);

impl Erased {
    fn new(responder: impl Responder + 'static) -> Self {
        Self(Box::new(|request| {
            responder.respond_to(request).map_into_boxed_body()
        }))
    }
}

impl Responder for Erased {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        (self.0)(request)
    }
}

#[cached_response(vary("cookie"))]
async fn nested(tree: Data<Tree>) -> impl Responder {
    tree.build()
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Asked {
    session: Option<&'static str>,
    host: &'static str,
}

fn asked() -> impl Strategy<Value = Asked> {
    let session = prop::sample::select(vec![None, Some("alice"), Some("bob")]);
    let host = prop::sample::select(vec!["a.example", "b.example"]);
    (session, host).prop_map(|(session, host)| Asked { session, host })
}

async fn nobody_gets_what_was_made_for_another(tree: Tree, requests: Vec<Asked>) {
    let _cache = isolated();
    let app = App::new()
        .app_data(Data::new(tree.clone()))
        .route("/", web::get().to(nested));
    let app = init_service(app).await;
    let mut seen: Vec<(Asked, String)> = Vec::new();
    for asked in requests {
        let request = TestRequest::with_uri("/").insert_header(("host", asked.host));
        let request = asked.session.iter().fold(request, |request, session| {
            request.append_header(("cookie", format!("session={session}")))
        });
        let answer = ask(&app, request).await;
        let expected = if tree.reads() {
            page_of(asked.session, asked.host)
        } else {
            "neutral".to_owned()
        };
        assert!(
            answer.body.ends_with(&expected),
            "{asked:?}: {}",
            answer.body
        );
        let earlier = seen.iter().find(|(earlier, _)| *earlier == asked);
        assert_eq!(answer.is_hit(), earlier.is_some(), "{asked:?}");
        if let Some((_, body)) = earlier {
            assert_eq!(answer.body, *body);
        } else {
            seen.push((asked, answer.body));
        }
    }
}

#[test]
fn a_responder_that_reads_the_request_is_never_stored_under_a_shared_key() {
    let system = System::new();
    let drawn = (trees(), prop::collection::vec(asked(), 1..12));
    TestRunner::default()
        .run(&drawn, |(tree, requests)| {
            system.block_on(nobody_gets_what_was_made_for_another(tree, requests));
            Ok(())
        })
        .unwrap();
}
