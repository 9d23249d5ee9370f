//! Boolean functions of pins, as Liberty files write them: `!(A*B+C')`.

/// Deepest nesting of a function.
const MAX_DEPTH: usize = 60;

/// A Boolean function of named pins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Function {
    /// Always this value.
    Constant(bool),
    /// The value of a pin.
    Pin(String),
    /// Inverted.
    Not(Box<Function>),
    /// All of them.
    And(Vec<Function>),
    /// Any of them.
    Or(Vec<Function>),
    /// An odd number of them.
    Xor(Vec<Function>),
}

impl Function {
    pub(crate) fn pin(name: &str) -> Self {
        Self::Pin(name.to_owned())
    }

    /// Inverts, if `inverted`.
    pub(crate) fn inverted(self, inverted: bool) -> Self {
        if inverted { Self::Not(Box::new(self)) } else { self }
    }

    /// Reads `A B + C`, where `'` after and `!` before invert, then `^`, then `*`, `&` or nothing,
    /// then `+` or `|` bind.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: after_blanks(text), depth: 0 };
        let function = parser.or()?;
        match parser.rest.chars().next() {
            None => Ok(function),
            Some(found) => Err(format!("found {found:?}, expected an operator")),
        }
    }

    /// The pins that it reads.
    pub fn pins(&self) -> Vec<&str> {
        let mut pins = Vec::new();
        self.collect_pins(&mut pins);
        pins
    }

    fn collect_pins<'a>(&'a self, pins: &mut Vec<&'a str>) {
        match self {
            Self::Constant(_) => {}
            Self::Pin(name) => {
                if !pins.contains(&name.as_str()) {
                    pins.push(name);
                }
            }
            Self::Not(inner) => inner.collect_pins(pins),
            Self::And(parts) | Self::Or(parts) | Self::Xor(parts) => {
                parts.iter().for_each(|part| part.collect_pins(pins));
            }
        }
    }

    /// Its value for these values of the pins.
    pub fn evaluate(&self, value: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Constant(constant) => *constant,
            Self::Pin(name) => value(name),
            Self::Not(inner) => !inner.evaluate(value),
            Self::And(parts) => parts.iter().all(|part| part.evaluate(value)),
            Self::Or(parts) => parts.iter().any(|part| part.evaluate(value)),
            Self::Xor(parts) => parts.iter().fold(false, |odd, part| odd ^ part.evaluate(value)),
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn accept(&mut self, accepted: &[char]) -> bool {
        match self.rest.strip_prefix(accepted) {
            Some(rest) => {
                self.rest = after_blanks(rest);
                true
            }
            None => false,
        }
    }

    fn or(&mut self) -> Result<Function, String> {
        let mut parts = vec![self.and()?];
        while self.accept(&['+', '|']) {
            parts.push(self.and()?);
        }
        Ok(single(parts, Function::Or))
    }

    fn and(&mut self) -> Result<Function, String> {
        let mut parts = vec![self.xor()?];
        while self.accept(&['*', '&']) || self.rest.starts_with(begins_operand) {
            parts.push(self.xor()?);
        }
        Ok(single(parts, Function::And))
    }

    fn xor(&mut self) -> Result<Function, String> {
        let mut parts = vec![self.inverted()?];
        while self.accept(&['^']) {
            parts.push(self.inverted()?);
        }
        Ok(single(parts, Function::Xor))
    }

    fn inverted(&mut self) -> Result<Function, String> {
        let mut inverted = false;
        while self.accept(&['!']) {
            inverted = !inverted;
        }
        let operand = self.operand()?;
        while self.accept(&['\'']) {
            inverted = !inverted;
        }
        Ok(operand.inverted(inverted))
    }

    fn operand(&mut self) -> Result<Function, String> {
        if self.accept(&['(']) {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(format!("nested more than {MAX_DEPTH} deep"));
            }
            let inner = self.or()?;
            self.depth -= 1;
            if !self.accept(&[')']) {
                return Err("a parenthesis is not closed".to_owned());
            }
            return Ok(inner);
        }
        let is_part =
            |character: char| character.is_ascii_alphanumeric() || "_[]".contains(character);
        let end = self.rest.find(|character| !is_part(character)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            let found = self.rest.chars().next();
            let found = found.map_or("the end".to_owned(), |found| format!("{found:?}"));
            return Err(format!("found {found}, expected a pin"));
        }
        self.rest = after_blanks(rest);
        Ok(match name {
            "0" => Function::Constant(false),
            "1" => Function::Constant(true),
            _ => Function::pin(name),
        })
    }
}

/// The text after white space; a backslash at the end of a line is some.
fn after_blanks(text: &str) -> &str {
    text.trim_start_matches(|character: char| character.is_whitespace() || character == '\\')
}

fn begins_operand(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_(!".contains(character)
}

fn single(mut parts: Vec<Function>, many: fn(Vec<Function>) -> Function) -> Function {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}
