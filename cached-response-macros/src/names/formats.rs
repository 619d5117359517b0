//! The standard macros whose arguments are read as expressions, and the names in a format string.

use proc_macro2::{Ident, TokenStream};
use syn::{
    Expr, ExprLit, Lit, LitStr, Path, Result, Token,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
};

/// The arguments of a macro.
#[derive(Default)]
pub(super) struct MacroArguments {
    pub(super) read: Vec<Expr>,
    /// The names in `format!("{name}")`.
    pub(super) captured: Vec<Ident>,
}

/// Returns the name of a standard macro, as it is or behind `std::`, `core::` or `alloc::`.
pub(super) fn known(path: &Path) -> Option<&Ident> {
    const KNOWN: [&str; 5] = ["format", "format_args", "vec", "dbg", "matches"];
    const CRATES: [&str; 3] = ["std", "core", "alloc"];
    let is_one = |ident: &Ident, words: &[&str]| words.iter().any(|word| ident == word);
    let mut segments = path.segments.iter().map(|segment| &segment.ident);
    let name = match (segments.next()?, segments.next(), segments.next()) {
        (name, None, _) => name,
        (root, Some(name), None) if is_one(root, &CRATES) => name,
        _ => return None,
    };
    is_one(name, &KNOWN).then_some(name)
}

pub(super) fn arguments(name: &Ident, tokens: &TokenStream) -> Result<MacroArguments> {
    let read = match name.to_string().as_str() {
        "vec" => elements.parse2(tokens.clone())?,
        "dbg" => list.parse2(tokens.clone())?,
        // A pattern follows, which binds the names of its guard.
        "matches" => vec![scrutinee.parse2(tokens.clone())?],
        _ => return Ok(format(list.parse2(tokens.clone())?)),
    };
    Ok(MacroArguments {
        read,
        captured: Vec::new(),
    })
}

fn list(input: ParseStream<'_>) -> Result<Vec<Expr>> {
    let list = Punctuated::<Expr, Token![,]>::parse_terminated(input)?;
    Ok(list.into_iter().collect())
}

fn elements(input: ParseStream<'_>) -> Result<Vec<Expr>> {
    let repeated = |input: ParseStream<'_>| {
        let element = input.parse()?;
        let _: Token![;] = input.parse()?;
        Ok(vec![element, input.parse()?])
    };
    if repeated(&input.fork()).is_ok() {
        return repeated(input);
    }
    list(input)
}

fn scrutinee(input: ParseStream<'_>) -> Result<Expr> {
    let scrutinee = input.parse()?;
    let _: Token![,] = input.parse()?;
    let _: TokenStream = input.parse()?;
    Ok(scrutinee)
}

/// The string captures names other than those of the arguments: `format!("{user}", user = page)` does not
/// read `user`.
fn format(arguments: Vec<Expr>) -> MacroArguments {
    let mut read = arguments.into_iter();
    let mut captured = match read.next() {
        Some(Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        })) => captures(&text),
        _ => Vec::new(),
    };
    let read: Vec<Expr> = read.collect();
    captured.retain(|name| !read.iter().any(|argument| is_named(argument, name)));
    MacroArguments { read, captured }
}

fn is_named(argument: &Expr, name: &Ident) -> bool {
    matches!(argument, Expr::Assign(assign)
        if matches!(&*assign.left, Expr::Path(path) if path.path.is_ident(name)))
}

/// Returns the names in `{name}` and `{name:?}`.
fn captures(text: &LitStr) -> Vec<Ident> {
    let value = text.value().replace("{{", "");
    let opened = value.split('{').skip(1);
    let names = opened.filter_map(|part| part.split(['}', ':']).next());
    names
        .filter_map(|name| syn::parse_str::<Ident>(name.trim()).ok())
        .map(|name| Ident::new(&name.to_string(), text.span()))
        .collect()
}
