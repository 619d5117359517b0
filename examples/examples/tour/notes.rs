//! Step 5: a POST that invalidates.

use std::sync::{Mutex, PoisonError};

use actix_web::{Responder, get, post, web};
use cached_response::{cached_response, invalidates};

pub(crate) type Notes = web::Data<Mutex<Vec<String>>>;

#[get("/notes")]
#[cached_response(timeout = 1h, tags("notes"))]
pub(crate) async fn list(notes: Notes) -> impl Responder {
    let notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    format!("{}, run {}\n", notes.join(", "), crate::run())
}

#[post("/notes")]
#[invalidates(tags("notes"))]
pub(crate) async fn add(text: String, notes: Notes) -> impl Responder {
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    notes.push(text);
    "noted\n"
}
