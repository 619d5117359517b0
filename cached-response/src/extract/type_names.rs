//! What a handler sees through an extractor of which only the name is known.
//!
//! [`type_name`](std::any::type_name) is all that can be asked of any type at all. Should a name
//! ever change, the tests below say so.

use crate::route::inputs::{ArgumentInfo, Inputs};

/// What can be seen through the type of this name: a whole request, or a body, also as a part of
/// an `Option`, a `Result`, an `Either` or a tuple.
pub(crate) fn through(name: &str) -> Inputs {
    const HOLDERS: [&str; 4] = [
        "core::option::Option<",
        "core::result::Result<",
        "actix_web::types::either::Either<",
        "(",
    ];
    for holder in HOLDERS {
        if let Some(held) = name.strip_prefix(holder) {
            let held = &held[..held.len().saturating_sub(1)];
            return parts(held).map(through).fold(Inputs::NOTHING, Inputs::and);
        }
    }
    match name {
        "actix_web::request::HttpRequest" => ArgumentInfo::REQUEST.inputs,
        // There is no word for a body here: such a route bypasses.
        name if is_body(name) => Inputs::UNTOLD,
        _ => Inputs::NOTHING,
    }
}

fn is_body(name: &str) -> bool {
    const WHOLE: [&str; 3] = [
        "bytes::bytes::Bytes",
        "alloc::string::String",
        "actix_web::types::payload::Payload",
    ];
    WHOLE.contains(&name)
        || name.starts_with("actix_web::types::json::Json<")
        || name.starts_with("actix_web::types::form::Form<")
}

/// Splits at the commas outside brackets.
fn parts(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    list.split(move |character| {
        match character {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{
        Either, Error, HttpRequest,
        web::{Bytes, Data, Form, Json, Path, Payload},
    };
    use std::{any::type_name, collections::HashMap};

    fn seen<T>() -> Inputs {
        through(type_name::<T>())
    }

    #[test]
    fn a_request_is_seen_through_whatever_holds_it() {
        for seen in [
            seen::<HttpRequest>(),
            seen::<Option<HttpRequest>>(),
            seen::<Result<HttpRequest, Error>>(),
            seen::<(Path<(u32, String)>, Option<(HttpRequest,)>)>(),
            seen::<Either<Path<u32>, HttpRequest>>(),
        ] {
            assert!(seen.any(Inputs::REQUEST));
        }
    }

    #[test]
    fn a_body_is_seen_through_whatever_holds_it() {
        for seen in [
            seen::<Bytes>(),
            seen::<String>(),
            seen::<Payload>(),
            seen::<Option<Json<HashMap<String, u32>>>>(),
            seen::<(Path<u32>, Form<u32>)>(),
            seen::<Either<Json<u32>, Form<u32>>>(),
        ] {
            assert!(seen.any(Inputs::UNTOLD));
        }
    }

    #[test]
    fn nothing_is_seen_through_what_only_mentions_them() {
        assert_eq!(seen::<Path<String>>(), Inputs::NOTHING);
        assert_eq!(seen::<Data<HashMap<String, Bytes>>>(), Inputs::NOTHING);
        assert_eq!(seen::<Option<Path<(String, u32)>>>(), Inputs::NOTHING);
        assert_eq!(seen::<()>(), Inputs::NOTHING);
    }
}
