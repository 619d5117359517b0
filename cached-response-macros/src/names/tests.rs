use super::*;

fn variables(expression: &str) -> Vec<String> {
    let tokens = expression.parse().unwrap();
    mentioned(&tokens).iter().map(ToString::to_string).collect()
}

/// Expressions that read `user`.
const READS: &[&str] = &[
    "user",
    "user.id",
    "&user",
    "**user",
    "(1, user)",
    "f(user)",
    "a::f(&user.id)",
    "format!(\"{}\", user)",
    "[user; 2]",
    "0..user",
    "..user",
    "Point { x: user }",
    "Point { user }",
    "user != 1",
    "1 | user",
    "user.ids.iter().map(|id| id.len()).sum::<usize>()",
    "match user { Some(x) => x, None => 0 }",
    "{ let x = 1; user + x }",
    "{ let user = user; 1 }",
    "user.as_ref().map(|user| user.id)",
    "f(|user| user.id, 1) + user",
    "if let Some(user) = user { user.id } else { 0 }",
    "match user { Some(user) => user.id, None => 0 }",
    "{ for user in user { f(user) } 1 }",
    "format!(\"{}\", user.id)",
    "std::format!(\"{name}\", name = user.name)",
    "vec![page.id, user.id]",
    "matches!(user.role, Some(role) if role > 3)",
    "matches!(user, Admin { .. })",
    "if !(user.admin) { 1 } else { 0 }",
    "if let Some(user) = user && user.active { 1 } else { 0 }",
    "page.active && user.active",
    "{ let other: u32 = user.id; other }",
    "{ fn f(id: u32) -> u32 { id } f(user.id) }",
    "{ use std::fmt::Write; f(user.id) }",
    "{ #[allow(unused)] let x = user.id; x }",
    "user.id as u64",
    "user as u64",
    "user == page.author",
    "{ let mut x = 0; x += user; x }",
    "page.id | user.id | page.no",
    "&& user",
    "unsafe { f(user) }",
    "async { user.id }",
    "loop { break user.id }",
    "&*user",
    "format!(\"{}:{}\", user.id, page)",
    "format!(\"{user}\")",
    "format!(\"{user:?} {{page}}\")",
    "format!(\"{{{user}}}\")",
    "format!(\"{ user }\")",
    "format!(\"{page} {user} {a}\", a = page)",
    "vec![0; user]",
    "dbg!(page, user)",
    "user + 1,",
    "user.",
    "page.f(|a| |b| a + b + user.id)",
    "f(&mut |a: u32| a + user.id)",
    "page.a || user.b",
    "match page { #[allow(unused)] | A => 1, _ => user.id }",
    "match page { x if user.sees(x) => 1, _ => 0 }",
    "if let Some(user) = page { user.id } else { user.id }",
    "if a < user.id { 1 } else { 0 }",
    "{ let Some(x) = user.a else { return 0 }; x }",
    "while let Some(x) = user.next() { f(x) }",
    "user[0]",
    "page[user.i]",
    "user?",
    "user.f().await",
    "move || user.id",
    "return user.id",
    "S { a: 1, ..user }",
    "unsafe { &raw const user }",
    "{ own(user.id); 1 }",
    "'a: { break 'a user.id }",
    "mem::size_of::<[u8; 2]>() + user.id",
];

#[test]
fn a_variable_is_found_in_every_position() {
    for expression in READS {
        assert!(
            variables(expression).contains(&"user".to_owned()),
            "{expression}: {:?}",
            variables(expression)
        );
    }
}

/// Expressions in which `user` is something else than the variable outside.
const OTHERS: &[&str] = &[
    "page.user",
    "page.user()",
    "user::id()",
    "user!(1)",
    "config::user",
    "Point { user: 1 }",
    "\"{user}\"",
    "ids.iter().map(|user| user.len()).sum()",
    "ids.iter().map(|(_, user)| user.len()).sum()",
    "ids.iter().map(move |user: &Id| user.len()).sum()",
    "{ let user = 1; user }",
    "match page { Some(user) => user.len(), None => 0 }",
    "match page { None => 0, Some(user) => user.len() }",
    "match page { None => {} Some(user) => user.len() }",
    "if let Some(user) = page { user } else { 0 }",
    "{ for user in ids { f(user) } 1 }",
    "{ let user: u32 = page.author; user }",
    "{ let f = |user: u32| user + 1; f(page.author) }",
    "{ let Some(user) = page.author else { return 0 }; user }",
    "{ let Page { author: user, .. } = page; user }",
    "{ let Page { user, .. } = page; user }",
    "{ let (ref user, _) = page; user }",
    "{ let r#user = 1; user }",
    "ids.iter().map(|r#user| user.len()).sum()",
    "if let Some(user) = &page.author && user.active { user.id } else { 0 }",
    "if page.active && let Some(user) = &page.author && user.active { user.id } else { 0 }",
    "while let Some(user) = ids.next() && user.active { f(user) }",
    "matches!(page.author, Some(user) if user > 3)",
    "assert_matches!(page.author, Some(user) if user > 3)",
    "my_macro!(user)",
    "my_macro! { user }",
    "stringify!(user)",
    "cfg!(user)",
    "format!(\"{user}\", user = page.author)",
    "format!(\"{user}\", user =&page.author)",
    "{ let x; user = page.id; x }",
    "{ fn f(user: u32) -> u32 { user } f(page.author) }",
    "{ const fn f(user: u32) -> u32 { user } f(page.author) }",
    "{ fn user() -> u32 { 1 } user() }",
    "{ const user: u32 = 1; user }",
    "user2 + { static user: u32 = 1; user }",
    "{ f(user); const user: u32 = 1; 1 }",
    "{ use config::id as user; user }",
    "{ use config::{a, user}; user }",
    "{ use config::*; user }",
    "{ struct user; f(user) }",
    "{ enum E { user } 1 }",
    "{ impl T for S { fn f(user: u32) -> u32 { user } } 1 }",
    "{ macro_rules! user { () => { user } } 1 }",
    "{ macro_rules! f { ($user:expr) => { user } } 1 }",
    "const { user }",
    "{ type user = u32; 1 }",
    "{ #[cfg(user)] let x = 1; x }",
    "'user: loop { break 'user 1 }",
    "page.id as user",
    "Vec::<user>::new()",
    "f(#[inline] |user| user.id)",
    "{ {} |user| user.id }",
    "match page { Foo::<A, B>::C(user) => user, _ => 0 }",
    "match page { Some(x) if let Some(user) = x => user, _ => 0 }",
    "match page { user @ 1..=3 => user, _ => 0 }",
    "match page { [.., user] => user, _ => 0 }",
    "match page { Page { user: user } => user }",
    "match page { #[cfg(all())] Some(user) => user, _ => 0 }",
    "match page { _ if no => 0, #[allow(unused)] Some(user) => user, _ => 0 }",
    "match page { #![allow(unused)] Some(user) => user, _ => 0 }",
    "match page { | Some(user) => user, _ => 0 }",
    "match page { None => 0, | Some(user) => user }",
    "f(&mut |user: u32| user, page.author)",
    "(|a: u32| |user: u32| a + user)(1)(page.author)",
    "(|| |user: u32| user)()(page.author)",
    "{ let f = 'a: loop { break 'a |user: u32| user }; f(page.author) }",
    "{ let x = 1; |user: u32| user }",
    "match page { Some(x) => |user: u32| user, _ => g }",
    "{ for (_, user) in ids { f(user) } 1 }",
    "if let Ok(user) | Err(user) = page { user } else { 0 }",
    "{ let (Ok(user) | Err(user)) = page; user }",
    "format!(\"{}\", { let user = page.author; user })",
    "format!(\"{0}\", user = page.author)",
    "vec![ids.iter().map(|user| user.id)]",
    "(page.a < user::B)",
    "{ let a: Foo<user> = page.a; a }",
    "page.f::<user>()",
    "f::<u32, user>(page)",
    "<user>::f(page)",
    "<u32 as user>::f(page)",
    "<u32 as Tr<user>>::f(page)",
    "page.a as Foo<user>",
    "page.a as &user",
    "page.a as *const user",
    "page.a as fn(user) -> u32",
    "page.a as (user, u32)",
    "page.f::<(user,)>()",
    "page.f::<&user>()",
    "page.f::<dyn user + user>()",
    "f(|x: user| x)",
    "f(|x| -> user { x })",
    "{ let x: [user; 2] = page.a; x }",
    "user { id: 1 }",
    "f(user { id: 1 })",
    "{ user { id: 1 }.id }",
    "core::mem::size_of::<[u8; user]>()",
    "[0u8; user]",
    "{ extern crate a as user; user }",
    "{ unsafe extern \"C\" { static user: u32; } user }",
    "{ extern \"C\" { static user: u32; } user }",
    "{ static mut user: u32 = 1; user }",
    "{ async fn user() {} f(user) }",
    "{ unsafe fn user() {} f(user) }",
    "{ pub(crate) fn user() {} f(user) }",
    "{ struct user(u32); f(user) }",
    "{ union U { user: u32 } 1 }",
    "{ trait T { fn f(user: u32) -> u32 { user } } 1 }",
    "{ m! { fn } fn user() -> u32 { 1 } f(user) }",
    "{ m!(user); 1 }",
    "{ m! { let user = 1; } f(user) }",
    "{ make_item!(); f(user) }",
    "page.await.user",
    "page.0.user",
    "page . user",
    "page\n.user\n.id",
    "offset_of!(S, user)",
    "continue 'user",
    "{ let f = async move |user: u32| user; f(page.author) }",
    "S { user: 1, ..page }",
    "S { a: |user: u32| user }",
    "{ let S { a: 1..=5, user } = page else { return 0 }; user }",
    "if let 1..=9 | 20 = page && let Some(user) = x { user } else { 0 }",
    "match page { A..=B if let Some(user) = x && user > 1 => user, _ => 0 }",
    "match page { x if x == 1 => 0, 0..=9 => 1, user => user }",
    "match page { user => user }",
    "match page { A => { 1 } user => user }",
    "match page { A => [1] , user => user }",
    "match page { A => if x { 1 } else { 2 }, user => user }",
    "match page { A => x.y(), user if user > 1 => user }",
    "match page { A => match x { _ => 1 } user => user }",
    "match page { A => { 1 }, user => user }",
    "match page { A => {} #[cfg(all())] user => user }",
    "{ macro_rules! m { () => {} } let user = 1; user }",
    "while let Some(user) = ids.next() { f(user) }",
    "loop { let user = 1; break user }",
    "{ let x = { let user = 1; user }; x }",
    "async { let user = 1; user }",
    "unsafe { let user = 1; user }",
    "{ let (a, user); a = 1; user = 2; user }",
    "{ let user; user = page.id; user }",
    "{ (user, b) = (1, 2); 1 }",
    "{ [user] = [1]; 1 }",
    "{ S { a: user } = s; 1 }",
    "{ S { user } = s; 1 }",
    "{ let user; (user, _) = page.pair; user }",
    "{ fn f<const user: usize>() -> usize { user } f::<1>() }",
    "{ fn f() -> [u8; 1] { g(user) } 1 }",
    "{ const X: [u8; 1] = { [1] }; let user = X; user }",
    "{ impl S { const user: u32 = 1; } 1 }",
    "{ static X: fn(u32) -> u32 = |user| user; 1 }",
    "{ type X = fn(user: u32) -> u32; 1 }",
    "page.a as fn(user: u32) -> u32",
    "{ let f: fn(user: u32) -> u32 = g; f(1) }",
    "{ let f: &dyn Fn(u32) -> u32 = &|user| user; f(1) }",
    "{ let f: fn(u32) -> [u8; {N}] = |user| user; f(1) }",
    "{ let f: [u8; { 1 }] = a; |user: u32| user }",
    "{ let f: Foo<{ 1 == 1 }> = a; |user: u32| user }",
    "{ let f: Foo<Item = u32> = |user: u32| user; f }",
    "for<'a> |user: &'a u32| user",
    "{ 1 ; |user: u32| user }",
    "{ f(a); |user: u32| user }",
    "{ if a {} |user: u32| user }",
    "{ ; { let user = 1; } 1 }",
    "if x { let user = 1; user } else { 0 }",
    "if let user = 1 { 0 } else { 0 }",
    "matches!(page, user)",
    "matches!{page, user}",
    "matches!(f::<A, user>(page), Some(user))",
    "std::matches!(page.author, Some(user) if user > 3)",
    "own::format!(user)",
    "crate::vec![user]",
    "own::matches!(user, page)",
    "{ macro_rules! format { ($a:expr) => { 1 } } format!(user) }",
    "{ use own::format; format!(user) }",
    "{ let user @ Some(_) = page; user }",
    "return |user: u32| user",
    "x = |user: u32| user",
    "if let Some(x) = page && { let user = x; user > 1 } { 1 } else { 0 }",
    "yield |user: u32| user",
    "{ let f = &raw const |user: u32| user; 1 }",
    "{ let _ = unsafe { 1 } ; const { |user: u32| user }; 1 }",
    "static |user: u32| user",
    "try { let user = 1; user }",
    "page.f(|Page { user, .. }| user)",
    "page.f(|&user| user)",
    "page.f(|&mut user| user)",
    "page.f(|mut user| user)",
    "page.f(|user @ _| user)",
    "page.f(|ref user| user)",
    "page.f(|[user, ..]| user)",
    "page.f(|a, b, user| user)",
    "page.f(|(Ok(user) | Err(user))| user)",
    "page.f(|a: fn(u32) -> u32, user| user)",
    "page.f(|a: Foo<{ 1 | 2 }>, user| user)",
    "page.f(|a| a.g(|user| user + a))",
    "page.f(|user| move || user)",
    "page.f(|user| async move { user })",
    "page.f(|user| user, |b| b)",
    "page.f(|a| a | 1, |user| user)",
    "page.f(|a| a || b, |user| user)",
    "a || (|user: u32| user)(1)",
    "a || g(|user: u32| user)",
    "a || |user: bool| user",
    "a | |user: u32| user",
    "a |= |user: u32| user",
    "!|user: bool| user",
    "x as u32 | y, |user: u32| user",
    "{ #[cfg(any())] let x = user.id; 1 }",
    "#[cfg(any())] user",
    "S { #[cfg(any())] a: user.id, b: 1 }",
    "f(#[custom] user.id)",
    "match page { #[cfg(any())] Some(_) => user.id, _ => 0 }",
    "{ let own!() = page; user }",
    "match page { own!() => user, _ => 0 }",
    "{ own! { 1 } user }",
    "{ fn f() {} own!(); user }",
    "format!(user)",
    "format!(\"{{user}}\")",
    "format!(\"{:user$}\", 1)",
    "{ let user = 1; format!(\"{user}\") }",
    "page.f(|user| format!(\"{user}\"))",
];

#[test]
fn a_field_path_macro_or_bound_name_is_not_a_mention() {
    for expression in OTHERS {
        assert!(
            parse(&expression.parse().unwrap()).is_some(),
            "{expression}"
        );
        assert!(
            !variables(expression).contains(&"user".to_owned()),
            "{expression}"
        );
    }
}

#[test]
fn an_or_is_not_a_closure() {
    assert_eq!(variables("a | user | b"), ["a", "user", "b"]);
    assert_eq!(
        variables("f(a) | user | b"),
        ["f", "a", "user", "b"].map(str::to_owned)
    );
}

#[test]
fn an_unfinished_expression_mentions_what_stands_before_the_dot() {
    assert_eq!(variables("user."), ["user"]);
    assert!(variables("user..").contains(&"user".to_owned()));
    assert!(variables("user. + 1").is_empty());
}

/// Patterns of arguments that bind `user`.
const BINDS: &[&str] = &[
    "(db, user)",
    "(db, mut user)",
    "(db, ref mut user)",
    "(db, &user)",
    "(db, (user,))",
    "(db, [user, ..])",
    "(db, user @ Page { .. })",
    "(db, (Ok(user) | Err(user)))",
    "(db, (| Ok(user) | Err(user)))",
    "Page { db, user }",
    "Page { db, author: ref user }",
    "Page { r#type: user, db }",
    "Foo::<A>(db, user)",
    "(db, own!(user))",
];

#[test]
fn a_pattern_binds_a_name_in_every_position() {
    for pattern in BINDS {
        let parsed = syn::parse::Parser::parse_str(Pat::parse_single, pattern).unwrap();
        let names: Vec<_> = bound(&parsed).iter().map(ToString::to_string).collect();
        assert!(names.contains(&"user".to_owned()), "{pattern}: {names:?}");
    }
}

#[test]
fn the_name_of_a_field_or_type_is_not_bound() {
    for pattern in [
        "Page { user: db }",
        "user::Page(db)",
        "user(db)",
        "user { db }",
    ] {
        let parsed = syn::parse::Parser::parse_str(Pat::parse_single, pattern).unwrap();
        assert_eq!(bound(&parsed), ["db"], "{pattern}");
    }
}

#[test]
fn what_does_not_parse_mentions_nothing() {
    for expression in [
        "user user",
        "1, user, ;",
        "box |user: u32| user",
        "do yeet user",
    ] {
        assert!(variables(expression).is_empty(), "{expression}");
    }
}

#[test]
fn a_fragment_of_a_macro_is_read_as_an_expression() {
    for (fragment, expected) in [("user.id + 1", true), ("|user| user", false)] {
        let fragment = fragment.parse().unwrap();
        let group = proc_macro2::Group::new(proc_macro2::Delimiter::None, fragment);
        for tokens in [
            quote!(#group),
            quote!(f(&#group)),
            quote!({ let x = #group; x }),
        ] {
            let names = mentioned(&tokens);
            assert_eq!(
                names.iter().any(|name| name == "user"),
                expected,
                "{tokens}"
            );
        }
    }
}
