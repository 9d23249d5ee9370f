//! Reads the functions of cells from Liberty files, and nothing else of them.

use super::boolean::Function;
use super::cells::{Cell, LibertyCell, Library};
use super::error::NetlistError;
use super::lexer::{Position, shorten};

/// Longest Liberty file: those of whole libraries have tens of megabytes of delays.
pub(crate) const MAX_LIBERTY: usize = 128 << 20;

/// Deepest nesting of groups.
const MAX_GROUPS: usize = 32;

/// Reads a Liberty file: library, cell, pin, direction and function, and what makes a cell
/// sequential or tri-state.
pub fn parse_liberty(text: &str) -> Result<Library, NetlistError> {
    let mut library = Library::default();
    library.extend(cells(text)?);
    Ok(library)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Text(&'a str),
    Symbol(char),
}

/// A group that is open: `cell (NAND2X1) {`.
struct Group<'a> {
    kind: &'a str,
    name: &'a str,
}

/// A cell while it is read.
#[derive(Default)]
struct OpenCell {
    outputs: Vec<(String, Function)>,
    sequential: bool,
    unusable: Option<String>,
}

impl OpenCell {
    fn finish(self) -> LibertyCell {
        if self.sequential {
            LibertyCell::Sequential
        } else if let Some(reason) = self.unusable {
            LibertyCell::Unusable(reason)
        } else if self.outputs.is_empty() {
            LibertyCell::Unusable("the Liberty file gives no function for it".to_owned())
        } else {
            LibertyCell::Combinational(Cell::new(self.outputs))
        }
    }
}

pub(crate) fn cells(text: &str) -> Result<Vec<(String, LibertyCell)>, NetlistError> {
    let mut lexer = Lexer { text, next: 0, line: 1, line_start: 0 };
    let mut groups: Vec<Group> = Vec::new();
    let mut cells = Vec::new();
    let mut cell = OpenCell::default();
    loop {
        let at = lexer.position();
        match lexer.token()? {
            None if groups.is_empty() && !cells.is_empty() => return Ok(cells),
            None => {
                let expected = match groups.last() {
                    Some(group) => format!("`}}` that closes {} {}", group.kind, group.name),
                    None => "a library with cells".to_owned(),
                };
                return Err(syntax(at, "the end of the file".to_owned(), &expected));
            }
            Some(Token::Symbol(';')) => {}
            Some(Token::Symbol('}')) => match groups.pop() {
                Some(Group { kind: "cell", name }) => {
                    cells.push((name.to_owned(), std::mem::take(&mut cell).finish()));
                }
                Some(_) => {}
                None => return Err(syntax(at, "`}`".to_owned(), "a group")),
            },
            Some(Token::Word(kind)) => match lexer.statement(kind)? {
                Statement::Group(name) => {
                    if groups.len() >= MAX_GROUPS {
                        return Err(NetlistError::Nesting {
                            at: at.into(),
                            what: "groups".to_owned(),
                            limit: MAX_GROUPS,
                        });
                    }
                    let in_cell = groups.last().is_some_and(|group| group.kind == "cell");
                    cell.sequential |= in_cell
                        && ["ff", "latch", "ff_bank", "latch_bank", "statetable"].contains(&kind);
                    groups.push(Group { kind, name });
                }
                Statement::Attribute(value) => {
                    if let [.., Group { kind: "cell", .. }, Group { kind: "pin", name }] =
                        &groups[..]
                    {
                        pin_attribute(&mut cell, name, kind, value);
                    }
                }
                Statement::Other => {}
            },
            Some(found) => return Err(syntax(at, describe(&found), "a name")),
        }
    }
}

fn pin_attribute(cell: &mut OpenCell, pin: &str, attribute: &str, value: &str) {
    match attribute {
        "function" => match Function::parse(value) {
            Ok(function) => cell.outputs.push((pin.to_owned(), function)),
            Err(reason) => {
                cell.unusable = Some(format!(
                    "the Liberty file's function \"{}\" of pin {}: {reason}",
                    shorten(value),
                    shorten(pin)
                ));
            }
        },
        "three_state" => {
            cell.unusable = Some(format!("its pin {} is tri-state and can float", shorten(pin)));
        }
        _ => {}
    }
}

enum Statement<'a> {
    /// `kind (name) {`.
    Group(&'a str),
    /// `kind : value`.
    Attribute(&'a str),
    /// `kind (values);`.
    Other,
}

struct Lexer<'a> {
    text: &'a str,
    next: usize,
    line: u32,
    line_start: usize,
}

impl<'a> Lexer<'a> {
    fn position(&mut self) -> Position {
        self.skip_blanks();
        Position { line: self.line, column: (self.next - self.line_start + 1) as u32 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.next..]
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let taken = &self.text[self.next..self.next + bytes];
        for (place, _) in taken.match_indices('\n') {
            self.line += 1;
            self.line_start = self.next + place + 1;
        }
        self.next += bytes;
        taken
    }

    /// White space, comments, and the backslashes before the ends of lines.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blank = |character: char| character.is_whitespace() || character == '\\';
            let blanks = rest.len() - rest.trim_start_matches(blank).len();
            let comment = |open: &str, close: &str| {
                let inner = rest.strip_prefix(open)?;
                Some(inner.find(close).map_or(rest.len(), |end| open.len() + end + close.len()))
            };
            if blanks > 0 {
                self.take(blanks);
            } else if let Some(length) = comment("/*", "*/").or_else(|| comment("//", "\n")) {
                self.take(length);
            } else {
                return;
            }
        }
    }

    fn token(&mut self) -> Result<Option<Token<'a>>, NetlistError> {
        let at = self.position();
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        if first == '"' {
            self.take(1);
            let Some(end) = self.rest().find('"') else {
                return Err(syntax(at, "a string without end".to_owned(), "a closing quote"));
            };
            let text = self.take(end);
            self.take(1);
            return Ok(Some(Token::Text(text)));
        }
        let is_end =
            |character: char| character.is_whitespace() || "(){}:;,\"\\".contains(character);
        let length = self.rest().find(is_end).unwrap_or(self.rest().len());
        if length > 0 {
            return Ok(Some(Token::Word(self.take(length))));
        }
        self.take(first.len_utf8());
        Ok(Some(Token::Symbol(first)))
    }

    /// What follows a word.
    fn statement(&mut self, kind: &str) -> Result<Statement<'a>, NetlistError> {
        let at = self.position();
        match self.token()? {
            Some(Token::Symbol(':')) => {
                let value = match self.token()? {
                    Some(Token::Word(value) | Token::Text(value)) => value,
                    _ => return Err(syntax(at, "`:`".to_owned(), "a value after it")),
                };
                // Values such as VDD + 0.5 go on to the end of the statement.
                loop {
                    match self.rest_of_value() {
                        Some(()) => self.token()?,
                        None => return Ok(Statement::Attribute(value)),
                    };
                }
            }
            Some(Token::Symbol('(')) => {
                let mut name = "";
                loop {
                    match self.token()? {
                        Some(Token::Symbol(')')) => break,
                        Some(Token::Word(word) | Token::Text(word)) if name.is_empty() => {
                            name = word;
                        }
                        Some(_) => {}
                        None => {
                            return Err(syntax(at, format!("`(` after {kind}"), "`)`"));
                        }
                    }
                }
                self.skip_blanks();
                if self.rest().starts_with('{') {
                    self.take(1);
                    return Ok(Statement::Group(name));
                }
                Ok(Statement::Other)
            }
            _ => Err(syntax(at, format!("the word {}", shorten(kind)), "`:` or `(` after it")),
        }
    }

    /// Some if the value of an attribute goes on in this line.
    fn rest_of_value(&mut self) -> Option<()> {
        let line = self.line;
        self.skip_blanks();
        let ends = self.rest().starts_with([';', '}', '{']) || self.rest().is_empty();
        (!ends && self.line == line).then_some(())
    }
}

fn syntax(at: Position, found: String, expected: &str) -> NetlistError {
    NetlistError::Syntax { at: at.into(), found, expected: expected.to_owned() }
}

fn describe(token: &Token) -> String {
    match token {
        Token::Word(word) => shorten(word),
        Token::Text(text) => format!("\"{}\"", shorten(text)),
        Token::Symbol(symbol) => format!("`{symbol}`"),
    }
}
