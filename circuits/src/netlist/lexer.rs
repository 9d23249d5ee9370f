//! Verilog source text as tokens.

use super::error::{NetlistError, Place};
use crate::files::shorten;

/// Where a token begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Of several files, which, from 1; 0 for the only one.
    pub file: u16,
    pub line: u32,
    pub column: u32,
}

impl From<Position> for Place {
    fn from(position: Position) -> Self {
        Self::Text { file: position.file, line: position.line, column: position.column }
    }
}

/// A token's kind and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An identifier or a keyword.
    Word(String),
    /// `\name `: never a keyword.
    Escaped(String),
    /// A constant, lowest bit first; `None` is x or z.
    Number {
        bits: Vec<Option<bool>>,
        signed: bool,
        text: String,
    },
    /// Operators and punctuation.
    Symbol(&'static str),
    /// A string in quotes.
    Text,
    /// A compiler directive other than those that do not matter.
    Directive(String),
    End,
}

impl Token {
    /// How a message names it.
    pub fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{}`", shorten(word)),
            Self::Escaped(name) => format!("`\\{} `", shorten(name)),
            Self::Number { text, .. } => format!("`{}`", shorten(text)),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::Text => "a string".to_owned(),
            Self::Directive(name) => format!("``{}`", shorten(name)),
            Self::End => "the end of the file".to_owned(),
        }
    }
}

/// Longest first, so that the first that fits is the right one.
const SYMBOLS: [&str; 43] = [
    "<<<", ">>>", "===", "!==", "<<", ">>", "==", "!=", "<=", ">=", "&&", "||", "~&", "~|", "~^",
    "^~", "**", "+:", "-:", "::", "->", "(", ")", "[", "]", "{", "}", ",", ";", ":", ".", "=", "?",
    "&", "|", "^", "~", "!", "+", "-", "*", "<", ">",
];

/// Directives that change nothing in a netlist; the rest of their line is skipped.
const HARMLESS: [&str; 8] = [
    "timescale",
    "default_nettype",
    "celldefine",
    "endcelldefine",
    "resetall",
    "line",
    "nounconnected_drive",
    "delay_mode_path",
];

/// Bits of the longest constant.
const MAX_CONSTANT: usize = 4096;

/// The tokens of a text, the last one `End`; its comments are added to others, up to an error if
/// there is one. `file` is for positions.
pub(crate) fn tokenize(
    text: &str,
    file: u16,
    comments: &mut String,
) -> Result<Vec<(Token, Position)>, NetlistError> {
    let mut lexer = Lexer { rest: text, position: Position { file, line: 1, column: 1 } };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks(comments)?;
        let position = lexer.position;
        let token = lexer.token()?;
        let end = token == Token::End;
        tokens.push((token, position));
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    position: Position,
}

impl<'a> Lexer<'a> {
    /// Takes `bytes` bytes, which end at a character's boundary.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        for character in taken.chars() {
            if character == '\n' {
                self.position.line += 1;
                self.position.column = 1;
            } else {
                self.position.column += 1;
            }
        }
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, accepted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|character| !accepted(character)).unwrap_or(self.rest.len());
        self.take(end)
    }

    /// Takes up to and including `close`, which must come.
    fn take_through(&mut self, close: &str, what: &str) -> Result<&'a str, NetlistError> {
        match self.rest.find(close) {
            Some(start) => Ok(self.take(start + close.len())),
            None => Err(NetlistError::Syntax {
                at: self.position.into(),
                found: format!("{what} without end"),
                expected: format!("`{close}` that closes it"),
            }),
        }
    }

    /// Skips white space, comments, attributes and harmless directives.
    fn skip_blanks(&mut self, comments: &mut String) -> Result<(), NetlistError> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest.starts_with("//") {
                comments.push_str(self.take_while(|character| character != '\n'));
                comments.push('\n');
            } else if self.rest.starts_with("/*") {
                comments.push_str(self.take_through("*/", "a comment")?);
                comments.push('\n');
            } else if self.rest.starts_with("(*") && !self.after_blanks(2).starts_with(')') {
                self.take_through("*)", "an attribute")?;
            } else if let Some(directive) = self.rest.strip_prefix('`')
                && HARMLESS.contains(&word(directive))
            {
                self.take_while(|character| character != '\n');
            } else {
                return Ok(());
            }
        }
    }

    fn after_blanks(&self, bytes: usize) -> &'a str {
        self.rest[bytes..].trim_start()
    }

    fn token(&mut self) -> Result<Token, NetlistError> {
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        if first == '\\' {
            self.take(1);
            let name = self.take_while(|character| !character.is_whitespace());
            return Ok(Token::Escaped(name.to_owned()));
        }
        if first.is_ascii_alphabetic() || first == '_' || first == '$' {
            let length = word(self.rest).len();
            return Ok(Token::Word(self.take(length).to_owned()));
        }
        if first.is_ascii_digit() || first == '\'' {
            return self.number();
        }
        if first == '`' {
            self.take(1);
            let length = word(self.rest).len();
            return Ok(Token::Directive(self.take(length).to_owned()));
        }
        if first == '"' {
            self.take(1);
            self.take_while(|character| character != '"' && character != '\n');
            self.take_through("\"", "a string")?;
            return Ok(Token::Text);
        }
        for symbol in SYMBOLS {
            if self.rest.starts_with(symbol) {
                self.take(symbol.len());
                return Ok(Token::Symbol(symbol));
            }
        }
        // Rare, and only ever skipped: timing controls, division, quotes of casts.
        for symbol in ["#", "@", "/", "%"] {
            if self.rest.starts_with(symbol) {
                self.take(1);
                return Ok(Token::Symbol(symbol));
            }
        }
        Err(NetlistError::Syntax {
            at: self.position.into(),
            found: format!("the character {first:?}"),
            expected: "Verilog".to_owned(),
        })
    }

    /// `12`, `8'hff`, `'b01`, `4 'sd3`.
    fn number(&mut self) -> Result<Token, NetlistError> {
        let at = self.position;
        let start = self.rest;
        let size = self.take_while(|character| character.is_ascii_digit() || character == '_');
        let based = self.after_blanks(0);
        let base = based.strip_prefix('\'').and_then(|rest| {
            let unsigned = rest.strip_prefix(['s', 'S']);
            let digits = unsigned.unwrap_or(rest);
            let base = digits.chars().next()?.to_ascii_lowercase();
            "bodh".contains(base).then_some((unsigned.is_some(), base))
        });
        let Some((signed, base)) = base else {
            if size.is_empty() {
                // '0, '1 and casts.
                let construct = format!("`{}`", shorten(start.lines().next().unwrap_or_default()));
                return Err(NetlistError::BeyondSubset { at: at.into(), construct });
            }
            let bits = decimal(size).ok_or_else(|| too_long(at, size))?;
            let width = bits.len().max(32);
            return Ok(Token::Number {
                bits: resize(bits, width),
                signed: true,
                text: size.to_owned(),
            });
        };
        self.take_while(char::is_whitespace);
        self.take(if signed { 3 } else { 2 });
        self.take_while(char::is_whitespace);
        let digits = self.take_while(|character| {
            character.is_ascii_alphanumeric() || character == '_' || character == '?'
        });
        let text = format!("{size}'{base}{digits}");
        let bits = match base {
            'd' if is_unknown_number(digits) => Some(vec![None]),
            'd' => decimal(digits),
            'b' => power_of_two(digits, 1),
            'o' => power_of_two(digits, 3),
            _ => power_of_two(digits, 4),
        };
        let bits = bits.ok_or_else(|| too_long(at, &text))?;
        let width = if size.is_empty() {
            bits.len().max(32)
        } else {
            // Not a matter of syntax, which yosys would be asked about: it would make all the bits.
            match size.replace('_', "").parse() {
                Ok(0) => return Err(too_long(at, &text)),
                Ok(width) if width <= MAX_CONSTANT => width,
                _ => {
                    return Err(NetlistError::TooLarge {
                        what: format!("the constant `{}` ({})", shorten(&text), Place::from(at)),
                        limit: format!("{MAX_CONSTANT} bits"),
                    });
                }
            }
        };
        Ok(Token::Number { bits: resize(bits, width), signed, text })
    }
}

fn word(text: &str) -> &str {
    let end = text.find(|character: char| {
        !(character.is_ascii_alphanumeric() || character == '_' || character == '$')
    });
    &text[..end.unwrap_or(text.len())]
}

fn too_long(at: Position, text: &str) -> NetlistError {
    NetlistError::Syntax {
        at: at.into(),
        found: format!("the constant `{}`", shorten(text)),
        expected: format!("digits of its base, and 1 to {MAX_CONSTANT} bits (decimal: 128)"),
    }
}

/// Truncates, or extends with zeros; with x, where the highest bit is one.
fn resize(mut bits: Vec<Option<bool>>, width: usize) -> Vec<Option<bool>> {
    let fill = bits.last().copied().flatten().map(|_| false);
    bits.resize(width, fill);
    bits
}

/// The digit x or z, in all its spellings.
fn is_unknown(digit: char) -> bool {
    matches!(digit, 'x' | 'X' | 'z' | 'Z' | '?')
}

/// A decimal constant is x or z as a whole.
fn is_unknown_number(digits: &str) -> bool {
    let mut digits = digits.chars().filter(|&digit| digit != '_');
    digits.next().is_some_and(is_unknown) && digits.next().is_none()
}

/// None if there are no digits, others than decimal ones, or more than 128 bits.
fn decimal(digits: &str) -> Option<Vec<Option<bool>>> {
    let value: u128 = digits.replace('_', "").parse().ok()?;
    let width = (128 - value.leading_zeros()).max(1);
    Some((0..width).map(|bit| Some(value >> bit & 1 == 1)).collect())
}

fn power_of_two(digits: &str, bits_per_digit: usize) -> Option<Vec<Option<bool>>> {
    let mut bits = Vec::new();
    for digit in digits.chars().rev().filter(|&digit| digit != '_') {
        if is_unknown(digit) {
            bits.extend((0..bits_per_digit).map(|_| None));
        } else {
            let value = digit.to_digit(1 << bits_per_digit)?;
            bits.extend((0..bits_per_digit).map(|bit| Some(value >> bit & 1 == 1)));
        }
        if bits.len() > MAX_CONSTANT {
            return None;
        }
    }
    (!bits.is_empty()).then_some(bits)
}
