//! Hints of compile errors, pasted as they are: each compiles, and is right
//! for every handler, or it is a mistake of its own until it has been filled in (`ui/hints`).

use std::{fs, path::Path};

use actix_web::web;

/// The hints that compile. Each is written here as it stands in an error under `ui/arguments`.
mod pasted {
    use std::future::{Ready, ready};

    use actix_web::dev::{ConnectionInfo, Payload, PeerAddr};
    use actix_web::{Error, FromRequest, HttpRequest, web};
    use cached_response::{KeyPart, cached_response};

    #[derive(cached_response::KeyPart)]
    pub(super) struct User {
        id: u32,
        tenant: String,
    }

    impl FromRequest for User {
        type Error = Error;
        type Future = Ready<Result<Self, Error>>;

        fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
            ready(Ok(Self {
                id: 1,
                tenant: "tea".to_owned(),
            }))
        }
    }

    #[cached_response(key(user))]
    pub(super) async fn of_a_user(user: User) -> String {
        user.tenant
    }

    #[cached_response(key(user))]
    pub(super) async fn of_a_user_if_there_is_one(user: Option<User>) -> String {
        user.map_or_else(String::new, |user| user.tenant)
    }

    #[cached_response(key(user))]
    pub(super) async fn of_request_data(user: web::ReqData<u32>) -> String {
        user.to_string()
    }

    #[cached_response(gate(user))]
    pub(super) async fn for_users(user: Option<User>) -> String {
        "for users".to_owned()
    }

    #[cached_response(key(id))]
    pub(super) async fn of_one_field(User { id, .. }: User) -> String {
        id.to_string()
    }

    #[cached_response(gate(id))]
    pub(super) async fn behind_a_gate(User { id, .. }: User) -> String {
        "for users".to_owned()
    }

    #[cached_response(key(first, second))]
    pub(super) async fn of_two(first: User, second: User) -> String {
        first.tenant + &second.tenant
    }

    #[cached_response(key(second), gate(first))]
    pub(super) async fn of_the_second(first: User, second: User) -> String {
        second.tenant
    }

    #[cached_response(key(first), gate(second))]
    pub(super) async fn of_the_first(first: User, second: User) -> String {
        first.tenant
    }

    #[cached_response(key(second))]
    pub(super) async fn of_the_second_alone(first: web::Path<u32>, second: User) -> String {
        format!("{first} {}", second.tenant)
    }

    #[cached_response(gate(second))]
    pub(super) async fn for_the_second(first: web::Path<u32>, second: User) -> String {
        first.to_string()
    }

    #[cached_response(key(both))]
    pub(super) async fn of_both(both: (web::Path<u32>, User)) -> String {
        format!("{} {}", both.0, both.1.tenant)
    }

    #[cached_response(gate(both))]
    pub(super) async fn for_both(both: (web::Path<u32>, User)) -> String {
        "for both".to_owned()
    }

    #[derive(KeyPart)]
    pub(super) struct Db(String);

    impl FromRequest for Db {
        type Error = Error;
        type Future = Ready<Result<Self, Error>>;

        fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
            ready(Ok(Self("tenant".to_owned())))
        }
    }

    #[cached_response(key(db))]
    pub(super) async fn of_a_database(db: Db) -> String {
        db.0
    }

    #[cached_response(key(connection))]
    pub(super) async fn of_a_connection(connection: ConnectionInfo) -> String {
        connection.host().to_owned()
    }

    #[cached_response(gate(connection))]
    pub(super) async fn for_connections(connection: ConnectionInfo) -> String {
        "for all".to_owned()
    }

    #[cached_response(key(peer))]
    pub(super) async fn of_a_peer(peer: PeerAddr) -> String {
        peer.0.to_string()
    }

    #[cached_response(gate(peer))]
    pub(super) async fn for_peers(peer: PeerAddr) -> String {
        "for all".to_owned()
    }

    #[cached_response(key(greeting))]
    pub(super) async fn of_a_greeting(greeting: Option<User>) -> String {
        greeting.map_or_else(String::new, |user| user.tenant)
    }

    #[cached_response(gate(greeting))]
    pub(super) async fn for_the_greeted(greeting: Option<User>) -> String {
        "for all".to_owned()
    }

    #[cached_response(gate(session))]
    pub(super) async fn for_sessions(session: User) -> String {
        "for all".to_owned()
    }

    #[cached_response(gate(identity))]
    pub(super) async fn for_identities(identity: Option<User>) -> String {
        "for all".to_owned()
    }

    #[cached_response(gate(token))]
    pub(super) async fn for_bearers(token: User) -> String {
        "for all".to_owned()
    }

    #[cached_response(gate(credentials))]
    pub(super) async fn for_the_known(credentials: Result<User, Error>) -> String {
        "for all".to_owned()
    }

    #[cached_response(body)]
    pub(super) async fn of_a_body(filter: web::Json<Vec<u32>>, form: Option<web::Bytes>) -> String {
        format!("{filter:?} {form:?}")
    }

    #[cached_response(key(filter))]
    pub(super) async fn of_json(filter: web::Json<Vec<u32>>) -> String {
        format!("{filter:?}")
    }

    #[cached_response(key(form))]
    pub(super) async fn of_a_form(form: web::Form<Vec<u32>>) -> String {
        format!("{form:?}")
    }

    #[cached_response(key(bytes))]
    pub(super) async fn of_bytes(bytes: Option<web::Bytes>) -> String {
        format!("{bytes:?}")
    }
}

#[test]
fn a_hint_makes_a_handler() {
    let routes = [
        web::get().to(pasted::of_a_user),
        web::get().to(pasted::of_a_user_if_there_is_one),
        web::get().to(pasted::of_request_data),
        web::get().to(pasted::for_users),
        web::get().to(pasted::of_one_field),
        web::get().to(pasted::behind_a_gate),
        web::get().to(pasted::of_two),
        web::get().to(pasted::of_the_second),
        web::get().to(pasted::of_the_first),
        web::get().to(pasted::of_the_second_alone),
        web::get().to(pasted::for_the_second),
        web::get().to(pasted::of_both),
        web::get().to(pasted::for_both),
        web::get().to(pasted::of_a_database),
        web::get().to(pasted::of_a_connection),
        web::get().to(pasted::for_connections),
        web::get().to(pasted::of_a_peer),
        web::get().to(pasted::for_peers),
        web::get().to(pasted::of_a_greeting),
        web::get().to(pasted::for_the_greeted),
        web::get().to(pasted::for_sessions),
        web::get().to(pasted::for_identities),
        web::get().to(pasted::for_bearers),
        web::get().to(pasted::for_the_known),
        web::get().to(pasted::of_a_body),
        web::get().to(pasted::of_json),
        web::get().to(pasted::of_a_form),
        web::get().to(pasted::of_bytes),
    ];
    let written = include_str!("hints.rs").lines();
    let written = written.filter(|line| line.starts_with("    pub(super) async fn "));
    assert_eq!(routes.len(), written.count());
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn files(folder: &str, ending: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|is| is == ending))
        .map(|file| read(&file))
        .collect()
}

/// `#[cached_response(..)]` in the notes of an error.
fn hints(error: &str) -> impl Iterator<Item = &str> {
    let notes = error
        .lines()
        .filter(|line| line.trim().starts_with("= note: "));
    let quoted = notes.flat_map(|note| note.split('`').skip(1).step_by(2));
    quoted.filter(|code| code.starts_with("#["))
}

#[test]
fn every_hint_of_an_error_compiles_or_is_a_mistake_until_it_is_filled_in() {
    let compiled = include_str!("hints.rs");
    let mistakes = files("ui/hints", "rs");
    let mut found = 0;
    for error in files("ui/arguments", "stderr") {
        for hint in hints(&error) {
            let pasted = compiled.contains(hint);
            let filled_in_first = mistakes.iter().any(|case| case.contains(hint));
            assert!(pasted || filled_in_first, "not pasted anywhere: {hint}");
            found += 1;
        }
    }
    assert!(found > 40, "{found} hints were found");
}
