//! How options are written, and what to say where they are not written so.

use crate::suggest;
use syn::{Error, Ident, Result};

/// How an option may be written.
pub(super) struct Shape {
    name: &'static str,
    value: bool,
    list: bool,
    example: &'static str,
    synonyms: &'static [&'static str],
}

pub(super) const fn shape(
    name: &'static str,
    forms: (bool, bool),
    example: &'static str,
    synonyms: &'static [&'static str],
) -> Shape {
    Shape {
        name,
        value: forms.0,
        list: forms.1,
        example,
        synonyms,
    }
}

/// `option`
pub(super) const WORD: (bool, bool) = (false, false);
/// `option = value`
pub(super) const VALUE: (bool, bool) = (true, false);
/// `option(list)`
pub(super) const LIST: (bool, bool) = (false, true);
pub(super) const BOTH: (bool, bool) = (true, true);

/// The options of one attribute.
pub(super) struct Table {
    pub(super) shapes: &'static [Shape],
    /// Words that may mean this or that.
    pub(super) ambiguous: &'static [(&'static str, &'static str)],
    /// Words for what is said elsewhere, and where.
    pub(super) elsewhere: &'static [(&'static str, &'static str)],
}

impl Table {
    fn find(&self, name: &Ident) -> Option<&Shape> {
        self.shapes.iter().find(|option| name == option.name)
    }

    pub(super) fn example(&self, name: &Ident) -> &'static str {
        self.find(name).map_or("", |option| option.example)
    }

    /// Whether there is such an option, or which was meant.
    pub(super) fn known(&self, name: &Ident) -> Result<()> {
        if self.find(name).is_some() {
            return Ok(());
        }
        let word = name.to_string();
        if let Some((_, place)) = self.elsewhere.iter().find(|(which, _)| *which == word) {
            return Err(Error::new(
                name.span(),
                format!("unknown option `{word}`: {place}"),
            ));
        }
        let is_meant = |option: &&Shape| option.synonyms.contains(&word.as_str());
        let synonym = self.shapes.iter().find(is_meant);
        let ambiguous = self.ambiguous.iter().find(|(which, _)| *which == word);
        let meant = match (ambiguous, synonym) {
            (Some((_, either)), _) => format!(": did you mean {either}?"),
            (_, Some(option)) => format!(": did you mean `{}`?", option.name),
            _ => suggest::did_you_mean(&word, self.shapes.iter().map(|option| option.name)),
        };
        let meant = if meant.is_empty() {
            format!(": the options are {}", self.listed())
        } else {
            meant
        };
        Err(Error::new(
            name.span(),
            format!("unknown option `{word}`{meant}"),
        ))
    }

    fn listed(&self) -> String {
        let names = self
            .shapes
            .iter()
            .map(|option| format!("`{}`", option.name));
        names.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn takes_value(&self, name: &Ident) -> Result<()> {
        match self.find(name) {
            Some(option) if !option.value => Err(Error::new(
                name.span(),
                if option.list {
                    format!(
                        "`{name}` takes its arguments in parentheses: write `{}`",
                        option.example
                    )
                } else {
                    format!("`{name}` stands alone: write `{}`", option.example)
                },
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn takes_list(&self, name: &Ident) -> Result<()> {
        match self.find(name) {
            Some(option) if !option.list => Err(Error::new(
                name.span(),
                if option.value {
                    format!(
                        "`{name}` takes a value after `=`: write `{}`",
                        option.example
                    )
                } else {
                    format!("`{name}` stands alone: write `{}`", option.example)
                },
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn needs_value(&self, name: &Ident) -> Error {
        Error::new(
            name.span(),
            format!(
                "`{name}` needs to be told something: write `{}`",
                self.example(name)
            ),
        )
    }

    pub(super) fn empty_list(&self, name: &Ident) -> String {
        if name == "vary" {
            return "`vary()` names nothing: write `vary(none)` if the handler reads no header"
                .to_owned();
        }
        format!(
            "`{name}()` names nothing: write `{}`, or remove it",
            self.example(name)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::CACHED;
    use std::collections::HashSet;

    #[test]
    fn a_synonym_stands_for_one_option_and_is_none_itself() {
        let mut seen: HashSet<_> = CACHED.shapes.iter().map(|option| option.name).collect();
        for option in CACHED.shapes {
            for synonym in option.synonyms {
                assert!(seen.insert(synonym), "{}: {synonym}", option.name);
            }
        }
    }
}
