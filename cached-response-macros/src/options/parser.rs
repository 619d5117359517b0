//! The grammar that the options of both attributes share: which options there are is in their table, and what
//! each takes in their implementation of [`OptionSet`].

use super::{
    table::{Form, OptionTable},
    values::skip_to_comma,
};
use crate::diagnostics::Errors;
use proc_macro2::TokenStream;
use syn::{Error, Ident, LitStr, Result, Token, ext::IdentExt, parse::ParseStream, token::Paren};

/// The options of one attribute. Each method takes the name of an option that the table has in this form.
pub(super) trait OptionSet {
    const TABLE: OptionTable;
    /// The error for anything else in place of an option.
    const EXPECTED: &'static str;

    /// Takes a value without a name, if there is one. `is_first` means that no option precedes it.
    fn bare_value(&mut self, _input: ParseStream<'_>, _is_first: bool) -> Result<Option<Ident>> {
        Ok(None)
    }

    /// Takes `option`.
    fn alone(&mut self, name: &Ident) -> Result<()>;

    /// Takes the value of `option = value`.
    fn value(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<()>;

    /// Takes the list of `option(list)`.
    fn list(&mut self, name: &Ident, list: ParseStream<'_>, errors: &mut Errors) -> Result<()>;
}

/// Parses `__innermost = "..",`, which the macro itself writes in front of the options when it moves the
/// attribute below the others. The text is the fingerprint of the source before they were expanded.
pub(super) fn innermost(input: ParseStream<'_>) -> Result<Option<LitStr>> {
    let word = input.fork().parse::<Ident>();
    if !word.is_ok_and(|word| word == "__innermost") {
        return Ok(None);
    }
    let _: (Ident, Token![=]) = (input.parse()?, input.parse()?);
    let source = input.parse()?;
    let _: Option<Token![,]> = input.parse()?;
    Ok(Some(source))
}

/// Parses options that are separated by commas, and returns their names; after an error, parsing resumes at
/// the next option.
pub(super) fn parse(
    options: &mut impl OptionSet,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> Result<Vec<Ident>> {
    let mut seen = Vec::new();
    while !input.is_empty() {
        let parsed = parse_one(options, input, &mut seen, errors);
        if errors.record(parsed).is_none() {
            skip_to_comma(input)?;
        }
        if input.is_empty() {
            break;
        }
        let comma = input
            .parse::<Token![,]>()
            .map_err(|error| Error::new(error.span(), "expected a comma between options"));
        if errors.record(comma).is_none() {
            skip_to_comma(input)?;
            let _: Option<Token![,]> = input.parse()?;
        }
    }
    Ok(seen)
}

fn parse_one<O: OptionSet>(
    options: &mut O,
    input: ParseStream<'_>,
    seen: &mut Vec<Ident>,
    errors: &mut Errors,
) -> Result<()> {
    if let Some(name) = options.bare_value(input, seen.is_empty())? {
        seen.push(name);
        return Ok(());
    }
    let name = input
        .call(Ident::parse_any)
        .map_err(|error| Error::new(error.span(), O::EXPECTED))?;
    O::TABLE.check_known(&name)?;
    if seen.contains(&name) {
        errors.at(name.span(), format!("`{name}` is given twice"));
    }
    seen.push(name.clone());
    if input.peek(Token![=]) {
        O::TABLE.check_form(&name, Form::Value)?;
        let _: Token![=] = input.parse()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(O::TABLE.missing_value(&name));
        }
        return options.value(&name, input);
    }
    if !input.peek(Paren) {
        return options.alone(&name);
    }
    O::TABLE.check_form(&name, Form::List)?;
    let list;
    let paren = syn::parenthesized!(list in input);
    if list.is_empty() {
        return Err(Error::new(paren.span.join(), O::TABLE.empty_list(&name)));
    }
    let parsed = options.list(&name, &list, errors);
    // What is left after an error is not an error of its own.
    list.parse::<TokenStream>()?;
    parsed
}
