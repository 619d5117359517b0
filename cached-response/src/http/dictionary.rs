//! Dictionaries of structured fields (RFC 9651 §4.2.2), as far as directives ask for their
//! values. What is not a dictionary from its first to its last character is none at all.

use std::collections::HashSet;

/// A value, or that it is of a type that no directive has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Integer(i64),
    Boolean(bool),
    String(String),
    /// A decimal, a token, bytes, a date, a display string or an inner list.
    Other,
}

/// The members in their order, each key once, with its last value; `None` where the text is no
/// dictionary. Parameters are read over.
pub(crate) fn dictionary(text: &str) -> Option<Vec<(&str, Value)>> {
    let mut members: Vec<(&str, Value)> = Vec::new();
    let mut rest = Rest(text.trim_matches(' '));
    if rest.0.is_empty() {
        return Some(members);
    }
    loop {
        members.push(rest.member()?);
        rest.skip(" \t");
        if rest.0.is_empty() {
            return Some(last_of_each(members));
        }
        rest.eat(',')?;
        rest.skip(" \t");
        // A comma after the last member fails here, as no key follows.
    }
}

fn last_of_each(mut members: Vec<(&str, Value)>) -> Vec<(&str, Value)> {
    let mut known = HashSet::new();
    members.reverse();
    members.retain(|(key, _)| known.insert(*key));
    members.reverse();
    members
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn eat(&mut self, character: char) -> Option<()> {
        self.0 = self.0.strip_prefix(character)?;
        Some(())
    }

    fn skip(&mut self, characters: &str) {
        self.0 = self.0.trim_start_matches(|next| characters.contains(next));
    }

    /// What stands before the first character that is not `wanted`.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|next| !wanted(next));
        let (taken, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        taken
    }

    fn member(&mut self) -> Option<(&'a str, Value)> {
        let key = self.key()?;
        let value = match self.eat('=') {
            None => Value::Boolean(true),
            Some(()) if self.0.starts_with('(') => self.inner_list()?,
            Some(()) => self.bare()?,
        };
        self.parameters()?;
        Some((key, value))
    }

    fn key(&mut self) -> Option<&'a str> {
        let key = self.take(|next| {
            next.is_ascii_lowercase() || next.is_ascii_digit() || "_-.*".contains(next)
        });
        let opens = |first: char| first.is_ascii_lowercase() || first == '*';
        key.starts_with(opens).then_some(key)
    }

    fn parameters(&mut self) -> Option<()> {
        while self.eat(';').is_some() {
            self.skip(" ");
            self.key()?;
            if self.eat('=').is_some() {
                self.bare()?;
            }
        }
        Some(())
    }

    fn inner_list(&mut self) -> Option<Value> {
        self.eat('(')?;
        loop {
            self.skip(" ");
            if self.eat(')').is_some() {
                return Some(Value::Other);
            }
            self.bare()?;
            self.parameters()?;
            if !self.0.starts_with([' ', ')']) {
                return None;
            }
        }
    }

    fn bare(&mut self) -> Option<Value> {
        match self.0.chars().next()? {
            '-' | '0'..='9' => self.number(),
            '"' => self.string(),
            '?' => self.boolean(),
            ':' => self.bytes(),
            '@' => self.date(),
            '%' => self.display_string(),
            '*' | 'a'..='z' | 'A'..='Z' => {
                self.take(|next| {
                    next.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(next)
                });
                Some(Value::Other)
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Value> {
        let negative = self.eat('-').is_some();
        let whole = self.take(|next| next.is_ascii_digit());
        if self.eat('.').is_some() {
            let part = self.take(|next| next.is_ascii_digit());
            let fits = (1..=12).contains(&whole.len()) && (1..=3).contains(&part.len());
            return fits.then_some(Value::Other);
        }
        let number: i64 = whole.parse().ok().filter(|_| whole.len() <= 15)?;
        Some(Value::Integer(if negative { -number } else { number }))
    }

    fn string(&mut self) -> Option<Value> {
        self.eat('"')?;
        let mut string = String::new();
        let mut characters = self.0.char_indices();
        while let Some((at, next)) = characters.next() {
            match next {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Some(Value::String(string));
                }
                '\\' => match characters.next()?.1 {
                    escaped @ ('"' | '\\') => string.push(escaped),
                    _ => return None,
                },
                ' '..='~' => string.push(next),
                _ => return None,
            }
        }
        None
    }

    fn boolean(&mut self) -> Option<Value> {
        self.eat('?')?;
        match self.eat('1') {
            Some(()) => Some(Value::Boolean(true)),
            None => self.eat('0').map(|()| Value::Boolean(false)),
        }
    }

    fn bytes(&mut self) -> Option<Value> {
        self.eat(':')?;
        self.take(|next| next.is_ascii_alphanumeric() || "+/=".contains(next));
        self.eat(':').map(|()| Value::Other)
    }

    fn date(&mut self) -> Option<Value> {
        self.eat('@')?;
        matches!(self.number()?, Value::Integer(_)).then_some(Value::Other)
    }

    fn display_string(&mut self) -> Option<Value> {
        self.eat('%')?;
        self.eat('"')?;
        let encoded = self.take(|next| matches!(next, ' '..='~') && next != '"');
        self.eat('"')?;
        is_percent_encoded_text(encoded).then_some(Value::Other)
    }
}

/// Whether every `%` is followed by two small hexadecimal digits, and the whole is UTF-8.
fn is_percent_encoded_text(encoded: &str) -> bool {
    let digit = |byte: Option<u8>| match byte? {
        byte @ b'0'..=b'9' => Some(byte - b'0'),
        byte @ b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else {
            return false;
        };
        decoded.push(high << 4 | low);
    }
    str::from_utf8(&decoded).is_ok()
}

#[cfg(test)]
mod tests;
