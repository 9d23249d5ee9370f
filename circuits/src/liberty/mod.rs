//! The Liberty format of cell libraries, as a tree of groups and attributes; and the Boolean
//! functions in it. What the attributes mean is for the reader of the tree.
//!
//! Names and values are slices of the text: a library has tens of megabytes, nearly all of them
//! numbers that most readers skip.

mod file;
mod lexer;
#[cfg(test)]
mod tests;

use lexer::{Lexer, Token, describe};

pub use crate::function::Function;
pub use file::read_liberty;

/// Longest Liberty file: those of whole libraries have tens of megabytes of delays.
pub const MAX_LIBERTY: usize = 128 << 20;

/// Deepest nesting of groups.
const MAX_GROUPS: usize = 32;

/// `kind (name, …) { … }`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group<'a> {
    /// What it describes: `cell`, `pin`, `timing`.
    pub kind: &'a str,
    /// What is in the parentheses, without quotes.
    pub names: Vec<&'a str>,
    /// Where it begins in the text, in bytes.
    pub offset: usize,
    /// The attributes in it, in their order.
    pub attributes: Vec<Attribute<'a>>,
    /// The groups in it, in their order.
    pub groups: Vec<Group<'a>>,
}

/// `name : value;` or `name (value, …);`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its values, without quotes; of `name : value` the one. A value in quotes may go over
    /// several lines, with a backslash before each end.
    pub values: Vec<&'a str>,
    /// Where it begins in the text, in bytes.
    pub offset: usize,
}

impl<'a> Group<'a> {
    /// Its first name, or nothing.
    pub fn name(&self) -> &'a str {
        self.names.first().copied().unwrap_or("")
    }

    /// The attribute of this name; the last one if there are several.
    pub fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes.iter().rev().find(|attribute| attribute.name == name)
    }

    /// The value of the attribute of this name.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.attribute(name)?.values.first().copied()
    }

    /// The groups of this kind.
    pub fn groups(&self, kind: &str) -> impl Iterator<Item = &Group<'a>> {
        self.groups.iter().filter(move |group| group.kind == kind)
    }
}

/// What is wrong with a Liberty text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: found {found}, expected {expected}")]
pub struct LibertyError {
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
    /// What stands there.
    pub found: String,
    /// What could have stood there.
    pub expected: String,
}

impl LibertyError {
    /// At a place in the text, in bytes.
    pub fn new(text: &str, offset: usize, found: String, expected: &str) -> Self {
        let before = &text.as_bytes()[..offset];
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let lines = before.iter().filter(|&&byte| byte == b'\n').count();
        Self {
            line: lines as u32 + 1,
            column: (offset - line_start) as u32 + 1,
            found,
            expected: expected.to_owned(),
        }
    }
}

/// Reads a Liberty text: one group, the library, and what is in it.
///
/// # Errors
/// When the text is not Liberty, ends early, or nests too deeply.
pub fn parse(text: &str) -> Result<Group<'_>, LibertyError> {
    let mut lexer = Lexer::new(text);
    let mut open: Vec<Group> = Vec::new();
    loop {
        let at = lexer.place();
        let error = |found: String, expected: &str| LibertyError::new(text, at, found, expected);
        match lexer.token()? {
            None => {
                let expected = match open.last() {
                    Some(group) if group.name().is_empty() => {
                        format!("`}}` that closes {}", group.kind)
                    }
                    Some(group) => format!("`}}` that closes {} {}", group.kind, group.name()),
                    None => "library (name) { … }".to_owned(),
                };
                return Err(error("the end of the file".to_owned(), &expected));
            }
            Some(Token::Symbol(b';')) => {}
            Some(Token::Symbol(b'}')) => {
                let closed = open.pop().ok_or_else(|| error("`}`".to_owned(), "a group"))?;
                match open.last_mut() {
                    Some(outer) => outer.groups.push(closed),
                    None => {
                        lexer.expect_end()?;
                        return Ok(closed);
                    }
                }
            }
            Some(Token::Word(name)) => match lexer.statement(name, at)? {
                Statement::Group(group) => {
                    if open.len() >= MAX_GROUPS {
                        let expected = format!("groups nested at most {MAX_GROUPS} deep");
                        return Err(error("one more group".to_owned(), &expected));
                    }
                    open.push(group);
                }
                // Whatever it has would be missing without a word.
                Statement::Attribute(Attribute { name: "include_file", .. }) => {
                    let found = "include_file".to_owned();
                    return Err(error(found, "the text of that file in its place: it is not read"));
                }
                Statement::Attribute(attribute) => match open.last_mut() {
                    Some(group) => group.attributes.push(attribute),
                    None => {
                        let found = format!("the attribute {}", describe(&Token::Word(name)));
                        return Err(error(found, "library (name) { … }"));
                    }
                },
            },
            Some(token) => return Err(error(describe(&token), "a name")),
        }
    }
}

enum Statement<'a> {
    Group(Group<'a>),
    Attribute(Attribute<'a>),
}

impl<'a> Lexer<'a> {
    /// What follows a word that began at `offset`.
    fn statement(&mut self, name: &'a str, offset: usize) -> Result<Statement<'a>, LibertyError> {
        let at = self.place();
        match self.token()? {
            Some(Token::Symbol(b':')) => {
                let value = self.value()?;
                Ok(Statement::Attribute(Attribute { name, values: vec![value], offset }))
            }
            Some(Token::Symbol(b'(')) => {
                let mut values = Vec::new();
                // Parentheses of an expression such as `((VDD + 0.1) * 2)`.
                let mut depth = 0;
                loop {
                    match self.token()? {
                        Some(Token::Symbol(b')')) if depth == 0 => break,
                        Some(Token::Symbol(b')')) => depth -= 1,
                        Some(Token::Symbol(b'(')) => depth += 1,
                        Some(Token::Word(value) | Token::Text(value)) => values.push(value),
                        Some(Token::Symbol(_)) => {}
                        None => {
                            let found = format!("`(` after {name}");
                            return Err(self.error(at, found, "`)` that closes it"));
                        }
                    }
                }
                // What comes before a group is stray.
                while self.accept(b';') {}
                if self.accept(b'{') {
                    let group = Group { kind: name, names: values, offset, ..Group::default() };
                    return Ok(Statement::Group(group));
                }
                Ok(Statement::Attribute(Attribute { name, values, offset }))
            }
            _ => {
                let found = format!("the word {}", describe(&Token::Word(name)));
                Err(self.error(offset, found, "`:` or `(` after it"))
            }
        }
    }

    /// The value of `name : value`; one such as `VDD + 0.5` goes on to the end of the statement.
    fn value(&mut self) -> Result<&'a str, LibertyError> {
        let at = self.place();
        match self.token()? {
            Some(Token::Text(_)) if self.operator_follows() => Ok(self.rest_of_statement(at)),
            Some(Token::Text(value)) => Ok(value),
            Some(Token::Word(_) | Token::Symbol(b'(')) => Ok(self.rest_of_statement(at)),
            _ => Err(self.error(at, "`:`".to_owned(), "a value after it")),
        }
    }
}
