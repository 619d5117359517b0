//! Names of routes: each is a tag that the responses of a route have by themselves.
//!
//! A route has two names, its handler and its pattern. In doubt two routes share one: too much is safe.

use crate::invalidation::{path, registry::RESERVED};
use actix_web::{FromRequest, Handler, HttpRequest, dev::HttpServiceFactory};
use std::any::type_name;

/// A route, as its handler or its pattern: an argument of
/// [`invalidate_route`](crate::ResponseCache::invalidate_route).
///
/// It is implemented for the name of a function under a routing macro (`#[get("/list")]`), for any other
/// handler function, and for texts: a pattern with the patterns of its scopes, `"/shop/list/{id}"`, or
/// the path of a handler, `"shop::list"`. `Kind` is inferred.
///
/// ```
/// use actix_web::{Responder, get};
/// use cached_response::{RouteName, cached_response};
///
/// #[get("/list/{id}")]
/// #[cached_response(timeout = 60)]
/// async fn list(id: actix_web::web::Path<u32>) -> impl Responder {
///     id.to_string()
/// }
///
/// fn name<Kind>(route: impl RouteName<Kind>) -> String {
///     route.route_name()
/// }
///
/// # fn main() {
/// assert!(name(list).ends_with("::list"));
/// assert_eq!(name("/list/{id:[0-9]+}/"), "/list/{}");
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no route",
    label = "expected a handler, or a pattern",
    note = "write the cached handler, such as `list`, or the pattern of its route, such as `\"/list/{{id}}\"`"
)]
pub trait RouteName<Kind> {
    /// Returns the name by which routes are compared.
    fn route_name(&self) -> String;
}

/// Kind of a text.
#[derive(Debug)]
#[non_exhaustive]
pub struct ByText;

/// Kind of a function under a routing macro.
#[derive(Debug)]
#[non_exhaustive]
pub struct ByService;

/// Kind of another handler function, with these arguments.
#[derive(Debug)]
#[non_exhaustive]
pub struct ByHandler<Args>(Args);

impl RouteName<ByText> for &str {
    fn route_name(&self) -> String {
        of_text(self)
    }
}

impl RouteName<ByText> for String {
    fn route_name(&self) -> String {
        of_text(self)
    }
}

impl RouteName<ByText> for &String {
    fn route_name(&self) -> String {
        of_text(self)
    }
}

impl<S: HttpServiceFactory> RouteName<ByService> for S {
    fn route_name(&self) -> String {
        of_handler(type_name::<S>())
    }
}

impl<H: Handler<Args>, Args: FromRequest> RouteName<ByHandler<Args>> for H {
    fn route_name(&self) -> String {
        of_handler(type_name::<H>())
    }
}

/// Returns the name of the route that a text means: of a pattern if it begins with a slash.
pub(crate) fn of_text(text: &str) -> String {
    if text.starts_with('/') {
        of_pattern(text)
    } else {
        of_handler(text)
    }
}

/// Returns the mistake in a text that names no route.
pub(crate) fn mistake(name: &str) -> Option<&'static str> {
    if name.starts_with('/') || name.contains("::") {
        None
    } else {
        Some(
            "a route is named by its pattern, which begins with a slash, `/list/{id}`, or by the path of its \
             handler, `shop::list`",
        )
    }
}

/// Returns the name of a handler from that of its type: the path of the function, without what a routing
/// macro or the attribute have put around it, and without type parameters.
pub(crate) fn of_handler(type_name: &str) -> String {
    const BODY: &str = "::{{closure}}";
    const REGISTERED: &str = "HttpServiceFactory";
    let mut name = type_name;
    while let Some(shorter) = name.strip_suffix(BODY) {
        name = shorter;
    }
    let Some((inside, after)) = qualified(name) else {
        return without_parameters(name);
    };
    match split_as(inside) {
        // `<shop::list as actix_web::dev::HttpServiceFactory>::register::list`
        Some((own, by)) if by.ends_with(REGISTERED) => without_parameters(own),
        Some((own, _)) => without_parameters(own) + &without_parameters(after),
        None => without_parameters(inside) + &without_parameters(after),
    }
}

/// Splits `<inside>after`.
fn qualified(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix('<')?;
    let end = depths(rest).find(|(_, depth)| *depth < 0)?.0;
    Some((&rest[..end], &rest[end + 1..]))
}

/// Splits `own as by`.
fn split_as(inside: &str) -> Option<(&str, &str)> {
    let at = depths(inside)
        .filter(|(_, depth)| *depth == 0)
        .find(|(at, _)| inside[*at..].starts_with(" as "))?
        .0;
    Some((&inside[..at], &inside[at + " as ".len()..]))
}

/// The angle brackets that are open after each letter. That of an arrow closes none.
fn depths(text: &str) -> impl Iterator<Item = (usize, i32)> {
    let mut last = ' ';
    text.char_indices().scan(0, move |depth, (at, letter)| {
        match letter {
            '<' => *depth += 1,
            '>' if last != '-' => *depth -= 1,
            _ => {}
        }
        last = letter;
        Some((at, *depth))
    })
}

fn without_parameters(path: &str) -> String {
    let outside = depths(path)
        .zip(path.chars())
        .filter(|((_, depth), letter)| *depth == 0 && *letter != '>');
    outside.map(|(_, letter)| letter).collect()
}

/// Returns the name of a pattern: without the names and expressions of its parameters, with a slash at the
/// start and none at the end.
pub(crate) fn of_pattern(pattern: &str) -> String {
    let mut name = String::with_capacity(pattern.len() + 1);
    let mut depth = 0_u32;
    for letter in std::iter::once('/').chain(pattern.chars()) {
        match letter {
            '{' => {
                if depth == 0 {
                    name.push_str("{}");
                }
                depth += 1;
            }
            '}' => depth = depth.saturating_sub(1),
            '/' if depth == 0 && name.ends_with('/') => {}
            _ if depth == 0 => name.push(letter),
            _ => {}
        }
    }
    if name.len() > 1 && name.ends_with('/') {
        name.pop();
    }
    name
}

/// Returns the one path that a pattern matches, if it has no parameters.
pub(crate) fn exact_path(name: &str) -> Option<&str> {
    (name.starts_with('/') && !name.contains('{')).then_some(name)
}

/// Returns the tag of the pattern that `request` has matched, as far as it is routed. `None` where an
/// invalidation of `path`, which was its path, covers it, or no pattern matches.
pub(crate) fn pattern_tag(request: &HttpRequest, path: &str) -> Option<String> {
    let name = of_pattern(&request.match_pattern()?);
    let path = path::name(path);
    let bare = match path.strip_suffix(b"/") {
        Some(bare) if !bare.is_empty() => bare,
        _ => &path,
    };
    let is_covered = exact_path(&name).is_some_and(|exact| *path::name(exact) == *bare);
    (!is_covered).then(|| tag(&name))
}

/// Longest name in a tag. Longer ones with one start share a tag.
const MAX_NAME_BYTES: usize = 240;

/// Returns the tag of a route.
pub(crate) fn tag(name: &str) -> String {
    let mut end = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    [RESERVED.encode_utf8(&mut [0; 4]), &name[..end]].concat()
}

#[cfg(test)]
mod tests;
