//! The words of a C file, as far as reading an array takes them.

use super::error::{ParseError, Place, quote};

/// A word of a C file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or keyword.
    Word(&'a str),
    /// What starts as a number.
    Number(&'a str),
    /// A string or a character.
    Quoted(&'a str),
    /// A line for the preprocessor, from `#` on.
    Directive(&'a str),
    /// Any other character.
    Sign(char),
    /// The end of the file.
    End,
}

impl Token<'_> {
    /// The word for a message.
    pub fn found(self) -> String {
        match self {
            Self::Word(text) | Self::Number(text) | Self::Quoted(text) | Self::Directive(text) => {
                quote(text)
            }
            Self::Sign(sign) => quote(sign.encode_utf8(&mut [0; 4])),
            Self::End => "the end of the file".to_owned(),
        }
    }
}

/// Splits a C file into words and collects its comments.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// Bytes read.
    position: usize,
    line: usize,
    /// Characters read of the current line.
    column: usize,
    /// Whether only blanks and comments came before on this line.
    at_line_start: bool,
    /// The text of all comments so far, each ending its line.
    pub comments: String,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, position: 0, line: 1, column: 0, at_line_start: true, comments: String::new() }
    }

    /// The next word and its place; [`Token::End`] for ever after the last.
    ///
    /// # Errors
    /// If a comment or a string does not end.
    pub fn token(&mut self) -> Result<(Place, Token<'a>), ParseError> {
        self.skip_blanks_and_comments()?;
        let place = self.place();
        let rest = &self.text[self.position..];
        let Some(first) = rest.chars().next() else {
            return Ok((place, Token::End));
        };
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length =
            |inside: &dyn Fn(char) -> bool| rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let token = match first {
            '#' if self.at_line_start => Token::Directive(directive(rest)),
            '0'..='9' => Token::Number(&rest[..length(&|c| is_word(c) || c == '.' || c == '\'')]),
            c if is_word(c) => Token::Word(&rest[..length(&is_word)]),
            '"' | '\'' => match quoted(rest, first) {
                Some(text) => Token::Quoted(text),
                None => {
                    let expected = format!("a closing {first} on the same line");
                    return Err(ParseError::new(place, quote(rest), expected));
                }
            },
            sign => Token::Sign(sign),
        };
        self.advance(match token {
            Token::Word(text)
            | Token::Number(text)
            | Token::Quoted(text)
            | Token::Directive(text) => text.len(),
            _ => first.len_utf8(),
        });
        self.at_line_start = false;
        Ok((place, token))
    }

    fn place(&self) -> Place {
        Place::Cell { line: self.line, column: self.column + 1 }
    }

    /// Goes on by `bytes`, counting lines and columns.
    fn advance(&mut self, bytes: usize) {
        for passed in self.text[self.position..self.position + bytes].chars() {
            self.column += 1;
            if passed == '\n' {
                self.line += 1;
                self.column = 0;
                self.at_line_start = true;
            }
        }
        self.position += bytes;
    }

    fn skip_blanks_and_comments(&mut self) -> Result<(), ParseError> {
        loop {
            let rest = &self.text[self.position..];
            let blanks = rest.len() - rest.trim_start().len();
            if blanks > 0 {
                self.advance(blanks);
            } else if let Some(comment) = rest.strip_prefix("//") {
                let length = comment.find('\n').unwrap_or(comment.len());
                self.keep_comment(&comment[..length]);
                self.advance("//".len() + length);
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(length) = comment.find("*/") else {
                    let expected = "*/ after it; the file is cut off";
                    return Err(ParseError::new(
                        self.place(),
                        "a comment that does not end",
                        expected,
                    ));
                };
                self.keep_comment(&comment[..length]);
                self.advance(length + "/**/".len());
            } else {
                return Ok(());
            }
        }
    }

    fn keep_comment(&mut self, text: &str) {
        self.comments.push_str(text);
        self.comments.push('\n');
    }
}

/// A line for the preprocessor and those that continue it.
fn directive(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        if !line.trim_end().ends_with('\\') {
            break;
        }
    }
    text[..end].trim_end()
}

/// A string or character with its quotes, if it ends on its line.
fn quoted(text: &str, quote: char) -> Option<&str> {
    let mut escaped = false;
    for (position, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(&text[..=position]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> (Vec<String>, String) {
        let mut lexer = Lexer::new(text);
        let mut found = Vec::new();
        loop {
            match lexer.token().unwrap() {
                (Place::Cell { line, column }, token) => {
                    if token == Token::End {
                        return (found, lexer.comments);
                    }
                    found.push(format!("{line}:{column} {}", token.found()));
                }
                (place, _) => panic!("{place:?}"),
            }
        }
    }

    #[test]
    fn words_places_and_comments() {
        let text = "#include <a.h> \\\n more\n/* é\n */ x1 = { -0x1Fu, // end\n  \"a\\\"b\" };#";
        let (found, comments) = tokens(text);
        assert_eq!(
            found,
            [
                r"1:1 '#include <a.h> \\u{a} more'",
                "4:5 'x1'",
                "4:8 '='",
                "4:10 '{'",
                "4:12 '-'",
                "4:13 '0x1Fu'",
                "4:18 ','",
                "5:3 '\"a\\\"b\"'",
                "5:10 '}'",
                "5:11 ';'",
                "5:12 '#'",
            ]
        );
        assert_eq!(comments, " é\n \n end\n");
    }

    #[test]
    fn what_does_not_end() {
        for (text, expected) in [
            ("a\n /* b", "line 2, column 2: found a comment that does not end"),
            ("'a\n'", r"line 1, column 1: found ''a\u{a}'', expected a closing '"),
            ("\"a\\\"", "line 1, column 1: found '\"a\\\"', expected a closing \""),
        ] {
            let mut lexer = Lexer::new(text);
            let error = std::iter::from_fn(|| Some(lexer.token())).find_map(Result::err).unwrap();
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }
}
