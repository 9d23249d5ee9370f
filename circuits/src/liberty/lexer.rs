//! Liberty text as tokens.

use super::LibertyError;
use crate::files::shorten;
use crate::printable;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Text(&'a str),
    Symbol(u8),
}

/// Reads bytes: what separates tokens is ASCII, and so never inside of another character.
pub(super) struct Lexer<'a> {
    text: &'a str,
    next: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        // A byte order mark is no part of the first word.
        Self { text, next: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 } }
    }

    pub fn error(&self, offset: usize, found: String, expected: &str) -> LibertyError {
        LibertyError::new(self.text, offset, found, expected)
    }

    /// Where the next token begins.
    pub fn place(&mut self) -> usize {
        self.skip_blanks();
        self.next
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.next..]
    }

    /// White space, comments, and the backslashes before the ends of lines.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\\';
            let blanks = rest.iter().position(|byte| !is_blank(byte)).unwrap_or(rest.len());
            self.next += blanks;
            let rest = &self.text[self.next..];
            let comment = |open: &str, close: &str| {
                let inner = rest.strip_prefix(open)?;
                Some(inner.find(close).map_or(rest.len(), |end| open.len() + end + close.len()))
            };
            match comment("/*", "*/").or_else(|| comment("//", "\n")) {
                Some(length) => self.next += length,
                None => return,
            }
        }
    }

    pub fn token(&mut self) -> Result<Option<Token<'a>>, LibertyError> {
        let start = self.place();
        let rest = self.rest();
        let Some(&first) = rest.first() else { return Ok(None) };
        if first == b'"' {
            let closes = |place: &usize| rest[*place] == b'"' && rest[place - 1] != b'\\';
            let Some(length) = (1..rest.len()).find(closes).map(|place| place - 1) else {
                let found = "a string without end".to_owned();
                return Err(self.error(start, found, "a closing quote"));
            };
            self.next += length + 2;
            return Ok(Some(Token::Text(&self.text[start + 1..start + 1 + length])));
        }
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"(){}:;,\"\\".contains(byte);
        match rest.iter().position(is_end).unwrap_or(rest.len()) {
            0 => {
                self.next += 1;
                Ok(Some(Token::Symbol(first)))
            }
            length => {
                self.next += length;
                Ok(Some(Token::Word(&self.text[start..self.next])))
            }
        }
    }

    /// Takes the symbol if it is next.
    pub fn accept(&mut self, symbol: u8) -> bool {
        let at = self.place();
        let accepted = self.text.as_bytes().get(at) == Some(&symbol);
        self.next += usize::from(accepted);
        accepted
    }

    /// The text from `start` to the end of the statement, or of the line where that is missing; a
    /// line that ends with an operator goes on.
    pub fn rest_of_statement(&mut self, start: usize) -> &'a str {
        let rest = &self.text[start..];
        let mut end = 0;
        loop {
            end += rest[end..].find([';', '}', '{', '\n']).unwrap_or(rest.len() - end);
            let value = without_comment(&rest[..end]);
            if !rest[end..].starts_with('\n') || !value.ends_with(goes_on) {
                self.next = self.next.max(start + end);
                return value;
            }
            end += 1;
        }
    }

    /// Whether an operator follows on the line, as in `"A" + "B"`.
    pub fn operator_follows(&self) -> bool {
        let rest = self.text[self.next..].trim_start_matches([' ', '\t']);
        let comment = ["/*", "//"].iter().any(|open| rest.starts_with(open));
        rest.starts_with(['+', '-', '*', '/', '&', '|', '^']) && !comment
    }

    /// Nothing but blanks and semicolons may follow.
    pub fn expect_end(&mut self) -> Result<(), LibertyError> {
        loop {
            let at = self.place();
            match self.token()? {
                None => return Ok(()),
                Some(Token::Symbol(b';')) => {}
                Some(token) => {
                    return Err(self.error(at, describe(&token), "the end after the library"));
                }
            }
        }
    }
}

/// A line without the comment at its end.
fn without_comment(line: &str) -> &str {
    let last = line.rfind('\n').map_or(0, |end| end + 1);
    let comment = ["/*", "//"].iter().filter_map(|open| line[last..].find(open)).min();
    line[..comment.map_or(line.len(), |start| last + start)].trim()
}

/// What a line that goes on ends with.
fn goes_on(end: char) -> bool {
    "+-*/&|^!(,\\".contains(end)
}

/// How a message names a token; what is no text, as in other files, is made visible.
pub(super) fn describe(token: &Token) -> String {
    match token {
        Token::Word(word) => printable(&shorten(word)).into_owned(),
        Token::Text(text) => format!("\"{}\"", printable(&shorten(text))),
        Token::Symbol(symbol) => format!("`{}`", char::from(*symbol)),
    }
}
