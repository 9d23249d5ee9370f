//! C files with an array of products, `const int16_t lut[256][256] = {{0, ...}, ...};`, as AdaPT
//! and TransAxx compile them.

use std::ops::RangeInclusive;

use super::{
    c_lexer::{Lexer, Token},
    cells::{Cells, SIDE, Stored, other_width, other_width_of_rows, out_of_range},
    error::{ParseError, Place},
    options::ElementType,
    text::utf8,
};
use crate::ProductTable;

/// Reads the one array with an initialiser, 256 rows of 256 or 65,536 in one.
///
/// Elements are whole numbers, decimal, octal or hexadecimal: nothing is computed. C fills what
/// an initialiser leaves out with 0; here every element has to be there.
///
/// # Errors
/// If there is no such array, more than one, or an element is missing, one too many, no number,
/// or does not fit the type of the array.
pub fn parse_c_header(bytes: &[u8]) -> Result<Cells, ParseError> {
    let mut lexer = Lexer::new(utf8(bytes)?);
    let range = declaration(&mut lexer)?;
    let mut array = Array { range, values: Vec::with_capacity(ProductTable::LEN), rows: 0 };
    array.initialiser(&mut lexer)?;
    end(&mut lexer)?;
    Ok(Cells { comments: lexer.comments, ..Cells::plain(array.values, Stored::Numbers) })
}

/// Reads up to the first `= {`. Gives the range of the type before it.
fn declaration(lexer: &mut Lexer) -> Result<RangeInclusive<i64>, ParseError> {
    let mut words = Vec::new();
    let mut extents = Vec::new();
    let mut last = Token::End;
    loop {
        let (place, token) = lexer.token()?;
        match (last, token) {
            (Token::Sign('='), Token::Sign('{')) => {
                check_extents(place, &extents)?;
                return Ok(type_range(&words));
            }
            (_, Token::Sign(';' | '{' | '}')) => {
                words.clear();
                extents.clear();
            }
            (_, Token::Word(word)) => words.push(word),
            (Token::Sign('['), Token::Number(number)) => extents.push(number),
            (_, Token::Directive(text)) => check_directive(place, text)?,
            (_, Token::End) => {
                let expected = "an array, such as: const int16_t lut[256][256] = {{0, ...}, ...};";
                return Err(ParseError::new(place, "the end of the file", expected));
            }
            _ => {}
        }
        last = token;
    }
}

/// Conditional code is for a compiler, unless it is the guard that every header has.
fn check_directive(place: Place, text: &str) -> Result<(), ParseError> {
    let content = text[1..].trim_start();
    let word = content.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    match word {
        "if" | "else" | "elif" | "elifdef" | "elifndef" => {
            let expected = "an array without conditional code; preprocess the file with: cc -E -P";
            Err(ParseError::new(place, Token::Directive(text).found(), expected))
        }
        _ => Ok(()),
    }
}

/// Extents that are numbers have to be those of a table; names are left to the initialiser.
fn check_extents(place: Place, extents: &[&str]) -> Result<(), ParseError> {
    let sizes: Option<Vec<_>> = extents.iter().map(|text| number(text)).collect();
    match sizes.as_deref() {
        Some([] | [256] | [256, 256] | [65536]) => Ok(()),
        _ => {
            let found = format!("an array [{}]", extents.join("]["));
            let products = sizes
                .unwrap_or_default()
                .into_iter()
                .try_fold(1u64, |product, size| product.checked_mul(size.try_into().ok()?));
            let hint = other_width(products.unwrap_or(0));
            Err(ParseError::new(place, found, format!("[256][256] or [65536]{hint}")))
        }
    }
}

/// What a type of C holds; what is no known type, all that a product may be.
fn type_range(words: &[&str]) -> RangeInclusive<i64> {
    let unsigned = words.iter().any(|word| word.starts_with("uint") || *word == "unsigned");
    let bits = words.iter().find_map(|word| match *word {
        "int8_t" | "uint8_t" | "char" => Some(8),
        "int16_t" | "uint16_t" | "short" => Some(16),
        "int32_t" | "uint32_t" => Some(32),
        "int64_t" | "uint64_t" | "long" => Some(64),
        _ => None,
    });
    match (bits.unwrap_or(32), unsigned) {
        (64, _) => i64::MIN..=i64::MAX,
        (bits, true) => 0..=(1 << bits) - 1,
        (bits, false) => -(1 << (bits - 1))..=(1 << (bits - 1)) - 1,
    }
}

/// The elements of an initialiser.
struct Array {
    /// What the type holds.
    range: RangeInclusive<i64>,
    values: Vec<i32>,
    /// Rows that are complete.
    rows: usize,
}

impl Array {
    /// Reads from the outer `{` to its `}`.
    fn initialiser(&mut self, lexer: &mut Lexer) -> Result<(), ParseError> {
        let mut is_matrix = false;
        loop {
            let (place, token) = lexer.token()?;
            match token {
                Token::Sign('}') => break self.finish(place, is_matrix),
                Token::Sign('{') if is_matrix || self.values.is_empty() => {
                    is_matrix = true;
                    if self.rows == SIDE {
                        return Err(ParseError::new(place, "a row more", "256 rows"));
                    }
                    self.row(lexer)?;
                }
                _ if is_matrix => return Err(self.unexpected(place, token, "{ or }")),
                _ if self.values.len() == ProductTable::LEN => {
                    return Err(ParseError::new(place, "an element more", "65,536 and then }"));
                }
                token => self.element(lexer, place, token)?,
            }
            if self.comma_or_end(lexer)? {
                break self.finish(place, is_matrix);
            }
        }
    }

    /// Reads from after the `{` of a row to its `}`.
    fn row(&mut self, lexer: &mut Lexer) -> Result<(), ParseError> {
        let start = self.values.len();
        loop {
            let (place, token) = lexer.token()?;
            let count = self.values.len() - start;
            let ended = match token {
                Token::Sign('}') => true,
                _ if count == SIDE => {
                    let found = format!("more elements in row {}", self.rows);
                    return Err(ParseError::new(place, found, "256 and then }"));
                }
                token => {
                    self.element(lexer, place, token)?;
                    self.comma_or_end(lexer)?
                }
            };
            if ended {
                let count = self.values.len() - start;
                if count < SIDE {
                    let found = format!("{count} elements in row {}", self.rows);
                    let hint = other_width_of_rows(count);
                    let expected = format!("256: none can be left out{hint}");
                    return Err(ParseError::new(place, found, expected));
                }
                self.rows += 1;
                return Ok(());
            }
        }
    }

    /// Reads one element that starts with `token`.
    fn element(&mut self, lexer: &mut Lexer, place: Place, token: Token) -> Result<(), ParseError> {
        let (sign, digits) = match token {
            Token::Sign('-') => (-1, lexer.token()?.1),
            Token::Sign('+') => (1, lexer.token()?.1),
            token => (1, token),
        };
        let Token::Number(text) = digits else {
            return Err(self.unexpected(
                place,
                digits,
                "a whole number; expressions are not computed",
            ));
        };
        let Some(size) = number(text) else {
            let expected = "a whole number: decimal, octal (0...) or hexadecimal (0x...)";
            return Err(self.unexpected(place, digits, expected));
        };
        let value = sign * size;
        let fits = i64::try_from(value).ok().filter(|value| self.range.contains(value));
        if fits.is_none() {
            let (low, high) = (self.range.start(), self.range.end());
            let expected = format!("{low} to {high}, the type of the array");
            let minus = if sign < 0 { "-" } else { "" };
            return Err(ParseError::new(place, format!("{minus}{text}"), expected));
        }
        let product =
            i32::try_from(value).map_err(|_| out_of_range(place, value, ElementType::I32))?;
        self.values.push(product);
        Ok(())
    }

    /// Reads what follows an element or a row: whether it is the closing brace.
    fn comma_or_end(&self, lexer: &mut Lexer) -> Result<bool, ParseError> {
        match lexer.token()? {
            (_, Token::Sign(',')) => Ok(false),
            (_, Token::Sign('}')) => Ok(true),
            (place, token) => Err(self.unexpected(place, token, ", or }")),
        }
    }

    fn finish(&self, place: Place, is_matrix: bool) -> Result<(), ParseError> {
        let (count, expected, what) = match is_matrix {
            true => (self.rows, SIDE, "rows"),
            false => (self.values.len(), ProductTable::LEN, "elements"),
        };
        if count == expected {
            return Ok(());
        }
        let found = format!("{count} {what}");
        let hint = if is_matrix { String::new() } else { other_width(count as u64) };
        let expected = format!("{expected} {what}: none can be left out{hint}");
        Err(ParseError::new(place, found, expected))
    }

    fn unexpected(&self, place: Place, token: Token, expected: &str) -> ParseError {
        let found = match token {
            Token::End => {
                format!("the end of the file after {} products (it is cut off)", self.values.len())
            }
            token => token.found(),
        };
        ParseError::new(place, found, expected)
    }
}

/// Reads what follows the array: `;`, and no other array.
fn end(lexer: &mut Lexer) -> Result<(), ParseError> {
    let (place, token) = lexer.token()?;
    if token != Token::Sign(';') {
        return Err(ParseError::new(place, token.found(), "; after the array"));
    }
    let mut last = token;
    loop {
        let (place, token) = lexer.token()?;
        match (last, token) {
            (_, Token::End) => return Ok(()),
            (Token::Sign('='), Token::Sign('{')) => {
                let expected = "one array; keep each table in a file of its own";
                return Err(ParseError::new(place, "a second array", expected));
            }
            (_, Token::Directive(text)) => check_directive(place, text)?,
            _ => {}
        }
        last = token;
    }
}

/// The value of an integer constant of C.
fn number(text: &str) -> Option<i128> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if lower.starts_with('0') => (&lower[..], 8),
        None => (&lower[..], 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (digits, suffix) = digits.split_at(end);
    let valid = matches!(suffix, "" | "u" | "l" | "ul" | "lu" | "ll" | "ull" | "llu");
    // What is too long for 128 bits is not in any range either.
    valid.then_some(())?;
    if digits.len() > 24 {
        return Some(i128::MAX / 2);
    }
    i128::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests;
